"""What a person reads of batches that wait."""

from __future__ import annotations

from clients.cli.outbox import held_back_lines
from clients.source.outbox import Told


def test_a_batch_that_will_wait_for_ever_says_so_and_what_to_do() -> None:
    """Nobody should wait for a release that this version cannot give."""
    (early, held) = held_back_lines([Told("0a1b2c3d", "number-ahead", ""), Told("4e5f6071", "source-held", "")])

    assert early == ("waiting", "batch 0a1b2c3d: number-ahead")
    assert held == (
        "waiting",
        "batch 4e5f6071: source-held: two batches were signed with one number; this version has no LIFT for that, "
        "enrol anew under another id",
    )
