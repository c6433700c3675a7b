"""The newest tick that an operator's home has verified: a gateway that shows an older or another ledger is noticed.

The ledger's frontier at the tick is kept beside it, so that every later tick must continue it leaf by leaf.
Source: SPEC.md section 6.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.core.control.restore import Restore, leading
from gateway.core.errors import Refused
from gateway.core.ledger.tick import Tick, parse_tick
from gateway.core.suite.algorithms import digest
from gateway.core.suite.octets import Reader, lp16, u8
from gateway.core.suite.tree import Frontier, leaf_hash

_STOP = "stop and call the other operators; after an agreed restore remove `gateway/seen-tick` of this home"


@dataclass(frozen=True, slots=True)
class SeenLedger:
    """statement: K, empty before the first; ledger: frontier over the ticks before it."""

    statement: bytes = b""
    ledger: Frontier = field(default_factory=Frontier)

    @property
    def last(self) -> Tick | None:
        """The tick; None before the first."""
        return parse_tick(self.statement) if self.statement else None

    def encode(self) -> bytes:
        """What a home keeps; nothing before the first."""
        if not self.statement:
            return b""
        nodes = self.ledger.nodes()
        return lp16(self.statement) + u8(len(nodes)) + b"".join(nodes)

    @classmethod
    def decode(cls, kept: bytes) -> SeenLedger:
        """What `encode` wrote, nothing from nothing; refuses `malformed` and `proof-malformed`."""
        if not kept:
            return cls()
        reader = Reader(kept, "seen tick")
        statement = reader.lp16("K", 1024)
        nodes = [reader.take(48, "node") for _ in range(reader.u8("nodes"))]
        reader.done()
        return cls(statement, Frontier.from_nodes(parse_tick(statement).number, nodes))

    def followed_by(self, statement: bytes, nodes: Sequence[bytes], restores: Sequence[Restore]) -> SeenLedger:
        """The same with a tick whose signature verified. nodes: of the ledger, from the tick seen; restores: signed.

        Refuses `ledger-shrank`, `ledger-forked`, `ledger-incarnation` and `restore-contradicts`.
        """
        tick, last = parse_tick(statement), self.last
        ledger = self.ledger.copy() if last and last.incarnation == tick.incarnation else Frontier()
        if last is not None and last.incarnation == tick.incarnation:
            if tick.number < last.number:
                raise _another("ledger-shrank", f"the newest tick must be {last.number} or later, it is {tick.number}")
            if tick.number == last.number:
                if statement != self.statement:
                    raise _another("ledger-forked", "one number has one tick, another was seen")
                return self
            ledger.append(leaf_hash(self.statement))
        elif last is not None:
            self._check_way(last, tick, restores)
        try:
            ledger.append_range(tick.number, nodes)
        except Refused as error:
            raise _another(
                "ledger-forked", f"a tick must continue the ledger that was seen: {error.message}"
            ) from error
        if ledger.root() != tick.ledger:
            raise _another("ledger-forked", "a tick must continue the ledger that was seen, it does not")
        return SeenLedger(statement, ledger)

    def _check_way(self, last: Tick, tick: Tick, restores: Sequence[Restore]) -> None:
        way = leading(restores, last.incarnation, tick.incarnation)
        if not way:
            raise _another(
                "ledger-incarnation", "another life of the store needs a RESTORE that leads to it, none does"
            )
        if last.number + 1 == way[0].ticks_kept and digest(self.statement) != way[0].tick_digest:
            raise _another("restore-contradicts", "the RESTORE must keep the tick that was seen, it keeps another")


def _another(code: str, message: str) -> Refused:
    return Refused(code, message, at="tick", do=_STOP)
