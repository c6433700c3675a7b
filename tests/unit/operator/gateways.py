"""A gateway's side of the four calls without a network: what it hands out is what a test put there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from clients.operator.ca import Authority, PartyKind
from clients.operator.chain import Chain
from clients.operator.govern import Governance, PendingChange
from clients.operator.home import Home
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.statement import SignedStatement, Statement, encode_signatures, sign_statement
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import StatementKind
from tests.unit.operator.parties import DAY_MS, NOW, NOW_MS, SERVER, TRUST_DOMAIN, a_genesis, homes


class ScriptedGovernance(Governance):
    """Hands out entries and changes as given; never asks anybody."""

    def __init__(self, entries: Sequence[bytes], pending: Sequence[PendingChange] = ()) -> None:
        self._entries = entries
        self._pending = tuple(pending)

    async def changes(self) -> tuple[PendingChange, ...]:
        """What was given."""
        return self._pending

    async def read_control(self, from_position: int) -> AsyncIterator[bytes]:
        """What was given."""
        for entry in self._entries[from_position:]:
            yield entry


@dataclass
class Town:
    """Two connected operators and a chain of statements that both signed."""

    operators: tuple[Home, Home, Home, Home]
    genesis: SignedStatement
    authority: Authority
    entries: list[ControlEntry] = field(default_factory=list)
    control: Control = field(init=False)

    @classmethod
    def found(cls, folder: Path) -> Town:
        """A genesis, and operators who know it."""
        operators = homes(folder)
        town = cls(operators, a_genesis(operators), Authority.create(TRUST_DOMAIN, NOW))
        for number, home in enumerate(operators[:2], 1):
            request = home.card().certificate_request
            home.connect(
                endpoint="127.0.0.1:8443",
                server=SERVER,
                roots_pem=town.authority.root_pem(),
                certificate_pem=town.authority.issue(request, PartyKind.OPERATOR, f"officer-{number}", now=NOW),
                genesis=town.genesis.encode(),
            )
        town.entries = [ControlEntry(town.genesis, (), NOW_MS)]
        town.control = Control.begin(town.entries[0])
        return town

    def keys(self) -> list[SigningKey]:
        """The two operators' keys."""
        return [home.signing_key() for home in self.operators[:2]]

    def statement(self, kind: StatementKind, body: bytes, on: Control | None = None) -> Statement:
        """The next statement on what is applied, or on another state."""
        base = on or self.control
        return Statement(base.genesis, base.position, base.head, base.roster_link, kind, body, NOW_MS, NOW_MS + DAY_MS)

    def signed(self, statement: Statement, *keys: SigningKey) -> SignedStatement:
        """Signed by these keys, by both operators if none is given."""
        signatures = [sign_statement(statement, key) for key in keys or self.keys()]
        return SignedStatement(statement, tuple(signatures))

    def apply(self, kind: StatementKind, body: bytes, *attachments: bytes) -> None:
        """One more statement that both signed."""
        entry = ControlEntry(self.signed(self.statement(kind, body)), attachments, NOW_MS)
        self.control = self.control.apply(entry)
        self.entries.append(entry)

    def encoded(self) -> list[bytes]:
        """The entries as they travel."""
        return [entry.encode() for entry in self.entries]

    def pending(self, change_id: str, signed: SignedStatement, *attachments: bytes) -> PendingChange:
        """A change as a gateway lists it."""
        return PendingChange(
            change_id, signed.statement.encode(), encode_signatures(signed.signatures), attachments, "because", 2
        )

    def chain(self) -> Chain:
        """What an operator would have verified."""
        return Chain(tuple(self.entries), self.control, (), (), self.control)


def later(entry: ControlEntry, ms: int) -> ControlEntry:
    """The same entry, applied at another time."""
    return replace(entry, applied_at_ms=entry.applied_at_ms + ms)
