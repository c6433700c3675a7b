"""The body of a RESTORE: which incarnation of a store follows on which, and how much of the old one was kept.

    body = old incarnation[16] | new incarnation[16] | last tick kept u64 | H(K of that tick)[48]

A store put back from a backup has lost what came after it, and only operators say so. Rules a change must keep:

* One incarnation has at most one RESTORE that leaves it and one that leads to it, and none leads back. So from any
  incarnation there is one way on, and two stories about one past are a contradiction and not a choice.
* A zero H(K) says that no tick of the old incarnation was kept; its last tick is 0 then, so that it has one encoding.

Source: SPEC.md section 2.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES
from gateway.core.suite.octets import Reader, u64

NO_INCARNATION = bytes(ID_BYTES)


@dataclass(frozen=True, slots=True)
class Restore:
    """The parsed body. old, new: incarnations, 16 bytes; tick_digest: H(K) of `last_tick`, zero if none was kept."""

    old: bytes
    new: bytes
    last_tick: int
    tick_digest: bytes

    def encode(self) -> bytes:
        """The body's bytes."""
        return self.old + self.new + u64(self.last_tick) + self.tick_digest

    @classmethod
    def read(cls, reader: Reader) -> Restore:
        """The next one in `reader`; refuses `malformed`."""
        old, new = reader.take(ID_BYTES, "old incarnation"), reader.take(ID_BYTES, "new incarnation")
        last_tick, tick_digest = reader.u64("last tick kept"), reader.take(HASH_BYTES, "H(K)")
        if NO_INCARNATION in {old, new} or old == new:
            raise reader.refuse("new incarnation", "another than the old one, and neither zero")
        if tick_digest == ZERO_HASH and last_tick:
            raise reader.refuse("last tick kept", "0 where no tick was kept")
        return cls(old, new, last_tick, tick_digest)

    @classmethod
    def parse(cls, body: bytes) -> Restore:
        """The restore of a statement's body; refuses `malformed`."""
        reader = Reader(body, "restore")
        restore = cls.read(reader)
        reader.done()
        return restore

    @property
    def ticks_kept(self) -> int:
        """How many ticks of the old incarnation were kept."""
        return 0 if self.tick_digest == ZERO_HASH else self.last_tick + 1


def check_next(known: Sequence[Restore], restore: Restore) -> None:
    """Refuses `restore-contradicts` unless `restore` can stand beside the RESTOREs that counted before it."""
    if any(restore.old == one.old or restore.new == one.new for one in known) or leading(
        known, restore.new, restore.old
    ):
        raise Refused(
            "restore-contradicts",
            "one incarnation follows on another once, a RESTORE before says another way",
            at="restore",
            do="stop, keep what is stored, and call the operators",
        )


def leading(known: Sequence[Restore], start: bytes, end: bytes) -> tuple[Restore, ...]:
    """The RESTOREs that lead from incarnation `start` to `end`, in order; empty where there is no way or no need."""
    by_old = {restore.old: restore for restore in known}
    way: list[Restore] = []
    # INVARIANT: none leads back (`check_next`), so this ends.
    while start != end and start in by_old:
        way.append(by_old[start])
        start = by_old[start].new
    return tuple(way) if start == end else ()
