"""The exit codes of every command, in one table: scripts branch on them, so each is a promise.

`EXITS` is what the help of a command line shows and what the page of `sluicectl` repeats; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.errors import CallerError, Fault, GatewayError

OK = 0
FAILED = 1
USAGE = 2
DIFFERS = 3
NOT_AUTHENTICATED = 4
DENIED = 5
CONFLICT = 6
PENDING = 7
UNREACHABLE = 8
INTERRUPTED = 130

EXITS: Mapping[int, str] = {
    OK: "ok",
    FAILED: "failed",
    USAGE: "usage or bad input",
    DIFFERS: "differs",
    NOT_AUTHENTICATED: "not authenticated",
    DENIED: "denied",
    CONFLICT: "conflict or stale base",
    PENDING: "pending approval, or a wait timed out",
    UNREACHABLE: "unreachable",
    INTERRUPTED: "interrupted",
}

# A code that says more than its family; every other error exits by family.
_BY_CODE: Mapping[str, int] = {
    "certificate-expired": NOT_AUTHENTICATED,
    "certificate-not-yet-valid": NOT_AUTHENTICATED,
    "change-gone": CONFLICT,
    "context-differs": CONFLICT,
    "standing-otherwise": CONFLICT,
    "fenced": CONFLICT,
    "gateway-unreachable": UNREACHABLE,
    "stopping": UNREACHABLE,
    "not-authenticated": NOT_AUTHENTICATED,
    "stale-change": CONFLICT,
    "timed-out": PENDING,
}


def exit_code(error: GatewayError) -> int:
    """The code the process ends with for this error."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    if isinstance(error, CallerError):
        return USAGE
    return FAILED if isinstance(error, Fault) else DENIED


def exits_in_words() -> str:
    """The table in one sentence, for a help text."""
    return "Exit codes: " + ", ".join(f"{code} {meaning}" for code, meaning in EXITS.items()) + "."
