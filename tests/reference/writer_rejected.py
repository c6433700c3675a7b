"""Section 10 of the format: bytes that must be rejected, each one change away from bytes that are right.

Each has the code of annex E that a reader refuses it with; where nothing is said it is `malformed`.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.reference.writer_accounts import account_cases
from tests.reference.writer_octets import KemKey, Vectors, lp8, lp16, lp32, u8, u16, u32, u64
from tests.reference.writer_rejected_control import control_cases, roster_cases
from tests.reference.writer_rejected_profile import profile, profile_cases
from tests.reference.writer_rejected_texts import rights, text_cases
from tests.reference.writer_stream import Keys, padme
from tests.reference.writer_wrongs import Cases, Wrong, altered, flip

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
    "old": ("frame.old",),
    "notice": ("frame.notice",),
    "end": ("frame.end",),
    "hello": ("stream.hello", "stream.hello_signature"),
    "open": ("stream.open",),
    "tick message": ("ledger.tick_message",),
    "leaves": ("ledger.leaves_message",),
    "entries": ("ledger.entries_message",),
    "source entry": ("ledger.entry_refused",),
    "disclosed entry": ("ledger.entry_disclosed",),
    "ledger state": ("evidence.ledger_state",),
    "opening of a disclosure": ("evidence.opening",),
    "tick item": ("evidence.tick_item",),
    "account item": ("evidence.account_item",),
    "entry item": ("evidence.entry_item",),
    "skipped item": ("evidence.skipped_item",),
    "evidence batch": ("evidence.batch_item",),
    "receipt": ("ledger.send_receipt",),
    "statement": ("control.directory_statement",),
    "directory message": ("control.directory_message",),
    "directory": ("control.dir",),
    "endorsement": ("control.endorsement_source",),
    "bundle": ("control.enrolment_bundle",),
    "card": ("control.card",),
    "restore": ("control.restore_body",),
}
# What a byte more or less does not make malformed: a content runs to the end of its portion, a text has no end.
OPEN_ENDED = {"portion in slot 2"}


def write_rejected(vectors: Vectors) -> None:
    """Per structure the right bytes, and each wrong as what was done to them."""
    for structure, names in RIGHT.items():
        vectors.octets(f"rejected.{structure}", b"".join(vectors.made(name) for name in names))
    statement, signatures = (vectors.made(f"control.directory_{part}") for part in ("statement", "signatures"))
    vectors.octets("rejected.signed statement", lp32(statement) + lp32(signatures))
    roster = dict(vectors.parts("control.genesis_statement"))["body"][4:]
    texts = {
        "roster text": roster,
        **rights(vectors),
        "profile": profile(),
        "kem key file": KemKey("partner-kem").pem(),
    }
    for structure, text in texts.items():
        vectors.octets(f"rejected.{structure}", text)
    everything = _origin(vectors) | _frame(vectors) | _stream(vectors) | _kept(vectors)
    everything |= account_cases(vectors)
    everything |= control_cases(vectors) | roster_cases(roster) | text_cases(vectors) | profile_cases(vectors)
    for structure, cases in everything.items():
        right = vectors.made(f"rejected.{structure}")
        ends: dict[str, Wrong] = {"a byte more": right + b"\x00", "a byte less": right[:-1], "nothing": b""}
        if structure in OPEN_ENDED | texts.keys():
            ends = {}
        for what, wrong in (ends | cases).items():
            code, octets = wrong if isinstance(wrong, tuple) else ("malformed", wrong)
            vectors.rejected(f"rejected.{structure}: {what}", structure, octets, code)


def _origin(vectors: Vectors) -> Cases:
    batch, item = vectors.made("origin.batch_0"), vectors.made("origin.parcel_plaintext_1")
    signature = vectors.made("origin.batch_0_signature")
    portion = vectors.made("origin.disclosure_0_0_2")
    head = vectors.parts("origin.parcel_plaintext_1")[2][1]
    first, second = vectors.made("parcel.item_0"), vectors.made("parcel.item_1")

    def of_item(*octets: bytes) -> bytes:
        return item.replace(head, b"".join(octets))

    def signed(octets: bytes) -> tuple[str, bytes]:
        return "batch-signature", octets

    def moved(octets: bytes) -> tuple[str, bytes]:
        return "parcel-not-authentic", octets

    return {
        "batch": {
            "another tag": altered(vectors, "origin.batch_0", tag=b"SLUICE1/record\x00"),
            "a tag of the same length": altered(vectors, "origin.batch_0", tag=b"SLUICE1/bunch\x00"),
            "suite 2": altered(vectors, "origin.batch_0", suite=u8(2)),
            "no source": altered(vectors, "origin.batch_0", source_id=lp8(b"")),
            "a source with a space": altered(vectors, "origin.batch_0", source_id=lp8(b"src 3f07")),
            "no record": altered(vectors, "origin.batch_0", N=u16(0)),
            "257 records": altered(vectors, "origin.batch_0", N=u16(257)),
            "kind 0": altered(vectors, "origin.batch_0", kind=u8(0)),
            "kind 5": altered(vectors, "origin.batch_0", kind=u8(5)),
            "mode 5": altered(vectors, "origin.batch_0", data_mode=u8(5)),
        },
        "signed batch": {
            "one bit of its ML-DSA-87 half": signed(batch + flip(signature, 0)),
            "one bit of its Ed25519 half": signed(batch + flip(signature, -1)),
            "another statement under the signature": signed(flip(batch, -1) + signature),
        },
        "portion in slot 2": {
            "slot 3": portion[:32] + u8(3) + portion[33:],
            "a label longer than the rest": portion[:33] + u16(500) + portion[35:],
            "a label of 513 bytes": portion[:33] + lp16(bytes(513)) + portion[-8:],
            "cut behind its slot": portion[:33],
        },
        "batch item": {
            "three slots": of_item(head[:4], u8(3), head[5:]),
            "must without slot 0": of_item(head[:2], u16(0b10), head[4:]),
            "must beyond n": of_item(head[:2], u16(0x101), head[4:]),
            "must that is not present": of_item(head[:2], u16(0b101), head[4:]),
            "present beyond n": of_item(head[:5], u16(0x103)),
        },
        "first item of the parcel": {
            "the second": moved(second),
            "one bit flipped": moved(flip(first, -1)),
            "as the closing item": moved(u8(2) + first[1:]),
            "the closing item": moved(vectors.made("parcel.item_2")),
            "of type 3": u8(3) + first[1:],
        },
    }


def _frame(vectors: Vectors) -> Cases:
    signed, _, *views, proof = (octets for _, octets in vectors.parts("frame.section_0"))
    view, node = views[0], vectors.made("frame.multiproof_0")[2:50]

    def section(*shown: bytes, nodes: bytes = proof) -> bytes:
        return signed + u16(len(shown)) + b"".join(shown) + nodes

    def body(*sections: bytes, count: int | None = None, longer: int = 0) -> bytes:
        unpadded = u8(len(sections) if count is None else count) + b"".join(sections)
        return unpadded.ljust(padme(len(unpadded)) + longer, b"\x00")

    def viewed(**fields: bytes) -> bytes:
        return section(altered(vectors, "frame.view_0_0", **fields))

    whole = vectors.made("frame.section_0")
    sealed = vectors.parts("frame.frame")
    return {
        "section": {
            "no view": section(),
            "a view twice": section(view, view),
            "views descending": section(*reversed(views)),
            "idx beyond N": section(u8(3) + view[1:]),
            "more views than N": section(*views, view, view),
            "three slots": viewed(n=u8(3)),
            "no slots": viewed(n=u8(0)),
            "no mask": viewed(mask=u16(0)),
            "mask beyond n": viewed(mask=u16(0x107)),
            "must without slot 0": viewed(must=u16(2)),
            "must beyond n": viewed(must=u16(0x101)),
            "a spare node": ("proof-malformed", section(*views, nodes=u16(2) + node * 2)),
            "a missing node": ("proof-malformed", section(*views, nodes=u16(0))),
            "another node": ("batch-root", section(*views, nodes=u16(1) + flip(node, 0))),
            "a changed portion": ("batch-root", whole.replace(b"observation", b"Observation")),
            "a changed label": ("batch-root", whole.replace(b"UKR.1 T//", b"UKR.1 X//")),
            "a changed record id": ("batch-root", section(flip(view, 1), *views[1:])),
            "another idx": ("batch-root", section(u8(1) + view[1:], *views[1:], nodes=u16(1) + node)),
        },
        "body": {
            "no section": body(count=0),
            "65 sections": u8(65) + vectors.made("frame.body")[1:],
            "a batch twice": body(whole, whole),
            "not padded": u8(1) + whole,
            "padded more": body(whole, longer=1),
            "padding that is not zero": body(whole)[:-1] + b"\x01",
        },
        "disclosure": {
            "suite 2": altered(vectors, "frame.disclosure", suite=u8(2)),
            "another tag": altered(vectors, "frame.disclosure", tag=b"SLUICE1/disclosed\x00"),
        },
        "frame": {
            "another seq": ("frame-not-authentic", u64(2) + sealed[1][1] + sealed[2][1]),
            "G and body exchanged": sealed[0][1] + sealed[2][1] + sealed[1][1],
            "one bit of G": ("frame-not-authentic", flip(vectors.made("frame.frame"), 20)),
            "one bit of the body": ("frame-not-authentic", flip(vectors.made("frame.frame"), -1)),
            "G in place of the body": ("frame-not-authentic", sealed[0][1] + sealed[1][1] + sealed[1][1]),
        },
        "old": _sealed_wrong(vectors, "old", "notice"),
        "notice": _sealed_wrong(vectors, "notice", "end"),
        "end": _sealed_wrong(vectors, "end", "notice"),
    }


def _sealed_wrong(vectors: Vectors, name: str, other: str) -> dict[str, Wrong]:
    sealed, code = vectors.made(f"frame.{name}"), f"{name}-not-authentic"
    seq = int.from_bytes(sealed[:8], "big")
    key, iv = (octets for _, octets in vectors.parts("stream.key_iv"))
    keys = Keys(vectors.made("stream.th"), key, iv)

    def said(reason: int, text: bytes) -> bytes:
        return u64(seq) + lp32(keys.seal(name, seq, 2 * seq, u16(reason) + lp16(text)))

    own: dict[str, Wrong] = {
        "a text that is no UTF-8": said(9, b"caught \xff"),
        "reason 0": said(0, b"caught up"),
        "reason 12": said(12, b"caught up"),
    }
    return ({} if name == "old" else own) | {
        f"the {other}": (code, vectors.made(f"frame.{other}")),
        "another seq": (code, u64(seq + 1) + sealed[8:]),
        "one bit flipped": (code, flip(sealed, -1)),
    }


def _stream(vectors: Vectors) -> Cases:
    receipt = vectors.made("ledger.send_receipt")
    opening = vectors.made("stream.open")
    hello = vectors.made("stream.hello") + vectors.made("stream.hello_signature")
    other = vectors.made("frame.disclosure_leaf")
    refused = "ledger.entry_refused"
    seal = vectors.parts("stream.open")[1][1]

    def ticked(code: str, **fields: bytes) -> tuple[str, bytes]:
        return code, altered(vectors, "ledger.tick_message", **fields)

    quarantine = vectors.made("ledger.quarantine")
    message = vectors.made("ledger.tick_message")
    return {
        "hello": {
            "one bit of its ML-DSA-87 half": ("hello-signature", flip(hello, len(hello) - 4691)),
            "one bit of its Ed25519 half": ("hello-signature", flip(hello, -1)),
            "another agreement": ("hello-signature", flip(hello, 120)),
            "suite 2": hello[:14] + u8(2) + hello[15:],
        },
        "open": {
            "one bit of T": ("open-signature", flip(opening, 20)),
            "one bit of a seal": ("open-signature", flip(opening, 2000)),
            "one bit of its ML-DSA-87 half": ("open-signature", flip(opening, len(opening) - 4691)),
            "one bit of its Ed25519 half": ("open-signature", flip(opening, -1)),
            "a seal of nothing": opening.replace(seal, lp16(seal[2:-48])),
        },
        "tick message": {
            "one bit of its ML-DSA-87 half": ("tick-signature", flip(message, 400)),
            "one bit of its Ed25519 half": ("tick-signature", flip(message, 256 + 4690)),
            "another place": ticked("account-moved", place=u32(1)),
            "a place outside the tree": ticked("malformed", place=u32(4)),
            "a path of 33 nodes": ticked("malformed", path_count=u8(33)),
            "a path of one node": ticked("malformed", path_count=u8(1)),
            "another node of its path": ticked("account-not-covered", path_1=other),
            "another salt": ticked("account-not-covered", salt=bytes(32)),
            "another root": ticked("account-not-covered", root=other),
            "a smaller account": ticked("account-not-covered", size=u64(2)),
            "a leaf that was not entered": ticked("account-rewritten", leaf_0=other),
            "a leaf less": ticked("account-rewritten", leaf_count=u32(1), leaf_1=b""),
            "a leaf more": ticked("account-rewritten", leaf_count=u32(3), leaf_1=other + other),
            "leaves in another order": ticked(
                "account-rewritten", leaf_0=other, leaf_1=message[-48 * 3 - 97 : -48 * 2 - 97]
            ),
            "16,385 leaves": ticked("malformed", leaf_count=u32(16_385)),
            "a spare ledger node": ticked("ledger-forked", ledger_node_count=u8(3), ledger_node_1=other + other),
            "a missing ledger node": ticked("ledger-forked", ledger_node_count=u8(1), ledger_node_1=b""),
            "another ledger node": ticked("ledger-forked", ledger_node_0=other),
            "129 ledger nodes": ticked("malformed", ledger_node_count=u8(129)),
        },
        "leaves": {
            "none of them": u32(0),
            "16,385 of them": u32(16_385) + vectors.made("ledger.leaves_message")[4:],
        },
        "entries": {"a count above what follows": u32(3) + vectors.made("ledger.entries_message")[4:]},
        "source entry": {
            "suite 2": altered(vectors, refused, suite=u8(2)),
            "another tag": altered(vectors, refused, tag=b"SLUICE1/applied\x00"),
            "an unknown code": altered(vectors, refused, code=u16(19)),
        },
        "receipt": {
            "one bit of its signature": ("receipt-signature", flip(receipt, 1000)),
            "one bit of the receipt": ("receipt-signature", flip(receipt, 30)),
            "one idx of its list": ("receipt-quarantine", flip(receipt, -2)),
            "an empty list": ("receipt-quarantine", receipt[: -len(quarantine)] + quarantine[:20] + u32(0)),
            "4,097 records": receipt[: -len(quarantine)] + quarantine[:20] + u32(4097),
            "an unknown code": receipt[:-1] + u8(19),
        },
    }


def _kept(vectors: Vectors) -> Cases:
    """What a party keeps, and what brings it to another life of the gateway's store."""
    state, body = vectors.parts("evidence.ledger_state"), vectors.made("control.restore_body")
    old, new, tick = body[:16], body[16:32], body[32:]

    def stated(**fields: bytes) -> bytes:
        return b"".join(fields.get(name.replace(" ", "_"), octets) for name, octets in state)

    pem = KemKey("partner-kem").pem()
    end = pem.index(b"-----END PRIVATE KEY-----\n") + 26
    first, second = pem[:end], pem[end:]
    p384 = b"".join(second.splitlines()[1:-1])

    def filed(*blocks: bytes) -> tuple[str, bytes]:
        return "key-file-unreadable", b"".join(blocks)

    return {
        "restore": {
            "from no incarnation": bytes(16) + body[16:],
            "to no incarnation": old + bytes(16) + tick,
            "to the same incarnation": old + old + tick,
            "a tick kept without its K": old + new + tick[:8] + bytes(48),
        },
        "ledger state": {
            "a place that it does not have": stated(has_place=u8(0)),
            "has_place 2": stated(has_place=u8(2)),
            "a ledger node less": ("proof-malformed", stated(ledger_node_count=u8(0), ledger_node_0=b"")),
            "an account node more": (
                "proof-malformed",
                stated(size=u64(2), account_node_count=u8(2), account_node_0=bytes(96)),
            ),
            "more leaves owed than follow": stated(owed_count=u32(1)),
        },
        "disclosed entry": {
            "a partner with a space": altered(vectors, "ledger.entry_disclosed", partner=lp8(b"usa arl")),
            "a tag of no entry": altered(vectors, "ledger.entry_disclosed", tag=b"SLUICE1/delivered\x00"),
        },
        "kem key file": {
            "one key": filed(first),
            "three keys": filed(pem, second),
            "another order": filed(second, first),
            "one key twice": filed(second, second),
            "a key that does not read": filed(first, second.replace(p384[:8], b"AAAAAAAA")),
            "something before": filed(b"\n", pem),
            "a key of another curve": filed(first, _p256()),
        },
    }


def _p256() -> bytes:
    key = ec.derive_private_key(7, ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
