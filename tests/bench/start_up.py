"""How long commands take before they do anything, beside `python -c pass`: all in one run, one after the other.

    python -m tests.bench.start_up [--rounds 9] [--json]

Wall time and processor time of whole processes, the best of so many rounds, and how many times that of an empty
interpreter; the number of modules says why. The gateway of `change list` does not answer: what is measured is all that
comes before. Rounds go round the table, so that a busy minute of the machine falls on all alike.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clients.operator.ca import Authority, PartyKind
from clients.testing.commands import installed
from tests.unit.operator.parties import SERVER, a_genesis, homes

EMPTY = "python -c pass"
UNREACHABLE = "127.0.0.1:1"
_COUNT = "import atexit, sys; atexit.register(lambda: sys.stderr.write(f'\\nmodules {len(sys.modules)}\\n'))\n"


def a_home(folder: Path) -> Path:
    """An operator's home, connected to a gateway that is not there."""
    operators, now = homes(folder), datetime.now(UTC)
    authority = Authority.create("sluice.example", now)
    home = operators[0]
    home.connect(
        endpoint=UNREACHABLE,
        server=SERVER,
        roots_pem=authority.root_pem(),
        certificate_pem=authority.issue(home.card().certificate_request, PartyKind.OPERATOR, "officer-1", now=now),
        genesis=a_genesis(operators).encode(),
    )
    return home.path


def commands(home: Path) -> dict[str, list[str]]:
    """What is started, by how it is told."""
    ctl = [installed("sluicectl"), "--home", str(home)]
    return {
        EMPTY: [sys.executable, "-c", "pass"],
        "sluicectl --help": [installed("sluicectl"), "--help"],
        "sluicectl context list": [*ctl, "context", "list"],
        "sluicectl genesis --help": [*ctl, "genesis", "--help"],
        "sluicectl change list (no gateway)": [*ctl, "change", "list"],
        "sluice --help": [installed("sluice"), "--help"],
        "sluice-client --help": [installed("sluice-client"), "--help"],
    }


def once(words: Sequence[str]) -> tuple[float, float]:
    """(wall, processor) seconds of one process."""
    before, started = _processor(), time.perf_counter()
    subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started, _processor() - before


def _processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def modules(words: Sequence[str]) -> int:
    """How many modules the command has loaded when it ends."""
    if words[1] == "-c":
        program = _COUNT
    else:
        program = f"{_COUNT}import runpy\nsys.argv = {list(words)!r}\nrunpy.run_path({words[0]!r}, run_name='__main__')"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return int(ran.stderr.rstrip().rpartition("modules ")[2])


def measured(rounds: int) -> list[dict[str, Any]]:
    """One row a command."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        rows = commands(a_home(Path(folder)))
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
        for _ in range(rounds):
            for name, words in rows.items():
                took[name].append(once(words))
        loaded = {name: modules(words) for name, words in rows.items()}
    best = {name: (min(wall for wall, _ in each), min(cpu for _, cpu in each)) for name, each in took.items()}
    empty_wall, empty_cpu = best[EMPTY]
    return [
        {
            "command": name,
            "wall_ms": round(wall * 1000),
            "processor_ms": round(cpu * 1000),
            "wall_ratio": round(wall / empty_wall, 1),
            "processor_ratio": round(cpu / empty_cpu, 1),
            "modules": loaded[name],
        }
        for name, (wall, cpu) in best.items()
    ]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = measured(chosen.rounds)
    if chosen.json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    sys.stdout.write(f"{'best of ' + str(chosen.rounds):38}{'wall ms':>9}{'x':>7}{'cpu ms':>9}{'x':>7}{'modules':>9}\n")
    for row in rows:
        wall, cpu = f"{row['wall_ms']:>9}{row['wall_ratio']:>7}", f"{row['processor_ms']:>9}{row['processor_ratio']:>7}"
        sys.stdout.write(f"{row['command']:38}{wall}{cpu}{row['modules']:>9}\n")


if __name__ == "__main__":
    main()
