"""Copies of a gateway's store: made, looked at, and held against what they say of themselves.

A copy is called a backup only once it was opened, every chain and statement in it was verified, and its folds were
rebuilt; what the manifest says was read from the copy and not from the store.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.bootstrap import BackupFolder, Manifest, check_files, copy_out, copy_store, look
from gateway.core.errors import Fault
from gateway.ports.journal import Journal
from gateway.settings import FILE, Settings, read_settings
from gateway.usecases.rebuild import check_batches, record_ids

ENROL = "gateway.enrol"
PENDING = "store/pending"


def public_files(folder: Path, settings: Settings) -> dict[str, Path]:
    """What a machine needs besides the store and may be read by anyone, by its name in a backup."""
    return {
        FILE: folder / FILE,
        "roots.pem": settings.roots,
        "certificate.pem": settings.certificate,
        ENROL: folder / ENROL,
    }


def lay_out(folder: Path, backup: Path) -> None:
    """On a new machine: the files of the backup that are not in `folder` yet, the backup checked first.

    What is there stays as it is. The key-encryption key and, without them in the backup, the gateway's keys have to be
    put where `settings.toml` says by hand. A manifest is no signature: whoever could write to a backup wrote its
    settings too, so `settings-outside` refuses to make a file outside of the folder, and whoever restores compares the
    roots.
    """
    manifest = check_files(backup)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_new = not (folder / FILE).exists()
    if is_new:
        copy_out(backup, FILE, folder / FILE)
    settings = read_settings(folder)
    wanted = {name: path for name, path in public_files(folder, settings).items() if name in manifest.files}
    for path in (*wanted.values(), settings.keys, settings.store) if is_new else ():
        if not path.resolve().is_relative_to(folder.resolve()):
            raise Fault(
                "settings-outside",
                "a backup's files must go into the folder that is restored, its settings name another place",
                at=str(path),
                do="put the `settings.toml` that you know into the folder first",
            )
    if manifest.has_keys and not settings.keys.exists():
        settings.keys.mkdir(mode=0o700)
        wanted |= {name: settings.keys / Path(name).name for name in manifest.files if name.startswith("keys/")}
    for name, path in wanted.items():
        if not path.exists():
            copy_out(backup, name, path)


def make_backup(folder: Path, settings: Settings, to: Path, *, with_private_keys: bool) -> tuple[Path, Manifest]:
    """A backup of the gateway in `folder`, and what it shows. to: its name, or a folder in which it is given one."""
    now = datetime.now(UTC)
    making = BackupFolder(to, f"{settings.gateway_id.replace('/', '-')}-{now:%Y%m%dT%H%M%SZ}")
    copy_store(settings.store, making.store)
    # Replaced as a whole by the gateway, so what is read is one list; nothing in it was decided.
    pending = settings.store / "pending"
    if pending.exists():
        making.add(PENDING, pending.read_bytes())
    for name, file in public_files(folder, settings).items():
        if file.exists():
            making.add(name, file.read_bytes())
    for file in sorted(path for path in settings.keys.iterdir() if path.is_file()) if with_private_keys else ():
        making.add(f"keys/{file.name}", file.read_bytes())
    manifest = Manifest(
        **shown(settings, making.store, every_signature=False),
        made_at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        files=making.digests(),
    )
    making.finish(manifest)
    return making.path, manifest


def check_backup(settings: Settings, backup: Path, *, every_signature: bool) -> Manifest:
    """The backup's manifest, once its files and its store were found to be what it says.

    every_signature: of every tick, batch and record too, as `sluice verify`. Raises `backup-missing`,
    `backup-malformed`, `backup-damaged`, `backup-of-another`, and as a start does for the store in it.
    """
    manifest = check_files(backup)
    found = shown(settings, backup / "store", every_signature=every_signature)
    said = {name: getattr(manifest, name) for name in found}
    different = [name for name in found if found[name] != said[name]]
    if "gateway" in different or "genesis" in different:
        raise Fault(
            "backup-of-another",
            f"the backup must be of gateway `{settings.gateway_id}`, it is of `{manifest.gateway}`",
            at=str(backup),
        )
    if different:
        raise Fault(
            "backup-damaged",
            f"the store in a backup must show what its manifest says, `{different[0]}` is another",
            at=str(backup),
            do="take another backup",
        )
    return manifest


def shown(settings: Settings, store: Path, *, every_signature: bool) -> dict[str, Any]:
    """What the store in this place shows, by the names of a manifest; raises as a start does, and on a batch twice."""
    loaded = look(settings, store, every_signature=every_signature)
    with closing(loaded.journals):
        if every_signature and check_batches(loaded.journals, loaded.control)[2]:
            raise Fault("journal-damaged", "a batch must be taken once, one was twice", at="RECORDS")
        return {
            "gateway": settings.gateway_id,
            "genesis": loaded.control.genesis.hex(),
            "incarnation": loaded.book.incarnation.hex(),
            "ticks": loaded.book.ticks.size,
            "statements": loaded.control.position,
            "head": loaded.control.head.hex(),
            "batches": loaded.journals.head(Journal.RECORDS).size,
            "records": len(record_ids(loaded.journals)),
        }
