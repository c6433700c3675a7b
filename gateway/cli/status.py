"""`sluice status`: what can be said of a gateway from outside its process.

One that does not run is asked whether it could: a store below its floor is *sealed*, and what it lacks is named. Of the
certificate and the roots it is the files that are looked at: a gateway that runs takes up what is good within seconds.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.bootstrap import FloorMark, glance, mark_of
from gateway.cli.certificate import read_lasting, read_trusted
from gateway.cli.lost import lost_lines
from gateway.cli.main import print_result
from gateway.core.control.restoring import Lost, lost_facts, lost_since
from gateway.core.errors import GatewayError
from gateway.settings import Settings, read_settings


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(folder: Path, as_json: bool) -> None:
    """Say whether the gateway in FOLDER runs, how far its floor is, and until when its certificate is valid."""
    settings = read_settings(folder)
    mark = mark_of(settings)
    running = _running(folder)
    standing = Standing("listening", f"listening on {running}") if running else _standing(settings, mark)
    lasting, trusted = read_lasting(settings.certificate), read_trusted(settings)
    facts: dict[str, object] = {
        "gateway": settings.gateway_id,
        "state": standing.state,
        "running": running is not None,
        "listening": running,
        "incarnation": mark.incarnation.hex() if mark else None,
        "ticks": mark.tick if mark else None,
        "statements": mark.control_size if mark else None,
        "lost": lost_facts(standing.lost),
        "certificate_until": lasting.until.isoformat() if lasting else None,
        "certificate_renewed_from": lasting.renewed_from.isoformat() if lasting else None,
        "roots": list(trusted.fingerprints),
        "roots_refused": trusted.refused or None,
    }
    print_result(
        as_json,
        facts,
        [
            ("gateway", settings.gateway_id),
            ("state", standing.told),
            *(lost_lines(standing.lost) if standing.lost else []),
            ("floor", _told(mark) if mark else "there is none: no gateway starts"),
            ("cert", lasting.told(datetime.now(UTC)) if lasting else "no certificate can be read"),
            ("roots", trusted.told()),
        ],
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How a gateway is. state: `listening`, `stopped`, `sealed` or `unseen`; lost: what a sealed store lacks."""

    state: str
    told: str
    lost: Lost | None = None


def _standing(settings: Settings, mark: FloorMark | None) -> Standing:
    """Of one that does not listen: whether it could start, as far as its last entries and the floor say."""
    if mark is None:
        return Standing("sealed", "sealed: without a floor no gateway starts until operators restore")
    try:
        shown = glance(settings)
    except GatewayError as error:
        return Standing("unseen", f"not running; the store cannot be looked at: {error.code}: {error.message}")
    if not shown.is_below(mark):
        return Standing("stopped", "not running")
    lost = lost_since(mark.incarnation, mark.tick, mark.control_size, shown.incarnation, shown.ticks, shown.statements)
    return Standing("sealed", "sealed: the store lies below its floor; no gateway starts until operators restore", lost)


def _told(mark: FloorMark) -> str:
    return f"tick {mark.tick}, {mark.control_size} statements, incarnation {mark.incarnation.hex()[:8]}"


def _running(folder: Path) -> str | None:
    """Where it listens, if its process is there and its port takes a connection."""
    try:
        facts = json.loads((folder / "running.json").read_text("utf-8"))
        pid, listening = int(facts["pid"]), str(facts["listening"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return listening if _is_alive(pid) and _answers(listening) else None


def _is_alive(pid: int, kill: Callable[[int, int], None] = os.kill) -> bool:
    try:
        kill(pid, 0)
    except PermissionError:
        # It is there, and another user's: a gateway does not run as the one who looks after it.
        return True
    except (OSError, OverflowError):
        return False
    return True


def _answers(listening: str) -> bool:
    host, _, port = listening.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2):
            return True
    except (OSError, ValueError, OverflowError):
        return False
