"""Threat: somebody on the way, or a gateway, changes one byte. Also a recording that was changed later is refused."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clients.partner.events import Records, StreamEvent
from clients.partner.recording import Begun, Heard, Replay, read_recording
from clients.profile import Profile
from gateway.core.errors import CallerError, Fault, GatewayError, Refused
from gateway.core.suite.numbers import RecordKind, StreamMessage
from gateway.core.suite.octets import Reader
from tests.loopback import Loopback, a_tactic

SAMPLES = 60
SMALL = 200


@dataclass(frozen=True)
class Recorded:
    """A recording of a real stream, as bytes and as messages."""

    profile: Profile
    path: Path
    whole: bytes
    messages: list[Heard]

    def of(self, kind: StreamMessage) -> Heard:
        """The last message of a kind."""
        return [one for one in self.messages if one.message[0] == kind][-1]


@pytest.fixture(scope="module")
def recorded(honest_world: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """What one partner got from the real gateway: directory, open, ticks, frames, a notice."""
    folder = tmp_path_factory.mktemp("recorded")
    profile, path = honest_world.stand.profile("usa/arl"), folder / "recording"
    honest_world.publish(RecordKind.TACTIC, a_tactic())
    honest_world.receive(profile, folder / "state", record=path)
    messages = [item for item in read_recording(path) if isinstance(item, Heard)]
    return Recorded(profile, path, path.read_bytes(), messages)


def replayed(profile: Profile, path: Path) -> list[StreamEvent]:
    """Every event of a recording."""
    return list(Replay(profile, path).events())


def written(path: Path, content: bytes) -> Path:
    """A private file."""
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def refusal_of_flip(recorded: Recorded, path: Path, offset: int, bit: int) -> str:
    """The code with which a replay refuses the recording with one bit changed; fails if it does not."""
    changed = bytearray(recorded.whole)
    changed[offset] ^= 1 << bit
    with pytest.raises(GatewayError) as refused:
        replayed(recorded.profile, written(path, bytes(changed)))
    return refused.value.code


def founding_length(directory: bytes) -> int:
    """Bytes of the first statement and its signatures in a directory message."""
    reader = Reader(directory[3:], "directory message")
    reader.lp32("statement", len(directory))
    reader.lp32("signatures", len(directory))
    return reader.offset


def test_a_recording_replays_clean(recorded: Recorded) -> None:
    """Without this, every refusal below could be for another reason."""
    events = replayed(recorded.profile, recorded.path)

    frames = [event for event in events if isinstance(event, Records)]
    assert sum(len(frame.records) for frame in frames) == 4
    assert {one.message[0] for one in recorded.messages} == {
        StreamMessage.DIRECTORY,
        StreamMessage.OPEN,
        StreamMessage.TICK,
        StreamMessage.FRAME,
        StreamMessage.NOTICE,
    }


@pytest.mark.must("5.4.2", "10.1.1")
@pytest.mark.must("1.2.5")
def test_any_byte_of_a_frame_that_is_changed_is_refused(recorded: Recorded, tmp_path: Path, rng: random.Random) -> None:
    """A frame is authentic whole: in its number, its disclosure, its body and its padding."""
    frame = recorded.of(StreamMessage.FRAME)
    head = range(frame.offset, frame.offset + 16)
    places = {*head, *rng.sample(range(frame.offset, frame.offset + len(frame.message)), SAMPLES)}

    codes = {refusal_of_flip(recorded, tmp_path / "changed", place, rng.randrange(8)) for place in sorted(places)}

    assert codes <= {"frame-not-authentic", "malformed", "stream-order"}


@pytest.mark.must("4.4.1", "4.4.5", "10.1.1")
@pytest.mark.parametrize("kind", [StreamMessage.DIRECTORY, StreamMessage.OPEN, StreamMessage.TICK])
def test_any_byte_of_what_comes_before_frames_is_refused(
    recorded: Recorded, tmp_path: Path, rng: random.Random, kind: StreamMessage
) -> None:
    """Keys, terms, seals, the ledger: nothing that is used is used without being checked."""
    message = recorded.of(kind)
    places = range(message.offset, message.offset + len(message.message))
    if kind is StreamMessage.DIRECTORY:
        # The founding is known from the profile, every signature of it checked: it is passed over unread.
        places = places[3 + founding_length(message.message) :]

    for place in sorted(rng.sample(places, SAMPLES)):
        assert refusal_of_flip(recorded, tmp_path / "changed", place, rng.randrange(8))


@pytest.mark.must("5.4.2", "10.1.1")
def test_every_bit_of_a_notice_is_checked(recorded: Recorded, tmp_path: Path) -> None:
    """The small messages whole: not one bit is there for decoration."""
    notice = recorded.of(StreamMessage.NOTICE)
    assert len(notice.message) < SMALL

    for place in range(notice.offset, notice.offset + len(notice.message)):
        assert refusal_of_flip(recorded, tmp_path / "changed", place, place % 8)


@pytest.mark.must("6.4.13", "10.1.1")
def test_every_byte_of_a_tick_beside_its_signature_is_checked(recorded: Recorded, tmp_path: Path) -> None:
    """Statement, salt, size, root, place, path, leaves and nodes: each leads to what is signed, or is refused."""
    tick = recorded.of(StreamMessage.TICK)
    statement = 3 + int.from_bytes(tick.message[1:3], "big")
    rest = len(tick.message) - statement - 4_691
    places = [*range(statement), *range(len(tick.message) - rest, len(tick.message))]

    for place in places[:: max(1, len(places) // 120)]:
        assert refusal_of_flip(recorded, tmp_path / "changed", tick.offset + place, place % 8)


@pytest.mark.must("5.4.1", "10.1.1")
def test_a_frame_left_out_is_noticed(recorded: Recorded, tmp_path: Path) -> None:
    """What is not there is owed."""
    frames = [one for one in recorded.messages if one.is_frame]
    first = frames[0]
    cut = recorded.whole[: first.offset - 13] + recorded.whole[first.offset + len(first.message) :]

    with pytest.raises(Refused) as refused:
        replayed(recorded.profile, written(tmp_path / "cut", cut))

    assert refused.value.code == "stream-order"


def test_a_recording_cut_while_it_was_written_is_checked_as_far_as_it_goes(recorded: Recorded, tmp_path: Path) -> None:
    """A killed follower leaves evidence too."""
    last = recorded.messages[-1]

    events = replayed(recorded.profile, written(tmp_path / "cut", recorded.whole[: last.offset + 3]))

    assert sum(isinstance(event, Records) for event in events) == sum(one.is_frame for one in recorded.messages)


def test_a_recording_that_others_may_read_is_refused(recorded: Recorded, tmp_path: Path) -> None:
    """It holds what the records hold."""
    path = written(tmp_path / "open", recorded.whole)
    path.chmod(0o640)

    with pytest.raises(Fault) as refused:
        replayed(recorded.profile, path)

    assert refused.value.code == "recording-open-to-others"


def test_a_recording_is_of_one_party(recorded: Recorded, honest_world: Loopback) -> None:
    """Another party's profile opens nothing and proves nothing."""
    other = replace(honest_world.stand.profile("gbr/dstl"), agreements=recorded.profile.agreements)

    with pytest.raises(CallerError) as refused:
        replayed(other, recorded.path)

    assert refused.value.code == "recording-of-another"


def test_a_recording_proves_itself_from_the_genesis(recorded: Recorded) -> None:
    """It brings the whole directory, however often the partner had seen it: nothing in the file is taken on trust."""
    [begun] = [item for item in read_recording(recorded.path) if isinstance(item, Begun)]

    assert begun.hello.hello.dir_no == 0


def test_a_recording_from_another_state_is_refused(recorded: Recorded, tmp_path: Path) -> None:
    """The Hello asks from what was held, and the gateway answered that Hello."""
    place = recorded.whole.index(b"SLUICE1/hello")
    contradicting = bytearray(recorded.whole)
    [begun] = [item for item in read_recording(recorded.path) if isinstance(item, Begun)]
    ledger = recorded.whole.index(begun.ledger, place)
    contradicting[ledger + 2 + 5 + 7] ^= 1

    with pytest.raises(GatewayError):
        replayed(recorded.profile, written(tmp_path / "other", bytes(contradicting)))


@pytest.mark.parametrize("content", [b"", b"SLUICE1/recording", b"SLUICE1/recording\x00\x03\x00\x00\x00\x01x"])
def test_what_is_no_recording_is_refused(recorded: Recorded, tmp_path: Path, content: bytes) -> None:
    """By name, whatever else it is."""
    with pytest.raises(Refused) as refused:
        replayed(recorded.profile, written(tmp_path / "none", content))

    assert refused.value.code == "malformed"


def test_a_recording_is_never_written_over(recorded: Recorded, honest_world: Loopback, tmp_path: Path) -> None:
    """Evidence stays."""
    with pytest.raises(CallerError) as refused:
        honest_world.receive(recorded.profile, tmp_path / "state", record=recorded.path)

    assert refused.value.code == "recording-exists"
    assert recorded.path.read_bytes() == recorded.whole
