"""A recording is a file from anybody: what its lengths claim costs nothing until it is there."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from clients.partner.recording import Begun, Heard, Recorder, read_recording
from gateway.core.ledger.reader import LedgerReader
from gateway.core.sealing.stream import SignedHello
from tests.reference import recorded


def a_recording(path: Path) -> bytes:
    """One stream with one message."""
    hello = SignedHello.parse(recorded.octets("stream.hello") + recorded.octets("stream.hello_signature"))
    recorder = Recorder(path)
    recorder.begin(hello, recorded.kem_key("ephemeral"), LedgerReader(hello.hello.genesis, b"p"))
    recorder.message(b"\x07 a message", 1)
    recorder.close()
    return path.read_bytes()


def test_an_item_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """The writer was killed; what it had written before still counts."""
    whole = a_recording(tmp_path / "whole")
    cut = tmp_path / "cut"
    cut.touch(0o600)
    cut.write_bytes(whole[:-1])

    kept, left = list(read_recording(tmp_path / "whole")), list(read_recording(cut))

    assert [type(item) for item in kept] == [Begun, Heard]
    assert [type(item) for item in left] == [Begun]


def test_a_length_that_is_not_there_costs_nothing(tmp_path: Path) -> None:
    """Five bytes that claim a quarter of a gibibyte must not take it from the one who looks at them."""
    path = tmp_path / "boast"
    whole = a_recording(path)
    path.write_bytes(whole + b"\x02" + (1 << 28).to_bytes(4, "big"))

    tracemalloc.start()
    try:
        items = len(list(read_recording(path)))
        heaviest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert items == 2
    assert heaviest < 1 << 24
