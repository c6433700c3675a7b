"""What everybody in the story shares: the house, the desk, the parties, their files, and the notes of the teller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from clients.operator.ca import root_digest
from gateway.core.ledger.receipt import Receipt
from tests.day.desk import Desk
from tests.day.evidence import Writer
from tests.day.house import DayClock, House
from tests.day.parties import ARL, DSTL, TACTICS, TRACKS, Party
from tests.day.partner import Reading
from tests.day.source import Origin

START = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happens from this item of a file on."""

    at: str
    file: str
    item: int
    what: str


@dataclass
class Day:
    """The day as far as it was lived. root: a folder for everything; `root/keys` holds the parties' keys."""

    root: Path
    clock: DayClock
    desk: Desk
    house: House
    parties: dict[str, Party]
    notes: list[Note] = field(default_factory=list)
    origins: dict[str, Origin] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    receipts: dict[str, tuple[Receipt, bytes]] = field(default_factory=dict)

    @classmethod
    async def dawn(cls, root: Path) -> Day:
        """Operators, a founded gateway that runs, and parties with keys; nobody is admitted yet."""
        clock = DayClock(START)
        desk = Desk(root / "operators", clock)
        house = House(root / "gateway", clock, root_digest(desk.authority.root))
        await house.found(desk.genesis)
        house.start()
        desk.sit_down(house)
        parties = {party_id: Party(root, party_id, desk.authority) for party_id in (TRACKS, TACTICS, ARL, DSTL)}
        return cls(root, clock, desk, house, parties)

    def open_origin(self, source_id: str) -> Origin:
        """A source with its profile of now."""
        profile = self.parties[source_id].profile(self.desk.genesis, (), self.clock.date())
        self.origins[source_id] = Origin(self.house, profile, self.root)
        return self.origins[source_id]

    def answer(self, partner_id: str, agreements: Sequence[str]) -> None:
        """A partner's profile of now."""
        self.parties[partner_id].profile(self.desk.genesis, agreements, self.clock.date())

    def open_reading(self, partner_id: str, agreement_id: str) -> Reading:
        """A subscription of a partner by its newest profile."""
        profile = self.parties[partner_id].read_profile()
        reading = Reading(self.house, profile, agreement_id, self.root, "default")
        self.readings[reading.name] = reading
        return reading

    def note(self, where: Reading | Origin, what: str) -> None:
        """What happens next in a file of evidence."""
        if isinstance(where, Reading):
            self._note(f"{where.name}.sluice", where.items, what)
        else:
            self._note(where.evidence.name, where.evidence.count, what)

    def decided(self, what: str) -> None:
        """What the last statement that was applied is for."""
        self._note("control.sluice", len(self.desk.applied) - 1, what)

    def _note(self, file: str, item: int, what: str) -> None:
        self.notes.append(Note(self.clock.date().strftime("%H:%M"), file, item, what))

    async def night(self) -> None:
        """The gateway stops, the control journal is written down, and every file is closed."""
        control = Writer(self.root / "control.sluice")
        async for entry in self.desk.room("officer-1").read_control(0):
            control.control(entry)
        await self.house.stop()
        self.house.close()
        for origin in self.origins.values():
            origin.close()
        for reading in self.readings.values():
            reading.close()
