"""Sources and partners as a test holds them: a profile on disk that is up to date, and the client library over it.

A handle makes no key and holds none: everything is in files, and any other client may be pointed at them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from clients.cli.publish import guide_of, open_outbox
from clients.partner.events import CaughtUp, Disconnected, QuotaReached, Records, Suspended
from clients.partner.follow import Following, follow
from clients.partner.sections import ReceivedRecord
from clients.profile import Profile
from clients.source.labelling import Labelling
from clients.source.outbox import ACKNOWLEDGED, Tally
from clients.source.upload import Upload
from gateway.core.control.agreement import Agreement
from gateway.core.errors import Fault, Refused
from gateway.core.suite.numbers import DataMode, RecordKind

WITHIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Party:
    """An enrolled party. path: its profile, keys lie in the folder beside it; terms: what it was admitted with."""

    id: str
    role: str
    terms: Mapping[str, str]
    _path: Path
    _settle: Callable[[], None] = field(repr=False)

    @property
    def path(self) -> Path:
        """The profile's file, with everything in force that was asked for until now."""
        self._settle()
        return self._path

    def profile(self) -> Profile:
        """The profile, read and checked."""
        return Profile.load(self.path)


@dataclass(frozen=True, slots=True)
class Source(Party):
    """An admitted source."""

    def send(self, kind: str, contents: Sequence[Mapping[int, bytes]], mode: str, within_seconds: float) -> int:
        """Labels, signs and sends records given as contents by slot; how many the source's own account acknowledged.

        `not-acknowledged` if it does not within the time; `Refused` with the gateway's code if it refuses them.
        """
        profile, number, data_mode = Profile.load(self.path), RecordKind[kind.upper()], DataMode[mode]
        with closing(open_outbox(profile, self._path, None)) as outbox, asyncio.Runner() as runner:
            upload = Upload(profile, outbox, _quiet)
            if not upload.has_directory():
                runner.run(upload.fetch_directory())
            labelling = Labelling(guide_of(profile, upload), number, data_mode, {})
            records = [labelling.label(place, one) for place, one in enumerate(contents)]
            before = len(outbox.refused())
            sent = list(outbox.add(profile.signing_key(), upload.ingest_key(), number, data_mode, records))
            runner.run(upload.run(give_up_after_seconds=within_seconds))
            for told in outbox.refused()[before:]:
                raise Refused(told.code, f"the gateway must take every batch, it refused {told.batch}", at=told.at)
            if any(outbox.state_of(digest) != ACKNOWLEDGED for digest, _ in sent):
                raise Fault(
                    "not-acknowledged", f"the account must name every batch within {within_seconds:.0f} s", at=self.id
                )
        return len(records)


@dataclass(frozen=True, slots=True)
class Partner(Party):
    """An admitted partner."""

    def follow(
        self,
        *kinds: str,
        agreement: Agreement | None = None,
        subscription: str = "default",
        state: Path | None = None,
        from_start: bool = False,
        record: Path | None = None,
        within_seconds: float = WITHIN_SECONDS,
    ) -> list[ReceivedRecord]:
        """Verified records up to now, each once: a second call gives what is new since the first.

        kinds: all of the agreement if none is named; agreement: which, if there are several; state: where it is kept
        how far this partner is, another file begins anew; the rest as of `clients.partner.follow.follow`. Raises
        `Refused` for a denial, a suspension and every check that fails, `follow-overdue` if there is no end in time.
        """
        profile = self.profile()
        chosen = agreement or next(iter(profile.agreements), None)
        asked = kinds or tuple(kind.name.lower() for kind in sorted(chosen.kinds)) if chosen else ("telemetry",)
        name = f"{self._path.stem}.{chosen.id if chosen else ''}.{subscription}.state".replace("/", "-")
        following = follow(
            profile,
            kinds=asked,
            state=state or self._path.with_name(name),
            agreement_id=agreement.id if agreement else None,
            subscription=subscription,
            from_start=from_start,
            record=record,
        )
        return asyncio.run(_until_caught_up(following, within_seconds))


async def _until_caught_up(following: Following, within_seconds: float) -> list[ReceivedRecord]:
    records: list[ReceivedRecord] = []
    why = "it is not"
    try:
        async with asyncio.timeout(within_seconds), following as events:
            async for event in events:
                if isinstance(event, Records):
                    records += event.records
                    # The list is the sink: the caller has it, or has an error and asks again.
                    await events.flushed()
                elif isinstance(event, CaughtUp | QuotaReached):
                    return records
                elif isinstance(event, Disconnected):
                    why = f"the last try ended with {event.code}"
                elif isinstance(event, Suspended):
                    raise Refused("suspended", "this partner must be active, operators suspended it")
    except TimeoutError as error:
        raise Fault("follow-overdue", f"the stream must be caught up within {within_seconds:.0f} s, {why}") from error
    raise Refused("fenced", "a subscription has one follower, a newer one took over")


def _quiet(event: str, tally: Tally) -> None:
    """Progress that nobody reads: the caller waits for the end."""
