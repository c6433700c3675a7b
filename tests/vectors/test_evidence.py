"""Files of evidence: the recorded ones are read item by item, and a state is kept as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.partner.recording import Begun, Heard, read_recording
from gateway.core.errors import GatewayError
from gateway.core.ledger.reader import LedgerReader
from gateway.core.suite.numbers import StreamMessage
from tests.reference import recorded
from tests.vectors.takers import StreamTaker

WHOLE = "scenarios.stream: as it came"


def _file(path: Path, octets: bytes) -> Path:
    path.write_bytes(octets)
    path.chmod(0o600)
    return path


def test_a_ledger_state_is_read_and_kept_as_recorded() -> None:
    """What a reader goes on from after a restart, and what a file of evidence begins with."""
    state = recorded.octets("evidence.ledger_state")
    account = bytes.fromhex(recorded.entry("scenarios.account: as it came")["setup"]["account"])

    reader = LedgerReader.decode(state, recorded.octets("control.genesis_link"), account)

    assert (reader.next_tick, reader.place, reader.held.size, reader.owed) == (2, 2, 1, [])


def test_a_file_of_a_stream_is_read_item_by_item(tmp_path: Path) -> None:
    """The Hello, the key that was for this stream alone, the state, and each message with its time."""
    begun, *heard = read_recording(_file(tmp_path / "stream", recorded.octets("evidence.stream_file")))

    assert isinstance(begun, Begun)
    assert begun.hello.encode() == recorded.octets("stream.hello") + recorded.octets("stream.hello_signature")
    assert begun.ephemeral_key.key_id == recorded.kem_key("ephemeral").key_id
    assert begun.ledger == recorded.octets("evidence.ledger_state")
    kinds = [StreamMessage(one.message[0]).name for one in heard if isinstance(one, Heard)]
    assert kinds == ["DIRECTORY", "OPEN", "TICK", "OLD", "FRAME", "NOTICE", "END"]


def test_what_the_file_holds_is_checked_again_like_a_stream(tmp_path: Path) -> None:
    """Evidence is what anyone can check a second time."""
    _, *heard = read_recording(_file(tmp_path / "stream", recorded.octets("evidence.stream_file")))
    taker = StreamTaker(recorded.entry(WHOLE)["setup"])

    for one in heard:
        assert isinstance(one, Heard)
        taker.take({"now": one.now_ms}, one.message)

    with pytest.raises(GatewayError, match="stream-order"):
        taker.take({"now": 0}, b"\x07")
