"""The checks of scenarios that are a gateway's: entries of CONTROL, Hellos and batches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway.adapters.memory import UnsafeMemoryFloor, UnsafeMemoryJournals
from gateway.core.control.entry import parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.scope import Scope
from gateway.core.errors import Refused
from gateway.core.ledger.book import (
    KIND_ACCOUNT,
    KIND_ENTRIES,
    KIND_INCARNATION,
    AccountEntry,
    Book,
    encode_account,
    encode_account_entries,
)
from gateway.core.ledger.entries import partner_account
from gateway.core.parties.identity import Identity
from gateway.core.records.states import parse_batch_item, verify_batch
from gateway.core.sealing.stream import SignedHello
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import Role
from gateway.core.suite.tree import leaf_hash
from gateway.ports.floor import FloorMark
from gateway.usecases.admit import drain
from gateway.usecases.disclose import Discloser
from gateway.usecases.hello import admit_hello
from gateway.usecases.inspect import inspecting
from gateway.usecases.lanes import Lanes
from gateway.usecases.peer import Peer
from gateway.usecases.quota import Quota
from gateway.usecases.running import Running
from gateway.usecases.sequence import Sequencer
from gateway.usecases.showing import AccountWindow
from gateway.usecases.tick import Ticker
from gateway.usecases.trusted_time import TrustedTime
from tests.fakes import FakeClock
from tests.reference import recorded
from tests.vectors.takers import Setup, Step, spelt


class RecordedKeys:
    """The port `Keys`, of the gateway that the recorded directory endorses."""

    def stream(self) -> SigningKey:
        """Signs the opening of streams."""
        return recorded.signing_key("gateway-stream")

    def ledger(self) -> SigningKey:
        """Signs ticks."""
        return recorded.signing_key("gateway-ledger")

    def ingest(self) -> KemKey:
        """Opens parcels."""
        return recorded.kem_key("gateway-ingest")

    def cursor(self) -> bytes:
        """Seals cursors."""
        return recorded.octets("stream.cursor_key")

    def use(self, is_endorsed: Callable[[Role, bytes], bool]) -> bool:
        """There is one set."""
        return False

    def opener(self, ingest_key_id: bytes) -> KemKey | None:
        """The one key."""
        return self.ingest() if ingest_key_id == self.ingest().key_id else None

    def destroy(self, key_digest: bytes) -> bool:
        """There is nothing to destroy."""
        return False


class ControlTaker:
    """A journal, entry by entry."""

    def __init__(self, setup: Setup) -> None:
        self._control: Control | None = None

    def take(self, step: Step, message: bytes) -> None:
        """The next entry."""
        entry = parse_entry(message)
        self._control = self._control.apply(entry) if self._control else Control.begin(entry)


def control_of(entries: list[Any]) -> Control:
    """What stands after these entries."""
    first, *others = (parse_entry(recorded.bytes_of(entry)) for entry in entries)
    control = Control.begin(first)
    for entry in others:
        control = control.apply(entry)
    return control


class BatchTaker:
    """A gateway that verifies a batch, then looks at what is in it."""

    def __init__(self, setup: Setup) -> None:
        self._control = control_of(setup["journal"])
        self._genesis, self._scope = recorded.bytes_of(setup["genesis"]), Scope.parse(setup["scope"])
        self._key = recorded.verify_key(setup["key"])

    def take(self, step: Step, message: bytes) -> None:
        """The plaintext of an item; a refusal that is answered is raised."""
        verified = verify_batch(parse_batch_item(message), self._key, self._genesis)
        _, refusal = drain(inspecting(self._control, self._scope, verified))
        if refusal is not None:
            raise Refused(spelt(refusal.code), "the batch is refused")


class HelloTaker:
    """A gateway with an account as large, and as many ticks, as the setup says; it signs nothing."""

    def __init__(self, setup: Setup) -> None:
        control, keys = control_of(setup["journal"]), RecordedKeys()
        self._clock = FakeClock(setup["started"])
        time = TrustedTime(self._clock, 0)
        book, journals = _book(control.genesis, setup), UnsafeMemoryJournals()
        sequencer = Sequencer(journals, book)
        ticker = Ticker(
            sequencer=sequencer,
            book=book,
            key=keys.ledger,
            time=time,
            floor=UnsafeMemoryFloor(FloorMark(book.incarnation, 0, control.position)),
            control_head=lambda: (control.position, control.head),
            pool=ThreadPoolExecutor(max_workers=1),
        )
        discloser = Discloser(keys, time, Quota())
        self._running = Running(control, journals, keys, book, Lanes(), time, sequencer, ticker, discloser)
        nation, _, name = setup["peer"].partition("/")
        domain = f"{nation}.example"
        identity = Identity(f"spiffe://{domain}/partner/{name}", domain, 0, 1 << 45, "00" * 32, "1")
        # A peer of another party has no root in this journal; its Hello is refused before anybody asks for one.
        root = next((one for one, bound in control.roots.items() if bound == domain), "")
        self._peer = Peer("partner", setup["peer"], identity, root, "X25519MLKEM768")

    def take(self, step: Step, message: bytes) -> None:
        """A Hello, and where its account would go on."""
        self._clock.advance(step["now"] - self._clock.wall_ms())
        signed = SignedHello.parse(message)
        hello, subscription = signed.hello, admit_hello(self._running, self._peer, signed)
        AccountWindow.resume(
            self._running,
            subscription.account_id,
            incarnation=hello.incarnation,
            next_tick=hello.next_tick,
            account_size=hello.account_size,
        )


def _book(genesis: bytes, setup: Setup) -> Book:
    """The ledger in which the partner's account has as many entries, and that has as many ticks, as it says."""
    account, book = partner_account("usa/arl", "UA-US-2026-014", "main"), Book(genesis)
    book.apply(0, KIND_INCARNATION, recorded.bytes_of(setup["incarnation"]))
    book.apply(1, KIND_ACCOUNT, encode_account(account, 0))
    entries = [AccountEntry(account, b"entry %d" % number) for number in range(setup["account_size"])]
    book.apply(2, KIND_ENTRIES, encode_account_entries(entries))
    for number in range(setup["next_tick"]):
        book.ticks.append(leaf_hash(b"tick %d" % number))
    return book
