"""What no statement says of a gateway and its operators need to know: its clocks, open forks, the keys it uses.

It is the gateway's own word. An operator who signs a TIME compares the clock, and who lifts a fork calls the source.
Source: SPEC.md sections 2.14 and 3.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.usecases.running import Running

MAX_FORKS = 256


@dataclass(frozen=True, slots=True)
class Condition:
    """wall_ms: what the wall clock shows; now_ms: the gateway's own now; both UTC milliseconds.

    forks: (source, H(B) that has the number, H(B) of the other) of those that no LIFT names. keys_in_use: key digests.
    """

    is_timed: bool
    wall_ms: int
    now_ms: int
    forks: tuple[tuple[str, bytes, bytes], ...]
    keys_in_use: tuple[bytes, ...]


def condition(running: Running) -> Condition:
    """How it stands with the gateway now."""
    time, keys = running.time, running.keys
    return Condition(
        is_timed=time.is_timed(),
        wall_ms=time.reading()[0],
        now_ms=time.now_ms(),
        forks=running.lanes.open_forks(running.control.settled)[:MAX_FORKS],
        keys_in_use=(keys.stream().key_digest, keys.ledger().key_digest, keys.ingest().key_digest),
    )
