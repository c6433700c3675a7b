"""Messages that are right by themselves and wrong where they stand: the product refuses the last, with its code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import pytest

from clients.partner.checks import StreamChecks
from clients.partner.events import OldDisclosure, Records
from clients.partner.sections import Reader
from gateway.core.control.agreement import Agreement
from gateway.core.control.trust import Trust
from gateway.core.errors import GatewayError
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import parse_leaves, parse_tick_message
from gateway.core.parties.clearance import parse_clearances
from gateway.core.parties.names import SourceId
from gateway.core.sealing.stream import SignedHello
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import DataMode, RecordKind, RefusalCode, Role, StreamMessage
from gateway.core.suite.tree import leaf_hash
from tests.reference import recorded

SourceKey = Callable[[str, bytes, RecordKind, DataMode], VerifyKey]
SCENARIOS = [name for name in recorded.names() if name.startswith("scenarios.")]


class Taker(Protocol):
    """One reader: takes a step or refuses it."""

    def take(self, step: dict[str, Any], message: bytes) -> None:
        """The next message, with what the step says of it."""
        ...


class TrustTaker:
    """A reader of directories."""

    def __init__(self, setup: dict[str, Any]) -> None:
        roster = [recorded.bytes_of(setup[name]) for name in ("roster_link", "roster_text") if name in setup]
        self.trust = Trust.begin(recorded.bytes_of(setup["genesis"]), *roster)

    def take(self, step: dict[str, Any], message: bytes) -> None:
        """A directory message."""
        self.trust = self.trust.accept(message, step["now"])


class AccountTaker:
    """A reader of one account's ticks, on a new connection."""

    def __init__(self, setup: dict[str, Any]) -> None:
        genesis, account = recorded.bytes_of(setup["genesis"]), recorded.bytes_of(setup["account"])
        self._key = recorded.verify_key(setup["key"])
        self._leaves: list[bytes] = []
        self._reader = LedgerReader(genesis, account)
        if "state" in setup:
            self._reader = LedgerReader.decode(recorded.bytes_of(setup["state"]), genesis, account)
        self._reader.begin_stream()

    def take(self, step: dict[str, Any], message: bytes) -> None:
        """An entry, leaves, or a tick."""
        if step.get("entry"):
            self._reader.settle(message)
        elif message[0] == StreamMessage.LEAVES:
            self._leaves += parse_leaves(message[1:])
        else:
            self._reader.accept(parse_tick_message(message[1:]), self._leaves, self._key)
            self._leaves = []


def reader_of(setup: dict[str, Any], vocabularies: dict[str, Vocabulary], source_key: SourceKey) -> Reader:
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

    def __init__(self, setup: dict[str, Any]) -> None:
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
            reader_of=lambda trust: reader_of(setup, vocabularies_under(trust), trust.source_key),
            held=lambda batch, idx: self._held.get((batch, idx), 0),
            is_entry_held=self._entries.__contains__,
        )

    def take(self, step: dict[str, Any], message: bytes) -> None:
        """A message of the stream; what it sets aside is what the step says."""
        event = self._checks.receive(message, step["now"], step.get("waited", 0))
        aside: list[list[Any]] = []
        if isinstance(event, (OldDisclosure, Records)):
            self._entries.add(leaf_hash(event.entry))
        if isinstance(event, Records):
            self._held |= {(record.batch_digest, record.idx): record.mask for record in event.records}
            aside = [[one.batch_digest.hex(), one.idx, spelt(one.code)] for one in event.quarantined]
        assert aside == step.get("aside", [])


def vocabularies_under(trust: Trust) -> dict[str, Vocabulary]:
    """Every vocabulary that the directory endorses."""
    return {name: Vocabulary.parse(text) for name, text in trust.files(Role.VOCABULARY).items()}


def spelt(code: RefusalCode) -> str:
    """A code of annex B.10 as annex E writes it."""
    return code.name.lower().replace("_", "-")


TAKERS: dict[str, Callable[[dict[str, Any]], Taker]] = {
    "trust": TrustTaker,
    "account": AccountTaker,
    "stream": StreamTaker,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_ends_as_it_says(name: str) -> None:
    """All its messages but the last are accepted, and the last where it says no code."""
    scenario = recorded.entry(name)
    *before, last = scenario["steps"]
    taker = TAKERS[scenario["reader"]](scenario["setup"])
    for step in before:
        taker.take(step, recorded.bytes_of(step["message"]))

    code = None
    try:
        taker.take(last, recorded.bytes_of(last["message"]))
    except GatewayError as error:
        code = error.code

    assert code == scenario["code"]
