"""`sluice-client publish FILE`: read, redact, label, sign, seal, send; or with `--dry-run` only say what would be sent."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from clients.cli.boundary import Command
from clients.cli.output import result, said, wants_json
from clients.formats.reading import read_log
from clients.formats.tactic import read_tactic
from clients.profile import Profile
from clients.source.labelling import Labelling
from clients.source.outbox import ACKNOWLEDGED, Outbox, Tally
from clients.source.upload import Upload, need_guide
from gateway.core.control.guide import Guide
from gateway.core.errors import CallerError
from gateway.core.kinds import KINDS
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import DataMode, RecordKind, Role


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file gave: contents by slot per record, and what to say about it."""

    kind: RecordKind
    contents: list[dict[int, bytes]]
    samples: int
    notes: list[str]
    dropped: list[str]


@click.command(cls=Command, name="publish")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--profile", "profile_path", required=True, type=click.Path(path_type=Path), help="This source's profile."
)
@click.option(
    "--mode", required=True, type=click.Choice([mode.name for mode in DataMode]), help="Where facts are from."
)
@click.option("--design", help="The design the platform is of.")
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
@click.option("--dry-run", is_flag=True, help="Read and label, send nothing.")
@click.option("--no-wait", is_flag=True, help="Seal into the outbox and stop; `outbox --send` sends it.")
@click.option("--give-up-after", type=float, metavar="SECONDS", help="Stop trying then; the outbox keeps the rest.")
def publish_command(
    file: Path,
    profile_path: Path,
    mode: str,
    design: str | None,
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
    outbox = Outbox(outbox_path or profile_path.with_suffix(".outbox"), profile.genesis_link, profile.id)
    try:
        upload = Upload(profile, outbox, _progress)
        if upload.trust.directory is None:
            asyncio.run(upload.fetch_directory())
        guide = guide_of(profile, upload)
        reading = _read(file, guide, redaction, design, rows, DataMode[mode])
        labelling = Labelling(guide, reading.kind, DataMode[mode], _labels(labels))
        records = [labelling.label(number, contents) for number, contents in enumerate(reading.contents)]
        _say_reading(file, reading, labelling)
        if dry_run or not records:
            _finish(file, reading, outbox.tally(), sent=False)
            return
        key = profile.signing_key()
        for _ in outbox.add(key, upload.ingest_key(), reading.kind, DataMode[mode], records):
            pass
        said(
            f"outbox    {len(records)} records signed and sealed to the gateway's key: this machine cannot read them now"
        )
        if not no_wait:
            asyncio.run(upload.run(give_up_after_seconds=give_up_after))
        _finish(file, reading, outbox.tally(), sent=not no_wait, refused=outbox.refused())
    finally:
        outbox.close()


def guide_of(profile: Profile, upload: Upload) -> Guide:
    """The guide of the profile under the vocabularies of the directory."""
    vocabularies = {}
    for name, text in upload.trust.files(Role.VOCABULARY).items():
        vocabularies[name] = Vocabulary.parse(text)
    return Guide.parse(need_guide(profile), vocabularies)


def _labels(pairs: tuple[str, ...]) -> Mapping[str, str]:
    labels = {}
    for pair in pairs:
        portion, separator, short = pair.partition("=")
        if not separator:
            raise CallerError("usage", "a label is given as `portion=LABEL`", at="--label")
        labels[portion] = short
    return labels


def _read(file: Path, guide: Guide, redaction: str, design: str | None, rows: int, mode: DataMode) -> Reading:
    if file.suffix.lower() == ".toml":
        return Reading(RecordKind.TACTIC, [read_tactic(file)], 0, [], [])
    log = read_log(
        file,
        redaction=redaction,
        guide_step_ms=guide.time_step_ms,
        design_id=design,
        max_rows=rows,
        data_mode=mode,
    )
    notes = [note.message for note in log.notes]
    return Reading(RecordKind.TELEMETRY, log.records, log.samples, notes, log.report.lines())


def _say_reading(file: Path, reading: Reading, labelling: Labelling) -> None:
    size = sum(len(content) for contents in reading.contents for content in contents.values())
    said(f"read      {file.name}: {len(reading.contents)} records, {reading.samples} samples, {size} bytes")
    for note in reading.notes:
        said(f"note      {note}")
    if reading.dropped:
        said(f"dropped   {', '.join(reading.dropped)}")
    kind = KINDS[reading.kind]
    present = Counter(kind.slots[slot] for contents in reading.contents for slot in contents)
    said(f"labels    guide {labelling.guide.id}: {', '.join(f'{name} in {count}' for name, count in present.items())}")


def _progress(event: str, tally: Tally) -> None:
    done, total = tally.batches.get(ACKNOWLEDGED, 0), sum(tally.batches.values())
    said(f"link      {event}: {done} of {total} batches acknowledged")


def _finish(
    file: Path, reading: Reading, tally: Tally, *, sent: bool, refused: list[tuple[str, str, str]] | None = None
) -> None:
    acknowledged = tally.records.get(ACKNOWLEDGED, 0)
    facts: dict[str, object] = {
        "file": file.name,
        "records": len(reading.contents),
        "samples": reading.samples,
        "notes": reading.notes,
        "dropped": reading.dropped,
        "sent": sent,
        "outbox": {"batches": tally.batches, "records": tally.records},
        "refused": [{"batch": batch, "code": code, "at": at} for batch, code, at in refused or []],
        "time_ms": time.time_ns() // 1_000_000,
    }
    if reading.contents:
        lines = [("records", f"{len(reading.contents)}, {reading.samples} samples")]
    else:
        lines = [("0", f"records: {'; '.join(reading.notes) or 'nothing to publish'}")]
    if sent:
        lines.append(("sent", f"{acknowledged} records acknowledged, {tally.open_batches} batches waiting"))
    if refused:
        lines += [("refused", f"batch {batch}: {code} at {at}") for batch, code, at in refused]
    result(facts, lines)
    if refused and not wants_json():
        said("do        call the operator with the batch numbers")
