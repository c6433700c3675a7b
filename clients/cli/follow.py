"""`sluice-client follow KIND...`: receive, verify, write, and only then move the cursor.

Ctrl-C or SIGTERM is how a run without `--until` ends: what was received is saved, the result is printed, the exit code
is 0. Whoever reads standard output may close it: that ends the run quietly too. A suspension and a newer follower of
the same subscription are errors, after the result.

INVARIANT: the cursor moves only past lines that are on a disk. Into a pipe or a terminal nothing says that they were
read; there neither cursor nor what was handed up is saved, the disclosures stay owed, and the next run gives all again.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TextIO

import click

from clients.cli.boundary import Command
from clients.cli.output import result, said, wants_json
from clients.cli.profile_option import profile_option
from clients.partner.events import (
    CaughtUp,
    Disconnected,
    Ended,
    FollowEvent,
    QuotaReached,
    Records,
    Restored,
    Suspended,
)
from clients.partner.follow import Following, follow
from clients.profile import Profile
from clients.renewal import keeping_renewed
from clients.sinks.ndjson import NdjsonOutput, NdjsonSink
from clients.times import now_ms
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import EndReason

_STOPS = (signal.SIGINT, signal.SIGTERM)
_WORDS = {CaughtUp: "caught-up", QuotaReached: "quota-reached", Suspended: "suspended"}


@click.command(cls=Command, name="follow")
@click.argument("kinds", nargs=-1, required=True, metavar="KIND...")
@profile_option("this partner's")
@click.option(
    "--to",
    "target",
    default="ndjson",
    show_default=True,
    help="`ndjson:FILE`, each record once; or `ndjson` for standard output. A pipe or a terminal moves no cursor: the "
    "next run gives the same records again.",
)
@click.option("--agreement", "agreement_id", help="Which agreement, if the profile has several.")
@click.option("--subscription", default="default", show_default=True, help="A name; each has its own cursor.")
@click.option("--state", type=click.Path(path_type=Path), help="What is kept.  [default: beside the profile]")
@click.option("--from-start", is_flag=True, help="From the first record; what is held is not handed up again.")
@click.option(
    "--until",
    type=click.Choice(["forever", "caught-up", "ended"]),
    default="forever",
    show_default=True,
    help="When to stop: when told, when nothing is left to get, or when the stream ends.",
)
@click.option("--receipt", is_flag=True, help="Send a signed receipt at the end; needs a file.")
@click.option("--record", type=click.Path(path_type=Path), help="Keep the stream as received, for `replay`; private.")
@click.option("--token-file", type=click.Path(path_type=Path), help="The access token, read anew for each stream.")
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
    token_file: Path | None,
    events: Path | None,
) -> None:
    """Follow what this partner may have of KIND... (telemetry, tactic)."""
    scheme, _, path = target.partition(":")
    if scheme != "ndjson":
        raise CallerError("sink-unknown", "a sink must be `ndjson` or `ndjson:FILE`, another came", at="--to")
    profile = Profile.load(profile_path)
    following = follow(
        profile,
        kinds=kinds,
        state=state or default_state(profile_path, profile, agreement_id, subscription),
        agreement_id=agreement_id,
        subscription=subscription,
        from_start=from_start,
        record=record,
        token=token_file,
    )
    run = _Run(following, Path(path) if path else None, until, events)

    async def renewing() -> None:
        async with keeping_renewed(profile_path, profile, following.renewed, lambda text: said(f"note      {text}")):
            await run.main(receipt)

    asyncio.run(renewing())
    facts = run.facts()
    sentence = f"{facts['records']} records, {facts['verified']} verified, {run.ended}"
    if path:
        result(facts, [("received", sentence)])
    else:
        # Standard output belongs to the records.
        said(json.dumps(facts) if wants_json() else f"received  {sentence}")
    run.check_end()


def default_state(profile_path: Path, profile: Profile, agreement_id: str | None, subscription: str) -> Path:
    """Beside the profile, one file per subscription; it names the agreement only where there are several."""
    parts = [agreement_id] if agreement_id and len(profile.agreements) > 1 else []
    name = ".".join([profile_path.stem, *parts, subscription, "state"])
    return profile_path.with_name(name.replace("/", "-"))


class _Run:
    def __init__(self, following: Following, path: Path | None, until: str, events: Path | None) -> None:
        self._following = following
        self._path = path
        self._until = until
        self._events_path = events
        self._events: TextIO | None = None
        self._portions: Counter[str] = Counter()
        self._records = 0
        self._restores: list[Restored] = []
        self._receipt: int | None = None
        self.ended = "stopped"

    def facts(self) -> dict[str, object]:
        return {
            "records": self._records,
            "portions": dict(self._portions),
            "verified": self._following.verified,
            "quarantined": self._following.quarantined,
            "repeated": self._following.repeated,
            "restores": [restored.closed.facts() | {"beyond": restored.beyond} for restored in self._restores],
            "ended": self.ended,
            "receipt_tick": self._receipt,
        }

    def check_end(self) -> None:
        """Raises what a script must not take for success."""
        if self.ended == "suspended":
            raise Refused(
                "suspended",
                "this partner must be active, operators suspended it; everything received is kept",
                do="call the operator",
            )
        if self.ended == "fenced":
            raise Refused(
                "fenced",
                "a subscription has one follower, a newer one took over",
                do="stop the other one, or use another `--subscription`",
            )

    async def main(self, receipt: bool) -> None:
        async with self._following as following:
            with ExitStack() as stack:
                if self._events_path:
                    self._events = stack.enter_context(self._events_path.open("a", encoding="utf-8", buffering=1))
                sink = stack.enter_context(closing(self._sink(following)))
                if receipt and not sink.keeps_lines:
                    raise CallerError(
                        "receipt-needs-file",
                        "a receipt is for records that are on a disk, standard output is no file",
                        at="--receipt",
                        do="add `--to ndjson:FILE`",
                    )
                if not sink.keeps_lines:
                    said(
                        "note      standard output is no file: no cursor moves, the next run gives these records again"
                    )
                try:
                    with _stopping_on_signals():
                        await self._flush(following, sink)
                        await self._follow(following, sink)
                except asyncio.CancelledError:
                    self._say("stopped")
                except BrokenPipeError:
                    self.ended = "unread"
                    self._say("unread")
                if receipt and following.has_verified and self.ended not in {"suspended", "fenced"}:
                    self._receipt = await following.send_receipt()

    def _sink(self, following: Following) -> NdjsonSink | NdjsonOutput:
        if self._path is None:
            return NdjsonOutput(following.under)
        return NdjsonSink(self._path, following.sink_note, following.under)

    async def _follow(self, following: Following, sink: NdjsonSink | NdjsonOutput) -> None:
        async for event in following:
            if isinstance(event, Records):
                sink.write(record.to_json() for record in event.records)
                await self._flush(following, sink)
                self._records += len(event.records)
                self._portions.update(portion.name for record in event.records for portion in record.portions)
            if isinstance(event, Restored):
                self._restores.append(event)
                said(f"note      {event.closed.sentence()}; {event.beyond} disclosures held here are lost there")
            self._say(_sentence(event))
            if isinstance(event, (CaughtUp, QuotaReached)) and self._until == "caught-up":
                self.ended = _sentence(event).replace("-", " ")
                return
            if isinstance(event, Suspended):
                self.ended = "suspended"
            elif isinstance(event, Ended) and (self._until == "ended" or event.reason is EndReason.FENCED):
                self.ended = event.reason.name.lower()
                return

    async def _flush(self, following: Following, sink: NdjsonSink | NdjsonOutput) -> None:
        note = sink.flush()
        if sink.keeps_lines:
            await following.flushed(note)

    def _say(self, event: str) -> None:
        said(event)
        if self._events:
            self._events.write(f"{now_ms()} {event}\n")


def _sentence(event: FollowEvent) -> str:
    """One event as a person and a script read it."""
    if isinstance(event, Records):
        return f"records {len(event.records)}"
    if isinstance(event, Disconnected):
        return f"disconnected {event.code}"
    if isinstance(event, Restored):
        return f"restored {event.beyond}"
    if isinstance(event, Ended):
        return f"ended {event.reason.name.lower().replace('_', '-')}"
    return _WORDS[type(event)]


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """The first signal cancels the task, which saves nothing half; the second one acts as everywhere else."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        for number in _STOPS:
            loop.remove_signal_handler(number)
        if task is not None:
            task.cancel()

    for number in _STOPS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in _STOPS:
            loop.remove_signal_handler(number)
