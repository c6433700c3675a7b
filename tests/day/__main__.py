"""`python -m tests.day --fresh`: lives the day anew and replaces the folder of its evidence."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import structlog

from tests.day.afternoon import afternoon
from tests.day.evening import evening
from tests.day.index import expected, write
from tests.day.morning import morning
from tests.day.noon import noon
from tests.day.telling import Day

FOLDER = Path(__file__).resolve().parents[2] / "protos" / "vectors" / "day"


async def live(root: Path, folder: Path) -> None:
    """The whole day, and everything it left behind in `folder`."""
    day = await Day.dawn(root)
    await morning(day)
    await noon(day)
    await afternoon(day)
    await evening(day)
    facts = expected(day)
    await day.night()
    write(day, facts, folder)


def main(arguments: list[str]) -> int:
    """Refuses to write without `--fresh`: every signature in the folder would be another."""
    if arguments != ["--fresh"]:
        sys.stderr.write("the day is recorded once; `python -m tests.day --fresh` lives it anew\n")
        return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as root:
        asyncio.run(live(Path(root), FOLDER))
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    sys.stdout.write(f"{FOLDER}: {size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
