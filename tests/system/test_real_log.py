"""A log that nobody here made, from its file to the partners that may have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymavlink.DFReader import DFReader_binary

from clients.formats.reading import read_log
from gateway.core.suite.numbers import DataMode, RecordKind
from tests.loopback import Loopback
from tests.stand import CLEARANCES

STEP_MS = 3_600_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """A gateway with three partners."""
    world = Loopback(tmp_path_factory.mktemp("real-log"))
    world.start()
    yield world
    world.close()


def rows_by_the_library(log: Path) -> list[tuple[int, int]]:
    """Latitude and longitude (1e-7 degree) of every POS message, read by pymavlink and not by us."""
    reader = DFReader_binary(str(log))
    rows = []
    while (message := reader.recv_msg()) is not None:
        if message.get_type() == "POS":
            rows.append((round(message.Lat * 1e7), round(message.Lng * 1e7)))
    return rows


def test_every_position_row_of_a_real_log_arrives_at_those_cleared_for_it_and_at_no_other(
    world: Loopback, tmp_path: Path, samples: Path
) -> None:
    """Counted by another's hand: neither reading, redaction, sealing nor release loses or leaks a row."""
    log = samples / "mavlink" / "ardupilot_dataflash_test.BIN"
    reading = read_log(log, redaction="range", guide_step_ms=STEP_MS, data_mode=DataMode.SIMULATED)
    world.publish(RecordKind.TELEMETRY, *reading.records)

    rows = {}
    for partner in CLEARANCES:
        records = world.receive(world.stand.profile(partner), tmp_path / partner.replace("/", "-"))
        positions = [one for record in records for one in record.portions if one.name == "position"]
        rows[partner] = [
            pair for one in positions for pair in zip(one.values["lat_e7"], one.values["lon_e7"], strict=True)
        ]

    expected = rows_by_the_library(log)
    assert expected
    assert rows == {"usa/arl": expected, "gbr/dstl": expected, "deu/wtd81": []}
