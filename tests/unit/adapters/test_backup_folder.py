"""Laws of a backup's folder: it appears whole, and nothing that was changed in it passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.backup import MANIFEST, BackupFolder, Manifest, check_files, copy_out
from gateway.core.errors import Fault


def made(path: Path, *, keys: bool = False) -> Path:
    """A backup of four files or five."""
    making = BackupFolder(path, "unused")
    making.add("store/data.mdb", b"sealed" * 1000)
    making.add("store/pending", b"also sealed")
    making.add("settings.toml", b"listen = 1\n")
    if keys:
        making.add("keys/stream.pem", b"private")
    manifest = Manifest("demo", "2026-11-24T00:00:00Z", "aa", "bb", 7, 3, "cc", 2, 5, making.digests())
    making.finish(manifest)
    return making.path


def refusal(backup: Path) -> str:
    """The code with which the backup is refused."""
    with pytest.raises(Fault) as caught:
        check_files(backup)
    return caught.value.code


def test_a_backup_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Owner only, on the disk, with the digests of every file."""
    backup = made(tmp_path / "monday")

    manifest = check_files(backup)

    assert (manifest.ticks, manifest.statements, manifest.records, manifest.has_keys) == (7, 3, 5, False)
    assert sorted(manifest.files) == ["settings.toml", "store/data.mdb", "store/pending"]
    assert oct(backup.stat().st_mode)[-3:] == "700"
    assert all(oct(path.stat().st_mode)[-3:] == "600" for path in backup.rglob("*") if path.is_file())
    assert [path.name for path in tmp_path.iterdir()] == ["monday"]
    assert check_files(made(tmp_path / "keys", keys=True)).has_keys


def test_a_backup_in_the_making_has_another_name(tmp_path: Path) -> None:
    """Whatever cuts it off leaves nothing that could be taken for a backup."""
    making = BackupFolder(tmp_path / "monday", "unused")
    making.add("settings.toml", b"x")

    assert not (tmp_path / "monday").exists()
    assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
    assert refusal(tmp_path / "monday") == "backup-missing"


def test_a_name_that_is_taken_is_never_replaced(tmp_path: Path) -> None:
    """Nor does a backup end up inside another one; in a folder of backups it gets a name of its own."""
    backup = made(tmp_path / "monday")
    (tmp_path / "file").write_bytes(b"x")

    for taken in (backup, tmp_path / "file"):
        with pytest.raises(Fault) as caught:
            BackupFolder(taken, "inside")
        assert caught.value.code == "backup-exists"
    assert BackupFolder(tmp_path, "tuesday").path == tmp_path / "tuesday"
    (tmp_path / "tuesday").mkdir()
    (tmp_path / "tuesday-2").mkdir()
    assert BackupFolder(tmp_path, "tuesday").path == tmp_path / "tuesday-3"
    with pytest.raises(Fault) as caught:
        BackupFolder(tmp_path / "nowhere" / "monday", "unused")
    assert caught.value.code == "backup-not-written"


EDITS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte of the store": (lambda backup: (backup / "store/data.mdb").write_bytes(b"Sealed" * 1000), "backup-damaged"),
    "a file less": (lambda backup: (backup / "store/pending").unlink(), "backup-damaged"),
    "a file more": (lambda backup: (backup / "settings.toml.old").write_bytes(b""), "backup-damaged"),
    "a link": (lambda backup: (backup / "keys").symlink_to("/etc"), "backup-damaged"),
    "no manifest": (lambda backup: (backup / MANIFEST).unlink(), "backup-missing"),
    "a torn manifest": (lambda backup: (backup / MANIFEST).write_bytes(b'{"format": 1, '), "backup-malformed"),
    "a deep manifest": (lambda backup: (backup / MANIFEST).write_bytes(b"[" * 100_000), "backup-malformed"),
    "a long manifest": (lambda backup: (backup / MANIFEST).write_bytes(b" " * (1 << 21)), "backup-malformed"),
    "no object": (lambda backup: (backup / MANIFEST).write_bytes(b"7"), "backup-malformed"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_is_not_as_it_was_written_is_named(tmp_path: Path, edit: str) -> None:
    """A medium rots, a copy is cut off, files of two nights are mixed."""
    backup = made(tmp_path / "monday")
    change, code = EDITS[edit]

    change(backup)

    assert refusal(backup) == code


FIELDS: dict[str, Any] = {
    "format": 2,
    "gateway": 7,
    "ticks": -1,
    "statements": True,
    "records": "5",
    "files": [],
    "extra": 1,
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_manifest_of_another_form_is_refused(tmp_path: Path, field: str) -> None:
    """What is not understood is not restored."""
    backup = made(tmp_path / "monday")
    table = json.loads((backup / MANIFEST).read_text())
    (backup / MANIFEST).write_text(json.dumps({**table, field: FIELDS[field]}))

    assert refusal(backup) == "backup-malformed"


def test_a_manifest_that_names_too_much_or_a_digest_that_is_none_is_refused(tmp_path: Path) -> None:
    """It is read before anything in it is believed."""
    backup = made(tmp_path / "monday")
    table = json.loads((backup / MANIFEST).read_text())
    for files in ({str(number): "" for number in range(300)}, {"store/data.mdb": 7}):
        (backup / MANIFEST).write_text(json.dumps({**table, "files": files}))
        assert refusal(backup) == "backup-malformed"


def test_more_files_than_a_backup_can_have_are_not_looked_at(tmp_path: Path) -> None:
    """A folder of a million files would be walked for ever."""
    backup = made(tmp_path / "monday")
    for number in range(300):
        (backup / f"file{number}").touch()

    assert refusal(backup) == "backup-damaged"


def test_a_file_is_copied_out_for_its_owner_alone_and_over_nothing(tmp_path: Path) -> None:
    """What is there already may be the newer one."""
    backup, target = made(tmp_path / "monday"), tmp_path / "settings.toml"

    copy_out(backup, "settings.toml", target)

    assert (target.read_bytes(), oct(target.stat().st_mode)[-3:]) == (b"listen = 1\n", "600")
    with pytest.raises(Fault) as caught:
        copy_out(backup, "settings.toml", target)
    assert caught.value.code == "backup-exists"
