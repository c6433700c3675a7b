"""A source that never stops publishing: small batches into its outbox and up, until a stop file appears.

Every `stored` and `acknowledged` it hears goes to a log before anything else, so that after kill -9 it is known what
the gateway had promised. Run as a process by `crash.py`.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from datetime import date
from pathlib import Path

from clients.cli.publish import guide_of
from clients.profile import Profile
from clients.source.labelling import Labelling
from clients.source.outbox import Outbox, Tally
from clients.source.upload import Upload
from gateway.core.errors import GatewayError
from gateway.core.kinds import tactic
from gateway.core.suite.numbers import DataMode, RecordKind


def a_tactic(number: int) -> dict[int, bytes]:
    """A small tactic that says its number."""
    return tactic.from_mapping(
        {
            "about": {
                "title": {"en": f"Tactic {number}", "uk": f"Прийом {number}"},
                "topic": ["ew"],
                "platform_class": ["MULTIROTOR"],
                "status": "OBSERVED",
                "valid_from": date(2026, 11, 1),
                "source_reliability": "B",
                "info_credibility": 2,
            },
            "conditions": {"ew": ["GNSS_JAMMING"]},
            "recommendation": {"en": f"Do {number}.", "uk": f"Роби {number}."},
        }
    )


class _LoggedUpload(Upload):
    """Writes down what the gateway answers as it is heard."""

    def __init__(self, profile: Profile, outbox: Outbox, log: int) -> None:
        super().__init__(profile, outbox, _quiet)
        self._log = log

    def receive(self, message: bytes, came_ms: int) -> None:
        if message[:1] == b"\x02":
            os.write(self._log, b"stored " + message[1:].hex().encode() + b"\n")
        super().receive(message, came_ms)


def _quiet(event: str, tally: Tally) -> None:
    """Progress is read from the outbox."""


def main(profile_path: str, outbox_path: str, log_path: str, stop_path: str, seed: str) -> None:
    """Publishes until the stop file is there and the outbox is empty."""
    chance = random.Random(seed + str(os.getpid()))
    profile = Profile.load(Path(profile_path))
    outbox = Outbox(Path(outbox_path), profile.genesis_link, profile.id)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    upload = _LoggedUpload(profile, outbox, log)
    key = profile.signing_key()
    number = 0
    while True:
        stopping = Path(stop_path).exists()
        if not stopping:
            if upload.trust.directory is None:
                asyncio.run(_patient(upload))
            labelling = Labelling(guide_of(profile, upload), RecordKind.TACTIC, DataMode.SIMULATED, {})
            for _ in range(chance.randint(5, 40)):
                count = chance.randint(1, 3)
                records = [labelling.label(i, a_tactic(number + i)) for i in range(count)]
                number += count
                for digest, _ in outbox.add(key, upload.ingest_key(), RecordKind.TACTIC, DataMode.SIMULATED, records):
                    os.write(log, b"signed " + digest.hex().encode() + b"\n")
        asyncio.run(upload.run())
        if stopping and not outbox.tally().open_batches:
            break
    outbox.close()


async def _patient(upload: Upload) -> None:
    while upload.trust.directory is None:
        try:
            await upload.fetch_directory()
        except GatewayError:
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
