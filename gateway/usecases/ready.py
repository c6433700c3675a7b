"""Whether the gateway may work at all: a directory in its time that endorses the gateway's own keys.

Until then a peer is told `directory-due`: an honest one tries again, and an operator sees what is missing. Nothing is
signed under a key that no reader could believe. Source: SPEC.md sections 2 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.control.standing import Standing, StandingDirectory
from gateway.core.errors import Refused
from gateway.core.suite.numbers import KeyState, Role
from gateway.ports.keys import Keys


def check_ready(standing: Standing, own_keys: Mapping[Role, bytes], now_ms: int) -> StandingDirectory:
    """The directory to work under; refuses `directory-due`. own_keys: id of the gateway's key of each role it needs."""
    try:
        directory = standing.check_directory(now_ms)
    except Refused as error:
        raise Refused("directory-due", error.message, at=error.at) from error
    for role, key_id in own_keys.items():
        found = directory.endorsed.get((role, key_id))
        endorsement = found.endorsement if found else None
        if (
            endorsement is None
            or max(endorsement.state, standing.stop_of(endorsement.key_digest)) is not KeyState.ACTIVE
            or not endorsement.valid_from_ms <= now_ms < endorsement.valid_to_ms
        ):
            raise Refused(
                "directory-due",
                f"the directory must endorse this gateway's own key of role {role.name}, it does not",
                at="directory",
            )
    return directory


def check_not_stopped(standing: Standing, keys: Keys) -> None:
    """Refuses `directory-due` once a TAINT or REVOKE names the ledger key, or a TAINT the key that opens parcels.

    A revoked ingest key still opens what was sealed to it before.
    """
    if standing.stop_of(keys.ledger().key_digest) is not KeyState.ACTIVE:
        raise Refused("directory-due", "the gateway's own ledger key was stopped", at="directory")
    if standing.stop_of(keys.ingest().key_digest) is KeyState.TAINTED:
        raise Refused("directory-due", "the key that opens parcels was tainted", at="directory")
