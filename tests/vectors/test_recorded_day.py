"""The recorded day, checked whole from its files: what the clients and the core make of it is what was lived.

`day.json` was written by the living day, from what its parties were told; here everything is read from bytes again.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from clients.partner.events import OldDisclosure, Records
from clients.partner.recording import Begun, Replay, read_recording
from clients.profile import Profile
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.core.control.directory import parse_directory_message
from gateway.core.errors import GatewayError, Refused
from gateway.core.ledger.entries import Admitted, Disclosed, RefusedBatch
from gateway.core.ledger.receipt import parse_signed_receipt
from gateway.core.sealing.frame import parse_disclosure_entry
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import (
    EndReason,
    PublishMessage,
    RecordKind,
    StatementKind,
    StreamMessage,
    UpMessage,
)
from gateway.core.suite.octets import Reader, lp32
from gateway.core.suite.tree import GrowingTree, leaf_hash
from tests.day import again
from tests.day.account import Facts
from tests.day.evidence import TAG, ItemType, read_items
from tests.reference.__main__ import session_for
from tests.reference.reader import Refusal

DAY: Facts = json.loads((again.FOLDER / "day.json").read_text("utf-8"))
# Kinds that were built after the day was recorded, or are not built.
NOT_SHOWN = {
    StatementKind.EQUIVALENCE,
    StatementKind.RULE_ADD,
    StatementKind.RULE_WITHDRAW,
    StatementKind.HOLD,
    StatementKind.LOCKDOWN,
    StatementKind.TAINT,
    StatementKind.REVOKE,
    StatementKind.TIME,
}


def files(holds: str) -> list[str]:
    """Names of the files of a kind."""
    return [name for name, facts in DAY["files"].items() if facts["holds"] == holds]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as clients want it."""
    return again.private_copy(tmp_path_factory.mktemp("recorded") / "day")


def profile_of(day: Path, name: str) -> Profile:
    """The profile of the party of a file."""
    return Profile.load(day / DAY["parties"][DAY["files"][name]["party"]]["profile"])


@pytest.mark.parametrize("name", files("streams"))
def test_a_partner_s_streams_replay_as_they_were_lived(day: Path, name: str) -> None:
    """Every message of every stream passes, and gives the records, ticks, ends and account that the partner had."""
    _, facts = again.streams(day / name, profile_of(day, name))

    assert facts == DAY["files"][name]


@pytest.mark.must("13.4")
def test_a_stream_that_somebody_else_asked_for_is_refused_by_both_readers(
    day: Path, tmp_path: Path, rng: random.Random
) -> None:
    """Evidence says what this partner was sent: one changed byte of a Hello, and it is not its own."""
    name = "usa-arl.UA-US-2026-014.sluice"
    stream, directory = list(read_items(day / name))[:2]
    size = 4 + int.from_bytes(stream.content[:4], "big")
    said = []
    # From the one-time key on: what stands before it is what else a stream is checked against.
    for place in [size - 1, *rng.sample(range(size - 4691 - 1665, size), 12)]:
        changed = bytearray(stream.content)
        changed[place] ^= 1
        items = ((ItemType.STREAM, bytes(changed)), (ItemType.MESSAGE, directory.content))
        session = session_for(day / DAY["parties"]["usa/arl"]["profile"], day / "keys" / "usa-arl" / "kem.pem", None)
        session.take(*items[0])
        with pytest.raises(Refusal) as refused:
            session.take(*items[1])
        path = tmp_path / f"{place}.sluice"
        path.write_bytes(TAG + b"".join(bytes([kind]) + lp32(item) for kind, item in items))
        path.chmod(0o600)
        with pytest.raises(GatewayError) as denied:
            list(Replay(profile_of(day, name), path).events())
        said.append((refused.value.code, denied.value.code))

    assert set(said) == {("hello-signature", "hello-signature")}


@pytest.mark.parametrize("name", files("connections"))
def test_a_source_s_connections_replay_as_they_were_lived(day: Path, name: str, tmp_path: Path) -> None:
    """Each connection begins where the one before ended, and the account decides every batch as it did."""
    _, facts = again.connections(day / name, profile_of(day, name), tmp_path)

    assert facts == DAY["files"][name]


def test_the_control_journal_folds_to_what_stood_in_the_evening(day: Path) -> None:
    """Every statement was applied in its place, by enough persons, at its time."""
    state, facts = again.control(day / "control.sluice")

    assert facts == DAY["files"]["control.sluice"]
    assert state.genesis.hex() == DAY["genesis"]


@pytest.mark.parametrize("name", files("parcels"))
def test_every_parcel_opens_and_every_batch_is_its_source_s(day: Path, name: str) -> None:
    """With the gateway's key; and the account has decided each of them."""
    state, _ = again.control(day / "control.sluice")
    batches, facts = again.parcels(day / name, KeyFiles(day / DAY["gateway"]["keys"]), state)
    decided = DAY["files"][name.replace(".parcels", "")]

    assert facts == DAY["files"][name]
    assert {batch.signed.digest.hex()[:8] for batch in batches} == {*decided["acknowledged"], *decided["refused"]}


@pytest.mark.parametrize("name", DAY["receipts"])
def test_a_receipt_is_true_of_the_account_that_the_streams_show(day: Path, name: str) -> None:
    """Signed by the partner's own key, over what it held after so many entries."""
    state, _ = again.control(day / "control.sluice")
    signed = parse_signed_receipt((day / name).read_bytes())
    partner = state.partner(DAY["receipts"][name]["party"])
    receipt = signed.check(VerifyKey.parse(partner.sign_key))
    streams = f"{name.removesuffix('.receipt')}.{receipt.agreement_id}.sluice"
    events, _ = again.streams(day / streams, profile_of(day, streams))
    tree = GrowingTree()
    for event in events:
        if isinstance(event, (Records, OldDisclosure)) and tree.size < receipt.size:
            tree.append(leaf_hash(event.entry))

    assert (receipt.tick, receipt.size) == (DAY["receipts"][name]["tick"], DAY["receipts"][name]["size"])
    assert tree.root(receipt.size) == receipt.root


def test_sources_are_told_of_every_view_that_partners_were_shown(day: Path, tmp_path: Path) -> None:
    """Two kinds of accounts that only an auditor reads together; the day ends with both sources having heard all."""
    told = [
        entry
        for name in files("connections")
        for entry in again.connections(day / name, profile_of(day, name), tmp_path / name)[0]
        if isinstance(entry, Disclosed)
    ]
    events = [event for name in files("streams") for event in again.streams(day / name, profile_of(day, name))[0]]
    entered = [event.entry for event in events if isinstance(event, (Records, OldDisclosure))]
    handed_up = {
        (record.batch_digest, record.idx) for event in events if isinstance(event, Records) for record in event.records
    }

    assert len(told) == sum(parse_disclosure_entry(entry).records for entry in entered)
    assert {(one.batch_digest, one.idx) for one in told} == handed_up
    assert {one.partner_id for one in told} == {"usa/arl", ""}


def test_a_record_is_widened_by_a_wider_agreement_only(day: Path) -> None:
    """The same (H(B), idx), the same leaf, and more of its portions."""
    masks = {
        name: {one.id: one.mask for event in again.streams(day / name, profile_of(day, name))[0]
               if isinstance(event, Records) for one in event.records}
        for name in files("streams")
    }  # fmt: skip

    assert DAY["widened"]
    for one in DAY["widened"]:
        narrow, wide = (masks[one[side]["file"]][one["record"]] for side in ("first", "then"))
        assert (narrow, wide) == (one["first"]["mask"], one["then"]["mask"])
        assert narrow | wide == wide != narrow


def test_the_day_has_everything_that_this_version_has(day: Path, tmp_path: Path) -> None:
    """Every kind of statement, record, message and entry; what is missing is missing on purpose and named here."""
    seen_statements = {StatementKind[name] for name in DAY["files"]["control.sluice"]["statements"]}
    down = Counter[str]()
    shown = Counter[str]()
    entries: set[type[object]] = set()
    for name in files("connections"):
        told, facts = again.connections(day / name, profile_of(day, name), tmp_path / name)
        down.update(facts["messages"])
        entries |= {type(entry) for entry in told}
    ends: set[str] = set()
    for name in files("streams"):
        facts = DAY["files"][name]
        shown.update(facts["messages"])
        ends |= set(facts["ends"])
    batches = [batch for name in files("parcels") for batch in DAY["files"][name]["batches"]]
    up = {UpMessage.BEGIN, UpMessage.PARCEL, UpMessage.ITEM, UpMessage.PARCEL_END}
    sys.stdout.write(
        f"statements: {', '.join(kind.name for kind in sorted(seen_statements))}\n"
        f"to sources: {dict(down)}\nto partners: {dict(shown)}, ends {sorted(ends)}\n"
        f"entries: Disclosure, {', '.join(sorted(kind.__name__ for kind in entries))}\n"
    )

    assert seen_statements == set(StatementKind) - NOT_SHOWN
    assert down.keys() == {kind.name for kind in PublishMessage}
    assert shown.keys() == {kind.name for kind in StreamMessage}
    assert up == set(UpMessage)
    assert entries == {Admitted, RefusedBatch, Disclosed}
    assert ends == {EndReason[name].name for name in ("LIFETIME", "CHANGED", "SUSPENDED", "SHUTDOWN")}
    assert {batch["kind"] for batch in batches} == {RecordKind.TELEMETRY.name, RecordKind.TACTIC.name}


def test_the_day_has_what_a_reader_must_be_able_to_follow(day: Path) -> None:
    """Reopened streams, directories that go on, a new roster, leaves that come as old, ten ticks for each partner."""
    asked = {
        name: [one.hello.hello for one in read_recording(day / name) if isinstance(one, Begun)]
        for name in files("streams")
    }
    ticks = Counter[str]()
    for name in files("streams"):
        ticks[DAY["files"][name]["party"]] += DAY["files"][name]["ticks"]
        assert asked[name][0].dir_no == 0
        assert all(hello.dir_no and hello.next_tick and hello.account_size for hello in asked[name][1:])
    led = [
        [signed.statement.kind for signed in parse_directory_message(message[1:]).statements]
        for name in files("streams")
        for _, message in again.messages(day / name)
        if message[0] == StreamMessage.DIRECTORY
    ]

    assert min(ticks.values()) >= 10
    assert led[0] == [StatementKind.GENESIS, StatementKind.DIRECTORY]
    assert [] in led
    assert [StatementKind.ROSTER_PROPOSE, StatementKind.ROSTER, StatementKind.DIRECTORY] in led
    assert any(len(ends) < facts["streams"] for facts in DAY["files"].values() if (ends := facts.get("ends")))
    assert [StatementKind.DIRECTORY, StatementKind.DIRECTORY_REDATE] in led
    assert [StatementKind.RESTORE] in led
    assert sum(DAY["files"][name]["old"] for name in files("streams")) > 0
    assert sum(DAY["files"][name]["repeated"] for name in files("streams")) > 0
    assert sum(DAY["files"][name]["beyond"] for name in files("streams")) > 0
    assert [lost for name in files("connections") for lost in DAY["files"][name]["lost"]]


def test_every_note_of_the_story_stands_at_an_item_of_its_file(day: Path) -> None:
    """An index that points beside what it tells is worse than none."""
    items = {name: [item.type for item in read_items(day / name)] for name in DAY["files"]}

    assert {note["file"] for note in DAY["story"]} <= items.keys()
    assert all(note["item"] < len(items[note["file"]]) for note in DAY["story"])
    assert all(facts["items"] == len(items[name]) for name, facts in DAY["files"].items())


@pytest.mark.must("13.2")
def test_a_stream_from_a_directory_that_the_file_has_not_led_to_is_refused(day: Path, tmp_path: Path) -> None:
    """Cut off what led there, and nothing says whose keys these are."""
    name = files("streams")[0]
    items = list(read_items(day / name))
    second = [item for item in items if item.type is ItemType.STREAM][1]
    cut = tmp_path / name
    cut.write_bytes(TAG + (day / name).read_bytes()[second.offset - 5 :])
    cut.chmod(0o600)

    with pytest.raises(Refused) as refused:
        list(Replay(profile_of(day, name), cut).events())

    assert refused.value.code == "recording-contradicts"


@pytest.mark.must("13.1")
def test_a_stream_beside_another_ledger_state_is_refused(day: Path, tmp_path: Path) -> None:
    """The Hello asks from what was held; the state of an earlier stream would have other leaves owed."""
    name = files("streams")[0]
    first, second = [item for item in read_items(day / name) if item.type is ItemType.STREAM][:2]
    hello, key, _ = _parts(second.content)
    content = b"".join(map(lp32, (hello, key, _parts(first.content)[2])))
    whole = (day / name).read_bytes()
    other = tmp_path / name
    head, tail = whole[: second.offset - 4], whole[second.offset + len(second.content) :]
    other.write_bytes(head + lp32(content) + tail)
    other.chmod(0o600)

    with pytest.raises(Refused) as refused:
        list(Replay(profile_of(day, name), other).events())

    assert refused.value.code == "recording-contradicts"


def _parts(content: bytes) -> list[bytes]:
    """Hello, one-time key and ledger state of a STREAM item."""
    reader = Reader(content, "stream")
    return [reader.lp32(part, 1 << 22) for part in ("hello", "key", "ledger state")]


@pytest.mark.must("13.3")
@pytest.mark.parametrize("name", ["control.sluice", *files("connections"), *files("parcels")])
def test_evidence_of_another_kind_is_no_recording_of_streams(day: Path, name: str) -> None:
    """A partner's tool says so by name, and does not guess."""
    streams = files("streams")[0]

    with pytest.raises(Refused) as refused:
        list(Replay(profile_of(day, streams), day / name).events())

    assert refused.value.code == "malformed"
