"""A million inputs through every parser.

    make fuzz INPUTS=1000000
    python -m tests.fuzz --inputs 1000000 --jobs 1 --only "batch,frame" --json

The quickest parsers come first, each core has one at a time. Progress goes to standard error, the table to standard
output. Exit code 1 if an input broke the law; it is shown with the seed that makes it again. A run that was cut short
goes on where its `--log FILE` ends.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import secrets
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.engine import BrokenLawError, Tally, run
from tests.fuzz.registry import REGISTRY

# Tried first, to learn what a parser costs: the dear ones run last, so that a run cut short has done the most.
TRIAL = 500


@dataclass(frozen=True)
class Outcome:
    """A tally, or what broke."""

    tally: Tally
    broken: str = ""


def measured(task: tuple[str, int, int]) -> Outcome:
    """One parser to its end; for a process of its own."""
    name, inputs, seed = task
    # A certificate with a serial number of zero is a warning of the library and no concern of this law.
    warnings.simplefilter("ignore")
    try:
        return Outcome(run(name, REGISTRY[name].build(), inputs, seed))
    except BrokenLawError:
        return Outcome(Tally(name), traceback.format_exc())


def logged(log: Path | None, inputs: int) -> dict[str, Tally]:
    """What a run before this one has done, by name; only what had as many inputs."""
    if log is None or not log.exists():
        return {}
    found = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return {
        line["parser"]: Tally(
            line["parser"], line["inputs"], line["accepted"], Counter(line["refused"]), line["seconds"]
        )
        for line in found
        if line["parser"] in REGISTRY and line["inputs"] >= inputs
    }


def row(tally: Tally) -> str:
    """One line of the table."""
    codes = ", ".join(f"{code} {count:,}" for code, count in tally.refused.most_common())
    return f"| {tally.name} | {tally.inputs:,} | {tally.accepted:,} | {codes} | {tally.seconds:.0f} |"


def outcomes(names: list[str], inputs: int, seed: int, jobs: int) -> Iterator[Outcome]:
    """Every parser's outcome, in the order in which they end."""
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=8) as pool:
        cost = {
            trial.tally.name: trial.tally.seconds
            for trial in pool.imap_unordered(measured, [(name, TRIAL, seed) for name in names])
        }
        ordered = sorted(names, key=cost.__getitem__)
        expected = sum(cost.values()) * inputs / TRIAL / jobs
        sys.stderr.write(f"{len(names)} parsers, {inputs:,} inputs each, seed {seed}, about {expected / 60:.0f} min\n")
        yield from pool.imap_unordered(measured, [(name, inputs, seed) for name in ordered])


def main() -> int:
    """0 if the law held for every input."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=1_000_000, help="at least so many for each parser")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seed", type=int, default=0, help="the same inputs again; 0: any")
    parser.add_argument("--only", default="", help="names of parsers, with commas between them")
    parser.add_argument("--log", type=Path, help="gets a line of JSON for each parser; what it has is not run again")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    chosen = parser.parse_args()
    names = [name for name in chosen.only.split(",") if name] or list(REGISTRY)
    unknown = [name for name in names if name not in REGISTRY]
    if unknown:
        parser.error(f"expected names of {', '.join(REGISTRY)}; `{unknown[0]}` is none")
    known, broken = logged(chosen.log, chosen.inputs), []
    tallies = [known[name] for name in names if name in known]
    names = [name for name in names if name not in known]
    seed = chosen.seed or secrets.randbelow(10**9) + 1
    for number, outcome in enumerate(outcomes(names, chosen.inputs, seed, chosen.jobs), 1):
        tally = outcome.tally
        tallies.append(tally)
        sys.stderr.write(f"{number:3}/{len(names)} {row(tally) if not outcome.broken else 'BROKEN ' + tally.name}\n")
        if outcome.broken:
            broken.append(outcome.broken)
        elif chosen.log:
            with chosen.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(tally.to_json()) + "\n")
    if chosen.json:
        print(json.dumps([tally.to_json() for tally in tallies], indent=2))  # noqa: T201 - the result
    else:
        print("| parser | inputs | accepted | refused | seconds |\n|---|---:|---:|---|---:|")  # noqa: T201
        print("\n".join(map(row, tallies)))  # noqa: T201
    sys.stderr.write("".join(broken))
    return 1 if broken else 0
