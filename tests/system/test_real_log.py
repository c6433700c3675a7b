"""A log that nobody here made, from its file to the partners that may have it."""

from __future__ import annotations

from pathlib import Path

from pymavlink.DFReader import DFReader_binary

from clients.testing import Partner, Sluice
from tests.stand import CLEARANCES


def rows_by_the_library(log: Path) -> list[tuple[int, int]]:
    """Latitude and longitude (1e-7 degree) of every POS message, read by pymavlink and not by us."""
    reader = DFReader_binary(str(log))
    rows = []
    while (message := reader.recv_msg()) is not None:
        if message.get_type() == "POS":
            rows.append((round(message.Lat * 1e7), round(message.Lng * 1e7)))
    return rows


def rows_received(partner: Partner) -> list[tuple[object, object]]:
    """The same of every position that a partner gets."""
    positions = [one for record in partner.follow("telemetry") for one in record.portions if one.name == "position"]
    return [pair for one in positions for pair in zip(one.values["lat_e7"], one.values["lon_e7"], strict=True)]


def test_every_position_row_of_a_real_log_arrives_at_those_cleared_for_it_and_at_no_other(
    sluice: Sluice, samples: Path
) -> None:
    """Counted by another's hand: neither reading, redaction, sealing nor release loses or leaks a row."""
    log = samples / "mavlink" / "ardupilot_dataflash_test.BIN"
    source = sluice.source("src-real-log")
    partners = {
        name: sluice.partner(f"{name}/real-log", nation=nation, clearance=clearance)
        for name, (nation, clearance) in CLEARANCES.items()
    }
    for name, partner in partners.items():
        sluice.agreement(f"UA-{name}-real-log", to=partner, sources=[source.id])
    sluice.publish(source, log, "--redaction", "range")

    rows = {name: rows_received(partner) for name, partner in partners.items()}

    expected = rows_by_the_library(log)
    assert expected
    assert rows == {"usa/arl": expected, "gbr/dstl": expected, "deu/wtd81": []}
