"""What the port `Floor` promises, sentence by sentence, of the file and of the double."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.adapters.floor import FloorFile
from gateway.adapters.memory import UnsafeMemoryFloor
from gateway.core.errors import Fault
from gateway.ports.floor import Floor, FloorMark
from tests.contract.sentences import Contract

CONTRACT = Contract(Floor)
LIFE = bytes(range(16))
MARK = FloorMark(LIFE, 7, 3)


@pytest.fixture(params=["file", "memory"])
def floor_at(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[FloorMark | None], Floor]:
    """Makes one adapter's floor with a mark, or a missing one."""

    def make(mark: FloorMark | None) -> Floor:
        if request.param == "memory":
            return UnsafeMemoryFloor(mark)
        return FloorFile(tmp_path / "floor") if mark is None else FloorFile.create(tmp_path / "floor", mark)

    return make


@pytest.mark.must("7.5.2")
@CONTRACT.holds(
    "Kept outside the store, so that an older store put back in its place is noticed.",
    "`raise_to` is durable when it returns, replaces the mark atomically, and never lowers it"
    ' (`Fault("floor-lowered")`).',
    "Writes a mark that is not below the present one, of the same incarnation.",
    "The mark last written.",
)
@pytest.mark.parametrize(
    ("mark", "kept"),
    [
        (FloorMark(LIFE, 8, 3), True),
        (FloorMark(LIFE, 7, 4), True),
        (FloorMark(LIFE, 2**63, 2**63), True),
        (FloorMark(LIFE, 6, 3), False),
        (FloorMark(LIFE, 7, 2), False),
        (FloorMark(LIFE, 9, 2), False),
        (FloorMark(LIFE, 0, 9), False),
    ],
)
def test_the_mark_rises_and_never_falls(
    floor_at: Callable[[FloorMark | None], Floor], mark: FloorMark, kept: bool
) -> None:
    """A floor that could be lowered would let an older store pass."""
    floor = floor_at(MARK)

    if kept:
        floor.raise_to(mark)
    else:
        with pytest.raises(Fault, match="floor-lowered"):
            floor.raise_to(mark)

    assert floor.read() == (mark if kept else MARK)


@pytest.mark.must("7.5.3")
@CONTRACT.holds(
    'A mark of another incarnation is refused (`Fault("floor-incarnation")`): only a restore may begin a new one.'
)
def test_a_mark_of_another_incarnation_is_refused(floor_at: Callable[[FloorMark | None], Floor]) -> None:
    """A store restored behind the operators' backs has another incarnation."""
    floor = floor_at(MARK)

    with pytest.raises(Fault, match="floor-incarnation"):
        floor.raise_to(FloorMark(bytes(16), 8, 4))

    assert floor.read() == MARK


@CONTRACT.holds(
    "`begin` is as durable and as atomic, whatever was there before, or nothing.",
    "Writes the first mark of an incarnation.",
)
@pytest.mark.parametrize("before", [MARK, FloorMark(bytes(16), 2**63, 2**63), None])
def test_a_restore_begins_a_new_floor(floor_at: Callable[[FloorMark | None], Floor], before: FloorMark | None) -> None:
    """The quorum said what was kept; the old floor, or that there was none, says nothing any more."""
    floor = floor_at(before)

    floor.begin(FloorMark(LIFE, 0, 2))

    assert floor.read() == FloorMark(LIFE, 0, 2)


@CONTRACT.holds("raising to the present mark changes nothing.")
def test_raising_to_the_present_mark_changes_nothing(floor_at: Callable[[FloorMark | None], Floor]) -> None:
    """An idle gateway writes its mark again and again."""
    floor = floor_at(MARK)

    floor.raise_to(MARK)

    assert floor.read() == MARK


@CONTRACT.holds(
    '`read` and `raise_to` raise `Fault("floor-missing")` when there is none,',
    '`Fault("floor-damaged")` when it is not whole.',
)
def test_a_missing_floor_is_said(floor_at: Callable[[FloorMark | None], Floor]) -> None:
    """Deleting the floor must not be a way around it; damage is tried byte by byte in tests/unit/adapters."""
    floor = floor_at(None)

    with pytest.raises(Fault, match="floor-missing"):
        floor.read()
    with pytest.raises(Fault, match="floor-missing"):
        floor.raise_to(MARK)


@CONTRACT.holds("calls may come from any thread, one after another.")
def test_marks_from_many_threads_leave_the_highest(floor_at: Callable[[FloorMark | None], Floor]) -> None:
    """The mark is written beside the loop, so two writers may meet."""
    floor = floor_at(MARK)
    unexpected: list[str] = []

    def raise_some(first: int) -> None:
        for tick in range(first, 64, 4):
            try:
                floor.raise_to(FloorMark(LIFE, tick, 3))
            except Fault as fault:
                if fault.code != "floor-lowered":
                    unexpected.append(fault.code)

    threads = [threading.Thread(target=raise_some, args=(8 + i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not unexpected
    assert floor.read() == FloorMark(LIFE, 63, 3)


def test_every_sentence_of_the_port_is_held() -> None:
    """A promise that no test quotes is a wish."""
    assert CONTRACT.unheld() == []
