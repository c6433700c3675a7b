"""A thousand live streams and one statement: what is sent after it is effective, and how long it takes to the last end.

    python -m tests.bench.revoke [--streams 1000] [--json]

One gateway process, `--readers` processes of partners that check every byte, over mutual TLS on loopback; a source
publishes all the while, but for the idle round. One partner holds all streams of a round (32 subscriptions under each
of its agreements), so that one SUSPEND by one operator ends them all; then a LOCKDOWN does. Beside it the same number
of streams from a process that only relays, ended by that process itself.

What is sent after `effective` is measured four ways, and all must give 0:

* by content: records that were made after the statement counted and came in a frame all the same;
* by the stream: an end is sealed and numbered, so a message behind it could only have been sent after it;
* by the gateway's log: a stream that says it is over only behind the line that says the change is applied;
* by the ledger: a disclosure to that partner entered behind the entry of the statement, ever.

A frame that was written before may still be on its way: what the readers' clock says of that is told beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from clients.channel import secure_channel
from clients.cli.publish import guide_of
from clients.operator.ca import PartyKind
from clients.operator.drafts import lockdown_text, suspension_text
from clients.operator.govern import open_governance
from clients.source.labelling import Labelling
from clients.source.outbox import WAITING, Outbox, Tally
from clients.source.upload import Upload
from clients.testing.processes import Process, wait_for
from gateway.bootstrap import load
from gateway.core.control.agreement import Agreement
from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.errors import Refused
from gateway.core.ledger.book import KIND_ENTRIES, parse_account_entries
from gateway.core.ledger.entries import Applied
from gateway.core.suite.numbers import DataMode, RecordKind, StatementKind
from gateway.ports.journal import Journal
from gateway.settings import FILE
from tests.bench.hot_path import a_segment
from tests.bench.revoke_figures import Cut, facts_of, is_clean, spread, table
from tests.stand import Stand, agreement_text

# Each has one round: a partner opens about a thousand streams in four minutes, and no more.
PARTNERS = ("usa/arl", "gbr/dstl", "deu/wtd81")
SOURCE = "src-3f07"
SUBSCRIPTIONS = 32
WARM_UP_BATCHES = 2


class Source:
    """Publishes one small batch after another; `sealed_ns` says when each was made."""

    def __init__(self, root: Path, stand: Stand) -> None:
        self._profile = stand.profile(SOURCE)
        self._outbox = Outbox(root / "outbox", self._profile.genesis_link, SOURCE)
        self._upload = Upload(self._profile, self._outbox, self._heard)
        self._stored = asyncio.Event()
        self.sealed_ns: dict[str, int] = {}

    async def begin(self) -> None:
        """Learns where to seal to."""
        await self._upload.fetch_directory()
        guide = guide_of(self._profile, self._upload)
        self._labelling = Labelling(guide, RecordKind.TELEMETRY, DataMode.SIMULATED, {})

    def _heard(self, event: str, tally: Tally) -> None:
        if not tally.batches.get(WAITING):
            self._stored.set()

    async def publish(self) -> None:
        """One batch of one record, until it is stored."""
        record = self._labelling.label(0, a_segment(32, len(self.sealed_ns)))
        kind, mode, key = RecordKind.TELEMETRY, DataMode.SIMULATED, self._profile.signing_key()
        self._stored.clear()
        for digest, _ in self._outbox.add(key, self._upload.ingest_key(), kind, mode, [record]):
            self.sealed_ns[digest.hex()] = time.time_ns()
        moving = asyncio.create_task(self._upload.run())
        waiting = asyncio.create_task(self._stored.wait())
        await asyncio.wait([moving, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not moving.done():
            moving.cancel()
        with suppress(asyncio.CancelledError):
            await moving

    async def flow(self) -> None:
        """One batch after another, until the source is not taken from or this is cancelled."""
        with suppress(Refused):
            while True:
                await self.publish()


class Readers:
    """The processes of partners."""

    def __init__(self, root: Path, profile: Path, slices: list[list[str]]) -> None:
        self._outs = [root / f"reader-{number}.out" for number in range(len(slices))]
        for out in self._outs:
            out.unlink(missing_ok=True)
        module = [sys.executable, "-m", "tests.bench.revoke_reader"]
        self._processes = [
            Process.start([*module, str(profile), str(out), *words], out.with_suffix(".log"))
            for out, words in zip(self._outs, slices, strict=True)
        ]

    async def live(self) -> None:
        """Until every stream stands at the end of what is stored."""
        await asyncio.to_thread(wait_for, lambda: all(self._said(out) for out in self._outs), "live streams", 600)

    async def ended(self) -> list[dict[str, Any]]:
        """What each stream was told."""
        await asyncio.to_thread(wait_for, lambda: not any(one.is_running for one in self._processes), "the ends", 600)
        for process in self._processes:
            process.end()
        return [one for out in self._outs for one in json.loads(out.read_text("utf-8"))]

    def _said(self, out: Path) -> bool:
        if not all(one.is_running for one in self._processes):
            raise SystemExit(
                f"a reader ended: {[out.with_suffix('.log').read_text('utf-8')[-2000:] for out in self._outs]}"
            )
        return out.exists() and out.stat().st_size > 0


class Bench:
    """The stand, its streams, and the rounds."""

    def __init__(self, root: Path, streams: int, readers: int) -> None:
        self.root = root
        self.stand = Stand.found(root)
        self.folder = self.stand.settings.store.parent
        self.log = root / "gateway.log"
        self.streams, self.readers = streams, readers
        self._texts = {
            partner: [
                agreement_text(partner, id=f'"UA-{partner.replace("/", "-")}-{number}"')
                for number in range(2, 2 + -(-streams // SUBSCRIPTIONS))
            ]
            for partner in PARTNERS
        }

    async def found(self) -> None:
        """Everything that operators sign, and the first records."""
        async with self.stand.serving():
            await self.stand.populate(*PARTNERS)
            for partner, texts in self._texts.items():
                for text in texts:
                    await self.stand.apply(StatementKind.AGREEMENT, text)
                agreements = tuple(map(Agreement.parse, texts))
                replace(self.stand.profile(partner), agreements=agreements).write(self._profile(partner))
            self.source = Source(self.root, self.stand)
            await self.source.begin()
            for _ in range(WARM_UP_BATCHES):
                await self.source.publish()
        (self.folder / FILE).write_text(self.stand.settings.to_toml())

    def _profile(self, partner: str) -> Path:
        return self.root / f"all-{partner.replace('/', '-')}.profile"

    def _slices(self, partner: str) -> list[list[str]]:
        """The streams of each reader, as `agreement/subscription`."""
        ids = [Agreement.parse(text).id for text in self._texts[partner]]
        names = [f"{agreement}/s{number}" for agreement in ids for number in range(SUBSCRIPTIONS)][: self.streams]
        return [names[number :: self.readers] for number in range(self.readers)]

    def serve(self) -> None:
        """The gateway in a process of its own."""
        words = [sys.executable, "-m", "tests.bench.revoke_gateway", str(self.folder), str(self.stand.port)]
        self.gateway = Process.start(words, self.log)
        wait_for(lambda: self._is_listening() or not self.gateway.is_running, "the gateway")
        if not self.gateway.is_running:
            raise SystemExit(self.log.read_text("utf-8")[-2000:])

    def _is_listening(self) -> bool:
        return any(line.startswith("listening ") for line in self.log.read_text("utf-8").splitlines())

    async def round(self, name: str, partner: str, kind: StatementKind, body: bytes, *, busy: bool) -> Cut:
        """All streams live; one operator's statement; all streams ended."""
        readers = Readers(self.root, self._profile(partner), self._slices(partner))
        began = time.monotonic()
        await readers.live()
        sys.stderr.write(f"{name}: live after {time.monotonic() - began:.0f} s\n")
        flowing = None
        if busy:
            # The statement comes while the frames of a batch are being written to all streams.
            for _ in range(2):
                await self.source.publish()
            flowing = asyncio.create_task(self.source.flow())
        sent_ns = time.time_ns()
        outcome = await self.stand.apply(kind, body, signers=self.stand.operators[:1])
        streams = await readers.ended()
        if flowing is not None:
            flowing.cancel()
            await asyncio.wait([flowing])
        entry = await self._entry(outcome.position)
        return Cut(
            name=name,
            partner=partner,
            sent_ns=sent_ns,
            applied_ns=entry.applied_at_ms * 1_000_000,
            effective_ns=outcome.effective_at_ms * 1_000_000,
            ended=outcome.streams_ended,
            position=outcome.position,
            streams=streams,
            sealed_ns=dict(self.source.sealed_ns),
            entered=Applied(outcome.position, entry.statement.link).encode(),
        )

    async def _entry(self, position: int) -> ControlEntry:
        async with open_governance(self.stand.connection()) as governance:
            async for encoded in governance.read_control(position):
                return parse_entry(encoded)
        raise AssertionError("the statement must stand in CONTROL")

    def logged(self) -> list[dict[str, Any]]:
        """The gateway's log."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines() if line.startswith("{")]

    def entries(self) -> list[bytes]:
        """Every entry of every account, in the order in which they were entered; the gateway must stand still."""
        loaded = load(self.stand.settings, every_signature=False)
        try:
            journals, position, found = loaded.journals, 0, []
            while stored := journals.read(Journal.LEDGER, position, 256):
                for one in stored:
                    found += (
                        [item.entry for item in parse_account_entries(one.entry)] if one.kind == KIND_ENTRIES else []
                    )
                position += len(stored)
            return found
        finally:
            journals.close()

    async def bare(self, name: str, *, busy: bool) -> dict[str, Any]:
        """The same number of streams, ended by a process that keeps, checks and seals nothing."""
        log = self.root / f"relay-{busy}.log"
        relay = Process.start([sys.executable, "-m", "tests.bench.bare_relay", str(self.folder)], log)
        wait_for(lambda: "\n" in log.read_text(), "the relay")
        port = log.read_text().split()[1]
        profile, slices = self._profile(PARTNERS[0]), self._slices(PARTNERS[0])
        readers = Readers(self.root, profile, [["--bare", port, str(len(one))] for one in slices])
        await readers.live()
        if busy:
            await self._relayed(int(port))
        os.kill(relay.popen.pid, signal.SIGUSR1)
        streams = await readers.ended()
        cut_ns = int(log.read_text().rpartition("cut ")[2])
        relay.end()
        return {"round": name, "ended": len(streams), "cut_to_end_ms": spread(streams, cut_ns)}

    async def _relayed(self, port: int) -> None:
        channel = await secure_channel(replace(self.stand.profile(SOURCE).connection(), endpoint=f"127.0.0.1:{port}"))
        message = os.urandom(sum(map(len, a_segment(32, 0).values())) + 6_000)

        async def messages() -> AsyncIterator[bytes]:
            yield message
            yield message

        async for _ in channel.stream_stream("/bare.Relay/Publish")(messages()):
            pass
        await channel.close(None)


async def measured(bench: Bench) -> dict[str, Any]:
    """All rounds, one after the other."""
    await bench.found()
    bench.serve()
    rounds = [
        ("SUSPEND, records flowing", StatementKind.SUSPEND, True),
        ("SUSPEND, idle", StatementKind.SUSPEND, False),
        ("LOCKDOWN, records flowing", StatementKind.LOCKDOWN, True),
    ]
    try:
        cuts = []
        for partner, (name, kind, busy) in zip(PARTNERS, rounds, strict=True):
            is_lockdown = kind is StatementKind.LOCKDOWN
            body = lockdown_text("a bench") if is_lockdown else suspension_text(PartyKind.PARTNER, partner, "a bench")
            cuts.append(await bench.round(name, partner, kind, body, busy=busy))
    finally:
        bench.gateway.end()
    log, entries = bench.logged(), bench.entries()
    bare = [
        await bench.bare("bare relay, messages flowing", busy=True),
        await bench.bare("bare relay, idle", busy=False),
    ]
    return {
        "streams": bench.streams,
        "readers": bench.readers,
        "load_before": os.getloadavg()[0],
        "rounds": [facts_of(cut, log, entries) for cut in cuts],
        "bare": bare,
    }


def main() -> None:
    """The command; exit code 1 unless every count that must be 0 is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        facts = asyncio.run(measured(Bench(Path(folder), chosen.streams, chosen.readers)))
    sys.stdout.write(json.dumps(facts) + "\n" if chosen.json else table(facts))
    sys.exit(0 if is_clean(facts) else 1)


if __name__ == "__main__":
    main()
