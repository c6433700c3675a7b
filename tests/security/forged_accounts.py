"""A gateway that lies about its accounts with every key it has: what it answered truly, changed and signed again."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from clients.keyfiles import write_private
from clients.operator.accounts import Accounts
from clients.operator.auditing import Question, read_accounts
from clients.operator.chain import Chain, read_chain
from clients.operator.govern import open_governance
from clients.operator.home import Home
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.core.control.fold import Control
from gateway.core.ledger import book as books
from gateway.core.ledger import evidence
from gateway.core.ledger.book import AccountEntry, Book
from gateway.core.ledger.entries import HOUSE, partner_account
from gateway.core.ledger.evidence import OpenedTick, ShownAccount, ShownEntry
from gateway.core.ledger.receipt import CONTEXT, Receipt, encode_quarantine
from gateway.core.ledger.tick import Tick, parse_tick, sign_tick
from gateway.core.sealing.frame import Disclosure, parse_disclosure_entry
from gateway.core.sealing.opening import DisclosureOpening, parse_disclosure_opening
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import RecordKind
from gateway.core.suite.octets import u8
from gateway.core.suite.tree import leaf_hash, tree_root
from tests.loopback import Loopback, a_segment
from tests.stand import now_ms
from tests.unit.operator.gateways import ScriptedGovernance

PARTNER, OTHER = "usa/arl", "gbr/dstl"
Entries = dict[bytes, list[tuple[bytes, bytes]]]


class Reciting(ScriptedGovernance):
    """Answers a reading with what it was given."""

    def __init__(self, entries: Sequence[bytes], nodes: Sequence[bytes], items: Sequence[bytes]) -> None:
        super().__init__(entries)
        self._answer = list(nodes), list(items)

    async def shown_accounts(
        self, partner_id: str, incarnation: bytes, next_tick: int, ended: bytes = b""
    ) -> AsyncIterator[tuple[list[bytes], list[bytes]]]:
        """All of it at once."""
        yield self._answer


@dataclass
class Truth:
    """What a real gateway entered and answered: two partners, two batches, three disclosures."""

    world: Loopback
    home: Home
    chain: Chain
    nodes: list[bytes]
    items: list[bytes]
    key: SigningKey
    entries: Entries = field(default_factory=dict)
    made: set[bytes] = field(default_factory=set)

    @classmethod
    def told(cls, root: Path) -> Truth:
        """Publishes, lets both partners follow, and asks once."""
        world = Loopback(root)
        world.start(PARTNER, OTHER)
        world.publish(RecordKind.TELEMETRY, a_segment(), a_segment())
        for partner in (PARTNER, OTHER):
            world.receive(world.stand.profile(partner), root / f"{partner[:3]}.state")
        world.publish(RecordKind.TELEMETRY, a_segment())
        world.receive(world.stand.profile(PARTNER), root / "usa.state")
        home = Home.create(root / "home", "officer-1")
        connection = world.stand.connection()
        (home.path / "tls.key").unlink()
        write_private(home.path / "tls.key", world.stand.operator_tls.read_bytes())
        home.connect(
            endpoint=connection.endpoint,
            server=connection.server,
            roots_pem=connection.roots_pem,
            certificate_pem=connection.certificate_pem,
            genesis=world.stand.genesis.encode(),
        )

        async def ask() -> tuple[Chain, list[bytes], list[bytes]]:
            async with open_governance(connection) as governance:
                chain = await read_chain(governance, home, now_ms())
                nodes: list[bytes] = []
                items: list[bytes] = []
                async for more, some in governance.shown_accounts("", b"", 0):
                    nodes, items = nodes + more, items + some
                return chain, nodes, items

        chain, nodes, items = world.run(ask())
        key = KeyFiles(world.stand.settings.keys).ledger()
        truth = cls(world, home, chain, nodes, items, key)
        account = b""
        for item in items:
            if item[0] == evidence.ACCOUNT:
                account = evidence.parse_shown_account(item[1:]).account_id
                truth.entries[account] = []
            elif item[0] == evidence.ENTRY:
                shown = evidence.parse_shown_entry(item[1:])
                truth.entries[account].append((shown.entry, shown.opening))
        return truth

    def account(self, partner: str = PARTNER) -> bytes:
        """The account of a partner's only subscription."""
        return partner_account(partner, f"UA-{partner.replace('/', '-')}-1", "default")

    def disclosure(self, index: int = 0, partner: str = PARTNER) -> tuple[Disclosure, DisclosureOpening]:
        """A disclosure with its opening."""
        entry, opening = self.entries[self.account(partner)][index]
        return parse_disclosure_entry(entry), parse_disclosure_opening(opening)

    def with_entries(self, account_id: bytes, entries: list[tuple[bytes, bytes]]) -> Entries:
        """Every account as it is, but for one."""
        return {**self.entries, account_id: entries}

    def with_opening(self, opening: DisclosureOpening) -> list[bytes]:
        """The true answer with another opening beside the first disclosure."""
        entry, kept = self.entries[self.account()][0]
        before = u8(evidence.ENTRY) + ShownEntry(entry, kept).encode()
        after = u8(evidence.ENTRY) + ShownEntry(entry, opening.encode()).encode()
        return [after if item == before else item for item in self.items]

    def with_disclosure(self, disclosure: Disclosure, opening: DisclosureOpening) -> list[bytes]:
        """An answer, all signed, in which the first disclosure is another one."""
        rest = self.entries[self.account()][1:]
        return self.signed(self.with_entries(self.account(), [(disclosure.encode(), opening.encode()), *rest]))

    def receipt(self, size: int = 1, key: SigningKey | None = None, **changed: object) -> tuple[bytes, bytes]:
        """A receipt of the partner as it stands in the house's account; `changed` fields are not true."""
        leaves = [leaf_hash(entry) for entry, _ in self.entries[self.account()][:size]]
        own, tick = self.world.stand.profile(PARTNER).signing_key(), self.tick
        receipt = Receipt(
            tick.genesis,
            PARTNER,
            self.disclosure()[0].agreement_id,
            "default",
            own.key_id,
            tick.incarnation,
            0,
            size,
            tree_root(leaves),
            digest(encode_quarantine(())),
            now_ms(),
        )
        statement = replace(receipt, **changed).encode()  # type: ignore[arg-type]  # fields of a receipt
        return statement + (key or own).sign(CONTEXT, statement), b""

    @property
    def tick(self) -> Tick:
        """The tick that was shown."""
        return parse_tick(evidence.parse_opened_tick(self.items[0][1:]).statement)

    def signed(self, entries: Entries, *, key: SigningKey | None = None, seed: bool = True) -> list[bytes]:
        """An answer about these accounts under a tick that the gateway signs itself, its first."""
        book, key = Book(self.tick.genesis), key or self.key
        journal = [(books.KIND_INCARNATION, self.tick.incarnation)]
        for place, account_id in enumerate(entries):
            journal.append((books.KIND_ACCOUNT, books.encode_account(account_id, place)))
        for account_id, told in entries.items():
            group = [AccountEntry(account_id, entry, opening) for entry, opening in told]
            journal.append((books.KIND_ENTRIES, books.encode_account_entries(group)))
        for position, (kind, entry) in enumerate(journal):
            book.apply(position, kind, entry)
        control = self.chain.control
        draft = book.draft(
            key_id=key.key_id,
            time_ms=now_ms(),
            control_position=control.position,
            control_link=control.head,
            control_salt=secrets.token_bytes(32),
            tick_seed=secrets.token_bytes(32),
        )
        tick = OpenedTick(
            draft.statement,
            sign_tick(draft.statement, key),
            draft.control_salt,
            draft.control_position,
            draft.tick_seed if seed else b"",
        )
        items = [u8(evidence.TICK) + tick.encode()]
        self.made.add(items[0])
        items += [item for item in self.items if item[0] == evidence.BATCH]
        for account_id in sorted(draft.sizes, key=lambda one: (one != HOUSE, one)):
            account = book.accounts[account_id]
            path = tuple(level[(account.place >> height) ^ 1] for height, level in enumerate(draft.levels[:-1]))
            size = draft.sizes[account_id]
            head = ShownAccount(draft.salts[account_id], account_id, size, account.tree.root(size), account.place, path)
            items.append(u8(evidence.ACCOUNT) + head.encode())
            items += [u8(evidence.ENTRY) + ShownEntry(*told).encode() for told in entries.get(account_id, ())]
        return items

    def with_control(self, control: Control) -> Chain:
        """The chain as if it had led to another state."""
        return replace(self.chain, control=control, history=replace(self.chain.history, control=control))

    def read(self, items: Sequence[bytes], *, remembers: bool = False, chain: Chain | None = None) -> Accounts:
        """What an operator makes of an answer. remembers: the home knows what it read before; else it saw no tick."""
        if not remembers:
            (self.home.path / "gateway" / "seen-tick").unlink(missing_ok=True)
        # The ledger's nodes lead from nothing to the tick that was shown; one that is signed here is a first one.
        nodes = [] if items and items[0] in self.made else self.nodes
        governance = Reciting([entry.encode() for entry in self.chain.entries], nodes, items)
        question = Question(lambda disclosure, opening: True)
        return self.world.run(read_accounts(governance, self.home, chain or self.chain, question, now_ms()))[0]
