"""What is signed is in the outbox once, sealed, until the source's own account has decided it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from clients.source.batcher import Lane
from clients.source.outbox import ACKNOWLEDGED, REFUSED, STORED, WAITING, Outbox, Outcome, Told
from gateway.core.control.trust import Trust
from gateway.core.errors import CallerError, Fault
from gateway.core.records.portion import Portion
from gateway.core.records.states import RecordInput, parse_batch_item
from gateway.core.sealing.parcel import ParcelReader, parse_parcel_header
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import MAX_PARCEL_BATCHES, DataMode, RecordKind, Schema
from tests.reference.making import GENESIS

KEY = SigningKey.generate()
INGEST = KemKey.generate()
SOURCE = "src-1"
TRUST = Trust.begin(GENESIS)
LABELS = (b"UKR.1 DSK", b"UKR.1 T")


def opened(folder: Path) -> Outbox:
    """The outbox in this folder."""
    return Outbox(folder, GENESIS, SOURCE)


def add(outbox: Outbox, *labels: bytes) -> list[bytes]:
    """One record a label; H(B) of each batch."""
    records = [RecordInput(Schema.TACTIC_1, 1, 8, (Portion(0, label, b"content"),)) for label in labels]
    return [digest for digest, _ in outbox.add(KEY, INGEST.public_key, RecordKind.TACTIC, DataMode.TEST, records)]


def items(outbox: Outbox, number: int) -> list[bytes]:
    """A parcel's items."""
    found, place = [], 0
    while (item := outbox.item(number, place)) is not None:
        found.append(item)
        place += 1
    return found


@pytest.mark.must("6.6.3")
def test_a_batch_waits_until_it_is_decided(tmp_path: Path) -> None:
    """The gateway's word changes what is said of it; only an outcome of the account lets it go."""
    with closing(opened(tmp_path)) as outbox:
        digest, other = add(outbox, *LABELS)
        assert (outbox.state_of(digest), outbox.open_batches()) == (WAITING, 2)

        outbox.mark_stored(digest)
        assert (outbox.state_of(digest), len(outbox.parcels())) == (STORED, 1)

        outbox.settle(TRUST, [Outcome(digest, "")])
        assert (outbox.state_of(digest), len(outbox.parcels())) == (ACKNOWLEDGED, 1)

        outbox.settle(TRUST, [Outcome(other, "range")])
        assert (outbox.state_of(other), outbox.parcels(), outbox.open_batches()) == (REFUSED, [], 0)


@pytest.mark.must("3.3.2", "3.6.8")
def test_the_gateway_can_read_it_and_this_machine_cannot(tmp_path: Path) -> None:
    """Sealed as it is signed; the secret is nowhere in the file."""
    with closing(opened(tmp_path)) as outbox:
        [digest] = add(outbox, LABELS[0])
        [number] = outbox.parcels()
        batch, closing_item = items(outbox, number)

        reader = ParcelReader(parse_parcel_header(outbox.header(number)), INGEST)
        plaintext = reader.open(batch)

        assert plaintext is not None
        item = parse_batch_item(plaintext)
        assert item.signed.digest == digest
        assert reader.open(closing_item) is None
        assert reader.complete
        secret = secret_of(outbox, number)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert digest in kept
    assert not [one for one in (b"content", item.seed, secret) if one in kept]


def secret_of(outbox: Outbox, number: int) -> bytes:
    """What a parcel is sealed under, as the gateway finds it."""
    header = parse_parcel_header(outbox.header(number))
    return INGEST.open(header.sealed, header.opening, "parcel")


@pytest.mark.must("3.6.7")
def test_each_parcel_has_an_id_and_a_secret_of_its_own(tmp_path: Path) -> None:
    """Two parcels of one source, made a moment apart: what opens one opens no other."""
    with closing(opened(tmp_path)) as outbox:
        for _ in range(3):
            add(outbox, LABELS[0])
        numbers = outbox.parcels()

        assert len({parse_parcel_header(outbox.header(number)).parcel_id for number in numbers}) == 3
        assert len({secret_of(outbox, number) for number in numbers}) == 3


@pytest.mark.must("3.4.4", "3.4.5")
def test_each_label_has_a_lane_and_a_lost_outbox_begins_new_ones(tmp_path: Path) -> None:
    """What the lost one signed is known to the gateway: a number used again would be a fork."""
    lanes = []
    for life in ("first", "second"):
        with closing(opened(tmp_path / life)) as outbox:
            add(outbox, *LABELS)
            lanes += [outbox.lane(label.decode()) for label in LABELS]

    assert len({lane.lane for lane in lanes}) == 4
    assert {len(lane.lane) for lane in lanes} == {16}
    assert [lane.next_no for lane in lanes] == [1] * 4


@pytest.mark.must("3.4.6", "6.6.3")
def test_a_lane_goes_on_after_the_process_ended(tmp_path: Path) -> None:
    """One lane a label, its number and chain kept with the batch: never two batches of one number."""
    with closing(opened(tmp_path)) as outbox:
        add(outbox, LABELS[0])
        before = outbox.lane("UKR.1 DSK")
    with closing(opened(tmp_path)) as outbox:
        [digest] = add(outbox, LABELS[0])
        after = outbox.lane("UKR.1 DSK")

        assert (before.next_no, after) == (1, Lane(before.lane, 2, digest))
        assert outbox.lane("UKR.1 T").next_no == 0


@pytest.mark.must("3.6.9")
def test_a_parcel_holds_as_many_batches_as_the_format_lets_it(tmp_path: Path) -> None:
    """The secret of a full one is forgotten."""
    with closing(opened(tmp_path)) as outbox:
        digests = add(outbox, *(LABELS[number % 2] for number in range(MAX_PARCEL_BATCHES + 1)))
        first, second = outbox.parcels()

        assert len(set(digests)) == MAX_PARCEL_BATCHES + 1
        assert (len(items(outbox, first)), len(items(outbox, second))) == (MAX_PARCEL_BATCHES + 1, 2)


@pytest.mark.must("6.6.3")
def test_a_crash_while_signing_leaves_whole_batches(tmp_path: Path) -> None:
    """A parcel without its closing item is open, and its batches count all the same."""
    with closing(opened(tmp_path)) as outbox:
        records = [RecordInput(Schema.TACTIC_1, 1, 8, (Portion(0, label, b"x"),)) for label in LABELS]
        signing = outbox.add(KEY, INGEST.public_key, RecordKind.TACTIC, DataMode.TEST, records)
        next(signing)
        signing.close()
    with closing(opened(tmp_path)) as outbox:
        [number] = outbox.parcels()

        assert outbox.tally().batches == {WAITING: 1}
        assert len(items(outbox, number)) == 1


def test_why_a_batch_waits_is_told_until_it_does_not(tmp_path: Path) -> None:
    """And what was told changes nothing that is decided."""
    with closing(opened(tmp_path)) as outbox:
        digest, done = add(outbox, *LABELS)
        outbox.settle(TRUST, [Outcome(done, "")])
        outbox.explain(done, "range", "record 0")

        outbox.explain(digest, "number-ahead", "")
        assert outbox.held_back() == [Told(digest.hex()[:8], "number-ahead", "")]

        outbox.mark_stored(digest)
        assert outbox.held_back() == outbox.refused() == []


def test_an_unknown_batch_has_no_state(tmp_path: Path) -> None:
    """Nor a parcel that anybody wants."""
    with closing(opened(tmp_path)) as outbox:
        assert outbox.state_of(bytes(48)) is None
        assert not outbox.is_wanted(7, WAITING, STORED)


@pytest.mark.must("6.6.3")
def test_trust_and_ledger_outlive_the_process(tmp_path: Path) -> None:
    """A source that forgot them could be shown an older truth."""
    with closing(opened(tmp_path)) as outbox:
        assert outbox.trust(TRUST) is TRUST
        outbox.save_trust(TRUST)
        outbox.save_trust(TRUST)
        outbox.settle(TRUST, [])
    with closing(opened(tmp_path)) as outbox:
        assert outbox.trust(Trust.begin(b"\x02" * 48)).genesis == GENESIS
        assert outbox.ledger.held.size == 0


def test_an_outbox_is_of_one_source(tmp_path: Path) -> None:
    """Two sources' lanes in one file would end as forks."""
    opened(tmp_path).close()

    with pytest.raises(CallerError) as refused:
        Outbox(tmp_path, GENESIS, "src-2")

    assert refused.value.code == "outbox-of-another"


def test_a_damaged_ledger_state_is_a_fault(tmp_path: Path) -> None:
    """It is not begun anew in silence: that would forget what was seen."""
    with closing(opened(tmp_path)) as outbox:
        outbox._file.put("ledger", b"no ledger state")

    with pytest.raises(Fault) as refused:
        opened(tmp_path)

    assert refused.value.code == "outbox-unusable"


def test_a_full_disk_signs_nothing_twice(tmp_path: Path) -> None:
    """A batch that could not be kept was never there: its number is free again."""
    with closing(opened(tmp_path)) as outbox:
        add(outbox, LABELS[0])
        before = outbox.lane("UKR.1 DSK")
        pages = outbox._file.rows("PRAGMA page_count")[0][0]
        outbox._file.db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Fault) as full:
            add(outbox, *(LABELS * 20))
        signed = outbox.tally().batches[WAITING]
    assert full.value.code == "outbox-not-saved"
    with closing(opened(tmp_path)) as outbox:
        lanes = [outbox.lane(label.decode()) for label in LABELS]
        assert sum(lane.next_no for lane in lanes) == outbox.tally().batches[WAITING] == signed
        assert lanes[0].lane == before.lane
