"""Frames of a `.tlog`, whole and damaged."""

from __future__ import annotations

import random
import struct
import time

from pymavlink.dialects.v20 import all as dialect

from clients.formats.framing import Framing
from tests.unit.formats.logs import START_US, Tlog

_EXTRAS = {number: known.crc_extra for number, known in dialect.mavlink_map.items()}


def _framing(log: bytes, extras: dict[int, int] | None = None) -> Framing:
    return Framing(log, _EXTRAS if extras is None else extras, lambda checked: int(dialect.x25crc(checked).crc))


def _three() -> tuple[list[bytes], bytes]:
    log = Tlog()
    stamped = []
    for at_ms in (0, 100, 200):
        before = len(log.log)
        log.position(at_ms)
        stamped.append(log.log[before:])
    return stamped, log.log


def test_every_message_of_a_whole_log_is_found_in_order() -> None:
    """The reader must see what the library's own reader sees."""
    stamped, log = _three()
    framing = _framing(log)

    found = list(framing.frames())

    assert found == [(START_US + 100_000 * i, 33, octets[8:]) for i, octets in enumerate(stamped)]
    assert (framing.gaps.between, framing.gaps.after) == (0, 0)


def test_a_damaged_stretch_costs_its_own_bytes_and_nothing_after_it() -> None:
    """One bad sector of a card must not end the flight."""
    (first, second, third), _ = _three()
    broken = bytearray(second)
    broken[20] ^= 1
    for damage in (bytes(broken), b"\xfd" * 11, b"noise", bytes(300), second[:-1], struct.pack(">Q", 5) + second[8:]):
        framing = _framing(first + damage + third)

        found = [frame for _, _, frame in framing.frames()]

        assert found == [first[8:], third[8:]]
        assert (framing.gaps.between, framing.gaps.after) == (len(damage), 0)


def test_a_log_cut_anywhere_yields_its_whole_messages_and_counts_the_rest() -> None:
    """A recorder that lost power ends inside a message more often than not."""
    stamped, log = _three()
    for cut in range(len(log)):
        framing = _framing(log[:cut])
        whole = cut // len(stamped[0])

        found = list(framing.frames())

        assert len(found) == whole
        assert framing.gaps.after == cut - whole * len(stamped[0])


def test_old_and_signed_frames_are_messages_too() -> None:
    """Old autopilots write the first version of the protocol, careful ones sign the second."""
    heartbeat = dialect.MAVLink_heartbeat_message(2, 3, 81, 0, 4, 3)
    first = heartbeat.pack(dialect.MAVLink(None, 7, 1), force_mavlink1=True)
    signer = dialect.MAVLink(None, 7, 1)
    signer.signing.secret_key = bytes(32)
    signer.signing.sign_outgoing = True
    signed = heartbeat.pack(signer)
    stamp = struct.pack(">Q", START_US)

    found = [(number, frame) for _, number, frame in _framing(stamp + first + stamp + signed).frames()]

    assert found == [(0, bytes(first)), (0, bytes(signed))]


def test_a_message_nobody_knows_counts_only_where_another_frame_or_the_end_follows() -> None:
    """Its checksum cannot be verified, so its length is believed only if it leads somewhere."""
    (first, _, third), _ = _three()
    unknown = {number: extra for number, extra in _EXTRAS.items() if number != 33}

    assert len(list(_framing(first + third, unknown).frames())) == 2
    assert len(list(_framing(first + b"x" * 9 + third, unknown).frames())) == 1


def test_noise_full_of_markers_is_walked_in_time_that_grows_with_its_size() -> None:
    """A hostile card must not hang the reader."""
    chance = random.Random(5)
    noise = bytes(chance.choices(b"\xfd\xfe\x00\x06\x40\xff", k=400_000))
    framing = _framing(struct.pack(">Q", START_US)[:3] * 20_000 + noise)

    begun = time.process_time()
    found = list(framing.frames())

    assert time.process_time() - begun < 10
    assert not [number for _, number, _ in found if number in _EXTRAS]
    assert framing.gaps.between + framing.gaps.after > 450_000
