"""Scenarios of sections 4 and 5: one stream, message by message, to the partner of the story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.reference.writer_control import RESTORE
from tests.reference.writer_house import BOTH, House
from tests.reference.writer_octets import SUITE, fixed, h, leaf, lp8, lp16, lp32, multiproof, tag, u8, u16, u32, u64
from tests.reference.writer_origin import MadeBatch
from tests.reference.writer_scene import GENESIS, THEN, Octets, Scene, Signed, Step, cut, message, raw, step
from tests.reference.writer_scene_ledger import STATE, Ledger
from tests.reference.writer_stream import STREAM_ID, Keys, padme
from tests.reference.writer_wrongs import altered, flip

NOT_AFTER = THEN + 900_000
CLEARED = [{"policy": "UKR", "level": "T", "held": {"REL": ["USA"]}}]
AGREED: dict[str, object] = {"kinds": [2], "modes": [3], "sources": ["src-3f07"], "designs": []}
OPEN: Octets = ["01", "stream.open"]
TICK: Octets = ["02", "ledger.tick_message"]
OLD: Octets = ["04", "frame.old"]
FRAME: Octets = ["05", "frame.frame"]
NOTICE: Octets = ["06", "frame.notice"]
END: Octets = ["07", "frame.end"]


@dataclass(frozen=True)
class Stream:
    """The stream of the story, and what its gateway could write under the same keys."""

    scene: Scene
    house: House

    @property
    def keys(self) -> Keys:
        """What its messages are sealed under."""
        key, iv = (octets for _, octets in self.scene.vectors.parts("stream.key_iv"))
        return Keys(self.scene.vectors.made("stream.th"), key, iv)

    @property
    def directory(self) -> Octets:
        """Its first message."""
        return ["00", self.house.message]

    def case(self, name: str, messages: Sequence[Octets | Step], code: str | None, **changed: object) -> None:
        """One scenario; messages come a second after each other."""
        setup: dict[str, object] = {
            "genesis": GENESIS,
            "hello": ["stream.hello", "stream.hello_signature"],
            "state": STATE,
            "kem_key": "partner-kem",
            "ephemeral_key": "ephemeral",
            "nation": "USA",
            "clearances": CLEARED,
            "agreement": AGREED,
        }
        steps = []
        for place, one in enumerate(messages):
            given = one if isinstance(one, dict) and "message" in one else step(one)
            steps.append({"now": THEN + place * 1000, **given})
        self.scene.add(f"stream: {name}", "stream", setup | changed, steps, code)

    def open(self, *more: Octets | Step) -> list[Octets | Step]:
        """Everything before the first sealed message, and these."""
        return [self.directory, OPEN, TICK, *more]

    def g(self, of: str = "frame.disclosure", **fields: bytes) -> bytes:
        """A disclosure of the story with fields changed."""
        return altered(self.scene.vectors, of, **fields)

    def old(self, seq: int, g: bytes, keys: Keys | None = None) -> Octets:
        """An `old` with this G."""
        return ["04", raw(u64(seq), lp32((keys or self.keys).seal("old", seq, 2 * seq, g)))]

    def frame(self, seq: int, g: bytes, body: bytes | None = None, keys: Keys | None = None) -> Octets:
        """A frame; without a body, that of the story's frame, which has seq 1."""
        sealed = (keys or self.keys).seal("g", seq, 2 * seq, g)
        if body is None:
            whole = len(self.scene.vectors.made("frame.frame"))
            told: Octets = cut("frame.frame", 8 + 277, whole, whole)
            return ["05", raw(u64(seq), lp32(sealed)), told]
        ct = (keys or self.keys).seal("body", seq, 2 * seq + 1, body)
        return ["05", raw(u64(seq), lp32(sealed), lp32(ct))]

    def note(self, name: str, seq: int, keys: Keys | None = None) -> Octets:
        """A `notice` or an `end`, caught up."""
        sealed = (keys or self.keys).seal(name, seq, 2 * seq, u16(9) + lp16(b"caught up"))
        return ["06" if name == "notice" else "07", raw(u64(seq), lp32(sealed))]


def write_stream_scenes(scene: Scene, house: House, batches: list[MadeBatch]) -> None:
    """Order, opening, keys, disclosures, frames, and another life of the store."""
    stream = Stream(scene, house)
    _order(stream)
    _opening(stream)
    _endorsed(stream)
    _disclosures(stream)
    _frames(stream, batches)
    _restore(stream)


def _order(stream: Stream) -> None:
    opened, whole = stream.open(), stream.open(OLD, FRAME, NOTICE, END)
    stream.case("as it came", whole, None)
    stream.case("nothing but a directory", [stream.directory], None)
    leaves = raw(u32(1), fixed("a leaf", 48))
    stream.case("no directory first", [OPEN], "stream-order")
    stream.case("a directory twice", [stream.directory, stream.directory], "stream-order")
    stream.case("a tick before the opening", [stream.directory, TICK], "stream-order")
    stream.case("a frame before the first tick", [stream.directory, OPEN, FRAME], "stream-order")
    stream.case("opened twice", [*opened, OPEN], "stream-order")
    stream.case("a message of no type", [*opened, ""], "stream-order")
    stream.case("a message of type 8", [*opened, "0800"], "stream-order")
    stream.case("leaves without their tick", [*opened, ["03", leaves], OLD], "stream-order")
    stream.case("an old left out", [*opened, FRAME], "stream-order")
    stream.case("an old twice", [*opened, OLD, OLD], "stream-order")
    stream.case("a frame twice", [*opened, OLD, FRAME, FRAME], "stream-order")
    stream.case("an old behind a frame", [*opened, OLD, FRAME, OLD], "stream-order")
    stream.case("a notice twice", [*opened, OLD, FRAME, NOTICE, NOTICE], "stream-order")
    stream.case("an end before its notice", [*opened, OLD, FRAME, END], "stream-order")
    stream.case("a message behind the end", [*whole, END], "stream-order")
    stream.case("a tick behind the end", [*whole, TICK], "stream-order")
    stream.case("a tick twice", [*opened, TICK], "ledger-shrank")
    overdue = NOT_AFTER + 300_000
    stream.case("as long as it may be", [*opened, step(OLD, now=overdue - 1)], None)
    stream.case("longer than it may be", [*opened, step(OLD, now=overdue)], "stream-overdue")
    stream.case("a tick later than it may be", [*opened, step(TICK, now=overdue)], "stream-overdue")
    waiting = stream.note("notice", 1)
    stream.case("a leaf that is still awaited", [*opened, OLD, step(waiting, waited=120_000)], None)
    stream.case("a leaf whose frame never came", [*opened, OLD, step(waiting, waited=120_001)], "disclosure-missing")


def _opening(stream: Stream) -> None:
    scene, t = stream.scene, stream.scene.vectors.parts("stream.t")
    opening = scene.vectors.made("stream.open")
    strangers = {
        "genesis": fixed("another genesis", 48),
        "partner_id": lp8(b"gbr/arl"),
        "agreement_id": lp8(b"UA-US-2026-015"),
        "subscription": lp8(b"mail"),
        "H(Hello)": fixed("another hello", 48),
        "partner-kem key_id": bytes(16),
        "agreement_digest": fixed("another agreement", 48),
    }
    for name, octets in strangers.items():
        wrong = lp16(b"".join(octets if field == name else part for field, part in t))
        of: Octets = ["01", scene.changed("stream.open", wrong + opening[len(wrong) :])]
        stream.case(f"opened with another {name}", [stream.directory, of], "open-mismatch")
    wrong = lp16(b"".join(bytes(16) if field == "gateway-stream key_id" else part for field, part in t))
    unknown: Octets = ["01", scene.changed("stream.open", wrong + opening[len(wrong) :])]
    stream.case("opened by a key that is not endorsed", [stream.directory, unknown], "key-not-endorsed")
    stream.case("opened as late as may be", [stream.directory, step(OPEN, now=NOT_AFTER + 299_999)], None)
    stream.case("opened too late", [stream.directory, step(OPEN, now=NOT_AFTER + 300_000)], "open-dates")
    early = NOT_AFTER - 1_200_000
    stream.case("opened as early as may be", [stream.directory, step(OPEN, now=early)], None)
    stream.case("opened too early", [stream.directory, step(OPEN, now=early - 1)], "open-dates")
    flipped: Octets = ["01", scene.changed("stream.open", flip(opening, -1))]
    stream.case("opened with half a signature", [stream.directory, flipped], "open-signature")
    stream.case(
        "opened for another ephemeral key", [stream.directory, OPEN], "open-not-for-us", ephemeral_key="gateway-ingest"
    )


def _endorsed(stream: Stream) -> None:
    """What a key may do under each state, role, subject and scope."""
    house = stream.house

    def under(name: str, **changed: object) -> Octets:
        return ["00", house.with_key(name, **changed)]

    to_frame: list[Octets | Step] = [OPEN, TICK, OLD, FRAME]
    stream.case("opened by a tainted key", [under("gateway-stream", state=3), OPEN], "key-tainted")
    stream.case("opened by a retired key", [under("gateway-stream", state=2), OPEN], "key-retired")
    stream.case("opened by a key of another role", [under("gateway-stream", role=3), OPEN], "key-not-endorsed")
    stream.case("a tick by a tainted key", [under("gateway-ledger", state=3), OPEN, TICK], "key-tainted")
    stream.case("a tick by a retired key", [under("gateway-ledger", state=2), OPEN, TICK], "key-retired")
    stream.case("a batch by a retired key", [under("source", state=2), *to_frame], None)
    stream.case("a batch by a tainted key", [under("source", state=3), *to_frame], "key-tainted")
    stream.case("a batch by another source's key", [under("source", subject="src-91c2"), *to_frame], "key-not-endorsed")
    stream.case(
        "a batch of a kind outside the scope", [under("source", scope="telemetry//SIMULATED"), *to_frame], "scope"
    )
    stream.case("a batch of a mode outside the scope", [under("source", scope="tactic//TEST"), *to_frame], "scope")
    stream.case("a batch outside an empty scope", [under("source", scope=""), *to_frame], "scope")


def _disclosures(stream: Stream) -> None:
    vectors = stream.scene.vectors
    other = Keys(fixed("another th", 48), fixed("another key", 32), fixed("another iv", 12))
    owed = vectors.made("frame.disclosure_owed")
    shown = vectors.made("frame.disclosure")
    opened, olded = stream.open(), stream.open(OLD)
    stream.case("an old of another stream's keys", [*opened, stream.old(0, owed, other)], "old-not-authentic")
    stream.case("a frame of another stream's keys", [*olded, stream.frame(1, shown, keys=other)], "frame-not-authentic")
    stream.case("a notice of another stream's keys", [*olded, stream.note("notice", 1, other)], "notice-not-authentic")
    stream.case("an end of another stream's keys", [*olded, stream.note("end", 1, other)], "end-not-authentic")
    stream.case("an end in place of a frame", [*olded, stream.note("end", 1)], None)
    changes: dict[str, dict[str, bytes]] = {
        "party": {"partner_id": lp8(b"gbr/arl")},
        "agreement": {"agreement_id": lp8(b"UA-US-2026-015")},
        "subscription": {"subscription": lp8(b"mail")},
    }
    for what, changed in changes.items():
        g = stream.g("frame.disclosure_owed", **changed)
        stream.case(f"an old of another {what}", [*opened, stream.old(0, g)], "disclosure-not-ours")
        frame = stream.frame(1, stream.g(**changed))
        stream.case(f"a frame of another {what}", [*olded, frame], "disclosure-not-ours")
    g = stream.g(stream_id=fixed("another stream id", 16))
    stream.case("a frame whose G is of another stream", [*olded, stream.frame(1, g)], "disclosure-not-ours")
    g = stream.g(agreement_digest=fixed("another agreement", 48))
    stream.case("a frame under another text", [*olded, stream.frame(1, g)], "disclosure-not-ours")
    stream.case("a frame whose G is not the next", [*olded, stream.frame(1, stream.g(seq=u64(1)))], "stream-order")
    wrong = stream.old(0, stream.g("frame.disclosure_owed", stream_id=STREAM_ID))
    stream.case("an old of this very stream", [*opened, wrong], "old-of-this-stream")
    stream.case("an old that is held already", [*olded, stream.old(1, owed)], "disclosure-repeated")
    never = stream.g("frame.disclosure_owed", audit=fixed("another audit", 48))
    stream.case("an old that nothing owes", [*opened, stream.old(0, never)], "disclosure-not-owed")
    never = stream.g(audit=fixed("another audit", 48))
    stream.case("a frame that nothing owes", [*olded, stream.frame(1, never)], "disclosure-not-owed")
    length = len(vectors.made("frame.frame"))
    early: Octets = [
        "05",
        raw(u64(0), lp32(stream.keys.seal("g", 0, 0, shown))),
        cut("frame.frame", 285, length, length),
    ]
    stream.case("a frame before the old that is owed", [*opened, early], "disclosure-not-owed")


def padded_body(*sections: bytes) -> bytes:
    """A body of these sections."""
    unpadded = u8(len(sections)) + b"".join(sections)
    return unpadded.ljust(padme(len(unpadded)), b"\0")


def _frames(stream: Stream, batches: list[MadeBatch]) -> None:
    scene, vectors = stream.scene, stream.scene.vectors
    shown = vectors.made("frame.disclosure")
    olded, framed = stream.open(OLD), stream.open(OLD, FRAME)
    agreed = [
        ("of a kind outside the agreement", {"kinds": [1]}),
        ("of a mode outside the agreement", {"modes": [1]}),
        ("of a source outside the agreement", {"sources": ["src-91c2"]}),
    ]
    for name, changed in agreed:
        stream.case(f"a frame {name}", framed, "outside-agreement", agreement=AGREED | changed)
    one, second = vectors.made("frame.section_0"), vectors.made("frame.section_1")
    fewer = stream.frame(1, shown, padded_body(second))
    stream.case("a frame without a batch that was entered", [*olded, fewer], "frame-not-as-entered")
    stream.case(
        "a frame with its batches in another order",
        [*olded, stream.frame(1, shown, padded_body(second, one))],
        "frame-not-as-entered",
    )
    digest, low = batches[0].digest.hex(), [{"policy": "UKR", "level": "DSK", "held": {"REL": ["USA"]}}]
    aside = [[digest, 0, "label-above-clearance"], [digest, 2, "label-above-clearance"]]
    only = [[digest, 0, "label-above-clearance"]]
    stream.case("a record above the clearance is set aside", [*olded, step(FRAME, aside=only)], None, clearances=low)
    other = [{"policy": "UKR", "level": "T", "held": {"REL": ["POL"]}}]
    all_of = [*aside, [batches[1].digest.hex(), 0, "label-above-clearance"]]
    stream.case(
        "records for another nation are set aside",
        [*olded, step(FRAME, aside=all_of)],
        None,
        clearances=other,
        nation="POL",
    )
    # A second frame brings the second batch again: its signature was verified with the first.
    again = _disclosed(stream, batches)
    ledger = Ledger(scene)
    leaves = [*ledger.leaves(), leaf(again)]
    tick = ledger.tick("of a second frame", 7, leaves, leaves[3:], since=7)
    stream.case("a second frame", [*framed, tick, stream.frame(2, again, padded_body(second))], None)
    for half, place in (("ML-DSA-87", -2 * 64 - 4000), ("Ed25519", -1)):
        statement = batches[1].statement
        section = second.replace(batches[1].signature, flip(batches[1].signature, place))
        if statement not in section:
            raise ValueError("the section holds another batch")
        wrong = stream.frame(2, again, padded_body(section))
        stream.case(f"a batch seen before, with another {half} half", [*framed, tick, wrong], "batch-signature")
    whole = len(vectors.made("frame.frame"))
    mixed: Octets = ["05", raw(u64(2), lp32(stream.keys.seal("g", 2, 4, again))), cut("frame.frame", 285, whole, whole)]
    stream.case("G of one frame and the body of another", [*framed, tick, mixed], "frame-not-authentic")
    exchanged: Octets = ["05", raw(u64(1)), cut("frame.frame", 285, whole, whole), cut("frame.frame", 8, 285, whole)]
    stream.case("G and body exchanged, the body longer than a G may be", [*olded, exchanged], "malformed")
    sealed = (stream.keys.seal("body", 1, 3, bytes(1008)), stream.keys.seal("g", 1, 2, shown))
    stream.case(
        "G and body exchanged, the body as long as a G may be",
        [*olded, raw(b"\x05", u64(1), *map(lp32, sealed))],
        "frame-not-authentic",
    )
    node = multiproof(batches[0].leaves, [0, 2])[0]
    unproved = one.replace(node, flip(node, 0))
    stream.case(
        "a frame with another proof", [*olded, stream.frame(1, shown, padded_body(unproved, second))], "batch-root"
    )


def _disclosed(stream: Stream, batches: list[MadeBatch]) -> bytes:
    """G of a second frame with the one record of the second batch."""
    digested = batches[1].digest + u16(1) + u8(0) + batches[1].leaves[0] + u16(0b11)
    view_digest = h(b"\x04" + tag("view") + SUITE + u8(1) + digested)
    return stream.g(seq=u64(1), audit=fixed("audit of a second frame", 48), records=u32(1), view_digest=view_digest)


def _restore(stream: Stream) -> None:
    """A store that was restored begins another life, and the RESTORE says so."""
    scene, house = stream.scene, stream.house
    ledger = Ledger(scene)
    life = fixed("incarnation after restore", 16)
    entry = fixed("the first leaf of another life", 48)
    tick = ledger.tick("of another life", 0, [entry], [entry], since=0, place=1, before=[], incarnation=life)
    stream.case("another life of the store, unsaid", [stream.directory, OPEN, tick], "ledger-incarnation")
    told = scene.vectors.made("ledger.tick_1")
    behind = house.statements["directory"].behind(scene.world.genesis)
    old = fixed("incarnation", 16)
    said: dict[str, tuple[bytes, tuple[str, ...], str | None]] = {
        "as its RESTORE says": (old + life + u64(1) + h(told), BOTH, None),
        "but its RESTORE names another before it": (
            fixed("a stranger", 16) + life + u64(1) + h(told),
            BOTH,
            "ledger-incarnation",
        ),
        "but its RESTORE names another after it": (
            old + fixed("a stranger", 16) + u64(1) + h(told),
            BOTH,
            "ledger-incarnation",
        ),
        "but its RESTORE keeps another tick than was seen": (
            old + life + u64(1) + fixed("another tick", 48),
            BOTH,
            "restore-contradicts",
        ),
    }
    restores: dict[str, Signed] = {}
    for number, (name, (body, by, code)) in enumerate(said.items()):
        restored = restores[name] = house.make.sign(f"restore_{number}", RESTORE, body, by, behind)
        sent = message([house.make.genesis, house.statements["directory"], restored], house.directory.shown())
        stream.case(f"another life of the store, {name}", [["00", sent], OPEN, tick], code)
    body = said["as its RESTORE says"][0]
    told_first, genesis = restores["as its RESTORE says"], scene.world.genesis
    alone = house.make.sign("restore_by_one", RESTORE, body, ("officer-1",), behind)
    sent = message([house.make.genesis, house.statements["directory"], alone], house.directory.shown())
    stream.case("a RESTORE by one person", [["00", sent]], "signatures-too-few")
    for name, wrong in (
        ("leaves what another left", old + fixed("a stranger", 16) + body[32:]),
        ("leads to what another led to", fixed("a stranger", 16) + life + body[32:]),
        ("leads back", life + old + body[32:]),
    ):
        second = house.make.sign(
            f"restore_that_{name.replace(' ', '_')}", RESTORE, wrong, BOTH, told_first.behind(genesis)
        )
        both = [house.make.genesis, house.statements["directory"], told_first, second]
        sent = message(both, house.directory.shown())
        stream.case(f"a RESTORE that {name}", [["00", sent]], "restore-contradicts")
    again = house.make.sign("restore_again", RESTORE, body, BOTH, told_first.behind(genesis))
    both = [house.make.genesis, house.statements["directory"], told_first, again]
    stream.case("a RESTORE said twice", [["00", message(both, house.directory.shown())], OPEN, tick], None)
