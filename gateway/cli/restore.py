"""`sluice restore`: a backup in the place of a store, and the operators' word that makes it a gateway again.

    sluice restore FOLDER --from BACKUP       checks it, sets the present store aside, and seals what is put back
    sluice restore FOLDER                     writes the request anew, for a sealed store that lies there
    sluice restore FOLDER --statement FILE    applies what the operators signed, and says what was lost

Nothing is deleted. Between the first and the last no gateway starts from the store: it lies below its floor.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sys
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import click
import structlog

from gateway.bootstrap import (
    FloorMark,
    copy_out,
    kept_out,
    look,
    mark_of,
    replace_owner_file,
    restore_store,
    seal,
    sync_directory,
)
from gateway.cli.copies import PENDING, check_backup, lay_out
from gateway.cli.lost import lost_lines
from gateway.cli.main import print_result
from gateway.core.control.entry import parse_entry
from gateway.core.control.restore import NO_INCARNATION
from gateway.core.control.restoring import MAX_REQUEST_FILE_BYTES, RestoreRequest, lost_facts
from gateway.core.control.statement import SignedStatement, Statement
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind
from gateway.ports.journal import Journal
from gateway.settings import Settings, read_settings
from gateway.usecases.rebuild import entries_of
from gateway.usecases.restore import proposed_restore
from gateway.usecases.shown import Shown, shown_by

REQUEST = "restore.request"
REQUEST_LIFE_MS = 7 * 24 * 3600 * 1000
_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("folder", type=_PATH)
@click.option("--from", "backup", type=_PATH, metavar="BACKUP", help="Put this backup in the place of the store.")
@click.option("--statement", type=_PATH, metavar="FILE", help="Apply what the operators signed: the request, signed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def restore(folder: Path, backup: Path | None, statement: Path | None, as_json: bool) -> None:
    """Put a backup back in FOLDER, or apply the operators' RESTORE to it; the gateway must be stopped.

    With neither, write the request again for a sealed store that lies there.
    """
    structlog.configure(
        [
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if backup is not None and statement is not None:
        raise CallerError("usage", "at most one of `--from` and `--statement` was expected", at="--from")
    if statement is not None:
        _apply(folder, statement, as_json=as_json)
    elif backup is not None:
        lay_out(folder, backup)
        settings = read_settings(folder)
        aside = _put_back(settings, backup)
        _report(folder, backup, aside, _request(folder, settings), as_json=as_json)
    else:
        settings = read_settings(folder)
        _check_sealed(settings)
        _report(folder, None, None, _request(folder, settings), as_json=as_json)


def _put_back(settings: Settings, backup: Path) -> Path | None:
    """The backup's store lies sealed in its place; where the present one was set aside, None if there was none."""
    store = settings.store
    with kept_out(store) if store.exists() else nullcontext():
        manifest = check_backup(settings, backup, every_signature=True)
        fresh = store.with_name(f"{store.name}.restoring")
        # What a restore left that was cut off: a copy of a backup, nothing that is only there.
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        for name in ("store/data.mdb", PENDING):
            if name in manifest.files:
                copy_out(backup, name, fresh / Path(name).name)
        sync_directory(fresh)
        # INVARIANT: sealed before it lies in its place, whenever the power fails.
        seal(settings, Shown(bytes.fromhex(manifest.incarnation), manifest.ticks, manifest.statements))
        aside = store.with_name(f"{store.name}.aside-{datetime.now(UTC):%Y%m%dT%H%M%SZ}") if store.exists() else None
        if aside is not None:
            store.rename(aside)
        fresh.rename(store)
        sync_directory(store.parent)
    return aside


def _check_sealed(settings: Settings) -> None:
    mark = mark_of(settings)
    with kept_out(settings.store), closing(look(settings, settings.store, every_signature=False).journals) as journals:
        if mark is not None and not shown_by(journals).is_below(mark):
            raise Refused(
                "restore-needless",
                "a store to be restored must lie below its floor, this one does not",
                at=str(settings.store),
                do="`sluice serve`",
            )


def _request(folder: Path, settings: Settings) -> RestoreRequest | None:
    """The request, written where the operators' messenger finds it.

    None where another incarnation ran last: the RESTORE that began it comes first.
    """
    mark = mark_of(settings)
    with kept_out(settings.store):
        loaded = look(settings, settings.store, every_signature=False)
        with closing(loaded.journals) as journals:
            entries = tuple(parse_entry(entry) for _, _, entry in entries_of(journals, Journal.CONTROL))
            proposed = proposed_restore(loaded.folds, secrets.token_bytes(16))
            control, shown = loaded.control, loaded.book.ticks.size
    if mark is not None and mark.incarnation != proposed.old:
        return None
    now_ms = max(control.clock_ms, int(datetime.now(UTC).timestamp() * 1000))
    statement = Statement(
        genesis=control.genesis,
        position=control.position,
        prev=control.head,
        roster=control.roster_link,
        kind=StatementKind.RESTORE,
        body=proposed.encode(),
        proposed_at_ms=now_ms,
        expires_at_ms=now_ms + REQUEST_LIFE_MS,
    )
    mark = mark or FloorMark(NO_INCARNATION, 0, 0)
    unsigned = (SignedStatement(statement, ()),)
    request = RestoreRequest(mark.incarnation, mark.tick, mark.control_size, shown, entries, unsigned, {})
    replace_owner_file(folder / REQUEST, request.encode())
    # It is public: it holds what every operator may read anyway, and somebody has to carry it to them.
    (folder / REQUEST).chmod(0o644)
    return request


def _report(
    folder: Path, backup: Path | None, aside: Path | None, request: RestoreRequest | None, *, as_json: bool
) -> None:
    file = folder / REQUEST
    facts: dict[str, object] = {
        "state": "sealed",
        "backup": str(backup) if backup else None,
        "set_aside": str(aside) if aside else None,
        "request": str(file) if request else None,
        "incarnation": request.restore.old.hex() if request else None,
        "ticks_kept": request.restore.ticks_kept if request else None,
        "statements_kept": len(request.entries) if request else None,
        "lost": lost_facts(request.lost) if request else None,
    }
    lines = [("put back", f"{backup}")] if backup else []
    lines += [("set aside", f"{aside}: nothing is deleted")] if aside else []
    lines.append(("sealed", "no gateway starts from this store until the operators have signed a RESTORE"))
    if request is None:
        lines += [
            ("before it", "another incarnation ran last: the RESTORE that began it is applied again first"),
            ("then", f"`sluice restore {folder} --statement` with that file, and `sluice restore {folder}` again"),
        ]
    else:
        kept = f"{request.restore.ticks_kept} ticks and {len(request.entries)} statements"
        lines += [("kept", kept), *lost_lines(request.lost)]
        lines.append(("send", f"{file} to two operators, one after the other: `sluicectl restore approve FILE`"))
        lines.append(("then", f"`sluice restore {folder} --statement FILE` with what they signed"))
    print_result(as_json, facts, lines)


def _apply(folder: Path, file: Path, *, as_json: bool) -> None:
    settings = read_settings(folder)
    with file.open("rb") as opened:
        content = opened.read(MAX_REQUEST_FILE_BYTES + 1)
    if len(content) > MAX_REQUEST_FILE_BYTES:
        raise CallerError("file-too-long", f"a request has at most {MAX_REQUEST_FILE_BYTES} bytes", at=str(file))
    request = RestoreRequest.parse(content)
    done = asyncio.run(restore_store(settings, request.proposed))
    new = done.restore.new.hex()
    # A backup from before this RESTORE needs it once more, and CONTROL may then be lost.
    kept = folder / f"restore-{new[:8]}.statement"
    replace_owner_file(kept, content)
    (folder / REQUEST).unlink(missing_ok=True)
    facts: dict[str, object] = {
        "state": "restored",
        "position": done.position,
        "old": done.restore.old.hex(),
        "new": new,
        "ticks_kept": done.restore.ticks_kept,
        "statements_kept": done.position,
        "batches_kept": done.records,
        "stops": done.stops,
        "lost": lost_facts(request.lost),
        "statement": str(kept),
    }
    stops = f" and {done.stops} that only stop" if done.stops else ""
    print_result(
        as_json,
        facts,
        [
            ("restored", f"by control entry {done.position}{stops}"),
            ("kept", f"{done.restore.ticks_kept} ticks, {done.position} statements, {done.records} batches"),
            *lost_lines(request.lost),
            ("floor", f"moved to incarnation {new[:8]}, which follows on {done.restore.old.hex()[:8]}"),
            ("keep", f"{kept} with your backups: an older one needs it"),
            ("next", "start the gateway; the operators: `sluicectl restore replay`, then `sluicectl directory issue`"),
        ],
    )
