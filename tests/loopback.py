"""A stand whose gateway runs for a whole module: one event loop, short verbs for what a source and a partner do.

The gateway makes progress only inside `run`; between two calls everything stands still, so nothing in a test races.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from clients.cli.publish import guide_of
from clients.partner.events import CaughtUp, FollowEvent, Records
from clients.partner.follow import follow
from clients.partner.sections import ReceivedRecord
from clients.profile import Profile
from clients.source.labelling import Labelling
from clients.source.outbox import WAITING, Outbox, Tally
from clients.source.upload import Upload
from gateway.core.control.agreement import Agreement
from gateway.core.kinds import KINDS, canonical, tactic
from gateway.core.records.states import RecordInput
from gateway.core.suite.numbers import DataMode, RecordKind, StatementKind
from tests.stand import Stand, agreement_text
from tests.unit.kinds.given import segment, tactic_tables

SOURCE = "src-3f07"
# Nothing takes that long, also where ten others work on the machine; a test that hangs is told all the same.
GUARD_SECONDS = 300.0
T = TypeVar("T")
Contents = dict[int, bytes]


def a_segment(**changed: bytes | None) -> Contents:
    """Contents of a telemetry record with all eight portions; one given as `None` is left out."""
    return {slot: canonical.encode(message) for slot, message in segment(**changed).items()}


def a_tactic(**changed: Any) -> Contents:
    """Contents of a tactic with six portions."""
    return tactic.from_mapping(tactic_tables(**changed))


def quiet(event: str, tally: Tally) -> None:
    """Progress that nobody reads."""


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """The object on standard output."""
        return json.loads(self.out.strip().splitlines()[-1])

    def error(self) -> dict[str, str]:
        """The error on standard error."""
        return json.loads(self.err.strip().splitlines()[-1])


class Loopback:
    """A stand, its gateway running on one loop."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stand = Stand.found(root)
        self._runner = asyncio.Runner()
        self._serving = self.stand.serving()

    def start(self, *partners: str, sources: Sequence[str] = (SOURCE,)) -> None:
        """The gateway listens, parties are admitted, a directory is issued."""
        self.run(self._serving.__aenter__())
        self.run(self.stand.populate(*partners, sources=sources))

    def stop(self) -> None:
        """The gateway stops in order."""
        self.run(self._serving.__aexit__(None, None, None))

    def serve_again(self) -> None:
        """The gateway starts again from its store, on the port its parties know."""
        self._serving = self.stand.serving()
        self.run(self._serving.__aenter__())

    def close(self) -> None:
        """Everything ends."""
        if self.stand.running is not None:
            self.stop()
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, while the gateway runs beside it."""

        async def guarded() -> T:
            async with asyncio.timeout(GUARD_SECONDS):
                return await work

        return self._runner.run(guarded())

    def agree(self, partner: str, name: str, **changed: str) -> Profile:
        """One more agreement of a partner, in force; its profile with only this agreement."""
        text = agreement_text(partner, id=f'"{name}"', **changed)
        self.run(self.stand.apply(StatementKind.AGREEMENT, text))
        return replace(self.stand.profile(partner), agreements=(Agreement.parse(text),))

    @contextmanager
    def outbox(self, name: str = "outbox", source: str = SOURCE) -> Iterator[Outbox]:
        """An outbox of a source."""
        with closing(Outbox(self.root / name, self.stand.genesis.statement.link, source)) as outbox:
            yield outbox

    def upload(self, outbox: Outbox, source: str = SOURCE, **options: Any) -> Upload:
        """An upload that knows the directory."""
        upload = Upload(self.stand.profile(source), outbox, quiet, **options)
        if not upload.has_directory():
            self.run(upload.fetch_directory())
        return upload

    def labelled(
        self, upload: Upload, kind: RecordKind, contents: Sequence[Contents], source: str = SOURCE
    ) -> list[RecordInput]:
        """Records as the guide labels them."""
        guide = guide_of(self.stand.profile(source), upload)
        labelling = Labelling(guide, kind, DataMode.SIMULATED, {})
        return [labelling.label(number, one) for number, one in enumerate(contents)]

    def seal(self, upload: Upload, outbox: Outbox, kind: RecordKind, *contents: Contents) -> list[bytes]:
        """Signs and seals records into the outbox; H(B) of each batch."""
        records = self.labelled(upload, kind, contents)
        key = self.stand.profile(SOURCE).signing_key()
        return [digest for digest, _ in outbox.add(key, upload.ingest_key(), kind, DataMode.SIMULATED, records)]

    def publish(self, kind: RecordKind, *contents: Contents) -> list[bytes]:
        """Records in as few batches as they fit, until stored; H(B) of each batch. The next publication settles them.

        An account is shown once a second, which nobody here wants to wait for.
        """
        with self.outbox() as outbox:
            upload = self.upload(outbox)
            digests = self.seal(upload, outbox, kind, *contents)
            self.store(upload, outbox)
        return digests

    def store(self, upload: Upload, outbox: Outbox) -> None:
        """Moves the outbox until everything in it is stored."""
        self.run(_until_stored(upload, outbox))

    def waited(self, upload: Upload) -> None:
        """Moves the outbox until the gateway says of a batch that it must wait; `outbox.held_back()` says why."""
        self.run(_moved_until(upload, lambda event, tally: event.startswith("waiting")))

    def receive(self, profile: Profile, state: Path, **options: Any) -> list[ReceivedRecord]:
        """Every record of a subscription until it is caught up, flushed one frame at a time."""
        return [record for event in self.events(profile, state, **options) for record in event.records]

    def events(self, profile: Profile, state: Path, **options: Any) -> list[Records]:
        """The frames of a subscription until it is caught up."""
        return self.run(_until_caught_up(profile, state, options))

    def cli(self, *words: object, stdin: bytes = b"") -> Finished:
        """`sluice-client` as a process."""
        return self.run(finished(client_command(*words), stdin))


async def _until_stored(upload: Upload, outbox: Outbox) -> None:
    await _moved_until(upload, lambda event, tally: not tally.batches.get(WAITING))
    assert not outbox.tally().batches.get(WAITING)


async def _moved_until(upload: Upload, is_it: Callable[[str, Tally], bool]) -> None:
    """Moves the outbox until it is told what is waited for, or until everything in it is decided."""
    heard = asyncio.Event()

    def hear(event: str, tally: Tally) -> None:
        if is_it(event, tally):
            heard.set()

    upload.progress = hear
    moving = asyncio.create_task(upload.run())
    waiting = asyncio.create_task(heard.wait())
    await asyncio.wait([moving, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not moving.done():
        moving.cancel()
    with suppress(asyncio.CancelledError):
        await moving


async def _until_caught_up(profile: Profile, state: Path, options: Mapping[str, Any]) -> list[Records]:
    frames: list[Records] = []
    async with follow(profile, state=state, **({"kinds": ("telemetry", "tactic")} | options)) as events:
        async for event in events:
            if isinstance(event, Records):
                frames.append(event)
                await events.flushed()
            if isinstance(event, CaughtUp):
                return frames
    raise AssertionError(f"the stream ended before it was caught up: {event}")


async def next_event(events: Any, kind: type[T]) -> T:
    """The next event of a kind; others are passed over."""
    event: FollowEvent
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind.__name__} came")


def client_command(*words: object) -> list[str]:
    """The installed `sluice-client` of this environment."""
    return [str(Path(sys.executable).with_name("sluice-client")), *map(str, words)]


def interruptible(words: Sequence[str]) -> list[str]:
    """The command as a terminal starts it: tests that are run in the background have all they start ignore Ctrl-C."""
    program = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", program, *words]


async def finished(words: Sequence[str], stdin: bytes = b"") -> Finished:
    """A process from start to end."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin)
    return Finished(process.returncode or 0, out.decode(), err.decode())


def names_of(record: ReceivedRecord) -> set[str]:
    """The portions of a record by name."""
    return {portion.name for portion in record.portions}


def slots_of(kind: RecordKind, *names: str) -> int:
    """The mask of portions by name."""
    slots = KINDS[kind].slots
    return sum(1 << slots.index(name) for name in names)
