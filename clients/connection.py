"""Where a gateway is, who it must be, and as whom it is reached: facts that need no network and no gRPC to check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gateway.core.errors import CallerError, Fault

MAX_ENDPOINT_BYTES = 255
_ENDPOINT = re.compile(r"([A-Za-z0-9.-]+|\[[A-Za-z0-9.:-]*:[A-Za-z0-9.:-]*\]):([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True)
class Connection:
    """All that is needed to reach one gateway as one party.

    endpoint: `host:port`, an IPv6 host in brackets.
    server: the gateway's SPIFFE identity.
    roots_pem, certificate_pem: PEM; the own chain begins with the leaf.
    key_path: the private key of that leaf, a file only its owner may read.
    """

    endpoint: str
    server: str
    roots_pem: bytes
    certificate_pem: bytes
    key_path: Path


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Host and port of `host:port`; refuses anything else as `endpoint`."""
    found = _ENDPOINT.fullmatch(endpoint)
    if found is None or len(endpoint) > MAX_ENDPOINT_BYTES or int(found[2]) > 65_535:
        raise CallerError("endpoint", "an endpoint must be `host:port`, an IPv6 host in brackets", at=endpoint)
    return found[1].strip("[]"), int(found[2])


def unreachable(endpoint: str) -> Fault:
    """The one error for a gateway that does not answer; raise what this returns."""
    return Fault(
        "gateway-unreachable", "the gateway must answer, it does not", at=endpoint, do="check the address and the link"
    )
