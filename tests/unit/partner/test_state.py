"""What was handed up counts at once, and is on the disk only with the caller's word that its sink has it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from clients.partner.events import OldDisclosure, Records
from clients.partner.sections import ReceivedPortion, ReceivedRecord
from clients.partner.state import PartnerState
from gateway.core.control.trust import Trust
from gateway.core.errors import CallerError, Fault
from gateway.core.ledger.receipt import Quarantined
from gateway.core.suite.numbers import DataMode, RecordKind, RefusalCode
from gateway.core.suite.tree import leaf_hash
from tests.reference.making import GENESIS
from tests.unit.ledger.honest import LEDGER_PUBLIC, MINE, a_gateway

TRUST = Trust.begin(GENESIS)
BATCH = b"\x07" * 48
TELEMETRY = 1 << RecordKind.TELEMETRY
SOME = Quarantined(BATCH, 9, RefusalCode.LABEL)


def opened(path: Path, account_id: bytes = MINE) -> PartnerState:
    """The state in this file."""
    return PartnerState(path, GENESIS, account_id)


def record(idx: int, mask: int) -> ReceivedRecord:
    """A record as it was handed up."""
    portion = ReceivedPortion("about", "UKR.1 DSK", 1, {})
    return ReceivedRecord(
        id=f"07070707.{idx}",
        batch_digest=BATCH,
        idx=idx,
        record_id=bytes(16),
        kind=RecordKind.TELEMETRY,
        data_mode=DataMode.TEST,
        source_id="src-1",
        mask=mask,
        new_mask=mask,
        portions=(portion,),
    )


def frame(entry: bytes, *records: ReceivedRecord, aside: tuple[Quarantined, ...] = ()) -> Records:
    """A frame as it was handed up; its cursor is named after its entry."""
    return Records(records, aside, 0, entry, b"behind " + entry)


def owing(state: PartnerState, *entries: bytes) -> None:
    """An honest gateway's tick over these entries; they are owed now."""
    _, message = a_gateway(*entries).message(0, 0)
    state.ledger.begin_stream()
    state.ledger.accept(message, [], LEDGER_PUBLIC)
    state.save_tick(TRUST)


def kept(path: Path) -> tuple[int, int, bytes]:
    """(disclosures held, owed, cursor) on disk."""
    with closing(opened(path)) as state:
        return state.ledger.held.size, len(state.ledger.owed), state.cursor


@pytest.mark.must("6.6.1")
def test_a_frame_is_kept_by_the_flush_that_follows_it(tmp_path: Path) -> None:
    """Cursor, masks, disclosure, what was set aside, and the sink's note, as one."""
    with closing(opened(tmp_path / "state")) as state:
        owing(state, b"first", b"second")
        state.ledger.settle(b"first")
        state.take_frame(frame(b"first", record(0, 1), record(1, 3), aside=(SOME,)))

        state.save_flushed(TRUST, b"the sink's note", TELEMETRY)

    with closing(opened(tmp_path / "state")) as state:
        assert (state.ledger.held.size, len(state.ledger.owed), state.cursor) == (1, 1, b"behind first")
        assert (state.sink_note, state.kinds, state.records) == (b"the sink's note", TELEMETRY, 2)
        assert (state.held(BATCH, 0), state.held(BATCH, 1), state.held(BATCH, 2)) == (1, 3, 0)
        assert state.is_entry_held(leaf_hash(b"first"))
        assert not state.is_entry_held(leaf_hash(b"second"))
        assert state.aside(10) == (SOME,)


@pytest.mark.must("6.6.2")
def test_a_frame_without_a_flush_is_asked_for_again(tmp_path: Path) -> None:
    """In memory it counts at once, so that nothing comes twice; after a crash it was never there."""
    with closing(opened(tmp_path / "state")) as state:
        owing(state, b"first")
        state.ledger.settle(b"first")
        state.take_frame(frame(b"first", record(0, 1)))

        assert (state.held(BATCH, 0), state.cursor) == (1, b"behind first")
        assert state.is_entry_held(leaf_hash(b"first"))

    assert kept(tmp_path / "state") == (0, 1, b"")


@pytest.mark.must("6.6.2")
def test_a_tick_does_not_keep_what_was_not_flushed(tmp_path: Path) -> None:
    """It says how far the ledger is seen, not how far the caller's sink is."""
    with closing(opened(tmp_path / "state")) as state:
        owing(state, b"first")
        state.ledger.settle(b"first")
        state.take_frame(frame(b"first", record(0, 1)))

        state.save_tick(TRUST)

    assert kept(tmp_path / "state") == (0, 1, b"")


@pytest.mark.must("6.6.1")
def test_an_old_disclosure_waits_for_no_flush(tmp_path: Path) -> None:
    """It brings no records: there is nothing the caller's sink could have."""
    with closing(opened(tmp_path / "state")) as state:
        owing(state, b"old")
        state.ledger.settle(b"old")
        state.take_old(OldDisclosure(b"old"))

        state.save_olds(TRUST)

        assert state.is_entry_held(leaf_hash(b"old"))
    assert kept(tmp_path / "state") == (1, 0, b"")


@pytest.mark.must("6.6.2")
def test_an_old_disclosure_behind_an_unflushed_frame_waits_with_it(tmp_path: Path) -> None:
    """An account has no gaps: what lies behind the frame is held only when the frame is."""
    with closing(opened(tmp_path / "state")) as state:
        owing(state, b"first", b"old")
        state.ledger.settle(b"first")
        state.take_frame(frame(b"first", record(0, 1)))
        state.ledger.settle(b"old")
        state.take_old(OldDisclosure(b"old"))

        state.save_olds(TRUST)
        before = kept_elsewhere(tmp_path)
        state.save_flushed(TRUST, b"", TELEMETRY)

    assert before == (0, 2, b"")
    assert kept(tmp_path / "state") == (2, 0, b"behind first")


def kept_elsewhere(folder: Path) -> tuple[int, int, bytes]:
    """What is on the disk of a state that is open: as a crash would leave it."""
    (folder / "copy").write_bytes((folder / "state").read_bytes())
    return kept(folder / "copy")


@pytest.mark.must("5.5.21")
def test_a_wider_mask_replaces_the_narrower(tmp_path: Path) -> None:
    """The union is what the caller has."""
    with closing(opened(tmp_path / "state")) as state:
        for entry, mask in ((b"first", 1), (b"second", 5)):
            state.take_frame(frame(entry, record(0, mask)))
            state.save_flushed(TRUST, b"", TELEMETRY)

        assert (state.held(BATCH, 0), state.records) == (5, 1)


@pytest.mark.must("6.5.1")
def test_what_a_receipt_has_said_is_in_no_later_one(tmp_path: Path) -> None:
    """At most as many as a receipt holds, the others in the next."""
    others = tuple(Quarantined(BATCH, idx, RefusalCode.SCHEMA) for idx in range(3))
    with closing(opened(tmp_path / "state")) as state:
        state.take_frame(frame(b"first", aside=others))
        assert state.aside(10) == ()
        state.save_flushed(TRUST, b"", TELEMETRY)

        said = state.aside(2)
        state.forget_aside(said)

        assert (said, state.aside(10)) == (others[:2], others[2:])


def test_from_the_start_forgets_the_cursor_and_nothing_else(tmp_path: Path) -> None:
    """What is held is still not handed up twice."""
    with closing(opened(tmp_path / "state")) as state:
        state.take_frame(frame(b"first", record(0, 1)))
        state.save_flushed(TRUST, b"", TELEMETRY)

        state.forget_cursor()

        assert (state.cursor, state.held(BATCH, 0)) == (b"", 1)


@pytest.mark.must("6.6.1")
def test_trust_outlives_the_process(tmp_path: Path) -> None:
    """A partner that forgot the newest directory could be shown an older one."""
    with closing(opened(tmp_path / "state")) as state:
        assert state.trust(TRUST) is TRUST
        state.save_tick(TRUST)

    with closing(opened(tmp_path / "state")) as state:
        assert state.trust(Trust.begin(b"\x02" * 48)).genesis == GENESIS


def test_a_state_is_of_one_subscription(tmp_path: Path) -> None:
    """Another account's leaves would be taken for missing."""
    opened(tmp_path / "state").close()

    with pytest.raises(CallerError) as refused:
        opened(tmp_path / "state", b"another account")

    assert refused.value.code == "state-of-another"


def test_a_damaged_ledger_state_is_a_fault(tmp_path: Path) -> None:
    """It is not begun anew in silence: that would forget what was seen."""
    with closing(opened(tmp_path / "state")) as state:
        state._file.put("ledger", b"no ledger state")

    with pytest.raises(Fault) as refused:
        opened(tmp_path / "state")

    assert refused.value.code == "state-unusable"


@pytest.mark.must("6.6.1")
def test_after_a_failed_flush_nothing_is_saved(tmp_path: Path) -> None:
    """In memory the frame was settled; a later tick must not carry that to the disk without its records."""
    with closing(opened(tmp_path / "state")) as state:
        owing(state, b"first")
        state.ledger.settle(b"first")
        many = [record(idx, 1) for idx in range(250)]
        state.take_frame(frame(b"first", *many, aside=(SOME,)))
        pages = state._file.rows("PRAGMA page_count")[0][0]
        state._file.db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Fault) as full:
            state.save_flushed(TRUST, bytes(1 << 16), TELEMETRY)
        state._file.db.execute("PRAGMA max_page_count = 100000")
        with pytest.raises(Fault) as latched:
            state.save_tick(TRUST)

    assert (full.value.code, latched.value.code) == ("state-not-saved", "state-not-saved")
    assert kept(tmp_path / "state") == (0, 1, b"")
