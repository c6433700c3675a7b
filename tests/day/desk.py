"""The operators of the day: homes, the chain as each verifies it, statements shown, signed and handed in.

Every statement goes the way of `sluicectl`: read the chain, draft, show, sign at home, propose, and another operator
approves what it has verified itself. A ROSTER-PROPOSE, which no command makes yet, is signed by the core's function.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from clients.operator.ca import Authority, PartyKind
from clients.operator.chain import PROPOSAL_LIFE_MS, Chain, read_chain
from clients.operator.drafts import roster_text
from clients.operator.endorse import directory_draft, redated_draft
from clients.operator.govern import PendingChange
from clients.operator.home import Home
from clients.operator.sign import sign_shown
from gateway.core.control.enrolment import Bundle
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.restore import Restore
from gateway.core.control.statement import (
    SignedStatement,
    Statement,
    encode_signatures,
    first_statement,
    parse_signatures,
    parse_statement,
    sign_statement,
)
from gateway.core.suite.numbers import StatementKind
from gateway.usecases.govern import Outcome
from gateway.usecases.peer import Peer
from tests.day.house import DayClock, House
from tests.day.keys import write_operator_home
from tests.day.parties import DOMAIN, ENDPOINT, SERVER, peer_of

OFFICERS = ("officer-1", "officer-2", "officer-3")
RECRUIT = "officer-4"
RECOVERY = ("recovery-1", "recovery-2")
WAIT_HOURS = 2
GENESIS_LIFE_MS = 24 * 3600 * 1000


class Room:
    """The governing service as an operator reaches it; the same bytes as over the wire, and as little believed."""

    def __init__(self, house: House, peer: Peer) -> None:
        self._house = house
        self._peer = peer

    async def read_control(self, from_position: int) -> AsyncIterator[bytes]:
        """Control entries from a position to the head."""
        while page := self._house.government.entries(self._peer, from_position):
            for entry in page:
                yield entry
            from_position += len(page)

    async def changes(self) -> tuple[PendingChange, ...]:
        """What is pending."""
        return tuple(
            PendingChange(
                change.change_id,
                change.statement.encode(),
                encode_signatures(change.entry.signed.signatures),
                change.entry.attachments,
                change.reason,
                change.progress.need,
            )
            for change in self._house.government.changes(self._peer)
        )

    async def propose(self, entry: ControlEntry, reason: str) -> Outcome:
        """A statement with its first signatures, read back from bytes as the service does."""
        statement = parse_statement(entry.statement.encode())
        signatures = parse_signatures(encode_signatures(entry.signed.signatures))
        received = ControlEntry(SignedStatement(statement, signatures), entry.attachments, 0)
        return await self._house.government.propose(self._peer, received, reason)

    async def approve(self, change_id: str, signatures: bytes, reason: str) -> Outcome:
        """More signatures."""
        return await self._house.government.approve(self._peer, change_id, parse_signatures(signatures), reason)


class Desk:
    """All operators of the day at their desks. applied: kinds of statements in order, GENESIS first."""

    def __init__(self, root: Path, clock: DayClock) -> None:
        self.clock = clock
        self.authority = Authority.create(DOMAIN, clock.date())
        self.homes: dict[str, Home] = {}
        for name in (*OFFICERS, RECRUIT, *RECOVERY):
            folder = root / name
            write_operator_home(folder, name, offline=name in RECOVERY)
            self.homes[name] = Home.open(folder)
        self.genesis = self._genesis()
        self.applied: list[StatementKind] = [StatementKind.GENESIS]
        self._house: House | None = None

    def _roster(self, officers: Sequence[str]) -> bytes:
        return roster_text(
            [(self.homes[name].card(), name.replace("officer", "person")) for name in officers],
            [self.homes[name].card() for name in RECOVERY],
            quorum=2,
            wait_hours=WAIT_HOURS,
            recovery_quorum=2,
        )

    def _genesis(self) -> SignedStatement:
        now_ms = self.clock.wall_ms()
        statement = first_statement(self._roster(OFFICERS), now_ms, now_ms + GENESIS_LIFE_MS)
        signatures = [sign_statement(statement, self.homes[name].signing_key()) for name in OFFICERS]
        return SignedStatement(statement, parse_signatures(encode_signatures(signatures)))

    def sit_down(self, house: House) -> None:
        """Each operator knows the gateway now."""
        self._house = house
        for name in (*OFFICERS, RECRUIT):
            home = self.homes[name]
            request = home.card().certificate_request
            home.connect(
                endpoint=ENDPOINT,
                server=SERVER,
                roots_pem=self.authority.root_pem(),
                certificate_pem=self.authority.issue(request, PartyKind.OPERATOR, name, now=self.clock.date()),
                genesis=self.genesis.encode(),
            )

    def room(self, name: str) -> Room:
        """The governing service, as this operator reaches it."""
        assert self._house is not None
        certificate = (self.homes[name].path / "gateway" / "certificate.pem").read_bytes()
        return Room(self._house, peer_of("operator", name, certificate, self.authority.root_pem()))

    async def chain(self, name: str) -> Chain:
        """Everything applied, as this operator verifies it."""
        return await read_chain(self.room(name), self.homes[name], self.clock.wall_ms())  # type: ignore[arg-type]

    async def decide(
        self, kind: StatementKind, body: bytes, *attachments: bytes, by: Sequence[str] = ("officer-1", "officer-2")
    ) -> SignedStatement:
        """A statement drafted by the first of `by` and approved by the others; it must be applied."""
        author, *others = by
        home, chain = self.homes[author], await self.chain(author)
        statement = chain.next_statement(kind, body, self.clock.wall_ms())
        drafted = chain.entry(SignedStatement(statement, ()), attachments, self.clock.wall_ms())
        entry, _ = sign_shown(home, drafted, chain.control.roster, _read, chain.control.proposals)
        chain.preview(entry)
        outcome = await self.room(author).propose(entry, "as agreed this morning")
        for name in others:
            seen = await self.chain(name)
            change = seen.change(outcome.change_id)
            _, signature = sign_shown(
                self.homes[name], change.entry, seen.control.roster, _read, seen.control.proposals
            )
            outcome = await self.room(name).approve(
                outcome.change_id, encode_signatures([signature]), "read and compared"
            )
        assert outcome.applied, f"{kind.name} is pending"
        self.applied.append(kind)
        return entry.signed

    async def propose_roster(self, officers: Sequence[str], signers: Sequence[str]) -> bytes:
        """A ROSTER-PROPOSE signed by these, who must be enough of both rosters; its link."""
        chain = await self.chain(signers[0])
        statement = chain.next_statement(StatementKind.ROSTER_PROPOSE, self._roster(officers), self.clock.wall_ms())
        signatures = [sign_statement(statement, self.homes[name].signing_key()) for name in signers]
        signed = SignedStatement(statement, parse_signatures(encode_signatures(signatures)))
        entry = chain.entry(signed, (), self.clock.wall_ms())
        outcome = await self.room(signers[0]).propose(entry, "one officer goes, another comes")
        assert outcome.applied
        self.applied.append(StatementKind.ROSTER_PROPOSE)
        return statement.link

    def sign_restore(self, standing: Control, said: Restore, by: Sequence[str] = ("officer-1", "officer-2")) -> bytes:
        """A RESTORE of a store that stands still, as an entry of CONTROL; no gateway runs that could hand it round."""
        now_ms = self.clock.wall_ms()
        statement = Statement(
            standing.genesis,
            standing.position,
            standing.head,
            standing.roster_link,
            StatementKind.RESTORE,
            Restore(said.old, said.new, said.last_tick, said.tick_digest).encode(),
            now_ms,
            now_ms + PROPOSAL_LIFE_MS,
        )
        entry = ControlEntry(SignedStatement(statement, ()), (), now_ms)
        for name in by:
            entry, _ = sign_shown(self.homes[name], entry, standing.roster, _read)
        self.applied.append(StatementKind.RESTORE)
        return entry.encode()

    async def direct(self, gateway: Bundle | None = None, *, by: Sequence[str] = ("officer-1", "officer-2")) -> None:
        """A DIRECTORY over everything applied so far, for seven days."""
        chain = await self.chain(by[0])
        body, listed = directory_draft(chain, gateway, days=7, now_ms=self.clock.wall_ms())
        await self.decide(StatementKind.DIRECTORY, body, listed, by=by)

    async def redate(self, by: str = "officer-1") -> None:
        """One operator repeats the directory."""
        body = redated_draft(await self.chain(by), days=7, now_ms=self.clock.wall_ms())
        await self.decide(StatementKind.DIRECTORY_REDATE, body, by=(by,))


def _read(text: str, entry: ControlEntry) -> None:
    """Somebody reads what is about to be signed."""
    assert entry.statement.link.hex() in text
