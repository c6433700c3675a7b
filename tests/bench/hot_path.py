"""One source, one gateway process, one partner: segments and batches a second, gateway CPU, beside a bare relay.

    python -m tests.bench.hot_path [--batches 40] [--rows 1024]

The relay passes the same bytes over the same kind of mutual TLS stream, acknowledges on receipt and keeps, checks and
seals nothing: what gRPC alone costs here. Both run in one go on one machine, so their ratio means something; absolute
figures are of this machine at this minute. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc

from clients.channel import secure_channel
from clients.cli.publish import guide_of
from clients.profile import Profile
from clients.source.batcher import BACKLOG_SEGMENTS
from clients.source.labelling import Labelling
from clients.source.outbox import Outbox
from clients.source.upload import Upload
from clients.testing.commands import installed
from clients.testing.processes import Process, wait_for
from clients.testing.served import Served
from gateway.core.kinds import telemetry
from gateway.core.kinds.sidc import symbol
from gateway.core.suite.numbers import DataMode, RecordKind
from gateway.settings import FILE
from tests.stand import Stand, now_ms

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def a_segment(rows: int, number: int) -> dict[int, bytes]:
    """A track segment with position and kinematics at 20 Hz, somewhere over the Atlantic."""
    times = [50 * row for row in range(rows)]
    start = (now_ms() // 3_600_000 - 3) * 3_600_000
    position = telemetry.position(
        t0_us=start * 1000,
        t_ms=times,
        lat_e7=[481_234_500 + 17 * row + number for row in range(rows)],
        lon_e7=[-203_456_700 + 23 * row for row in range(rows)],
        alt_msl_mm=[120_000] * rows,
    )
    kinematics = telemetry.kinematics(t_ms=times, vn_cms=[300] * rows, ve_cms=[400] * rows, vd_cms=[0] * rows)
    coarse = telemetry.position_coarse(position)
    about = telemetry.about(
        rows=rows,
        t0_ms=start,
        t1_ms=start + 3_600_000,
        platform_class="MULTIROTOR",
        sidc=symbol("MULTIROTOR", DataMode.SIMULATED),
        area_mgrs100k=telemetry.area(position),
        source_format="MAVLINK",
        time_source="GNSS",
    )
    return {0: about, 1: position, 2: coarse or b"", 3: kinematics}


async def sluice(root: Path, stand: Stand, batches: int, rows: int) -> dict[str, object]:
    """The real thing: everything stored, acknowledged, and verified by the partner."""
    async with stand.serving():
        await stand.populate("usa/arl")
        source, partner = stand.profile("src-3f07"), stand.profile("usa/arl")
        outbox = Outbox(root / "outbox", source.genesis_link, source.id)
        upload = Upload(source, outbox, lambda event, tally: None)
        await upload.fetch_directory()
        labelling = Labelling(guide_of(source, upload), RecordKind.TELEMETRY, DataMode.SIMULATED, {})
        records = [labelling.label(i, a_segment(rows, i)) for i in range(batches * BACKLOG_SEGMENTS)]
        kind, mode = RecordKind.TELEMETRY, DataMode.SIMULATED
        list(outbox.add(source.signing_key(), upload.ingest_key(), kind, mode, records))
    (stand.settings.store.parent / FILE).write_text(stand.settings.to_toml())
    served = Served(stand.settings.store.parent, root / "gateway.log", stand.port)
    served.start()
    assert served.process is not None
    gateway = served.process
    follow = [
        "follow",
        "telemetry",
        "--profile",
        str(root / "usa-arl.profile"),
        "--to",
        f"ndjson:{root / 'usa.ndjson'}",
    ]
    follow += ["--events", str(root / "events")]
    follower = Process.start([installed("sluice-client"), *follow], root / "follow.log")
    wait_for(lambda: (root / "events").exists() and "caught-up" in (root / "events").read_text(), "a live stream")
    before, started, began_ms = cpu_seconds(gateway.popen.pid), time.monotonic(), now_ms()
    await upload.run()
    acknowledged = time.monotonic() - started
    total = batches * BACKLOG_SEGMENTS
    wait_for(lambda: _received(root / "events") >= total, "everything verified", 300)
    seconds = (_last_event_ms(root / "events") - began_ms) / 1000
    cpu = cpu_seconds(gateway.popen.pid) - before
    outbox.close()
    follower.end()
    gateway.end()
    return {
        "verified_seconds": round(seconds, 2),
        "acknowledged_seconds": round(acknowledged, 2),
        "batches_per_s": round(batches / seconds, 1),
        "segments_per_s": round(total / seconds, 1),
        "samples_per_s": round(total * rows / seconds),
        "gateway_cpu_us_per_segment": round(cpu / total * 1e6),
        "partner": partner.id,
    }


def _received(events: Path) -> int:
    lines = events.read_text().splitlines()
    return sum(int(line.rpartition(" ")[2]) for line in lines if " records " in line)


def _last_event_ms(events: Path) -> int:
    return int([line for line in events.read_text().splitlines() if " records " in line][-1].partition(" ")[0])


async def relay(root: Path, stand: Stand, profile: Profile, batches: int, rows: int) -> dict[str, object]:
    """The same number and size of messages through a process that does nothing with them."""
    size = sum(len(content) for content in a_segment(rows, 0).values()) * BACKLOG_SEGMENTS + 6_000
    words = [sys.executable, "-m", "tests.bench.bare_relay", str(stand.settings.store.parent)]
    process = Process.start(words, root / "relay.log")
    wait_for(lambda: "\n" in (root / "relay.log").read_text(), "the relay")
    port = int((root / "relay.log").read_text().split()[1])
    connection = replace(profile.connection(), endpoint=f"127.0.0.1:{port}")
    channel = await secure_channel(connection)
    down = channel.unary_stream("/bare.Relay/Follow")(b"")
    reading = asyncio.create_task(_read(down, batches))
    message = os.urandom(size)
    await asyncio.sleep(0.2)
    before, started = cpu_seconds(process.popen.pid), time.monotonic()

    async def messages() -> AsyncIterator[bytes]:
        for _ in range(batches):
            yield message

    acknowledged = 0
    async for _ in channel.stream_stream("/bare.Relay/Publish")(messages()):
        acknowledged += 1
    await reading
    seconds = time.monotonic() - started
    cpu = cpu_seconds(process.popen.pid) - before
    await channel.close(None)
    process.end()
    total = batches * BACKLOG_SEGMENTS
    return {
        "seconds": round(seconds, 3),
        "segments_per_s": round(total / seconds, 1),
        "relay_cpu_us_per_segment": round(cpu / total * 1e6),
        "acknowledged": acknowledged,
    }


async def _read(call: grpc.aio.UnaryStreamCall[bytes, bytes], count: int) -> None:
    seen = 0
    async for _ in call:
        seen += 1
        if seen == count:
            call.cancel()
            return


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--rows", type=int, default=1024)
    chosen = parser.parse_args()
    shape = (chosen.batches, chosen.rows)
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        root = Path(folder)
        stand = Stand.found(root)
        full = asyncio.run(sluice(root, stand, *shape))
        bare = asyncio.run(relay(root, stand, stand.profile("src-3f07"), *shape))
    ratio = float(str(full["segments_per_s"])) / float(str(bare["segments_per_s"]))
    facts = {
        "batches": shape[0],
        "segments_per_batch": BACKLOG_SEGMENTS,
        "rows": shape[1],
        "sluice": full,
        "bare": bare,
    }
    sys.stdout.write(json.dumps({**facts, "ratio_to_bare": round(ratio, 3)}) + "\n")


if __name__ == "__main__":
    main()
