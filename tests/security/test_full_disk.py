"""Threat: the disk is full while a source publishes. What is not stored is not called so, and a restart is clean.

The real `sluice serve`, which may write only so many bytes to a file; the failure is the system's own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

from clients.source.outbox import ACKNOWLEDGED, STORED, Tally
from clients.source.upload import Upload
from clients.testing.commands import installed
from clients.testing.processes import WAIT_SECONDS, Process
from clients.testing.served import Served, listening_port
from gateway.bootstrap import load
from gateway.core.errors import Fault, GatewayError
from gateway.core.suite.numbers import RecordKind
from gateway.settings import FILE
from gateway.usecases.rebuild import check_batches
from tests.loopback import SOURCE, Loopback, a_tactic

ROOM_BYTES = 160 * 1024


def under_limit(kib: int, *words: str) -> list[str]:
    """The command, unable to write a file beyond so many KiB."""
    return ["bash", "-c", f'ulimit -f {kib} && exec "$@"', "limited", *words]


def limited(folder: Path, log: Path, file_bytes: int) -> tuple[Process, int]:
    """`sluice serve` under that limit, and the port once it listens; 0 if it ended instead."""
    words = (installed("sluice"), "serve", str(folder), "--listen", "127.0.0.1:0")
    process = Process.start(under_limit(file_bytes // 1024, *words), log)
    return process, listening_port(folder, process) or 0


def test_a_full_disk_stops_the_gateway_and_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """No `stored` for what failed, a non-zero exit that names it, and everything else there after a restart."""
    world = Loopback(tmp_path)
    world.start("usa/arl")
    with world.outbox("early") as early:
        digests = world.seal(world.upload(early), early, RecordKind.TACTIC, a_tactic())
    with world.outbox() as outbox:
        upload = world.upload(outbox)
        digests += [
            digest
            for number in range(40)
            for digest in world.seal(upload, outbox, RecordKind.TACTIC, *[a_tactic()] * (number % 3 + 1))
        ]
    world.stop()
    folder = world.stand.settings.store.parent
    (folder / FILE).write_text(world.stand.settings.to_toml())
    size = (world.stand.settings.store / "data.mdb").stat().st_size

    process, world.stand.port = limited(folder, tmp_path / "full.log", size + ROOM_BYTES)
    with world.outbox("early") as early:
        world.store(world.upload(early), early)
    promised = {digests[0]} | _publish_until_it_breaks(world, process, digests)
    code = process.end()

    assert code == 1, (tmp_path / "full.log").read_text()[-2000:]
    assert 0 < len(promised) < len(digests)
    last = (tmp_path / "full.log").read_text()
    assert "error[store-full]" in last
    assert "Traceback" not in last
    assert not (folder / "running.json").exists()
    admitted = _verified(world)
    assert promised <= admitted
    _finish(world, Served(folder, tmp_path / "again.log", world.stand.port))
    assert _verified(world) == set(digests)
    world.close()


def _publish_until_it_breaks(world: Loopback, process: Process, digests: list[bytes]) -> set[bytes]:
    """Digests of the batches that were answered `stored` or acknowledged before the gateway was gone."""

    async def scenario() -> None:
        with world.outbox() as outbox:
            upload = Upload(world.stand.profile(SOURCE), outbox, lambda event, tally: None)
            running = asyncio.create_task(upload.run())
            ended = asyncio.create_task(asyncio.to_thread(process.popen.wait, WAIT_SECONDS))
            await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    world.run(scenario())
    with world.outbox() as outbox:
        return {digest for digest in digests if outbox.state_of(digest) in {STORED, ACKNOWLEDGED}}


def _verified(world: Loopback) -> set[bytes]:
    """Digests of admitted batches, in a store that verifies whole."""
    loaded = load(world.stand.settings, every_signature=True)
    try:
        _, _, doubled = check_batches(loaded.journals, loaded.control)
        assert doubled == 0
        lanes = loaded.folds.lanes._lanes.values()
        return {digest for lane in lanes for digest in lane.digests}
    finally:
        loaded.journals.close()


def _finish(world: Loopback, served: Served) -> None:
    """With room again, the same outbox is emptied."""
    served.start()
    tallies: list[Tally] = []

    async def scenario() -> None:
        with world.outbox() as outbox:
            upload = Upload(world.stand.profile(SOURCE), outbox, lambda event, tally: tallies.append(tally))
            await upload.run()

    try:
        world.run(scenario())
    finally:
        assert served.stop() == 0
    assert not tallies[-1].open_batches


def test_a_store_without_room_for_its_first_tick_names_it(tmp_path: Path) -> None:
    """Refused at the start, in one line, not in a stack of frames."""
    world = Loopback(tmp_path)
    world.start("usa/arl")
    world.stop()
    folder = world.stand.settings.store.parent
    (folder / FILE).write_text(world.stand.settings.to_toml())
    size = (world.stand.settings.store / "data.mdb").stat().st_size

    done = subprocess.run(
        under_limit(size // 2048, installed("sluice"), "serve", str(folder), "--listen", "127.0.0.1:0", "--json"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 1
    error = next(json.loads(line) for line in done.stderr.decode().splitlines() if line.startswith('{"code"'))
    assert error["code"] in {"store-full", "store-latched"}
    world.close()


def test_a_fault_has_four_facts_and_no_more() -> None:
    """What a person needs to act, and nothing of what was being stored."""
    fault: GatewayError = Fault("store-full", "the store needs room", at="/srv", do="make room")

    assert set(fault.to_json()) == {"code", "message", "at", "do"}
