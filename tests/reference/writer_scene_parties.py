"""Scenarios of parcels (3.6), single records (5.5, step 7), receipts (6.5), and a source's connection (3.7)."""

from __future__ import annotations

from collections.abc import Sequence

from tests.reference.writer_house import House
from tests.reference.writer_kinds import HIDDEN, number, octets, packed, text, words
from tests.reference.writer_octets import (
    counted,
    expand,
    fixed,
    gcm,
    join,
    leaf,
    lp8,
    lp16,
    lp32,
    opened,
    tag,
    u8,
    u16,
    u32,
    u64,
)
from tests.reference.writer_origin import ABOUT_LABEL, FINE_LABEL, LANE, MadeBatch, about, conditions, narrative
from tests.reference.writer_scene import GENESIS, THEN, Octets, Scene, raw, step
from tests.reference.writer_scene_ledger import Ledger
from tests.reference.writer_scene_stream import AGREED, CLEARED


def write_party_scenes(scene: Scene, house: House, batches: list[MadeBatch]) -> None:
    """What a gateway takes of a parcel, and what the parties take of a gateway beside a stream."""
    _parcel(scene)
    _record(scene)
    _receipt(scene, house)
    _connection(scene, house, batches)


def _parcel(scene: Scene) -> None:
    vectors = scene.vectors
    header = "parcel.header"
    first, second, closing = (f"parcel.item_{number}" for number in range(3))

    def case(name: str, messages: Sequence[Octets], code: str | None, *, complete: bool | None = None) -> None:
        steps = [step(one) for one in messages]
        scene.add(f"parcel: {name}", "parcel", {"key": "gateway-ingest", "genesis": GENESIS}, steps, code)
        if complete is not None:
            vectors.extend(f"scenarios.parcel: {name}", {"complete": complete})

    key, iv = (part for _, part in vectors.parts("parcel.key_iv"))
    parcel_id = dict(vectors.parts("parcel.header_context"))["parcel_id"]

    def sealed(kind: int, counter: int, plaintext: bytes) -> Octets:
        aad = tag("parcel-ct") + parcel_id + u8(kind) + u64(counter)
        return raw(u8(kind), lp32(gcm(key, counted(iv, counter), plaintext, aad)))

    case("as it came", [header, first, second, closing], None, complete=True)
    case("without its closing item", [header, first, second], None, complete=False)
    case("of one batch", [header, first, sealed(2, 1, u16(1))], None, complete=True)
    case("of no batch", [header, sealed(2, 0, u16(0))], None, complete=True)
    whole = vectors.made(second)
    case("cut within an item", [header, first, scene.changed(second, whole[:-1])], "malformed")
    head = vectors.made(header)
    case("cut within its header", [scene.changed("parcel.header", head[:-1])], "malformed")
    case("its items exchanged", [header, second], "parcel-not-authentic")
    case("an item repeated", [header, first, first], "parcel-not-authentic")
    case("an item left out", [header, first, closing], "parcel-not-authentic")
    case("closed with another count", [header, first, second, sealed(2, 2, u16(3))], "malformed")
    case("closed with a count of one byte", [header, first, second, sealed(2, 2, b"\2")], "malformed")
    case("closed twice", [header, first, second, closing, closing], "malformed")
    case("an item behind the closing one", [header, first, second, closing, sealed(1, 3, b"a batch")], "malformed")
    drawn = expand(fixed("another parcel's secret", 48), tag("parcel-key") + b"\1" + fixed("another parcel", 16), 44)
    aad = tag("parcel-ct") + fixed("another parcel", 16) + u8(2) + u64(2)
    foreign = raw(u8(2), lp32(gcm(drawn[:32], counted(drawn[32:], 2), u16(2), aad)))
    case("an item of another parcel", [header, first, second, foreign], "parcel-not-authentic")
    for name, field, octets_ in (
        ("for another ingest key", "ingest_key_id", bytes(16)),
        ("for another genesis", "genesis", fixed("another genesis", 48)),
        ("under another id", "parcel_id", fixed("another parcel", 16)),
    ):
        parts = vectors.parts("parcel.header_context")
        context = b"".join(octets_ if part.replace(" ", "_") == field else made for part, made in parts)
        wrong = context + head[len(context) :]
        case(name, [scene.changed("parcel.header", wrong)], "parcel-not-for-us")
    # Sealed to the gateway's own key, under a header that names another.
    parts = vectors.parts("parcel.header_context")
    named = b"".join(bytes(16) if part.replace(" ", "_") == "ingest_key_id" else made for part, made in parts)
    secret = fixed("the secret of a parcel that names another key", 48)
    ingest = scene.world.sealed_to["gateway-ingest"]
    seal = vectors.seal("materials.seal_under_another_key_id", ingest, named, secret)
    case("that names another key than it is sealed to", [raw(named + lp16(seal))], "parcel-not-for-us")


def _record(scene: Scene) -> None:
    setup: dict[str, object] = {
        "nation": "USA", "clearances": CLEARED, "agreement": AGREED, "vocabulary": "materials.vocabulary", "kind": 2,
    }  # fmt: skip

    def case(name: str, octets_: Octets, code: str | None, **changed: object) -> None:
        scene.add(f"record: {name}", "record", setup | changed, [step(octets_)], code)

    told = "frame.view_0_0"

    def d(slot: int, label: str, content: bytes) -> bytes:
        return lp32(fixed(f"salt of slot {slot}", 32) + u8(slot) + lp16(label.encode()) + content)

    def view(*, must: int = 3, schema: int = 2, n: int = 8, **shown: bytes) -> Octets:
        slots = {int(name[1:]): made for name, made in shown.items()}
        parts = [slots.get(slot, fixed(f"C of slot {slot}", 48)) for slot in range(n)]
        mask = sum(1 << slot for slot in slots)
        head = u8(0) + fixed("a record id", 16) + u16(schema) + u16(must) + u8(n) + u16(mask)
        return raw(head, *parts)

    mine = {"d0": d(0, ABOUT_LABEL, about("one")), "d1": d(1, ABOUT_LABEL, conditions(1))}

    def narrated(label: str, content: bytes) -> Octets:
        return view(**mine, d2=d(2, label, content))

    case("as it came", told, None)
    case("of three portions", narrated(FINE_LABEL, narrative("one")), None)
    case("a label whose values descend", narrated("UKR.1 T//REL USA,GBR", narrative("one")), "label")
    case("a label with a value twice", narrated("UKR.1 T//REL USA,USA", narrative("one")), "label")
    case("a label with tags descending", narrated("UKR.1 T//REL USA//COMMERCIAL FPV-7", narrative("one")), "label")
    case("a label with a tag and no value", narrated("UKR.1 T//REL", narrative("one")), "label")
    case("a label with a space too many", narrated("UKR.1 T//REL GBR, USA", narrative("one")), "label")
    case("a label in small letters", narrated("UKR.1 t//REL USA", narrative("one")), "label")
    case("a label of no bytes", narrated("", narrative("one")), "label")
    case("a label of no vocabulary in force", narrated("UKR.9 T//REL USA", narrative("one")), "label")
    case("a label of an unknown level", narrated("UKR.1 OV//REL USA", narrative("one")), "label")
    case("a label of an unknown tag", narrated("UKR.1 T//NOFORN X", narrative("one")), "label")
    case("a label of an unknown value", narrated("UKR.1 T//REL FVEY", narrative("one")), "label")
    case("a label that lists the owner", narrated("UKR.1 T//REL UKR,USA", narrative("one")), "label")
    case("a label for the owner alone", narrated("UKR.1 T", narrative("one")), "label-above-clearance")
    case("a label for others", narrated("UKR.1 T//REL DEU", narrative("one")), "label-above-clearance")
    low = [{"policy": "UKR", "level": "DSK", "held": {"REL": ["USA"]}}]
    case("a level above the clearance", told, "label-above-clearance", clearances=low)
    case("no clearance of its policy", told, "label-above-clearance", clearances=[{**low[0], "policy": "NATO"}])
    secret = narrated("UKR.1 T//COMMERCIAL FPV-7//REL USA", narrative("one"))
    case("a design that the agreement does not name", secret, "label-above-clearance")
    case("a design that the agreement names", secret, None, agreement=AGREED | {"designs": ["FPV-7"]})
    case("an unknown field at the end", narrated(FINE_LABEL, narrative("one") + HIDDEN), "content-not-canonical")
    nested = octets(1, text(2, "one") + HIDDEN)
    case("an unknown field inside a part", narrated(FINE_LABEL, nested), "content-not-canonical")
    case("an unknown field first", narrated(FINE_LABEL, HIDDEN + narrative("one")), "content-not-canonical")
    case("a part twice", narrated(FINE_LABEL, narrative("one") * 2), "content-not-canonical")
    case("a content that is no message", narrated(FINE_LABEL, b"\xff"), "content-not-canonical")
    case("a content of nothing", narrated(FINE_LABEL, b""), "schema")
    case("a hidden character", narrated(FINE_LABEL, narrative("o\u200bne")), "text")
    case("a text that is not composed", narrated(FINE_LABEL, words(1, "И\u0306", "")), "text")
    unlisted = view(d0=mine["d0"], d1=d(1, ABOUT_LABEL, packed(1, [7])))
    case("an enum number that is not listed", unlisted, "schema")
    said = about("one").replace(number(9, 2), number(9, 7))
    case("a number out of its range", view(d0=d(0, ABOUT_LABEL, said), d1=mine["d1"]), "range")
    case("without a slot of its must", view(d0=mine["d0"], d2=d(2, FINE_LABEL, narrative("one"))), "must")
    case("without a slot of its own must", view(must=7, **mine), "must")
    case("of another schema", view(schema=1, **mine), "schema")
    case("of an unknown schema", view(schema=3, **mine), "schema")
    case("of more slots than its schema", view(n=16, **mine), "schema")
    case("a portion in another slot", view(**mine, d2=d(3, FINE_LABEL, narrative("one"))), "malformed")


def _receipt(scene: Scene, house: House) -> None:
    def case(
        name: str, code: str | None, sent: Octets = house.message, receipt: Octets = "ledger.send_receipt"
    ) -> None:
        steps = [step(sent, now=THEN), step(receipt, now=THEN)]
        scene.add(f"receipt: {name}", "receipt", {"genesis": GENESIS}, steps, code)

    case("as it came", None)
    case("by a retired key", "key-retired", house.with_key("partner-sign", state=2))
    case("by a tainted key", "key-tainted", house.with_key("partner-sign", state=3))
    case("by another partner's key", "key-not-endorsed", house.with_key("partner-sign", subject="gbr/dstl"))
    whole = scene.vectors.made("ledger.send_receipt")
    for what, place, code in (
        ("a record", len(whole) - 2, "receipt-quarantine"),
        ("a size", 200, "receipt-signature"),
        ("half a signature", len(whole) - 80 - 4691, "receipt-signature"),
    ):
        wrong = whole[:place] + u8(whole[place] ^ 1) + whole[place + 1 :]
        case(f"with {what} changed", code, receipt=scene.changed("ledger.send_receipt", wrong))


def _connection(scene: Scene, house: House, batches: list[MadeBatch]) -> None:
    vectors = scene.vectors
    directory: Octets = ["00", house.message]
    account = b"source" + lp8(b"src-3f07")
    ledger = Ledger(scene, account)

    def entered(batch: int, salt: str, code: int | None = None) -> bytes:
        name = "admitted" if code is None else "refused"
        head = join([*opened(name), ("salt", fixed(salt, 32)), ("lane", LANE), ("batch_no", u64(batch))])
        return head + batches[batch].digest + (b"" if code is None else u16(code))

    def told(*entries: bytes) -> Octets:
        return ["05", raw(u32(len(entries)), *(lp32(entry) for entry in entries))]

    def ticked(name: str, *entries: bytes) -> Octets:
        message = ledger.tick(name, 6, [leaf(entry) for entry in entries], [], since=0, place=0)
        if not isinstance(message, list):
            raise TypeError("a tick is a list")
        return ["01", *message[1:]]

    def case(name: str, messages: Sequence[Octets], code: str | None) -> None:
        steps = [step(one, now=THEN) for one in messages]
        scene.add(f"connection: {name}", "connection", {"genesis": GENESIS, "source": "src-3f07"}, steps, code)

    admitted, refused = (vectors.made(f"ledger.entry_{name}") for name in ("admitted", "refused"))
    both = ticked("of a source", admitted, refused)
    case("as it came", [directory, told(admitted, refused), both], None)
    case("in two messages", [directory, told(admitted), told(refused), both], None)
    case("stored and no more", [directory, ["02", "parcel.stored"]], None)
    leaves = [leaf(admitted), leaf(refused)]
    bare = ledger.tick("of a leaf without its entry", 6, leaves, leaves[1:], since=0, place=0)
    if not isinstance(bare, list):
        raise TypeError("a tick is a list")
    case("a leaf without its entry", [directory, told(admitted), ["01", *bare[1:]]], "disclosure-missing")
    case("an entry left out", [directory, told(admitted), both], "account-rewritten")
    case("entries in another order", [directory, told(refused, admitted), both], "account-rewritten")
    case("an entry of its own making", [directory, told(admitted, entered(1, "made up", 5)), both], "account-rewritten")
    case("a tick and no entries", [directory, both], "account-rewritten")
    case("an unknown message", [directory, "0900"], "stream-order")
    case("a message of no type", [directory, ""], "stream-order")
    again = entered(0, "another salt")
    twice = ticked("that admits twice", admitted, again)
    case("a batch admitted twice", [directory, told(admitted, again), twice], "account-contradicts")
    denied = entered(0, "a third salt", 5)
    contradicts = ticked("that admits and refuses", admitted, denied)
    case("a batch admitted and refused", [directory, told(admitted, denied), contradicts], "account-contradicts")
    case("an entry of no kind", [directory, told(b"SLUICE1/granted\0\1")], None)
    strange = b"SLUICE1/granted\0\1"
    case("an entry of no kind under a tick", [directory, told(strange), ticked("of no kind", strange)], "malformed")
