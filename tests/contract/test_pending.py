"""What the port `PendingStore` promises, sentence by sentence, of the file and of the double."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.adapters.memory import UnsafeMemoryPending
from gateway.adapters.pending import FILE, PendingFile
from gateway.core.errors import Fault
from gateway.ports.pending import PendingStore
from tests.contract.sentences import Contract

CONTRACT = Contract(PendingStore)
KEK, GENESIS = bytes(range(32)), bytes(48)


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PendingStore:
    """One adapter's store, with nothing saved."""
    return UnsafeMemoryPending() if request.param == "memory" else PendingFile(tmp_path, KEK, GENESIS)


@CONTRACT.holds(
    "Bytes that are nobody's decision yet: nothing a stream decides on depends on them.",
    "`load` gives no bytes where nothing was saved.",
    "What was last saved.",
    "Replaces what was saved before;",
)
def test_what_was_saved_last_is_what_is_loaded(store: PendingStore) -> None:
    """The newest list is the list."""
    assert store.load() == b""
    for content in (b"one", b"", b"two" * 1000):
        store.save(content)

        assert store.load() == content


@CONTRACT.holds("`save` is durable when it returns, and atomic.")
def test_another_process_finds_it_and_nothing_of_the_one_before(tmp_path: Path) -> None:
    """Of the file only: memory is for tests. What a crash left half written is never looked at."""
    PendingFile(tmp_path, KEK, GENESIS).save(b"kept")
    (tmp_path / f"{FILE}.new").write_bytes(b"half")

    assert PendingFile(tmp_path, KEK, GENESIS).load() == b"kept"
    PendingFile(tmp_path, KEK, GENESIS).save(b"next")
    assert PendingFile(tmp_path, KEK, GENESIS).load() == b"next"
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def _flip(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@CONTRACT.holds('`load` raises `Fault("pending-damaged")` for anything but what was last saved here for this genesis.')
@pytest.mark.parametrize("damage", [_flip, lambda content: content[:20], lambda content: b"x" + content, lambda _: b""])
def test_a_file_that_was_changed_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """Nobody adds a change to the list by way of the disk."""
    store = PendingFile(tmp_path, KEK, GENESIS)
    store.save(b"kept")
    path = tmp_path / FILE
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(Fault) as caught:
        store.load()
    assert caught.value.code == "pending-damaged"


@pytest.mark.parametrize(("kek", "genesis"), [(bytes(32), GENESIS), (KEK, bytes([1]) * 48)])
def test_the_file_of_another_store_is_refused(tmp_path: Path, kek: bytes, genesis: bytes) -> None:
    """It was signed for another gateway, or by way of another key."""
    PendingFile(tmp_path, kek, genesis).save(b"kept")

    with pytest.raises(Fault) as caught:
        PendingFile(tmp_path, KEK, GENESIS).load()
    assert caught.value.code == "pending-damaged"


@CONTRACT.holds('`Fault("pending-not-written")` if it cannot be written.')
def test_a_list_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    """Whoever asked must not be told that it waits."""
    with pytest.raises(Fault) as caught:
        PendingFile(tmp_path / "none", KEK, GENESIS).save(b"kept")
    assert caught.value.code == "pending-not-written"


def test_what_is_pending_is_not_to_be_read_from_the_disk(tmp_path: Path) -> None:
    """Encryption at rest holds for proposals too, and the file is its owner's alone."""
    PendingFile(tmp_path, KEK, GENESIS).save(b"agreement with a partner")

    assert b"partner" not in (tmp_path / FILE).read_bytes()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_every_sentence_of_the_port_is_held() -> None:
    """The port promises nothing that no test shows."""
    assert CONTRACT.unheld() == []
