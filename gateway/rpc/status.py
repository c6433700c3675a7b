"""The one map from errors to what a peer hears.

A peer never sees internal text. What concerns identity and policy has one answer, `denied`, so that "not found" equals
"not allowed"; a short list of codes that a well-behaved client must tell apart is named. Operators, who hold a
certificate and a key of the roster, hear the whole error. Everything else is INTERNAL with a reference to the log.
"""

from __future__ import annotations

import json
import secrets

import grpc
import structlog

from gateway.core.errors import CallerError, Fault, GatewayError

_log = structlog.get_logger("sluice.rpc")

PUBLIC: dict[str, tuple[grpc.StatusCode, str]] = {
    "malformed": (grpc.StatusCode.INVALID_ARGUMENT, "the message is not of the format"),
    "size": (grpc.StatusCode.INVALID_ARGUMENT, "the message is too large"),
    "batch-signature": (grpc.StatusCode.INVALID_ARGUMENT, "the batch's signature does not verify"),
    "batch-root": (grpc.StatusCode.INVALID_ARGUMENT, "the records do not hash to the signed root"),
    "batch-genesis": (grpc.StatusCode.INVALID_ARGUMENT, "the batch is for another genesis"),
    "parcel-not-for-us": (grpc.StatusCode.INVALID_ARGUMENT, "the parcel is not sealed to this gateway's key"),
    "parcel-key-destroyed": (
        grpc.StatusCode.INVALID_ARGUMENT,
        "the key that the parcel is sealed to was retired and destroyed",
    ),
    "parcel-not-authentic": (grpc.StatusCode.INVALID_ARGUMENT, "the parcel was changed, cut or reordered"),
    "starting": (grpc.StatusCode.UNAVAILABLE, "the gateway has just started, sign anew"),
    "hello-late": (grpc.StatusCode.FAILED_PRECONDITION, "the hello's time is too far from the gateway's"),
    "hello-replayed": (grpc.StatusCode.FAILED_PRECONDITION, "the hello was seen before"),
    "hello-ahead": (grpc.StatusCode.FAILED_PRECONDITION, "the hello knows more of the account than the gateway"),
    "renewal-late": (grpc.StatusCode.FAILED_PRECONDITION, "the renewal's time is too far from the gateway's"),
    "cursor-invalid": (grpc.StatusCode.FAILED_PRECONDITION, "the cursor is not of this subscription"),
    "agreement-changed": (grpc.StatusCode.FAILED_PRECONDITION, "the agreement's text is not the one in force"),
    "receipt-incarnation": (
        grpc.StatusCode.FAILED_PRECONDITION,
        "the receipt is of an account that a restore closed, follow first",
    ),
    "directory-due": (grpc.StatusCode.UNAVAILABLE, "operators must issue a directory first"),
    "stream-cut": (grpc.StatusCode.UNAVAILABLE, "the stream ended and its end was not read"),
    "stopping": (grpc.StatusCode.UNAVAILABLE, "the gateway is stopping"),
    "store-full": (grpc.StatusCode.RESOURCE_EXHAUSTED, "the gateway cannot store more"),
    "store-latched": (grpc.StatusCode.UNAVAILABLE, "the gateway has stopped taking data"),
    "busy": (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many streams of this party"),
}


def detail(code: str, message: str, *, at: str = "", do: str = "") -> str:
    """The status text: the four facts as one JSON object, readable by client and person."""
    return json.dumps({"code": code, "message": message, "at": at, "do": do}, ensure_ascii=False, sort_keys=True)


def status_of(error: GatewayError, *, to_operator: bool = False) -> tuple[grpc.StatusCode, str]:
    """Status code and text for a peer; logs what the peer does not hear, under a reference it does."""
    if to_operator and not isinstance(error, Fault):
        code = (
            grpc.StatusCode.INVALID_ARGUMENT if isinstance(error, CallerError) else grpc.StatusCode.FAILED_PRECONDITION
        )
        if error.code == "denied":
            code = grpc.StatusCode.PERMISSION_DENIED
        return code, detail(error.code, error.message, at=error.at, do=error.do)
    public = PUBLIC.get(error.code)
    if public:
        _log.info("rpc.refused", code=error.code, at=error.at)
        return public[0], detail(error.code, public[1], at=error.at if isinstance(error, CallerError) else "")
    reference = secrets.token_hex(4)
    if isinstance(error, Fault):
        _log.error("rpc.fault", code=error.code, at=error.at, reference=reference)
        return grpc.StatusCode.INTERNAL, detail("internal", "the gateway failed", do=f"give the operator: {reference}")
    _log.info("rpc.denied", code=error.code, at=error.at, reference=reference)
    return grpc.StatusCode.PERMISSION_DENIED, detail("denied", "not allowed", do=f"give the operator: {reference}")


def status_of_bug(error: Exception) -> tuple[grpc.StatusCode, str]:
    """For the one place that catches everything: INTERNAL and a reference; the log keeps the type, not the text."""
    reference = secrets.token_hex(4)
    _log.error("rpc.bug", error=type(error).__name__, reference=reference, exc_info=error)
    return grpc.StatusCode.INTERNAL, detail("internal", "the gateway failed", do=f"give the operator: {reference}")
