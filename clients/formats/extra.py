"""The optional extra that reads and simulates a `.tlog`, asked for where it is needed and named where it is missing."""

from __future__ import annotations

from importlib.util import find_spec

from gateway.core.errors import CallerError


def require_pymavlink() -> None:
    """Raises `CallerError("extra-missing")` unless pymavlink is installed; does not load it."""
    if find_spec("pymavlink") is None:
        raise CallerError(
            "extra-missing",
            "reading or simulating a `.tlog` needs `pymavlink`, which is not installed",
            do="pip install 'sluice-gateway[formats]'",
        )
