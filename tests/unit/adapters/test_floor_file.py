"""The floor's file: whole or refused, replaced at once, and the owner's alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gateway.adapters.floor import FloorFile
from gateway.core.errors import CallerError, Fault
from gateway.ports.floor import FloorMark

MARK = FloorMark(bytes(range(16)), 88_412, 129)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a floor that has `MARK`."""
    FloorFile.create(tmp_path / "floor", MARK)
    return tmp_path / "floor"


def test_the_file_is_as_described(path: Path) -> None:
    """An operator may have to write one by hand after a loss."""
    content = path.read_bytes()

    assert content[:-48] == b"SLUICE1/floor\x00\x01" + MARK.incarnation + (88_412).to_bytes(8, "big") + (129).to_bytes(
        8, "big"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_byte_of_the_file_counts(path: Path) -> None:
    """A bit that flipped must not lower the floor, nor raise it."""
    whole = path.read_bytes()
    damaged = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    cut = [whole[:at] for at in range(len(whole))]

    for content in [*damaged, *cut, whole + b"\x00"]:
        path.write_bytes(content)
        with pytest.raises(Fault) as caught:
            FloorFile(path).read()
        assert (caught.value.code, caught.value.at) == ("floor-damaged", str(path))


def test_a_damaged_floor_is_not_raised_either(path: Path) -> None:
    """Writing over it would turn a damage into a floor."""
    path.write_bytes(b"")

    with pytest.raises(Fault, match="floor-damaged"):
        FloorFile(path).raise_to(MARK)

    assert path.read_bytes() == b""


@pytest.mark.must("7.5.1")
def test_what_a_crash_left_half_written_is_replaced(path: Path) -> None:
    """The new file gets its name only when it is whole; a leftover is never read and does not gather."""
    path.with_name("floor.new").write_bytes(b"half")
    higher = FloorMark(MARK.incarnation, 88_413, 129)

    before = FloorFile(path).read()
    FloorFile(path).raise_to(higher)

    assert before == MARK
    assert FloorFile(path).read() == higher
    assert [file.name for file in path.parent.iterdir()] == ["floor"]


def test_the_present_mark_is_not_written_again(path: Path) -> None:
    """An idle gateway must not wear out the card its floor is on."""
    inode = path.stat().st_ino

    FloorFile(path).raise_to(MARK)

    assert path.stat().st_ino == inode


def test_a_floor_that_cannot_be_written_is_a_fault(path: Path) -> None:
    """The disk of the floor may fail while the store's is well."""
    path.with_name("floor.new").mkdir()

    with pytest.raises(Fault, match="floor-not-written"):
        FloorFile(path).raise_to(FloorMark(MARK.incarnation, 88_413, 129))

    assert FloorFile(path).read() == MARK


def test_a_floor_is_made_once(path: Path) -> None:
    """Making it again would lower it."""
    with pytest.raises(Fault, match="floor-exists"):
        FloorFile.create(path, FloorMark(MARK.incarnation, 0, 0))

    assert FloorFile(path).read() == MARK


def test_a_floor_that_others_may_write_is_refused(path: Path) -> None:
    """Whoever can edit it can hide that the store was put back."""
    path.chmod(0o666)

    with pytest.raises(Fault, match="floor-file-open-to-others"):
        FloorFile(path).read()


def test_an_incarnation_of_another_length_is_refused(path: Path) -> None:
    """It would shift every field behind it."""
    with pytest.raises(CallerError, match="floor-mark"):
        FloorFile(path).raise_to(FloorMark(b"short", 88_413, 129))
