"""What the port `Keys` promises, sentence by sentence, of the key files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.adapters.keyfiles import KeyFiles
from gateway.core.errors import Fault
from gateway.core.suite.keys import SIGN_KEY_BYTES, VerifyKey, seal_to
from gateway.ports.keys import Keys
from tests.contract.sentences import Contract

CONTRACT = Contract(Keys)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the four keys of a gateway."""
    KeyFiles.create(tmp_path / "keys")
    return tmp_path / "keys"


@CONTRACT.holds(
    "Signs the opening of streams.",
    "Signs ticks.",
    "Opens parcels.",
    "32 bytes: seals the gateway's own notes that partners carry as cursors.",
    "One key, one purpose, one genesis:",
)
def test_each_key_does_its_work_and_is_a_key_of_its_own(folder: Path) -> None:
    """Two purposes under one key would let a message of the one pass for the other."""
    keys = KeyFiles(folder)
    public = [keys.stream().public_key, keys.ledger().public_key, keys.ingest().public_key]

    for signing in (keys.stream(), keys.ledger()):
        VerifyKey.parse(signing.public_key).verify(b"TAG", b"signed", signing.sign(b"TAG", b"signed"), "test")

    assert keys.ingest().open(seal_to(keys.ingest().public_key, b"info", b"secret"), b"info", "parcel") == b"secret"
    assert len(set(public)) == 3
    assert len(keys.stream().public_key) == SIGN_KEY_BYTES
    assert len(keys.cursor()) == 32


@CONTRACT.holds(
    "Made once by `sluice init`; private halves are read at start and never leave the process.",
    "Repeat calls return the same key.",
)
def test_keys_are_read_once_and_stay_the_same(folder: Path) -> None:
    """What is taken away on the disk stops the next start, not the running gateway."""
    made = KeyFiles(folder)
    again = KeyFiles(folder)
    shutil.rmtree(folder)

    assert again.stream().key_digest == made.stream().key_digest == again.stream().key_digest
    assert again.ledger().key_digest == made.ledger().key_digest
    assert again.ingest().key_digest == made.ingest().key_digest
    assert again.cursor() == made.cursor()


@CONTRACT.holds(
    "Absence or a file readable by others raises `Fault`: `key-missing`, `key-file-open-to-others`,"
    " `key-file-unreadable`.",
    "the same key under two purposes raises `key-reused`.",
)
@pytest.mark.parametrize("name", ["stream.pem", "ledger.pem", "ingest.pem", "cursor.key"])
def test_a_key_that_is_missing_open_to_others_or_no_key_stops_the_start(folder: Path, name: str) -> None:
    """A key that others may have read is not a secret, and a gateway without one has nothing to start for."""
    codes = []
    for spoil in (lambda f: f.chmod(0o640), lambda f: f.chmod(0o604), lambda f: f.write_bytes(b"no key"), Path.unlink):
        spoil(folder / name)
        with pytest.raises(Fault) as caught:
            KeyFiles(folder)
        assert caught.value.at == str(folder / name)
        codes.append(caught.value.code)
        (folder / name).touch(mode=0o600)
        (folder / name).chmod(0o600)

    assert codes == ["key-file-open-to-others", "key-file-open-to-others", "key-file-unreadable", "key-missing"]


def test_one_key_for_two_purposes_stops_the_start(folder: Path) -> None:
    """A copied file is the likeliest way to get there."""
    shutil.copy(folder / "stream.pem", folder / "ledger.pem")

    with pytest.raises(Fault, match="key-reused"):
        KeyFiles(folder)


def test_every_sentence_of_the_port_is_held() -> None:
    """A promise that no test quotes is a wish."""
    assert CONTRACT.unheld() == []
