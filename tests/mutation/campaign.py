"""Every byte of the whole recorded day, changed, before both readers.

    make flips
    python -m tests.mutation --sample 40 --seed 7 --json

Of every message, entry of CONTROL and piece of a parcel: each byte flipped by a drawn value; the lowest bit of each
byte of a field of less than a thousand bytes, which leaves out halves of signatures, keys, seals and ciphertexts; an
end at every length; one byte more; other types and numbers. Of every file: swaps, repeats, drops, runs withheld, tails
cut off, messages put in. Progress goes to standard error, the table to standard output. Exit code 1 if a change was
accepted that is none of the five kinds of SPEC.md section 10.1, or if the readers disagree; it is shown with its place.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutation.changes import Change, drawn, exchanged, injected, of_bytes, of_order
from tests.mutation.layout import spans
from tests.mutation.recorded import File, Item, Kind, file, names
from tests.mutation.tally import SHOWN, Tally
from tests.mutation.walk import walk_of

CHUNK = 2048
# A bit beside a drawn value says nothing more of what is only hashed or opened.
OPAQUE = 1000
_UNCHANGED = {Kind.STREAM, Kind.CONNECTION}


@dataclass(frozen=True)
class Task:
    """A piece of work. offsets: of an item, None for the order of a file's items; sample: bytes of an item, 0: all."""

    name: str
    seed: int
    place: int = 0
    start: int = 0
    stop: int = 0
    sample: int = 0
    of_order: bool = False


def tasks(chosen: list[str], seed: int, sample: int) -> Iterator[Task]:
    """All work on these files."""
    for name in chosen:
        yield Task(name, seed, of_order=True)
        for place, item in enumerate(file(name).items):
            if item.kind in _UNCHANGED:
                continue
            size = len(item.octets)
            for start in range(0, size, size if sample else CHUNK):
                yield Task(name, seed, place, start, size if sample else min(start + CHUNK, size), sample)


def changes_of(task: Task) -> Iterator[Change]:
    """The changes of a piece of work, in order."""
    read = file(task.name)
    if task.of_order:
        yield from itertools.chain(of_order(read), injected(read))
        return
    item = read.items[task.place]
    values = drawn(task.seed, task.name, task.place, len(item.octets))
    offsets: list[int] | range = range(task.start, task.stop)
    if task.sample:
        rng = random.Random(f"{task.seed}/{task.name}/{task.place}")
        offsets = sorted(rng.sample(offsets, min(task.sample, len(offsets))))
    short = _short(read, item)
    for offset in offsets:
        yield of_bytes(item, task.place, "flip", offset, values[offset])
        yield of_bytes(item, task.place, "cut", offset)
        if short[offset]:
            yield of_bytes(item, task.place, "bit", offset)
    if task.start == 0:
        yield of_bytes(item, task.place, "longer", len(item.octets), 0)
        yield of_bytes(item, task.place, "longer", len(item.octets), values[0])
        yield from exchanged(read, task.place)


def _short(read: File, item: Item) -> bytearray:
    """For each byte of an item whether its field is a short one."""
    flags = bytearray(len(item.octets))
    for span in spans(read, item):
        if span.end - span.start < OPAQUE:
            flags[span.start : span.end] = b"\1" * (span.end - span.start)
    return flags


def tried(task: Task) -> tuple[Task, Tally]:
    """One piece of work to its end; for a process of its own."""
    walk, tally = walk_of(task.name), Tally()
    for change in changes_of(task):
        tally.note(walk, change)
    return task, tally


def run(work: list[Task], jobs: int) -> Iterator[tuple[Task, Tally]]:
    """Every piece of work, as it ends."""
    if jobs == 1:
        yield from map(tried, work)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(tried, work)


def report(whole: Tally) -> str:
    """The tables for a person."""
    lines = ["| file | message | flips | truncations | other | refused | harmless | codes |"]
    lines += ["|---|---|---:|---:|---:|---:|---|---|", *map(str, whole.rows())]
    refused, harmless = sum(whole.refused.values()), sum(whole.harmless.values())
    lines += [
        "",
        f"{whole.changes:,} changes: {refused:,} refused ({whole.late:,} of them behind the change), "
        f"{harmless:,} harmless by name, {sum(whole.disagreed.values()):,} disagreed on, {len(whole.unnamed)} unnamed",
        "",
        "| harmless | message | field or change | changes |",
        "|---|---|---|---:|",
        *(
            f"| {kind} | {title} | {where} | {count:,} |"
            for (kind, title, where), count in sorted(whole.fields.items())
        ),
    ]
    if whole.disagreed:
        lines += [
            "",
            "| message | change | field | product | second reader | changes | first |",
            "|---|---|---|---|---|---:|---|",
        ]
        lines += [
            f"| {' | '.join(key)} | {count:,} | {whole.places[key]} |" for key, count in whole.disagreed.most_common()
        ]
    return "\n".join([*lines, *whole.unnamed[:SHOWN]])


def main() -> int:
    """0 if every change was refused or is harmless by name, and both readers say the same."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sample", type=int, default=0, help="bytes of each item, drawn by the seed; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="draws the values of flips, and the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--only", default="", help="files of the day, with commas between them")
    parser.add_argument("--json", action="store_true", help="JSON instead of the tables")
    chosen = parser.parse_args()
    files = [name for name in chosen.only.split(",") if name] or names()
    unknown = [name for name in files if name not in names()]
    if unknown:
        parser.error(f"expected files of {', '.join(names())}; `{unknown[0]}` is none")
    work, whole, began = list(tasks(files, chosen.seed, chosen.sample)), Tally(), time.monotonic()
    for number, (task, tally) in enumerate(run(work, chosen.jobs), 1):
        whole.add(tally)
        if not tally.holds or number % 20 == 0 or number == len(work):
            left = (time.monotonic() - began) / number * (len(work) - number) / 60
            told = f"{number}/{len(work)} {task.name} item {task.place}: {whole.changes:,} changes, {left:.0f} min left"
            sys.stderr.write(told + (" ACCEPTED OR DISAGREED\n" if not tally.holds else "\n"))
            sys.stderr.flush()
    print(json.dumps(whole.to_json(), indent=2) if chosen.json else report(whole))  # noqa: T201 - the result
    return 0 if whole.holds else 1
