"""Parsers of the clients: profiles, cards, recordings, answers to a source, and logs of vehicles."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from random import Random

from pymavlink.dialects.v20 import all as dialect

from clients.connection import split_endpoint
from clients.enrolment import PartyRole
from clients.formats.dataflash import DataflashReader
from clients.formats.dataflash_frames import parse_definition
from clients.formats.extract import Extract, encode_extract, parse_extract
from clients.formats.mavlink import TlogReader
from clients.formats.sandbox import Limits, accept
from clients.formats.tactic import read_tactic
from clients.operator.card import make_card, parse_card
from clients.operator.folder import read_folder
from clients.operator.home import read_genesis
from clients.partner.recording import Recorder, read_recording
from clients.profile import Profile
from clients.profile_page import read_page
from clients.source.outbox import Outbox
from clients.source.upload import Upload
from gateway.core.errors import CallerError, Fault, Refused
from gateway.core.ledger.reader import LedgerReader
from gateway.core.sealing.stream import SignedHello
from gateway.core.suite.numbers import PublishMessage, RefusalCode
from gateway.core.suite.octets import lp16, u8, u16
from tests.fuzz.engine import Subject
from tests.fuzz.mutation import Octets
from tests.fuzz.mutation_texts import Armoured, Text
from tests.fuzz.subject import Entry, worded
from tests.fuzz.subjects_control import world
from tests.fuzz.subjects_kinds import TACTIC
from tests.reference import recorded
from tests.unit.formats.logs import Dataflash, Tlog
from tests.unit.operator.parties import a_genesis, a_profile, homes

_ROWS = 10_000


@cache
def _folder() -> Path:
    # A million small files are written: in memory where the system has a place for that.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    folder = Path(tempfile.mkdtemp(prefix="sluice-fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _configuration(octets: bytes) -> object:
    (_folder() / "configuration").mkdir(exist_ok=True)
    return read_folder(in_a_file("configuration/stops.toml", octets).parent)


def in_a_file(name: str, octets: bytes) -> Path:
    """A file of this process with these octets in it."""
    path = _folder() / name
    path.write_bytes(octets)
    return path


@cache
def _profiles() -> tuple[Profile, ...]:
    genesis = a_genesis(homes(_folder()))
    roles = ((PartyRole.PARTNER, "usa/arl"), (PartyRole.SOURCE, "src-3f07"))
    return tuple(a_profile(_folder(), genesis, role, party_id) for role, party_id in roles)


def _profile_texts() -> tuple[bytes, ...]:
    return tuple(profile.to_text() for profile in _profiles())


def _profile(octets: bytes) -> Profile:
    return Profile.parse(octets, _folder())


def _genesis() -> bytes:
    return _profiles()[0].genesis.encode()


def _recordings() -> tuple[bytes, ...]:
    path = _folder() / "recording"
    path.unlink(missing_ok=True)
    signed = recorded.octets("stream.hello") + recorded.octets("stream.hello_signature")
    hello = SignedHello.parse(signed)
    recorder = Recorder(path)
    recorder.begin(hello, recorded.kem_key("ephemeral"), LedgerReader(hello.hello.genesis, b"p"))
    for number, name in enumerate(("stream.open", "ledger.tick_message", "frame.frame", "frame.end")):
        recorder.message(u8(number) + recorded.octets(name), number)
    recorder.close()
    whole = path.read_bytes()
    return whole, whole[: len(whole) // 2]


def _recording(octets: bytes) -> int:
    path = _folder() / "bent-recording"
    if not path.exists():
        path.touch(0o600)
    path.write_bytes(octets)
    return sum(1 for _ in read_recording(path))


def _tactic(octets: bytes) -> dict[int, bytes]:
    return read_tactic(in_a_file("tactic.toml", octets))


class _Answers:
    """A source that is told anything at all: what it is told is forgotten before the next input."""

    def __init__(self) -> None:
        outbox = Outbox(Path(tempfile.mkdtemp(dir=_folder())), world().genesis, "src-3f07")
        self._upload = Upload(_profiles()[1], outbox, lambda _event, _tally: None)
        self._trust = world().trust()
        self._honest = _answers()[0]
        self._left = 0

    def take(self, octets: bytes) -> None:
        """One message of the gateway."""
        if octets[:1] == u8(PublishMessage.DIRECTORY):
            self._begin()
            self._left = 0
        elif not self._left:
            # What comes behind a directory; a new connection each time would cost a hundred times as much.
            self._begin()
            self._upload.receive(self._honest, world().now)
            self._left = 64
        else:
            self._left -= 1
        self._upload.receive(octets, world().now)

    def _begin(self) -> None:
        self._upload.trust = self._trust
        self._upload.begin()


def _answers() -> tuple[bytes, ...]:
    digest = bytes(range(48))
    where = u16(3) + u8(1) + lp16(b"location.lat_e7")
    return (
        u8(PublishMessage.DIRECTORY) + world().message().encode(),
        u8(PublishMessage.STORED) + digest,
        u8(PublishMessage.WAITING) + digest + u16(RefusalCode.RANGE),
        u8(PublishMessage.REFUSED) + digest + u16(RefusalCode.RANGE) + where,
        u8(PublishMessage.ENTRIES) + recorded.octets("ledger.entries_message"),
    )


def _dataflash_logs() -> tuple[bytes, ...]:
    log = Dataflash()
    for second in range(2):
        log.gps(1_000_000 * second).pos(1_000_000 * second + 200_000)
    log.add("ATT QffffffB TimeUS,Roll,Pitch,Yaw,DesRoll,DesPitch,DesYaw,AEKF", 5, *(1.0,) * 6, 3)
    log.add("MODE QMBB TimeUS,Mode,ModeNum,Rsn", 6, 5, 5, 1).add("MSG QZ TimeUS,Message", 7, "ArduCopter V4.6")
    log.add("BAT QBffffcf TimeUS,Inst,Volt,VoltR,Curr,CurrTot,Temp,Res", 8, 0, 12.5, 12.4, 3.0, 100.0, 2500, 0.1)
    log.add("ERR QBB TimeUS,Subsys,ECode", 9, 5, 1).add("EV QB TimeUS,Id", 10, 10)
    return log.log, Dataflash().gps(1).log


def _mavlink_logs() -> tuple[bytes, ...]:
    log = Tlog()
    for second in range(2):
        log.heartbeat(1000 * second).position(1000 * second + 100).fix(1000 * second + 200)
    log.add(4000, "ATTITUDE", 4000, 0.1, 0.2, 0.3, 0.0, 0.0, 0.0)
    log.add(4100, "VFR_HUD", 12.0, 11.0, 90, 50, 120.0, 0.5)
    log.add(4200, "SYS_STATUS", 1, 1, 1, 500, 12_500, 300, 80, 0, 0, 0, 0, 0, 0)
    log.add(4300, "SYSTEM_TIME", 1_780_000_004_300_000, 4300)
    log.add(4400, "RADIO_STATUS", 180, 170, 99, 40, 42, 1, 2)
    return log.log, Tlog().heartbeat().position(5).log


class Frames:
    """Logs of MAVLink bent inside a frame, whose checksum is made right again: nothing else gets past it."""

    _HEAD = 8

    def __init__(self, examples: Sequence[bytes]) -> None:
        self.examples = tuple(examples)
        self._octets = Octets(examples)
        self._extras = {number: known.crc_extra for number, known in dialect.mavlink_map.items()}
        self._frames = [self._cut(example) for example in self.examples]

    @property
    def moves(self) -> tuple[str, ...]:
        """Those of octets, and one that leaves no frame whole."""
        return (*self._octets.moves, "torn")

    def _cut(self, log: bytes) -> list[bytes]:
        found = []
        while log:
            length = self._HEAD + 12 + log[self._HEAD + 1]
            found.append(log[:length])
            log = log[length:]
        return found

    def mutant(self, rng: Random, moves: Sequence[str], depth: int) -> bytes:
        """A log made from a valid one by 1 to `depth` of the `moves`."""
        chosen = int(rng.random() * len(self.examples))
        inside = [move for move in moves if move != "torn"]
        if not inside or rng.random() < 0.2:
            return self._octets.bent(rng, self.examples[chosen], self._octets.moves, depth)
        frames = list(self._frames[chosen])
        for _ in range(1 + int(rng.random() * depth)):
            at, to = int(rng.random() * len(frames)), int(rng.random() * len(frames))
            way = rng.random()
            if way < 0.7:
                frames[at] = self._mended(self._octets.bent(rng, frames[at], inside, 2))
            elif way < 0.85:
                frames[at], frames[to] = frames[to], frames[at]
            else:
                frames.insert(to, frames[at])
        return b"".join(frames)

    def _mended(self, frame: bytes) -> bytes:
        if len(frame) < self._HEAD + 12:
            return frame
        body = bytearray(frame[self._HEAD : -2])
        body[1] = (len(body) - 10) % 256
        seed = self._extras.get(int.from_bytes(body[7:10], "little"), 0)
        checksum = int(dialect.x25crc(bytes(body[1:]) + bytes((seed,))).crc)
        return frame[: self._HEAD] + bytes(body) + checksum.to_bytes(2, "little")


def _dataflash(octets: bytes) -> Extract:
    reader = DataflashReader(octets, _ROWS)
    reader.read()
    return _accepted(reader.extract())


def _mavlink(octets: bytes) -> Extract:
    reader = TlogReader(octets, _ROWS)
    reader.read()
    return _accepted(reader.extract())


def _accepted(extract: Extract) -> Extract:
    """What the parent makes of what the child hands back."""
    return accept(b"".join(encode_extract(extract)), Limits(rows=_ROWS), Path("log"))


def _extracts() -> tuple[bytes, ...]:
    extracts = (_dataflash(_dataflash_logs()[0]), _mavlink(_mavlink_logs()[0]))
    return tuple(b"".join(encode_extract(extract)) for extract in extracts)


def _definitions() -> tuple[bytes, ...]:
    log = Dataflash().gps(1).pos(2).log
    return tuple(log[at + 3 : at + 89] for at in range(len(log)) if log[at : at + 3] == b"\xa3\x95\x80")


def _definition(octets: bytes) -> object:
    return parse_definition(octets[:86].ljust(86, b"\x00"))


SUBJECTS: dict[str, Entry] = {
    "folder of configuration": Entry(
        (read_folder,),
        lambda: Subject((b'[suspended]\n"partner/usa/arl" = "key lost"\n',), _configuration, grammar=Text),
    ),
    "profile": Entry((Profile.parse,), lambda: Subject(_profile_texts(), _profile, grammar=Armoured)),
    "page of a profile": Entry((read_page,), lambda: Subject(_profile_texts(), read_page, grammar=Text)),
    "endpoint": Entry(
        (split_endpoint,),
        lambda: Subject(
            (b"gw.example:8443", b"127.0.0.1:1", b"[::1]:8443"),
            lambda octets: split_endpoint(worded(octets)),
            grammar=Text,
        ),
    ),
    "operator's card": Entry(
        (parse_card,),
        lambda: Subject(
            (make_card("officer-1", recorded.signing_key("officer-1"), b"request").encoded,),
            parse_card,
            lambda value, _: value.encoded,
        ),
    ),
    "genesis file": Entry(
        (read_genesis,), lambda: Subject((_genesis(),), read_genesis, lambda value, _: value.encode())
    ),
    "recording": Entry(
        (read_recording,), lambda: Subject(_recordings(), _recording, refusals=(Refused, CallerError, Fault))
    ),
    "tactic file": Entry((read_tactic,), lambda: Subject((TACTIC.encode(),), _tactic, grammar=Text)),
    "answers to a source": Entry(
        (Upload.receive,),
        lambda: Subject(_answers(), _Answers().take, refusals=(Refused, CallerError, Fault)),
    ),
    "extract of a log": Entry((parse_extract,), lambda: Subject(_extracts(), partial(parse_extract, max_rows=_ROWS))),
    "definition in a dataflash log": Entry((parse_definition,), lambda: Subject(_definitions(), _definition)),
    "dataflash log": Entry(
        (DataflashReader.read, DataflashReader.extract), lambda: Subject(_dataflash_logs(), _dataflash)
    ),
    "MAVLink log": Entry(
        (TlogReader.read, TlogReader.extract), lambda: Subject(_mavlink_logs(), _mavlink, grammar=Frames)
    ),
}
