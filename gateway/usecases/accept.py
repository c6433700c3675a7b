"""Accepting other roots: connections that came from one that went out end before their next word, and no others.

Which roots a gateway takes is said by the files of its machine and by no statement, so it moves beside CONTROL. What a
certificate opened lives no longer than the trust in whoever issued it. Source: SPEC.md section 12.5.
"""

from __future__ import annotations

import structlog

from gateway.usecases.peer import Accepted
from gateway.usecases.running import Running

_log = structlog.get_logger("sluice.certificate")


def accept(running: Running, accepted: Accepted) -> None:
    """From now on these roots count, for what is open too.

    INVARIANT: all of it is one step of the loop, so nothing is written between the new roots and the new decision.
    """
    left = running.accepted.roots - accepted.roots
    running.accepted = accepted
    ended = len(running.discloser.accept(accepted))
    ended += sum(not call.look_again() for call in running.source_calls if call.ending is None)
    if left:
        _log.warning("certificate.roots-left", roots=sorted(left), streams_ended=ended)
