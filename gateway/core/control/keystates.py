"""In which state each key is: what the newest directory says of it, or what a TAINT or REVOKE has said since.

The house's account tells every change of a state, in the commit of the statement that made it, so an auditor sees when
a key came, was retired or was tainted without reading every directory. Source: SPEC.md sections 2.7 and 6.1.
"""

from __future__ import annotations

from gateway.core.control.directory import FILE_ROLES
from gateway.core.control.standing import Standing
from gateway.core.suite.numbers import KeyState


def key_states(standing: Standing) -> dict[bytes, KeyState]:
    """State by key digest, of every key that is endorsed or was stopped."""
    states = {digest: standing.stop_of(digest) for digest in standing.tainted | standing.revoked}
    for one in standing.directory.endorsed.values() if standing.directory else ():
        endorsement = one.endorsement
        if endorsement.role not in FILE_ROLES:
            digest = endorsement.key_digest
            states[digest] = max(endorsement.state, states.get(digest, KeyState.ACTIVE))
    return states


def key_changes(before: Standing | None, after: Standing) -> tuple[tuple[bytes, KeyState], ...]:
    """(key digest, state) of each key whose state is another now, by digest. before: None is the beginning."""
    if before is not None and (before.directory, before.tainted, before.revoked) == (
        after.directory,
        after.tainted,
        after.revoked,
    ):
        return ()
    known = {} if before is None else key_states(before)
    return tuple(sorted((digest, state) for digest, state in key_states(after).items() if known.get(digest) != state))
