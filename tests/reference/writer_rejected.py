"""Section 10 of the format: bytes that must be rejected, each one change away from bytes that are right."""

from __future__ import annotations

from tests.reference.writer_octets import Vectors, lp16, lp32, u8, u16, u32, u64
from tests.reference.writer_stream import padme

RIGHT = {
    "batch": ("origin.batch_0",),
    "signed batch": ("origin.batch_0", "origin.batch_0_signature"),
    "portion in slot 2": ("origin.disclosure_0_0_2",),
    "batch item": ("origin.parcel_plaintext_1",),
    "first item of the parcel": ("parcel.item_0",),
    "section": ("frame.section_0",),
    "body": ("frame.body",),
    "disclosure": ("frame.disclosure",),
    "frame": ("frame.frame",),
    "end": ("frame.end",),
    "hello": ("stream.hello", "stream.hello_signature"),
    "open": ("stream.open",),
    "tick message": ("ledger.tick_message",),
    "receipt": ("ledger.send_receipt",),
    "directory": ("control.dir",),
    "endorsement": ("control.endorsement_source",),
    "bundle": ("control.enrolment_bundle",),
}


def write_rejected(vectors: Vectors) -> None:
    """Per structure the right bytes, and each wrong as what was done to them."""
    for structure, names in RIGHT.items():
        vectors.octets(f"rejected.{structure}", b"".join(vectors.made(name) for name in names))
    statement, signatures = (vectors.made(f"control.directory_{part}") for part in ("statement", "signatures"))
    vectors.octets("rejected.signed statement", lp32(statement) + lp32(signatures))
    for structure, cases in (_origin(vectors) | _frame(vectors) | _stream(vectors) | _control(vectors)).items():
        for what, octets in cases.items():
            vectors.rejected(f"rejected.{structure}: {what}", structure, octets)


def _set(vectors: Vectors, name: str, **fields: bytes) -> bytes:
    """The structure with fields replaced; `_` in a field's name stands for a space."""
    changed = {field.replace("_", " "): octets for field, octets in fields.items()}
    parts = vectors.parts(name)
    if not changed.keys() <= {field for field, _ in parts}:
        raise KeyError(f"`{name}` has other fields than {sorted(changed)}")
    return b"".join(changed.get(field, octets) for field, octets in parts)


def _flip(octets: bytes, place: int) -> bytes:
    place %= len(octets)
    return octets[:place] + u8(octets[place] ^ 1) + octets[place + 1 :]


def _origin(vectors: Vectors) -> dict[str, dict[str, bytes]]:
    batch, item = vectors.made("origin.batch_0"), vectors.made("origin.parcel_plaintext_1")
    signature = vectors.made("origin.batch_0_signature")
    portion = vectors.made("origin.disclosure_0_0_2")
    head = vectors.parts("origin.parcel_plaintext_1")[2][1]
    first, second = vectors.made("parcel.item_0"), vectors.made("parcel.item_1")

    def of_item(*octets: bytes) -> bytes:
        return item.replace(head, b"".join(octets))

    return {
        "batch": {
            "a byte more": batch + b"\x00",
            "a byte less": batch[:-1],
            "another tag": _set(vectors, "origin.batch_0", tag=b"SLUICE1/record\x00"),
            "suite 2": _set(vectors, "origin.batch_0", suite=u8(2)),
            "no record": _set(vectors, "origin.batch_0", N=u16(0)),
            "257 records": _set(vectors, "origin.batch_0", N=u16(257)),
            "kind 0": _set(vectors, "origin.batch_0", kind=u8(0)),
            "mode 5": vectors.made("origin.batch_0")[:-51] + u8(5) + batch[-50:],
        },
        "signed batch": {
            "one bit of its ML-DSA-87 half": batch + _flip(signature, 0),
            "one bit of its Ed25519 half": batch + _flip(signature, -1),
            "another statement under the signature": _flip(batch, -1) + signature,
        },
        "portion in slot 2": {
            "slot 3": portion[:32] + u8(3) + portion[33:],
            "a label longer than the rest": portion[:33] + u16(500) + portion[35:],
        },
        "batch item": {
            "a byte more": item + b"\x00",
            "three slots": of_item(head[:4], u8(3), head[5:]),
            "must without slot 0": of_item(head[:2], u16(0b10), head[4:]),
            "must beyond n": of_item(head[:2], u16(0x101), head[4:]),
            "must that is not present": of_item(head[:2], u16(0b101), head[4:]),
        },
        "first item of the parcel": {
            "the second": second,
            "one bit flipped": _flip(first, -1),
            "as the closing item": u8(2) + first[1:],
            "the closing item": vectors.made("parcel.item_2"),
        },
    }


def _frame(vectors: Vectors) -> dict[str, dict[str, bytes]]:
    signed, _, *views, proof = (octets for _, octets in vectors.parts("frame.section_0"))
    view, node = views[0], vectors.made("frame.multiproof_0")[2:50]

    def section(*shown: bytes, nodes: bytes = proof) -> bytes:
        return signed + u16(len(shown)) + b"".join(shown) + nodes

    def body(*sections: bytes, count: int | None = None, longer: int = 0) -> bytes:
        unpadded = u8(len(sections) if count is None else count) + b"".join(sections)
        return unpadded.ljust(padme(len(unpadded)) + longer, b"\x00")

    whole = vectors.made("frame.section_0")
    disclosed, sealed = vectors.made("frame.disclosure"), vectors.parts("frame.frame")
    return {
        "section": {
            "no view": section(),
            "a view twice": section(view, view),
            "views descending": section(*reversed(views)),
            "idx beyond N": section(u8(3) + view[1:]),
            "three slots": section(_set(vectors, "frame.view_0_0", n=u8(3))),
            "no mask": section(_set(vectors, "frame.view_0_0", mask=u16(0))),
            "mask beyond n": section(_set(vectors, "frame.view_0_0", mask=u16(0x107))),
            "a spare node": section(*views, nodes=u16(2) + node * 2),
            "a missing node": section(*views, nodes=u16(0)),
            "another node": section(*views, nodes=u16(1) + _flip(node, 0)),
            "a changed portion": whole.replace(b"observation", b"Observation"),
            "a changed label": whole.replace(b"UKR.1 T//", b"UKR.1 X//"),
        },
        "body": {
            "no section": body(count=0),
            "a batch twice": body(whole, whole),
            "not padded": u8(1) + whole,
            "padded more": body(whole, longer=1),
            "padding that is not zero": body(whole)[:-1] + b"\x01",
        },
        "disclosure": {"a byte more": disclosed + b"\x00", "suite 2": _set(vectors, "frame.disclosure", suite=u8(2))},
        "frame": {
            "another seq": u64(2) + sealed[1][1] + sealed[2][1],
            "G and body exchanged": sealed[0][1] + sealed[2][1] + sealed[1][1],
            "one bit of G": _flip(vectors.made("frame.frame"), 20),
            "one bit of the body": _flip(vectors.made("frame.frame"), -1),
        },
        "end": {
            "a notice": vectors.made("frame.notice"),
            "another seq": u64(4) + vectors.made("frame.end")[8:],
            "one bit flipped": _flip(vectors.made("frame.end"), -1),
            "a byte more": vectors.made("frame.end") + b"\x00",
        },
    }


def _stream(vectors: Vectors) -> dict[str, dict[str, bytes]]:
    message = vectors.made("ledger.tick_message")
    receipt = vectors.made("ledger.send_receipt")
    opening = vectors.made("stream.open")
    hello = vectors.made("stream.hello") + vectors.made("stream.hello_signature")
    other = vectors.made("frame.disclosure_leaf")
    return {
        "hello": {"one bit of its signature": _flip(hello, -1), "another agreement": _flip(hello, 120)},
        "open": {
            "one bit of T": _flip(opening, 20),
            "one bit of a seal": _flip(opening, 2000),
            "one bit of its signature": _flip(opening, -1),
            "a byte more": opening + b"\x00",
        },
        "tick message": {
            "a byte more": message + b"\x00",
            "one bit of its signature": _flip(message, 400),
            "another place": _set(vectors, "ledger.tick_message", place=u32(1)),
            "a place outside the tree": _set(vectors, "ledger.tick_message", place=u32(4)),
            "a smaller account": _set(vectors, "ledger.tick_message", size=u64(2)),
            "a leaf that was not entered": _set(vectors, "ledger.tick_message", leaf_0=other),
            "a leaf less": _set(vectors, "ledger.tick_message", leaf_count=u32(1), leaf_1=b""),
            "a spare ledger node": _set(
                vectors, "ledger.tick_message", ledger_node_count=u8(3), ledger_node_1=other + other
            ),
            "a missing ledger node": _set(vectors, "ledger.tick_message", ledger_node_count=u8(1), ledger_node_1=b""),
        },
        "receipt": {
            "one bit of its list": _flip(receipt, -1),
            "an empty list": receipt[: -len(vectors.made("ledger.quarantine"))]
            + vectors.made("ledger.quarantine")[:20]
            + u32(0),
        },
    }


def _control(vectors: Vectors) -> dict[str, dict[str, bytes]]:
    statement, signatures = vectors.made("control.directory_statement"), vectors.parts("control.directory_signatures")
    own, twice = signatures[1][1] + signatures[2][1], signatures[3][1] + signatures[4][1]
    bundle = vectors.made("control.enrolment_bundle")

    def signed(encoded: bytes) -> bytes:
        return lp32(statement) + lp32(encoded)

    return {
        "signed statement": {
            "a byte more": lp32(statement + b"\x00") + lp32(vectors.made("control.directory_signatures")),
            "one bit of the body": lp32(_flip(statement, -20)) + lp32(vectors.made("control.directory_signatures")),
            "one signature of two": signed(u8(1) + own),
            "signed twice by one": signed(u8(2) + own + own),
            "signatures in another order": signed(u8(2) + twice + own),
            "one bit of a signature": signed(_flip(vectors.made("control.directory_signatures"), -1)),
            "kind 0": lp32(_set(vectors, "control.directory_statement", kind=u8(0)))
            + lp32(vectors.made("control.directory_signatures")),
        },
        "directory": {
            "base above its number": u64(1) + u64(2) + vectors.made("control.dir")[16:],
            "number 0": u64(0) + u64(0) + vectors.made("control.dir")[16:],
            "eight days": vectors.made("control.dir")[:-8] + u64(1_780_000_000_000 + 8 * 24 * 3_600_000),
            "no endorsement": _set(vectors, "control.dir", size=u32(0)),
        },
        "endorsement": {
            "role 9": _set(vectors, "control.endorsement_source", role=u8(9)),
            "state 0": _set(vectors, "control.endorsement_source", state=u8(0)),
            "another spelling of its scope": _set(
                vectors, "control.endorsement_source", scope=lp16(b"tactic,telemetry//SIMULATED")
            ),
        },
        "bundle": {"one bit of a key": _flip(bundle, 100), "one bit of its signature": _flip(bundle, -1)},
    }
