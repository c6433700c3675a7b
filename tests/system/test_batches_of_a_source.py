"""From a source to a real gateway: a batch is stored once, in its lane, or refused by name in the source's account."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clients.operator.ca import PartyKind
from clients.source.batcher import Lane
from clients.source.outbox import ACKNOWLEDGED, REFUSED, WAITING, Outbox
from clients.source.upload import Upload
from gateway.core.errors import Refused
from gateway.core.kinds import telemetry
from gateway.core.records.portion import Portion
from gateway.core.records.states import RecordInput
from gateway.core.suite.numbers import DataMode, RecordKind, Schema
from gateway.ports.journal import Journal
from gateway.usecases.lanes import KIND_ADMITTED
from tests.loopback import SOURCE, Loopback, a_segment, a_tactic, quiet
from tests.unit.kinds.given import position


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """One source; nobody listens."""
    world = Loopback(tmp_path_factory.mktemp("world"))
    try:
        world.start("usa/arl")
        yield world
    finally:
        world.close()


def stored(world: Loopback) -> int:
    """Batches that the gateway stored."""
    assert world.stand.running is not None
    journals, position, count = world.stand.running.running.journals, 0, 0
    while page := journals.read(Journal.RECORDS, position, 64):
        count += sum(entry.kind == KIND_ADMITTED for entry in page)
        position += len(page)
    return count


def test_a_batch_sent_again_is_stored_once(world: Loopback) -> None:
    """A source may resend for ever without harm: the answer is the same, the journal does not grow."""
    with world.outbox("sent") as outbox:
        digests = world.seal(world.upload(outbox), outbox, RecordKind.TACTIC, a_tactic())
    shutil.copytree(world.root / "sent", world.root / "sent-again")
    before = stored(world)

    for name in ("sent", "sent-again"):
        with world.outbox(name) as outbox:
            world.run(world.upload(outbox).run())
            assert outbox.state_of(digests[0]) == ACKNOWLEDGED

    assert stored(world) == before + 1


def test_what_is_acknowledged_is_in_the_sources_own_account(world: Loopback) -> None:
    """Not the gateway's word, but an entry under a signed tick, lets a source delete."""
    with world.outbox() as outbox:
        upload = world.upload(outbox)
        digests = world.seal(upload, outbox, RecordKind.TELEMETRY, a_segment(), a_segment(unit=None))
        held = outbox.ledger.held.size

        tally = world.run(upload.run())

        assert {outbox.state_of(digest) for digest in digests} == {ACKNOWLEDGED}
        assert tally.open_batches == 0
        assert outbox.ledger.held.size > held
        assert outbox.parcels() == []


class Wayward(Outbox):
    """An outbox that puts its batches where it is told to."""

    def __init__(self, folder: Path, genesis: bytes, source_id: str, where: Lane) -> None:
        super().__init__(folder, genesis, source_id)
        self._where = where

    def lane(self, about: str) -> Lane:
        """Always the same place."""
        return self._where


@contextmanager
def wayward(world: Loopback, where: Lane, source: str = SOURCE) -> Iterator[Outbox]:
    """An outbox whose next batches all stand at one place."""
    folder = world.root / f"wayward-{where.lane.hex()}-{where.next_no}"
    with closing(Wayward(folder, world.stand.genesis.statement.link, source, where)) as outbox:
        yield outbox


def relabelled(record: RecordInput, slot: int, label: bytes) -> RecordInput:
    """The record with another label on one portion."""
    portions = tuple(replace(one, label=label) if one.slot == slot else one for one in record.portions)
    return replace(record, portions=portions)


REFUSALS = {
    "label-below-guide": "record 0, slot 1: position",
    "label": "record 0, slot 4",
    "content-not-canonical": "record 0, slot 4",
    "coarse-mismatch": "record 0, slot 255",
    "scope": "batch.kind",
    "schema": "record 0, slot 255: record.schema",
}


def wrong_batch(world: Loopback, upload: Upload, code: str) -> tuple[RecordKind, DataMode, RecordInput]:
    """What a careless or hostile source signs, by the name under which it is refused."""
    kind, mode = RecordKind.TELEMETRY, DataMode.SIMULATED
    [record] = world.labelled(upload, kind, [a_segment()])
    if code == "label-below-guide":
        record = relabelled(record, telemetry.POSITION, b"UKR.1 DSK//REL DEU,GBR,USA")
    elif code == "label":
        record = relabelled(record, telemetry.VEHICLE, b"UKR.1 DSK//REL USA,DEU")
    elif code == "scope":
        mode = DataMode.REAL
    elif code == "schema":
        record = replace(record, schema=Schema.TACTIC_1)
    elif code == "coarse-mismatch":
        elsewhere = telemetry.position_coarse(position(lat_e7=[505_500_000, None, 505_500_050]))
        record = replace(record, portions=with_content(record, telemetry.POSITION_COARSE, elsewhere or b""))
    else:
        content = next(one.content for one in record.portions if one.slot == telemetry.VEHICLE)
        record = replace(record, portions=with_content(record, telemetry.VEHICLE, content + b"\xba\x3e\x00"))
    return kind, mode, record


def with_content(record: RecordInput, slot: int, content: bytes) -> tuple[Portion, ...]:
    """The record's portions, one with another content."""
    return tuple(replace(one, content=content) if one.slot == slot else one for one in record.portions)


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_batch_is_named_in_the_sources_own_account(world: Loopback, code: str) -> None:
    """The account says that the number is consumed, the outbox says why and where; the next batch is taken."""
    key = world.stand.profile(SOURCE).signing_key()
    with world.outbox("careless") as outbox:
        upload = world.upload(outbox)
        kind, mode, record = wrong_batch(world, upload, code)
        [(digest, _)] = outbox.add(key, upload.ingest_key(), kind, mode, [record])
        before = stored(world)

        world.run(upload.run())
        told = outbox.refused()[-1]
        after = stored(world)
        [good] = world.seal(upload, outbox, RecordKind.TELEMETRY, a_segment())
        world.run(upload.run())

        assert outbox.state_of(digest) == REFUSED
        assert (told.batch, told.code) == (digest.hex()[:8], code)
        assert told.at.startswith(REFUSALS[code])
        assert after == before
        assert outbox.state_of(good) == ACKNOWLEDGED


def test_a_batch_that_breaks_its_chain_is_refused(world: Loopback) -> None:
    """`prev` is what makes a gap a fact."""
    with wayward(world, replace(Lane.new(), prev=b"\x07" * 48)) as outbox:
        upload = world.upload(outbox)
        world.seal(upload, outbox, RecordKind.TACTIC, a_tactic())

        world.run(upload.run())

        assert [(told.code, told.at) for told in outbox.refused()] == [("chain", "batch.prev")]


def test_two_batches_of_one_number_are_a_fork_and_the_source_is_held(world: Loopback) -> None:
    """Both are kept as evidence, and nothing more is taken from a source that signs two truths."""
    source = "src-fork"
    world.run(world.stand.admit_source(source))
    world.run(world.stand.issue_directory())
    key = world.stand.profile(source).signing_key()

    with wayward(world, Lane.new(), source) as outbox:
        upload = world.upload(outbox, source)
        for _ in range(2):
            records = world.labelled(upload, RecordKind.TACTIC, [a_tactic()], source)
            list(outbox.add(key, upload.ingest_key(), RecordKind.TACTIC, DataMode.SIMULATED, records))
        world.run(upload.run())
        states = outbox.tally().batches
        code = outbox.refused()[0].code
    with wayward(world, Lane.new(), source) as outbox:
        upload = world.upload(outbox, source)
        records = world.labelled(upload, RecordKind.TACTIC, [a_tactic()], source)
        list(outbox.add(key, upload.ingest_key(), RecordKind.TACTIC, DataMode.SIMULATED, records))
        world.waited(upload)
        held = [told.code for told in outbox.held_back()]

    assert states == {ACKNOWLEDGED: 1, REFUSED: 1}
    assert code == "fork"
    assert held == ["source-held"]


def test_a_number_ahead_waits_until_the_one_before_it_has_come(world: Loopback) -> None:
    """Nothing is consumed by a batch that is early: it is neither stored nor refused, and taken later."""
    with world.outbox("behind") as behind:
        upload = world.upload(behind)
        [first] = world.seal(upload, behind, RecordKind.TACTIC, a_tactic())
        about = world.labelled(upload, RecordKind.TACTIC, [a_tactic()])[0].portions[0].label.decode()
        with wayward(world, behind.lane(about)) as ahead:
            early = world.upload(ahead)
            [second] = world.seal(early, ahead, RecordKind.TACTIC, a_tactic())
            world.waited(early)
            waited = [(told.batch, told.code) for told in ahead.held_back()]
            assert ahead.state_of(second) == WAITING

            world.run(upload.run())
            world.run(early.run())

            assert waited == [(second.hex()[:8], "number-ahead")]
            assert behind.state_of(first) == ahead.state_of(second) == ACKNOWLEDGED


def test_whoever_is_no_admitted_source_is_denied_and_keeps_its_records(world: Loopback, tmp_path: Path) -> None:
    """Unknown and suspended sources hear one thing, and nothing that waits is lost by it."""
    profile = world.stand.profile(SOURCE)
    request = world.stand.bundles[SOURCE].certificate_request
    ghost = world.stand.authority.issue(request, PartyKind.SOURCE, "src-ghost", now=datetime.now(UTC))
    heard = []

    with world.outbox("kept") as outbox:
        upload = world.upload(outbox)
        [digest] = world.seal(upload, outbox, RecordKind.TACTIC, a_tactic())
        with pytest.raises(Refused) as denied:
            world.run(Upload(replace(profile, certificate_pem=ghost), outbox, quiet).run())
        heard.append(denied.value)
        world.run(world.stand.suspend(PartyKind.SOURCE, SOURCE))
        with pytest.raises(Refused) as denied:
            world.run(upload.run())
        heard.append(denied.value)
        world.run(world.stand.resume(PartyKind.SOURCE, SOURCE))
        world.run(upload.run())

        assert outbox.state_of(digest) == ACKNOWLEDGED
    assert {error.code for error in heard} == {"denied"}
    assert all("1 records are kept in the outbox" in error.message for error in heard)
    assert all("do not delete the outbox" in error.do for error in heard)
