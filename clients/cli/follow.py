"""`sluice-client follow KIND...`: receive, verify, write, and only then move the cursor."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from pathlib import Path

import click

from clients.cli.boundary import Command
from clients.cli.output import result, said
from clients.partner.checks import CaughtUp, Ended, Records
from clients.partner.follow import Disconnected, Following, Suspended, follow
from clients.profile import Profile
from clients.sinks.ndjson import NdjsonSink
from gateway.core.errors import CallerError
from gateway.core.suite.numbers import EndReason


@click.command(cls=Command, name="follow")
@click.argument("kinds", nargs=-1, required=True, metavar="KIND...")
@click.option(
    "--profile", "profile_path", required=True, type=click.Path(path_type=Path), help="This partner's profile."
)
@click.option(
    "--to", "target", default="ndjson", show_default=True, help="`ndjson` for standard output, or `ndjson:FILE`."
)
@click.option("--agreement", "agreement_id", help="Which agreement, if the profile has several.")
@click.option("--subscription", default="default", show_default=True, help="A name; each has its own cursor.")
@click.option("--state", type=click.Path(path_type=Path), help="What is kept.  [default: beside the profile]")
@click.option("--from-start", is_flag=True, help="From the first record; what is held is not handed up again.")
@click.option("--until", type=click.Choice(["forever", "caught-up", "ended"]), default="forever", show_default=True)
@click.option("--receipt", is_flag=True, help="Send a signed receipt at the end.")
@click.option("--record", type=click.Path(path_type=Path), help="Keep the stream as received, for `replay`; private.")
@click.option("--events", type=click.Path(path_type=Path), help="Append one line per event with its time; for scripts.")
def follow_command(
    kinds: tuple[str, ...],
    profile_path: Path,
    target: str,
    agreement_id: str | None,
    subscription: str,
    state: Path | None,
    from_start: bool,
    until: str,
    receipt: bool,
    record: Path | None,
    events: Path | None,
) -> None:
    """Follow what this partner may have of KIND... (telemetry, tactic)."""
    profile = Profile.load(profile_path)
    following = follow(
        profile,
        kinds=kinds,
        state=state or profile_path.with_suffix(f".{subscription}.state"),
        agreement_id=agreement_id,
        subscription=subscription,
        from_start=from_start,
        record=record,
    )
    scheme, _, path = target.partition(":")
    if scheme != "ndjson":
        raise CallerError("sink-unknown", "a sink is `ndjson` or `ndjson:FILE`", at="--to")
    sink = NdjsonSink(Path(path) if path else None, following.sink_mark)
    run = _Run(following, sink, until, events)
    try:
        asyncio.run(run.main(receipt))
    finally:
        sink.close()
    facts = run.facts()
    # Standard output belongs to the records when they go there.
    if path:
        result(facts, [("received", f"{facts['records']} records, {facts['verified']} verified, {run.ended}")])
    else:
        said(f"received  {facts['records']} records, {facts['verified']} verified, {run.ended}")


class _Run:
    def __init__(self, following: Following, sink: NdjsonSink, until: str, events: Path | None) -> None:
        self._following = following
        self._sink = sink
        self._until = until
        self._events = events.open("a", encoding="utf-8", buffering=1) if events else None
        self._portions: Counter[str] = Counter()
        self._records = 0
        self._quarantined = 0
        self._receipt: int | None = None
        self.ended = "stopped"

    def facts(self) -> dict[str, object]:
        return {
            "records": self._records,
            "portions": dict(self._portions),
            "verified": self._following.verified,
            "quarantined": self._quarantined,
            "ended": self.ended,
            "receipt_tick": self._receipt,
        }

    async def main(self, receipt: bool) -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        if task is not None:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, task.cancel)
        async with self._following as following:
            try:
                await self._follow(following)
            except asyncio.CancelledError:
                self._say("stopped")
            if receipt:
                self._receipt = await following.send_receipt()

    async def _follow(self, following: Following) -> None:
        async for event in following:
            if isinstance(event, Records):
                self._sink.write(record.to_json() for record in event.records)
                await following.flushed(self._sink.flush())
                self._records += len(event.records)
                self._quarantined += len(event.quarantined)
                self._portions.update(portion.name for record in event.records for portion in record.portions)
                self._say(f"records {len(event.records)}")
            elif isinstance(event, CaughtUp):
                self._say("caught-up")
                if self._until == "caught-up":
                    self.ended = "caught up"
                    return
            elif isinstance(event, Suspended):
                self._say("suspended")
                self.ended = "suspended"
            elif isinstance(event, Ended):
                self._say(f"ended {event.reason.name.lower().replace('_', '-')}")
                if self._until == "ended" or event.reason is EndReason.FENCED:
                    self.ended = event.reason.name.lower()
                    return
            elif isinstance(event, Disconnected):
                self._say(f"disconnected {event.code}")

    def _say(self, event: str) -> None:
        said(event)
        if self._events:
            self._events.write(f"{time.time_ns() // 1_000_000} {event}\n")
