"""The readers of scenarios, as the product has them: each takes one message after another, or refuses it by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from clients.enrolment import PartyRole
from clients.partner.checks import StreamChecks
from clients.partner.events import OldDisclosure, Records
from clients.partner.sections import Reader
from clients.profile import Profile
from clients.source.outbox import Outbox
from clients.source.upload import Upload
from clients.trust import vocabularies_of
from gateway.core.control.agreement import Agreement
from gateway.core.control.statement import SignedStatement
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.receipt import parse_receipt, parse_signed_receipt
from gateway.core.ledger.tick import parse_leaves, parse_tick_message
from gateway.core.parties.clearance import parse_clearances
from gateway.core.parties.names import SourceId
from gateway.core.records.batch import SignedBatch
from gateway.core.records.view import parse_view
from gateway.core.sealing.body import Section
from gateway.core.sealing.parcel import ParcelReader, parse_parcel_header
from gateway.core.sealing.stream import SignedHello
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import DataMode, RecordKind, RefusalCode, Role, StreamMessage
from gateway.core.suite.octets import Reader as Cut
from gateway.core.suite.tree import leaf_hash
from tests.reference import recorded

Setup = dict[str, Any]
Step = dict[str, Any]
SourceKey = Callable[[str, bytes, RecordKind, DataMode], VerifyKey]


class Taker(Protocol):
    """One reader: takes a step or refuses it."""

    def take(self, step: Step, message: bytes) -> None:
        """The next message, with what the step says of it."""
        ...


class TrustTaker:
    """A reader of directories."""

    def __init__(self, setup: Setup) -> None:
        roster = [recorded.bytes_of(setup[name]) for name in ("roster_link", "roster_text") if name in setup]
        self.trust = Trust.begin(recorded.bytes_of(setup["genesis"]), *roster)

    def take(self, step: Step, message: bytes) -> None:
        """A directory message."""
        self.trust = self.trust.accept(message, step["now"])


class ReceiptTaker:
    """Whoever is shown a receipt: under a directory, the partner's key, then the list."""

    def __init__(self, setup: Setup) -> None:
        self._trust = Trust.begin(recorded.bytes_of(setup["genesis"]))

    def take(self, step: Step, message: bytes) -> None:
        """The directory message, then receipts."""
        if self._trust.directory is None:
            self._trust = self._trust.accept(message, step["now"])
            return
        signed = parse_signed_receipt(message)
        named = parse_receipt(signed.statement)
        found = self._trust.key(Role.PARTNER_SIGN, named.key_id)
        if found.endorsement.subject_id != named.partner_id:
            raise Refused("key-not-endorsed", "the key is not one of the partner that the receipt names")
        signed.check(found.signing_key)


class RecordTaker:
    """A partner that looks at one record."""

    def __init__(self, setup: Setup) -> None:
        vocabulary = Vocabulary.parse(recorded.bytes_of(setup["vocabulary"]))
        self._reader = reader_of(setup, {vocabulary.name: vocabulary}, lambda *_: recorded.verify_key("source"))
        told = SignedBatch.parse(recorded.octets("origin.batch_0") + recorded.octets("origin.batch_0_signature"))
        self._signed = replace(told, batch=replace(told.batch, kind=RecordKind(setup["kind"])))

    def take(self, step: Step, message: bytes) -> None:
        """A view; what sets it aside is raised."""
        reader = Cut(message, "view")
        view = parse_view(reader)
        reader.done()
        for aside in self._reader.read(Section(self._signed, (view,), ()), lambda *_: 0).aside:
            raise Refused(spelt(aside.code), "the record is set aside")


class ParcelTaker:
    """A gateway that opens a parcel; `complete` at the end."""

    def __init__(self, setup: Setup) -> None:
        self._key, self._genesis = recorded.kem_key(setup["key"]), recorded.bytes_of(setup["genesis"])
        self._reader: ParcelReader | None = None

    @property
    def complete(self) -> bool:
        """Whether the closing item came."""
        return self._reader is not None and self._reader.complete

    def take(self, step: Step, message: bytes) -> None:
        """The header, then items."""
        if self._reader is None:
            self._reader = ParcelReader(parse_parcel_header(message), self._key)
        else:
            self._reader.open(message)


class ConnectionTaker:
    """A source that hears a gateway, with an empty outbox."""

    def __init__(self, setup: Setup) -> None:
        self._folder = TemporaryDirectory()
        genesis = recorded.bytes_of(setup["genesis"])
        outbox = Outbox(Path(self._folder.name), genesis, setup["source"])
        self._upload = Upload(_profile(genesis, setup["source"]), outbox, lambda event, tally: None)
        self._upload.begin()

    def take(self, step: Step, message: bytes) -> None:
        """A message down."""
        self._upload.receive(message, step["now"])


def _profile(genesis: bytes, source_id: str) -> Profile:
    founding = SignedStatement.read(Cut(recorded.octets("materials.entry_genesis"), "genesis"))
    admission = SignedStatement.read(Cut(recorded.octets("materials.entry_source"), "source"))
    return Profile(
        folder=Path(),
        role=PartyRole.SOURCE,
        id=source_id,
        keys=source_id,
        endpoint="gw.example:8443",
        server="spiffe://gw.example/gateway",
        roots_pem=b"",
        certificate_pem=b"",
        genesis=founding,
        roster_link=genesis,
        roster_text=founding.statement.body,
        admission_text=admission.statement.body,
        agreements=(),
        guide_text=None,
        vocabularies=(),
    )


class AccountTaker:
    """A reader of one account's ticks, on a new connection."""

    def __init__(self, setup: Setup) -> None:
        genesis, account = recorded.bytes_of(setup["genesis"]), recorded.bytes_of(setup["account"])
        self._key = recorded.verify_key(setup["key"])
        self._leaves: list[bytes] = []
        self._reader = LedgerReader(genesis, account)
        if "state" in setup:
            self._reader = LedgerReader.decode(recorded.bytes_of(setup["state"]), genesis, account)
        self._reader.begin_stream()

    def take(self, step: Step, message: bytes) -> None:
        """An entry, leaves, or a tick."""
        if step.get("entry"):
            self._reader.settle(message)
        elif message[0] == StreamMessage.LEAVES:
            self._leaves += parse_leaves(message[1:])
        else:
            self._reader.accept(parse_tick_message(message[1:]), self._leaves, self._key)
            self._leaves = []


def reader_of(setup: Setup, vocabularies: dict[str, Vocabulary], source_key: SourceKey) -> Reader:
    """The record checks of the partner that a setup describes."""
    said = setup["agreement"]
    agreement = replace(
        Agreement.parse(recorded.octets("control.agreement")),
        kinds=frozenset(map(RecordKind, said["kinds"])),
        modes=frozenset(map(DataMode, said["modes"])),
        sources=frozenset(map(SourceId, said["sources"])),
        designs=frozenset(said["designs"]),
    )
    clearances = parse_clearances(
        {one["policy"]: {"level": one["level"], **one["held"]} for one in setup["clearances"]}
    )
    return Reader(setup["nation"], clearances, agreement, vocabularies, source_key)


class StreamTaker:
    """A partner on one stream."""

    def __init__(self, setup: Setup) -> None:
        genesis = recorded.bytes_of(setup["genesis"])
        signed = SignedHello.parse(recorded.bytes_of(setup["hello"]))
        hello = signed.hello
        account = partner_account(hello.partner_id, hello.agreement_id, hello.subscription)
        self._held: dict[tuple[bytes, int], int] = {}
        self._entries: set[bytes] = set()
        self._checks = StreamChecks(
            hello=signed,
            ephemeral_key=recorded.kem_key(setup["ephemeral_key"]),
            kem_key=recorded.kem_key(setup["kem_key"]),
            trust=Trust.begin(genesis),
            ledger=LedgerReader.decode(recorded.bytes_of(setup["state"]), genesis, account),
            reader_of=lambda trust: reader_of(setup, vocabularies_for(setup, trust), trust.source_key),
            held=lambda batch, idx: self._held.get((batch, idx), 0),
            is_entry_held=self._entries.__contains__,
        )

    def take(self, step: Step, message: bytes) -> None:
        """A message of the stream; what it sets aside is what the step says."""
        event = self._checks.receive(message, step["now"], step.get("waited", 0))
        aside: list[list[Any]] = []
        if isinstance(event, (OldDisclosure, Records)):
            self._entries.add(leaf_hash(event.entry))
        if isinstance(event, Records):
            self._held |= {(record.batch_digest, record.idx): record.mask for record in event.records}
            aside = [[one.batch_digest.hex(), one.idx, spelt(one.code)] for one in event.quarantined]
        assert aside == step.get("aside", [])


def vocabularies_for(setup: Setup, trust: Trust) -> dict[str, Vocabulary]:
    """The vocabularies that the profile pins, or every one that the directory endorses."""
    if "vocabularies" in setup:
        pins = tuple((name, bytes.fromhex(pin)) for name, pin in setup["vocabularies"].items())
        return vocabularies_of(replace(_profile(trust.genesis, "src-3f07"), vocabularies=pins), trust)
    return {name: Vocabulary.parse(text) for name, text in trust.files(Role.VOCABULARY).items()}


def spelt(code: RefusalCode) -> str:
    """A code of annex B.10 as annex E writes it."""
    return code.name.lower().replace("_", "-")
