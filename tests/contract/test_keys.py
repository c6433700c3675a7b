"""What the port `Keys` promises, sentence by sentence, of the key files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.adapters.keyfiles import KeyFiles
from gateway.adapters.keyfiles.keys import KeyFileSet
from gateway.core.errors import Fault
from gateway.core.suite.keys import SIGN_KEY_BYTES, VerifyKey, seal_to
from gateway.core.suite.numbers import Role
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
    "It is never replaced.",
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
    "Made by `sluice init`, and the next set by `sluice rotate`; private halves never leave the process.",
    "Those in use are read at start and whenever `use` is called.",
    "Repeat calls return the same key until `use` has found another set.",
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


def yes(role: Role, key_id: bytes) -> bool:
    """Everything is endorsed."""
    return True


def of(made: KeyFileSet) -> Callable[[Role, bytes], bool]:
    """The keys of that set are endorsed, and no others."""
    ids = {made.stream().key_id, made.ledger().key_id, made.ingest().key_id}
    return lambda role, key_id: key_id in ids


@CONTRACT.holds(
    "Looks for sets made since, and uses the newest of which every key is endorsed; else the one it used.",
    "is_endorsed: of a role and a key id.",
    "Whether another set is in use than before.",
)
def test_the_newest_set_is_used_once_all_its_keys_are_endorsed(folder: Path) -> None:
    """A gateway that runs finds what was made beside it, and signs with nothing that a reader could not know."""
    keys = KeyFiles(folder)
    first, made = keys.stream().key_digest, KeyFiles(folder).create_next()

    untold = keys.use(lambda role, key_id: key_id != made.ingest().key_id)
    stayed = keys.stream().key_digest
    taken = [keys.use(yes), keys.use(yes)]

    assert (untold, stayed) == (False, first)
    assert taken == [True, False]
    digests = (keys.stream().key_digest, keys.ledger().key_digest, keys.ingest().key_digest)
    assert digests == made.digests
    assert KeyFiles(folder).stream().key_digest == first
    assert keys.use(lambda role, key_id: False) is False
    assert keys.stream().key_digest == made.stream().key_digest


@CONTRACT.holds(
    "The key of that id, in use, next or retired: what was sealed to it is opened.",
    "None once it is destroyed.",
    "Deletes a private half for good, from the disk and here; whether it was there.",
    "Never one that is in use.",
)
def test_a_former_key_opens_until_it_is_destroyed_and_one_in_use_is_not(folder: Path) -> None:
    """A parcel may wait for weeks on a stick; after that, nobody opens it who takes the machine."""
    keys = KeyFiles(folder)
    former = (keys.stream(), keys.ledger(), keys.ingest())
    made = keys.create_next()
    assert [keys.destroy(key.key_digest) for key in former] == [False, False, False]
    keys.use(of(made))

    signing = [keys.destroy(key.key_digest) for key in former[:2]]
    opens = [one.opener(former[2].key_id) for one in (keys, KeyFiles(folder))]
    destroyed = [keys.destroy(former[2].key_digest), keys.destroy(former[2].key_digest)]

    assert signing == [True, True]
    assert [key and key.key_digest for key in opens] == [former[2].key_digest] * 2
    assert destroyed == [True, False]
    assert [one.opener(former[2].key_id) for one in (keys, KeyFiles(folder))] == [None, None]
    assert sorted(path.name for path in folder.iterdir()) == [
        "cursor.key",
        "ingest.2.pem",
        "ledger.2.pem",
        "stream.2.pem",
    ]
    assert KeyFiles(folder).stream().key_digest == made.stream().key_digest
    assert keys.opener(made.ingest().key_id) is not None


def test_a_set_that_a_crash_left_half_made_is_passed_by(folder: Path) -> None:
    """Nobody was told of it, and the next has a number of its own."""
    first = KeyFiles(folder).stream().key_digest
    shutil.copy(folder / "stream.pem", folder / "stream.2.pem")

    keys = KeyFiles(folder)
    made = keys.create_next()

    assert keys.stream().key_digest == first
    assert made.number == 3
    with pytest.raises(Fault, match="rotation-open"):
        keys.create_next()


def test_one_key_in_two_sets_stops_the_start(folder: Path) -> None:
    """A next key that is the present one would be no rotation."""
    made = KeyFiles(folder).create_next()
    shutil.copy(folder / "stream.pem", folder / f"stream.{made.number}.pem")

    with pytest.raises(Fault, match="key-reused"):
        KeyFiles(folder)


def test_every_sentence_of_the_port_is_held() -> None:
    """A promise that no test quotes is a wish."""
    assert CONTRACT.unheld() == []
