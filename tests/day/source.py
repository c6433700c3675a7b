"""A source of the day: records labelled, signed and sealed by its outbox, and its connections written down.

The outbox and the checks of what comes down are the client's own; this takes the place of the loop in
`clients.source.upload` that writes to a connection.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from clients.cli.publish import guide_of
from clients.profile import Profile
from clients.source.labelling import Labelling
from clients.source.outbox import Outbox, Tally
from clients.source.upload import Upload
from gateway.core.suite.numbers import DataMode, KeyState, PublishMessage, RecordKind, Role, UpMessage
from gateway.core.suite.octets import u8
from gateway.usecases.publish import publish
from tests.day.account import Facts
from tests.day.evidence import Connected, Writer
from tests.day.house import House
from tests.day.parties import folder_of, peer_of

GUARD_SECONDS = 30.0


class Origin:
    """One source. sent: its batches, in order; parcels: they as they went; messages: of each type that came down."""

    def __init__(self, house: House, profile: Profile, folder: Path) -> None:
        self._house = house
        self.profile = profile
        name = folder_of(profile.id)
        self.outbox = Outbox(folder / f"{name}.outbox", profile.genesis_link, profile.id)
        self.upload = Upload(profile, self.outbox, _quiet)
        self.evidence = Writer(folder / f"{name}.sluice")
        self.parcels = Writer(folder / f"{name}.parcels.sluice")
        self.messages: Counter[str] = Counter()
        self.closed: list[Facts] = []
        self.sent: list[Facts] = []
        self._sealed: dict[int, Facts] = {}
        self._cut_at: PublishMessage | None = None
        self._sent: set[int] = set()
        self._accepted = asyncio.Event()

    def seal(self, kind: RecordKind, *contents: Mapping[int, bytes]) -> int:
        """Signs and seals records into one batch and parcel; the parcel's number."""
        labelling = Labelling(guide_of(self.profile, self.upload), kind, DataMode.SIMULATED, {})
        records = [labelling.label(number, one) for number, one in enumerate(contents)]
        before = set(self.outbox.parcels())
        sealed = list(
            self.outbox.add(self.profile.signing_key(), self._ingest_key(), kind, DataMode.SIMULATED, records)
        )
        ((digest, count),) = sealed
        (number,) = set(self.outbox.parcels()) - before
        self._sealed[number] = {"batch": digest.hex()[:8], "kind": kind.name, "records": count}
        return number

    def _ingest_key(self) -> bytes:
        return next(
            found.material
            for (role, _), found in self.upload.trust.endorsed.items()
            if role is Role.GATEWAY_INGEST and found.endorsement.state is KeyState.ACTIVE
        )

    def _of_outbox(self, number: int) -> tuple[bytes, list[bytes]]:
        items: list[bytes] = []
        while (item := self.outbox.item(number, len(items))) is not None:
            items.append(item)
        return self.outbox.header(number), items

    async def connect(self, parcels: Sequence[int] = (), *, cut_at: PublishMessage | None = None) -> None:
        """One connection with these parcels; over when the account has spoken of everything that was taken.

        cut_at: the connection breaks behind the first message of that type.
        """
        self._accepted.clear()
        self._cut_at = cut_at
        ledger = self.outbox.ledger.encode()
        begin = self.upload.begin()
        self.evidence.connection(Connected(self.profile.id, begin, ledger))
        peer = peer_of("source", self.profile.id, self.profile.certificate_pem, self.profile.roots_pem)
        async with asyncio.timeout(GUARD_SECONDS):
            try:
                await publish(self._house.running, peer, self._up(begin, parcels), self._down)
            except* ConnectionResetError:
                self._cut_at = None

    async def _up(self, begin: bytes, parcels: Sequence[int]) -> AsyncIterator[bytes]:
        yield begin
        await self._accepted.wait()
        for number in parcels:
            header, items = self._of_outbox(number)
            if number not in self._sent:
                self._sent.add(number)
                self.sent.append(self._sealed[number])
                self.parcels.parcel(header + b"".join(items))
            yield u8(UpMessage.PARCEL) + header
            for item in items:
                yield item

    async def _down(self, message: bytes) -> None:
        now_ms = self._house.clock.wall_ms()
        self.evidence.message(message, now_ms)
        self.messages[PublishMessage(message[0]).name] += 1
        self.upload.receive(message, now_ms)
        self._accepted.set()
        if message[0] == self._cut_at:
            raise ConnectionResetError
        await asyncio.sleep(0)

    def close(self) -> None:
        """The day is over."""
        self.outbox.close()


def _quiet(event: str, tally: Tally) -> None:
    """Progress that nobody reads."""
