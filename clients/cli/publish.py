"""`sluice-client publish FILE`: read, redact, label, sign, seal, send; or with `--dry-run` only say what would be sent.

Everything that waits in the outbox is sent, older batches too. The result is printed whatever became of it; then a
batch of this run that was refused is an error (exit code by its family), and one that still waits is exit code 7.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from clients.cli.boundary import Command, pending
from clients.cli.output import result, said
from clients.cli.profile_option import profile_option
from clients.formats.platforms import PLATFORM_CLASSES
from clients.formats.reading import Note, UnitFacts, read_log
from clients.formats.tactic import read_tactic
from clients.profile import Profile
from clients.renewal import keeping_renewed
from clients.source.labelling import Labelling
from clients.source.outbox import ACKNOWLEDGED, Outbox, Tally, Told
from clients.source.upload import Upload, need_guide
from clients.times import now_ms
from clients.trust import vocabularies_of
from gateway.core.control.guide import Guide
from gateway.core.errors import CallerError, Refused
from gateway.core.kinds import KINDS
from gateway.core.suite.numbers import DataMode, RecordKind

_WHY_NOTHING = frozenset({"nothing-left", "no-position-fix"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file gave: contents by slot per record, and what to say about it."""

    kind: RecordKind
    contents: list[dict[int, bytes]]
    samples: int
    notes: list[Note]
    dropped: list[str]


@click.command(cls=Command, name="publish")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@profile_option("this source's")
@click.option(
    "--mode", required=True, type=click.Choice([mode.name for mode in DataMode]), help="Where facts are from."
)
@click.option("--design", help="The design the platform is of.")
@click.option(
    "--platform",
    type=click.Choice(PLATFORM_CLASSES),
    help="What the vehicle is, where the log does not say it or says it wrong.",
)
@click.option("--unit-name", default="", help="For the `unit` portion, which no log fills: the unit's name.")
@click.option("--callsign", default="", help="For the `unit` portion: the callsign.")
@click.option("--mission-ref", default="", help="For the `unit` portion: the mission's reference.")
@click.option(
    "--redaction",
    type=click.Choice(["field", "range"]),
    default="field",
    show_default=True,
    help="What is removed before signing.",
)
@click.option("--label", "labels", multiple=True, metavar="PORTION=LABEL", help="A label above the guide's.")
@click.option("--rows", default=4096, show_default=True, type=click.IntRange(1, 4096), help="Most rows of a record.")
@click.option(
    "--outbox",
    "outbox_path",
    type=click.Path(path_type=Path),
    help="Where parcels wait.  [default: beside the profile]",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Read and label, send nothing of the file; an outbox that has no directory yet connects to fetch it.",
)
@click.option("--no-wait", is_flag=True, help="Seal into the outbox and stop; `outbox --send` sends it.")
@click.option("--give-up-after", type=float, metavar="SECONDS", help="Stop trying then; the outbox keeps the rest.")
def publish_command(
    file: Path,
    profile_path: Path,
    mode: str,
    design: str | None,
    platform: str | None,
    unit_name: str,
    callsign: str,
    mission_ref: str,
    redaction: str,
    labels: tuple[str, ...],
    rows: int,
    outbox_path: Path | None,
    dry_run: bool,
    no_wait: bool,
    give_up_after: float | None,
) -> None:
    """Publish FILE: a MAVLink `.tlog`, an ArduPilot `.BIN`, or a tactic as `.toml`."""
    profile = Profile.load(profile_path)
    with closing(open_outbox(profile, profile_path, outbox_path)) as outbox, asyncio.Runner() as runner:
        upload = Upload(profile, outbox, _progress)
        if not upload.has_directory():
            runner.run(upload.fetch_directory())
        guide = guide_of(profile, upload)
        unit = UnitFacts(unit_name=unit_name, callsign=callsign, mission_ref=mission_ref)
        reading = _read(file, guide, redaction, design, rows, DataMode[mode], platform, unit)
        labelling = Labelling(guide, reading.kind, DataMode[mode], _labels(labels))
        records = [labelling.label(number, contents) for number, contents in enumerate(reading.contents)]
        _say_reading(file, reading, labelling)
        if dry_run:
            _finish(file, reading, outbox.tally(), outbox.tally(), [], sent=False)
            return
        if records:
            for _ in outbox.add(profile.signing_key(), upload.ingest_key(), reading.kind, DataMode[mode], records):
                pass
            said(
                f"outbox    {len(records)} records signed and sealed to the gateway's key: unreadable here from now on"
            )
        before, told_before = outbox.tally(), set(outbox.refused())
        if not no_wait:
            runner.run(run_renewing(profile_path, profile, upload, give_up_after))
        after, refused = outbox.tally(), [told for told in outbox.refused() if told not in told_before]
        _finish(file, reading, before, after, refused, sent=not no_wait)
    check_sent(after, refused, sent=not no_wait)


async def run_renewing(path: Path, profile: Profile, upload: Upload, give_up_after: float | None) -> None:
    """Moves the outbox, however long it takes; the certificate is renewed meanwhile."""
    async with keeping_renewed(path, profile, upload.renewed, lambda text: said(f"note      {text}")):
        await upload.run(give_up_after_seconds=give_up_after)


def open_outbox(profile: Profile, profile_path: Path, outbox_path: Path | None) -> Outbox:
    """The outbox named, or the one beside the profile."""
    return Outbox(outbox_path or profile_path.with_suffix(".outbox"), profile.genesis_link, profile.id)


def check_sent(tally: Tally, refused: list[Told], *, sent: bool) -> None:
    """Raises what a script must not take for success: a refused batch; ends with code 7 while something waits."""
    for told in refused:
        raise Refused(
            told.code,
            f"the gateway must take every batch, it refused {len(refused)}, the first is {told.batch}",
            at=told.at,
            do="nothing of it is stored; mend the cause and publish again",
        )
    if sent and tally.open_batches:
        pending()


def guide_of(profile: Profile, upload: Upload) -> Guide:
    """The guide of the profile, under the profile's vocabularies as the directory brings them."""
    return Guide.parse(need_guide(profile), vocabularies_of(profile, upload.trust))


def _labels(pairs: tuple[str, ...]) -> Mapping[str, str]:
    labels = {}
    for pair in pairs:
        portion, separator, short = pair.partition("=")
        if not separator:
            raise CallerError("usage", "a label is given as `portion=LABEL`", at="--label")
        labels[portion] = short
    return labels


def _read(
    file: Path,
    guide: Guide,
    redaction: str,
    design: str | None,
    rows: int,
    mode: DataMode,
    platform: str | None,
    unit: UnitFacts,
) -> Reading:
    if file.suffix.lower() == ".toml":
        if platform or unit != UnitFacts():
            raise CallerError(
                "options-of-a-log", "platform and unit are told of a flight log, a tactic came", at=file.name
            )
        return Reading(RecordKind.TACTIC, [read_tactic(file)], 0, [], [])
    log = read_log(
        file,
        redaction=redaction,
        guide_step_ms=guide.time_step_ms,
        design_id=design,
        max_rows=rows,
        data_mode=mode,
        platform_class=platform,
        unit=unit,
    )
    return Reading(RecordKind.TELEMETRY, log.records, log.samples, log.notes, log.report.lines())


def _say_reading(file: Path, reading: Reading, labelling: Labelling) -> None:
    size = sum(len(content) for contents in reading.contents for content in contents.values())
    said(f"read      {file.name}: {len(reading.contents)} records, {reading.samples} samples, {size} bytes")
    for note in reading.notes:
        said(f"note      {note.message}")
    if reading.dropped:
        said(f"dropped   {', '.join(reading.dropped)}")
    kind = KINDS[reading.kind]
    present = Counter(kind.slots[slot] for contents in reading.contents for slot in contents)
    said(f"labels    guide {labelling.guide.id}: {', '.join(f'{name} in {count}' for name, count in present.items())}")


def _progress(event: str, tally: Tally) -> None:
    done, total = tally.batches.get(ACKNOWLEDGED, 0), sum(tally.batches.values())
    said(f"link      {event}: {done} of {total} batches acknowledged")


def _finish(file: Path, reading: Reading, before: Tally, after: Tally, refused: list[Told], *, sent: bool) -> None:
    facts: dict[str, object] = {
        "file": file.name,
        "records": len(reading.contents),
        "samples": reading.samples,
        "notes": [note.message for note in reading.notes],
        "dropped": reading.dropped,
        "sent": sent,
        "outbox": {"batches": after.batches, "records": after.records, "open": after.open_batches},
        "refused": refused_facts(refused),
        "time_ms": now_ms(),
    }
    if reading.contents:
        lines = [("records", f"{len(reading.contents)}, {reading.samples} samples")]
    else:
        why = next((note.message for note in reading.notes if note.code in _WHY_NOTHING), "nothing to publish")
        lines = [("0 records:", why)]
    if sent and before.open_batches:
        acknowledged = after.records.get(ACKNOWLEDGED, 0) - before.records.get(ACKNOWLEDGED, 0)
        lines.append(("sent", f"{acknowledged} records acknowledged, {after.open_batches} batches waiting"))
    lines += refused_lines(refused)
    result(facts, lines)


def refused_facts(refused: list[Told]) -> list[dict[str, str]]:
    """Refused batches for `--json`."""
    return [{"batch": told.batch, "code": told.code, "at": told.at} for told in refused]


def refused_lines(refused: list[Told]) -> list[tuple[str, str]]:
    """Refused batches for a person."""
    return [("refused", f"batch {told.batch}: {told.code}" + (f" at {told.at}" if told.at else "")) for told in refused]
