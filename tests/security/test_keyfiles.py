"""Key files in a hostile filesystem: links, pipes, other owners, open modes, and the key beside what it protects."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import gateway
from gateway.adapters.keyfiles import KeyFiles, create_kek, read_kek
from gateway.adapters.owner_files import read_owner_file
from gateway.cli.main import sluice
from gateway.core.errors import Fault

GATEWAY = Path(gateway.__file__).parent
NAMES = ["stream.pem", "ledger.pem", "ingest.pem", "cursor.key"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the four keys of a gateway."""
    KeyFiles.create(tmp_path / "keys")
    return tmp_path / "keys"


def code_of(call: Callable[[], object]) -> str:
    """The code of the fault that a call raises."""
    with pytest.raises(Fault) as caught:
        call()
    return caught.value.code


def other_filesystem() -> Path:
    """A folder that is not where tests write; on Linux there is always one."""
    return Path("/proc")


def test_keys_are_made_for_their_owner_alone(folder: Path) -> None:
    """Mode 0600 from the first byte: a file that is closed afterwards was open before."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}

    assert modes == dict.fromkeys(NAMES, 0o600)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_wide_umask_opens_nothing(tmp_path: Path) -> None:
    """An administrator's shell may have any mask."""
    before = os.umask(0)
    try:
        KeyFiles.create(tmp_path / "keys")
    finally:
        os.umask(before)

    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_made_once_and_never_over_something(folder: Path, name: str) -> None:
    """Running `init` twice must not cost the gateway its identity, nor leave half of another one."""
    keys = {path.name: path.read_bytes() for path in folder.iterdir()}
    for other in NAMES:
        if other != name:
            (folder / other).unlink()

    code = code_of(lambda: KeyFiles.create(folder))

    assert code == "key-exists"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: keys[name]}


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    """Else whoever may write to the folder chooses where the new key goes."""
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "ledger.pem").symlink_to(tmp_path / "stolen")

    code = code_of(lambda: KeyFiles.create(tmp_path / "keys"))

    assert code == "key-exists"
    assert not (tmp_path / "stolen").exists()


def test_keys_need_a_place(tmp_path: Path) -> None:
    """A folder that cannot be made is said by name."""
    assert code_of(lambda: KeyFiles.create(tmp_path / "missing" / "keys")) == "key-not-written"


@pytest.mark.parametrize("mode", [0o601, 0o602, 0o604, 0o610, 0o620, 0o640, 0o660, 0o644, 0o777])
def test_a_key_that_anyone_else_may_touch_is_refused(folder: Path, mode: int) -> None:
    """Reading, writing or running: none of it is others' business."""
    (folder / "cursor.key").chmod(mode)

    assert code_of(lambda: KeyFiles(folder)) == "key-file-open-to-others"


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_is_refused(folder: Path, mode: int) -> None:
    """They could lay another key in its place, whatever the file's own mode."""
    folder.chmod(mode)

    assert code_of(lambda: KeyFiles(folder)) == "key-file-open-to-others"


@pytest.mark.must("7.2.5")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner can change it at will; as root one is made, as anyone else the system has plenty."""
    foreign = Path("/etc/passwd")
    if os.geteuid() == 0:
        foreign = tmp_path / "foreign"
        foreign.write_bytes(bytes(32))
        foreign.chmod(0o600)
        os.chown(foreign, 65_534, 65_534)

    with pytest.raises(Fault, match="must belong to user") as caught:
        read_owner_file(foreign, 1 << 20, "key")

    assert caught.value.code == "key-file-open-to-others"


@pytest.mark.parametrize("name", NAMES)
def test_a_link_is_not_followed(folder: Path, tmp_path: Path, name: str) -> None:
    """A link out of the folder hands the choice of the key to whoever owns the other end."""
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")

    assert code_of(lambda: KeyFiles(folder)) == "key-file-unreadable"


def test_a_linked_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """The same for all four at once."""
    (tmp_path / "linked").symlink_to(folder)

    assert code_of(lambda: KeyFiles(tmp_path / "linked")) == "key-file-unreadable"


@pytest.mark.parametrize(
    "lay",
    [
        lambda path: os.mkfifo(path, 0o600),
        lambda path: path.mkdir(mode=0o700),
        lambda path: path.write_bytes(bytes(70_000)),
    ],
    ids=["a pipe", "a folder", "a large file"],
)
def test_what_is_no_key_file_is_refused_at_once(folder: Path, lay: Callable[[Path], object]) -> None:
    """A pipe would let the start wait for ever, a large file would fill the memory."""
    (folder / "stream.pem").unlink()
    lay(folder / "stream.pem")
    if (folder / "stream.pem").is_file():
        (folder / "stream.pem").chmod(0o600)

    assert code_of(lambda: KeyFiles(folder)) == "key-file-unreadable"


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    """A wrong path in the settings is no reason to start without keys."""
    assert code_of(lambda: KeyFiles(tmp_path / "none")) == "key-missing"


@pytest.mark.parametrize(("name", "other"), [("stream.pem", "ingest.pem"), ("ingest.pem", "ledger.pem")])
def test_a_key_of_another_kind_is_refused(folder: Path, name: str, other: str) -> None:
    """A KEM key cannot sign, and must not be asked to."""
    (folder / name).write_bytes((folder / other).read_bytes())

    with pytest.raises(Fault) as caught:
        KeyFiles(folder)

    assert (caught.value.code, caught.value.at) == ("key-file-unreadable", str(folder / name))


def test_no_error_shows_what_is_in_a_key_file(folder: Path) -> None:
    """Errors end in logs and on screens."""
    secret = b"-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----\n"
    (folder / "stream.pem").write_bytes(secret * 2)

    with pytest.raises(Fault) as caught:
        KeyFiles(folder)

    assert "SECRET" not in str(caught.value)


def test_the_stores_key_is_not_made_beside_the_store(tmp_path: Path) -> None:
    """A thief of the disk would have both."""
    code = code_of(lambda: create_kek(tmp_path / "store.kek", tmp_path / "later" / "store"))

    assert code == "kek-beside-store"
    assert not (tmp_path / "store.kek").exists()


@pytest.mark.must("7.2.6")
def test_beside_the_store_only_with_the_word_unsafe(tmp_path: Path) -> None:
    """A demo has one disk; it has to say so each time."""
    made = create_kek(tmp_path / "store.kek", tmp_path, unsafe_kek_beside_store=True)

    assert len(made) == 32
    assert stat.S_IMODE((tmp_path / "store.kek").stat().st_mode) == 0o600
    assert read_kek(tmp_path / "store.kek", tmp_path, unsafe_kek_beside_store=True) == made
    assert code_of(lambda: read_kek(tmp_path / "store.kek", tmp_path)) == "kek-beside-store"


def test_on_another_filesystem_the_key_is_taken(tmp_path: Path) -> None:
    """What the rule asks for; the store stands on another device here."""
    made = create_kek(tmp_path / "store.kek", other_filesystem() / "store")

    assert read_kek(tmp_path / "store.kek", other_filesystem()) == made


def test_the_stores_key_is_made_once(tmp_path: Path) -> None:
    """Another key in its place would lose the store for good."""
    made = create_kek(tmp_path / "store.kek", tmp_path, unsafe_kek_beside_store=True)

    code = code_of(lambda: create_kek(tmp_path / "store.kek", tmp_path, unsafe_kek_beside_store=True))

    assert code == "kek-exists"
    assert (tmp_path / "store.kek").read_bytes() == made
    assert create_kek(tmp_path / "other.kek", tmp_path, unsafe_kek_beside_store=True) != made


@pytest.mark.must("7.2.7")
def test_no_argument_and_no_variable_brings_a_key() -> None:
    """Both are read by every other process of the machine; what a command takes of a key is the name of its file."""
    commands = [sluice.get_command(click.Context(sluice), name) for name in sluice.list_commands(click.Context(sluice))]

    options = [option for command in commands if command is not None for option in command.params]

    assert {"kek", "unsafe_kek_beside_store"} == {str(one.name) for one in options if "kek" in str(one.name)}
    for option in options:
        assert option.envvar is None
        # A switch brings nothing: what it asks for stays in the files it is in.
        assert "key" not in str(option.name) or (isinstance(option, click.Option) and option.is_flag)
        assert option.name != "kek" or isinstance(option.type, click.Path)
        assert option.name != "unsafe_kek_beside_store" or (isinstance(option, click.Option) and option.is_flag)
    sources = [path.read_text("utf-8") for path in GATEWAY.rglob("*.py")]
    assert [line for source in sources for line in re.findall(r"environ\b.*|getenv.*|auto_envvar.*", source)] == [
        'environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"'
    ]


@pytest.mark.must("7.2.5")
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: path.write_bytes(bytes(31)), "kek-file-unreadable"),
        (lambda path: path.write_bytes(bytes(33)), "kek-file-unreadable"),
        (lambda path: path.chmod(0o640), "kek-file-open-to-others"),
        (Path.unlink, "kek-missing"),
    ],
)
def test_a_spoilt_key_of_the_store_is_refused(tmp_path: Path, spoil: Callable[[Path], object], code: str) -> None:
    """By a code of its own: it is another file, kept by other people, than the gateway's keys."""
    create_kek(tmp_path / "store.kek", tmp_path, unsafe_kek_beside_store=True)

    spoil(tmp_path / "store.kek")

    assert code_of(lambda: read_kek(tmp_path / "store.kek", tmp_path, unsafe_kek_beside_store=True)) == code


def test_a_key_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """The folder of the other disk may not be mounted."""
    code = code_of(lambda: create_kek(tmp_path / "none" / "store.kek", tmp_path, unsafe_kek_beside_store=True))

    assert code == "kek-not-written"
