"""The recorded day once more, from its files alone, by the clients and the core, told in the words of `day.json`.

Nothing here looks into `day.json`. Every check is the product's own, as of the times in the files.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from clients.partner.events import Ended, OldDisclosure, Records, StreamEvent, TickSeen
from clients.partner.recording import Begun, Replay, read_recording
from clients.profile import Profile
from clients.source.outbox import Outbox, Tally
from clients.source.upload import Upload
from clients.trust import trust_from
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.core.control.entry import parse_entry
from gateway.core.control.fold import Control
from gateway.core.errors import Refused
from gateway.core.ledger.entries import Admitted, RefusedBatch, SourceEntry, parse_source_entry, source_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import Tick, TickMessage, parse_entries, parse_tick, parse_tick_message
from gateway.core.records.states import VerifiedBatch, parse_batch_item, verify_batch
from gateway.core.sealing.parcel import ParcelReader, read_parcel_header
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import PublishMessage, StatementKind, StreamMessage
from gateway.core.suite.octets import Reader
from gateway.core.suite.tree import GrowingTree, leaf_hash
from tests.day.account import Facts
from tests.day.evidence import Connected, Item, ItemType, read_items, timed

FOLDER = Path(__file__).resolve().parents[2] / "protos" / "vectors" / "day"


def private_copy(target: Path) -> Path:
    """The day with the modes that clients ask for, which a repository does not keep."""
    shutil.copytree(FOLDER, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return target


def messages(path: Path) -> list[tuple[int, bytes]]:
    """(milliseconds, message) of every MESSAGE item of a file."""
    return [timed(item.content) for item in read_items(path) if item.type is ItemType.MESSAGE]


def streams(path: Path, profile: Profile) -> tuple[list[StreamEvent], Facts]:
    """Every stream of a partner's file through the client's own replay."""
    replay = Replay(profile, path)
    events = list(replay.events())
    heard = messages(path)
    frames = [event for event in events if isinstance(event, Records)]
    begun = [item for item in read_recording(path) if isinstance(item, Begun)]
    hello = begun[0].hello.hello
    ticks = iter([body[1:] for _, body in heard if body[0] == StreamMessage.TICK])
    ledger, beyond = Accounts(), 0
    for event in events:
        if isinstance(event, TickSeen):
            ledger.tick(next(ticks))
            beyond += ledger.seen(event)
        elif isinstance(event, (Records, OldDisclosure)):
            ledger.enter(event.entry)
    return events, {
        "holds": "streams",
        "party": hello.partner_id,
        "agreement": hello.agreement_id,
        "subscription": hello.subscription,
        "items": len(begun) + len(heard),
        "streams": replay.streams,
        "messages": _counted(StreamMessage, heard),
        "ticks": sum(isinstance(event, TickSeen) for event in events),
        "frames": len(frames),
        "old": sum(isinstance(event, OldDisclosure) for event in events),
        "ends": [event.reason.name for event in events if isinstance(event, Ended)],
        "records": [{"id": one.id, "mask": one.mask, "new": one.new_mask} for frame in frames for one in frame.records],
        "repeated": sum(frame.repeated for frame in frames),
        "quarantined": sum(len(frame.quarantined) for frame in frames),
        "accounts": ledger.facts(),
        "beyond": beyond,
        "directory": _directory(profile, heard),
    }


def connections(path: Path, profile: Profile, scratch: Path) -> tuple[list[SourceEntry], Facts]:
    """Every connection of a source's file through the client's own checks, into an outbox that knows nothing."""
    told: list[SourceEntry] = []
    waiting: list[bytes] = []
    decided: dict[str, Tick] = {}
    ledger = Accounts()
    begun = 0
    with closing(Outbox(scratch, profile.genesis_link, profile.id)) as outbox:
        upload = Upload(profile, outbox, _quiet)
        for item in read_items(path):
            if item.type is ItemType.CONNECTION:
                _begin(upload, outbox, Connected.parse(item.content))
                begun += 1
            else:
                now_ms, message = timed(item.content)
                upload.receive(message, now_ms)
                if message[0] == PublishMessage.ENTRIES:
                    waiting += parse_entries(message[1:], 16 * 1024)
                elif message[0] == PublishMessage.TICK:
                    ledger.tick(message[1:])
                    for entry in waiting:
                        ledger.enter(entry)
                    heard = [parse_source_entry(entry) for entry in waiting]
                    told, waiting = told + heard, []
                    decided |= dict.fromkeys(_decided(heard), ledger.last)
        restores = upload.trust.restores
    whole = messages(path)
    return told, {
        "holds": "connections",
        "party": profile.id,
        "items": begun + len(whole),
        "connections": begun,
        "messages": _counted(PublishMessage, whole),
        "acknowledged": sorted({entry.batch_digest.hex()[:8] for entry in told if isinstance(entry, Admitted)}),
        "refused": {
            entry.batch_digest.hex()[:8]: entry.code.name.lower().replace("_", "-")
            for entry in told
            if isinstance(entry, RefusedBatch)
        },
        "lost": [
            name
            for name, tick in decided.items()
            for restore in restores
            if tick.incarnation == restore.old and tick.number >= restore.ticks_kept
        ],
        "accounts": ledger.facts(),
        "directory": _directory(profile, whole),
    }


def _decided(entries: list[SourceEntry]) -> list[str]:
    return [entry.batch_digest.hex()[:8] for entry in entries if isinstance(entry, (Admitted, RefusedBatch))]


def _begin(upload: Upload, outbox: Outbox, connected: Connected) -> None:
    """A connection begins where this reading of the file has come to, with nothing left out."""
    standing = LedgerReader.decode(connected.ledger, upload.trust.genesis, source_account(connected.source_id))
    incarnation, next_tick, size, _ = connected.asks_from()
    assert (standing.incarnation, standing.next_tick, standing.held.size) == (incarnation, next_tick, size)
    assert connected.ledger == outbox.ledger.encode()
    assert connected.begin == upload.begin()


def control(path: Path) -> tuple[Control, Facts]:
    """The journal folded, as a gateway does at a start."""
    state: Control | None = None
    kinds: list[StatementKind] = []
    for item in read_items(path):
        entry = parse_entry(item.content)
        state = Control.begin(entry) if state is None else state.apply(entry)
        kinds.append(entry.statement.kind)
    assert state is not None
    assert state.directory is not None
    return state, {
        "holds": "control",
        "items": len(kinds),
        "statements": [kind.name for kind in kinds],
        "head": state.head.hex(),
        "roster": state.roster_link.hex(),
        "operators": [operator.id for operator in state.roster.operators],
        "dir_no": state.directory.newest.dir_no,
    }


def parcels(path: Path, keys: KeyFiles, state: Control) -> tuple[list[VerifiedBatch], Facts]:
    """Every parcel opened with the gateway's key, every batch under its source's."""
    batches = []
    number = 0
    for item in read_items(path):
        batches += _opened(item, keys, state)
        number += 1
    return batches, {
        "holds": "parcels",
        "party": batches[0].signed.batch.source_id,
        "items": number,
        "batches": [
            {
                "batch": batch.signed.digest.hex()[:8],
                "kind": batch.signed.batch.kind.name,
                "records": batch.signed.batch.count,
            }
            for batch in batches
        ],
    }


def _opened(item: Item, keys: KeyFiles, state: Control) -> Iterator[VerifiedBatch]:
    reader = Reader(item.content, "parcel")
    header = read_parcel_header(reader, item.content)
    opened = ParcelReader(header, keys.ingest())
    while reader.left:
        start = reader.offset
        reader.u8("type")
        reader.lp32("ciphertext", 1 << 22)
        plaintext = opened.open(item.content[start : reader.offset])
        if plaintext is not None:
            unverified = parse_batch_item(plaintext)
            source_id = unverified.signed.batch.source_id
            key = VerifyKey.parse(state.source(source_id).public_key)
            yield verify_batch(unverified, key, state.genesis)
    if not opened.complete:
        raise Refused("parcel-open", "a parcel that was sent whole must be closed", at="parcel")


def _counted(kind: type[StreamMessage] | type[PublishMessage], heard: list[tuple[int, bytes]]) -> dict[str, int]:
    return dict(sorted(Counter(kind(message[0]).name for _, message in heard).items()))


class Accounts:
    """The account of a file in each life of the store, from its ticks and its entries alone."""

    def __init__(self) -> None:
        self._lives: dict[bytes, tuple[GrowingTree, list[TickMessage]]] = {}
        self._now = b""
        self._covered: list[int] = []

    def tick(self, message: bytes) -> None:
        """A tick; entries behind it are of its life."""
        parsed = parse_tick_message(message)
        self._now = parse_tick(parsed.statement).incarnation
        self._lives.setdefault(self._now, (GrowingTree(), []))[1].append(parsed)

    @property
    def last(self) -> Tick:
        """The last tick."""
        return parse_tick(self._lives[self._now][1][-1].statement)

    def seen(self, event: TickSeen) -> int:
        """Notes which tick covered each leaf first; how many leaves no kept tick covered, where an account ended."""
        beyond = 0
        if event.closed is not None:
            beyond = sum(number >= event.closed.ticks_kept for number in self._covered)
            self._covered = []
        self._covered += [event.number] * (self._lives[self._now][0].size + event.owed - len(self._covered))
        return beyond

    def enter(self, entry: bytes) -> None:
        """An entry whose place in the account was checked."""
        self._lives[self._now][0].append(leaf_hash(entry))

    def facts(self) -> list[Facts]:
        """As the last tick of each life shows it and as the entries lead to it: they agree, or some are still owed."""
        return [self._of_life(tree, ticks[-1]) for tree, ticks in self._lives.values()]

    @staticmethod
    def _of_life(tree: GrowingTree, last: TickMessage) -> Facts:
        tick = parse_tick(last.statement)
        return {
            "incarnation": tick.incarnation.hex(),
            "tick": tick.number,
            "place": last.place,
            "size": tree.size,
            "root": tree.root(tree.size).hex(),
            "owed": last.size - tree.size,
        }


def _directory(profile: Profile, heard: list[tuple[int, bytes]]) -> Facts:
    trust = trust_from(profile)
    for now_ms, message in heard:
        if message[0] == StreamMessage.DIRECTORY:
            trust = trust.accept(message[1:], now_ms)
    assert trust.directory is not None
    return {"dir_no": trust.directory.dir_no, "roster": trust.roster_link.hex()}


def _quiet(event: str, tally: Tally) -> None:
    """Progress that nobody reads."""
