"""Damages a store's file, one way at a time, and looks at what a start and a reader make of it.

    python -m tests.security.store_damage COUNT SEED FOLDER      # prints one JSON object: how many ended how

One bit is flipped, or a page is lost to zeros or to the bytes of another one, or the file is cut short. It may end so:
`refused`: a named fault. `same`: every entry as it was (a page that is free, a field that nothing reads). `older`: the
state before the last commit, which only the floor and the last tick can tell from the present one. `altered`: an entry
came back changed. `died`: LMDB ended the process. Each is tried in a forked child, so a death is only counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

from gateway.adapters.lmdb import LmdbJournals
from gateway.core.errors import Fault
from gateway.ports.journal import Journal, Stored
from tests.contract.stores import GENESIS, KEK, an_append

_ENDS = ("same", "refused", "older", "altered", "failed")
_META_BYTES = 8_192
_PAGE = 4_096
_PAGE_HEADER = 160
Content = dict[Journal, list[Stored]]


def _content(journals: LmdbJournals) -> Content:
    return {journal: journals.read(journal, 0, 10_000) for journal in Journal}


async def _fill(journals: LmdbJournals) -> None:
    sizes = dict.fromkeys(Journal, 0)
    for number in range(120):
        appends = []
        for journal, length in ((Journal.RECORDS, 3_000), (Journal.CONTROL, 40), (Journal.LEDGER, 700)):
            appends.append(an_append(journal, sizes[journal], b"%d" % number * (length // 3), kind=number))
            sizes[journal] += 1
        await journals.commit(appends)


def _outcome(folder: Path, expected: Content) -> str:
    try:
        journals = LmdbJournals.open(folder, KEK)
        journals.verify()
        found = _content(journals)
    except Fault:
        return "refused"
    if found == expected:
        return "same"
    older = {journal: entries[:-1] for journal, entries in expected.items()}
    return "older" if found == older else "altered"


def _in_a_child(folder: Path, expected: Content) -> str:
    child = os.fork()
    if child == 0:
        code = _ENDS.index("failed")
        try:
            code = _ENDS.index(_outcome(folder, expected))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return "died" if os.WIFSIGNALED(status) else _ENDS[os.waitstatus_to_exitcode(status)]


def _place(choice: random.Random, size: int) -> int:
    """A byte of the file: anywhere, in the two pages that say which state is valid, or in the head of some page."""
    return choice.choice(
        (
            choice.randrange(size),
            choice.randrange(_META_BYTES),
            choice.randrange(size // _PAGE) * _PAGE + choice.randrange(_PAGE_HEADER),
        )
    )


def _flip(file: bytearray, choice: random.Random) -> int:
    at = _place(choice, len(file))
    file[at] ^= 1 << choice.randrange(8)
    return at


def _zero(file: bytearray, choice: random.Random) -> int:
    at = choice.randrange(len(file) // _PAGE) * _PAGE
    file[at : at + _PAGE] = bytes(_PAGE)
    return at


def _overwrite(file: bytearray, choice: random.Random) -> int:
    at, other = (choice.randrange(len(file) // _PAGE) * _PAGE for _ in range(2))
    file[at : at + _PAGE] = file[other : other + _PAGE]
    return at


def _cut(file: bytearray, choice: random.Random) -> int:
    at = choice.randrange(len(file))
    del file[at:]
    return at


_DAMAGES = (_flip, _flip, _flip, _zero, _overwrite, _cut)


def damages(count: int, seed: int, folder: Path) -> dict[str, int]:
    """How `count` damages ended; `altered`, `failed`, `died` must not occur, `older` only in the first two pages."""
    journals = LmdbJournals.create(folder, KEK, GENESIS)
    asyncio.run(_fill(journals))
    expected = _content(journals)
    journals.close()
    data = folder / "data.mdb"
    whole = data.read_bytes()
    choice = random.Random(seed)
    ends: Counter[str] = Counter()
    for _ in range(count):
        damaged, damage = bytearray(whole), choice.choice(_DAMAGES)
        at = damage(damaged, choice)
        data.write_bytes(damaged)
        end = _in_a_child(folder, expected)
        ends[end] += 1
        if end in {"altered", "failed", "died"} or (end == "older" and at >= _META_BYTES):
            sys.stderr.write(f"seed {seed}: {damage.__name__} at byte {at}: {end}\n")
    return dict(ends)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(damages(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
