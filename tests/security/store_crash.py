"""Kills a writer with SIGKILL at random moments and looks at what the store then holds.

    python -m tests.security.store_crash COUNT SEED FOLDER      # prints one JSON object; fails on the first loss

The store goes on from crash to crash. Each round a forked child opens it and commits lists, up to four at a time,
telling each one that was answered through a pipe; it is killed 0 to 40 ms after its start or after its first answer,
while opening, growing or writing.
A list of number n is made from the seed and n alone, so what is found can be held against what should be there.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.adapters.lmdb import LmdbJournals
from gateway.ports.journal import Append, Journal, Stored
from tests.contract.stores import GENESIS, KEK

_LISTS_IN_FLIGHT = 4
_LONGEST_LIFE_S = 0.040
_FIRST_ANSWER_S = 30.0
_NUMBER_BYTES = 8


class Lists:
    """Every list there could be, and the places their entries must have."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def entries(self, number: int) -> list[tuple[Journal, int, bytes]]:
        """(journal, kind, entry) of one list: a batch and up to three ledger entries, now and then a statement."""
        choice = random.Random(f"{self._seed}/{number}")
        journals = [Journal.RECORDS] + [Journal.LEDGER] * choice.randint(0, 3) + [Journal.CONTROL] * (number % 7 == 0)
        return [
            (
                journal,
                index,
                number.to_bytes(_NUMBER_BYTES, "big") + choice.randbytes(choice.choice((0, 40, 900, 9_000))),
            )
            for index, journal in enumerate(journals)
        ]

    def appends(self, number: int, sizes: dict[Journal, int]) -> list[Append]:
        """List `number` behind `sizes`, which move on."""
        appends = []
        for journal, kind, entry in self.entries(number):
            appends.append(Append(journal, sizes[journal], kind, entry))
            sizes[journal] += 1
        return appends


def _next_number(journals: LmdbJournals) -> int:
    size = journals.head(Journal.RECORDS).size
    return _number(journals.read(Journal.RECORDS, size - 1)[0]) + 1 if size else 0


def _number(stored: Stored) -> int:
    return int.from_bytes(stored.entry[:_NUMBER_BYTES], "big")


async def _write_for_ever(journals: LmdbJournals, lists: Lists, acknowledged: int) -> None:
    sizes = {journal: journals.head(journal).size for journal in Journal}
    number = _next_number(journals)

    async def commit(mine: int, appends: list[Append]) -> None:
        await journals.commit(appends)
        os.write(acknowledged, mine.to_bytes(_NUMBER_BYTES, "big"))

    while True:
        group = range(number, number + _LISTS_IN_FLIGHT)
        await asyncio.gather(*(commit(mine, lists.appends(mine, sizes)) for mine in group))
        number += _LISTS_IN_FLIGHT


def _child(folder: Path, lists: Lists, acknowledged: int) -> None:
    journals = LmdbJournals.open(folder, KEK, map_bytes=1024 * 1024)
    asyncio.run(_write_for_ever(journals, lists, acknowledged))


def _acknowledgements(told: int, until: float) -> Iterator[int]:
    """What the child tells until the moment it is to die."""
    while (left := until - time.monotonic()) > 0:
        if select.select([told], [], [], left)[0]:
            yield from _numbers(os.read(told, 4096))


def _numbers(told: bytes) -> Iterator[int]:
    # Writes of eight bytes to a pipe are atomic, so no number is ever cut.
    for at in range(0, len(told), _NUMBER_BYTES):
        yield int.from_bytes(told[at : at + _NUMBER_BYTES], "big")


def _one_life(folder: Path, lists: Lists, life_s: float, *, from_first_answer: bool) -> list[int]:
    """Numbers of the lists that one child was told are durable before it was killed."""
    told, acknowledged = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(told)
            _child(folder, lists, acknowledged)
        finally:
            os._exit(1)
    os.close(acknowledged)
    if from_first_answer:
        select.select([told], [], [], _FIRST_ANSWER_S)
    numbers = list(_acknowledgements(told, time.monotonic() + life_s))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    while rest := os.read(told, 4096):
        numbers += _numbers(rest)
    os.close(told)
    if not os.WIFSIGNALED(status):
        raise AssertionError("the writer ended by itself")
    return numbers


class Crashes:
    """One store and its history of crashes."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self._folder = folder
        self._lists = Lists(seed)
        self._choice = random.Random(seed)
        self._checked = 0
        self._sizes = dict.fromkeys(Journal, 0)
        self.acknowledged = 0
        self.unacknowledged = 0
        LmdbJournals.create(folder, KEK, GENESIS).close()

    def crash(self) -> None:
        """One life of a writer, then everything it answered for must be there once and in order, and nothing torn."""
        life_s = self._choice.uniform(0, _LONGEST_LIFE_S)
        writing = self._choice.random() < 0.7
        answered = _one_life(self._folder, self._lists, life_s, from_first_answer=writing)
        journals = LmdbJournals.open(self._folder, KEK)
        try:
            journals.verify()
            found = _next_number(journals)
            if answered != list(range(self._checked, self._checked + len(answered))):
                raise AssertionError(f"seed {self.seed}: answered {answered} from list {self._checked} on")
            if self._checked + len(answered) > found:
                raise AssertionError(f"seed {self.seed}: lost what was answered, the store ends at list {found}")
            self._hold_against_lists(journals, found)
            self.acknowledged += len(answered)
            self.unacknowledged += found - self._checked - len(answered)
            self._checked = found
        finally:
            journals.close()

    def _hold_against_lists(self, journals: LmdbJournals, found: int) -> None:
        for number in range(self._checked, found):
            for append in self._lists.appends(number, self._sizes):
                stored = journals.read(append.journal, append.expected_position, 1)
                if stored != [Stored(append.expected_position, append.kind, append.entry)]:
                    raise AssertionError(f"seed {self.seed}: list {number} is not whole at {append.expected_position}")
        sizes = {journal: journals.head(journal).size for journal in Journal}
        if sizes != self._sizes:
            raise AssertionError(f"seed {self.seed}: {sizes} entries are there, {self._sizes} should be")


def crashes(count: int, seed: int, folder: Path) -> dict[str, int]:
    """`count` crashes of one store; raises at the first loss, doubling or tear."""
    history = Crashes(folder, seed)
    for _ in range(count):
        history.crash()
    return {"crashes": count, "acknowledged": history.acknowledged, "written_unanswered": history.unacknowledged}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(crashes(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
