"""Sections 4 and 5 of the format: a stream to one partner and its frames."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.writer_control import AGREEMENT_DIGEST, AGREEMENT_ID, HOUR, NOW, World
from tests.reference.writer_octets import (
    SUITE,
    Fields,
    Vectors,
    counted,
    expand,
    extract,
    fixed,
    gcm,
    h,
    join,
    leaf,
    lp8,
    lp16,
    lp32,
    multiproof,
    opened,
    tag,
    u8,
    u16,
    u32,
    u64,
)
from tests.reference.writer_origin import MUST, SLOTS, TACTIC, TACTIC_1, MadeBatch

PARTNER, AGREEMENT, SUBSCRIPTION = b"usa/arl", AGREEMENT_ID, b"main"
INCARNATION = fixed("incarnation", 16)
STREAM_ID = fixed("stream id", 16)
KINDS = u16(1 << TACTIC)
NO_RULES = h(tag("text") + SUITE + lp8(b"rules"))
CURSOR_KEY = fixed("cursor key", 32)

# What the frame shows: per section the batch, and per record its index and mask.
SHOWN = [(0, {0: 0b111, 2: 0b011}), (1, {0: 0b011})]


@dataclass(frozen=True)
class Keys:
    """What both ends of a stream hold once it is open."""

    th: bytes
    key: bytes
    iv: bytes

    def seal(self, name: str, seq: int, counter: int, plaintext: bytes) -> bytes:
        """One ciphertext under the stream's key."""
        return gcm(self.key, counted(self.iv, counter), plaintext, tag(name) + self.th + u64(seq))


def names() -> Fields:
    """The three names of a subscription."""
    return [
        ("partner_id", lp8(PARTNER)),
        ("agreement_id", lp8(AGREEMENT)),
        ("subscription", lp8(SUBSCRIPTION)),
    ]


def cursor_aad() -> Fields:
    """What a cursor is bound to."""
    return [*opened("cursor"), *names(), ("kinds", KINDS), ("incarnation", INCARNATION)]


def cursor(position: int, idx: int) -> bytes:
    """The gateway's own note, opaque to its bearer: nonce, then position and index sealed."""
    nonce = fixed(f"cursor nonce {position} {idx}", 12)
    return nonce + gcm(CURSOR_KEY, nonce, u64(position) + u16(idx), join(cursor_aad()))


def write_stream(vectors: Vectors, world: World, batches: list[MadeBatch]) -> list[bytes]:
    """The disclosures entered in the partner's account: one held, one owed from an earlier stream, one of this one."""
    vectors.octets("stream.cursor_key", CURSOR_KEY)
    vectors.fields("stream.cursor_aad", cursor_aad())
    made = cursor(1795, 2)
    vectors.fields("stream.cursor", [("nonce", made[:12]), ("ct", made[12:])])
    keys = _write_open(vectors, world, _write_hello(vectors, world))
    earlier = fixed("an earlier stream id", 16)
    held, owed = (
        vectors.fields(f"frame.disclosure_{name}", _disclosure(world, earlier, seq, 1, fixed(f"view of {name}", 48)))
        for seq, name in enumerate(("held", "owed"))
    )
    body, view_digest, records = _write_body(vectors, batches)
    shown = vectors.fields("frame.disclosure", _disclosure(world, STREAM_ID, 0, records, view_digest))
    vectors.octets("frame.audit_salt", fixed("audit salt 0", 32))
    vectors.octets("frame.rules_digest", NO_RULES)
    vectors.octets("frame.disclosure_leaf", leaf(shown))

    owed_ct = keys.seal("old", 0, 0, owed)
    vectors.fields("frame.old", [("seq", u64(0)), ("G ct", lp32(owed_ct))])
    vectors.fields(
        "frame.frame",
        [
            ("seq", u64(1)),
            ("G ct", lp32(keys.seal("g", 1, 2, shown))),
            ("body ct", lp32(keys.seal("body", 1, 3, body))),
        ],
    )
    for seq, (name, reason, text) in enumerate((("notice", 9, b"caught up"), ("end", 1, b"fifteen minutes")), start=2):
        told = vectors.fields(f"frame.{name}_plaintext", [("reason", u16(reason)), ("text", lp16(text))])
        vectors.fields(f"frame.{name}", [("seq", u64(seq)), ("ct", lp32(keys.seal(name, seq, 2 * seq, told)))])
    return [held, owed, shown]


def _write_hello(vectors: Vectors, world: World) -> bytes:
    hello = vectors.fields(
        "stream.hello",
        [
            *opened("hello"),
            ("genesis", world.genesis),
            *names(),
            ("agreement_digest", AGREEMENT_DIGEST),
            ("partner-sign key_id", world.signers["partner-sign"].id),
            ("nonce", fixed("hello nonce", 32)),
            ("time", u64(NOW + 30 * HOUR)),
            ("kinds", KINDS),
            ("dir_no", u64(0)),
            ("incarnation", INCARNATION),
            ("next_tick", u64(2)),
            ("account_size", u64(1)),
            ("cursor", lp8(cursor(1795, 2))),
            ("ephemeral KEM key", lp16(world.sealed_to["ephemeral"].public)),
        ],
    )
    vectors.octets("stream.hello_digest", h(hello))
    vectors.sign("stream.hello_signature", world.signers["partner-sign"], "hello", hello)
    return hello


def _write_open(vectors: Vectors, world: World, hello: bytes) -> Keys:
    t = vectors.fields(
        "stream.t",
        [
            *opened("stream"),
            ("genesis", world.genesis),
            *names(),
            ("stream_id", STREAM_ID),
            ("H(Hello)", h(hello)),
            ("partner-kem key_id", world.sealed_to["partner-kem"].id),
            ("gateway-stream key_id", world.signers["gateway-stream"].id),
            ("agreement_digest", AGREEMENT_DIGEST),
            ("not_after", u64(NOW + 30 * HOUR + 900_000)),
        ],
    )
    first = vectors.octets("stream.s1", fixed("s1", 48))
    second = vectors.octets("stream.s2", fixed("s2", 48))
    sealed = [
        vectors.seal("stream.seal_partner_kem", world.sealed_to["partner-kem"], t, first),
        vectors.seal("stream.seal_ephemeral", world.sealed_to["ephemeral"], t, second),
    ]
    before: Fields = [("T", lp16(t)), ("seal to partner-kem", lp16(sealed[0])), ("seal to ephemeral", lp16(sealed[1]))]
    th = vectors.octets("stream.th", h(tag("th") + SUITE + b"".join(octets for _, octets in before)))
    signature = vectors.sign(
        "stream.signature",
        world.signers["gateway-stream"],
        "stream-sig",
        vectors.octets("stream.signed", tag("stream-sig") + SUITE + th),
    )
    vectors.fields("stream.open", [*before, ("sigS", signature)])
    secret = vectors.octets("stream.secret", extract(h(t), first + second))
    drawn = expand(secret, tag("keys") + SUITE + th, 44)
    vectors.fields("stream.key_iv", [("key", drawn[:32]), ("iv", drawn[32:])])
    return Keys(th, drawn[:32], drawn[32:])


def _disclosure(world: World, stream_id: bytes, seq: int, records: int, view_digest: bytes) -> Fields:
    salt = fixed(f"audit salt {seq}", 32)
    audited = b"\x02" + tag("audit") + SUITE + salt + u64(3) + NO_RULES + world.directory_root
    return [
        *opened("disclose"),
        *names(),
        ("stream_id", stream_id),
        ("seq", u64(seq)),
        ("agreement_digest", AGREEMENT_DIGEST),
        ("audit", h(audited)),
        ("records", u32(records)),
        ("cursor", lp8(cursor(1796, seq))),
        ("view_digest", view_digest),
    ]


def _write_body(vectors: Vectors, batches: list[MadeBatch]) -> tuple[bytes, bytes, int]:
    sections, digested, records = [], b"", 0
    for number, shown in SHOWN:
        batch = batches[number]
        views = []
        for index, mask in shown.items():
            record = batch.records[index]
            fields: Fields = [
                ("idx", u8(index)),
                ("record_id", record.record_id),
                ("schema", u16(TACTIC_1)),
                ("must", u16(MUST)),
                ("n", u8(SLOTS)),
                ("mask", u16(mask)),
            ]
            for slot in range(SLOTS):
                if mask >> slot & 1:
                    fields.append((f"D_{slot}", lp32(record.disclosures[slot])))
                else:
                    fields.append((f"C_{slot}", record.commitments[slot]))
            views.append(vectors.fields(f"frame.view_{number}_{index}", fields))
        nodes = multiproof(batch.leaves, list(shown))
        proof = vectors.fields(
            f"frame.multiproof_{number}",
            [("count", u16(len(nodes))), *((f"node {i}", node) for i, node in enumerate(nodes))],
        )
        sections.append(
            vectors.fields(
                f"frame.section_{number}",
                [
                    ("B and sig", lp16(batch.statement + batch.signature)),
                    ("k", u16(len(views))),
                    *((f"V {i}", view) for i, view in enumerate(views)),
                    ("multiproof", proof),
                ],
            )
        )
        digested += batch.digest + u16(len(shown))
        digested += b"".join(u8(i) + batch.leaves[i] + u16(mask) for i, mask in shown.items())
        records += len(shown)
    digested = vectors.octets("frame.view_digested", b"\x04" + tag("view") + SUITE + u8(len(sections)) + digested)
    view_digest = vectors.octets("frame.view_digest", h(digested))
    unpadded = u8(len(sections)) + b"".join(sections)
    padding = bytes(padme(len(unpadded)) - len(unpadded))
    body = vectors.fields(
        "frame.body",
        [("count", u8(len(sections))), *((f"section {i}", s) for i, s in enumerate(sections)), ("padding", padding)],
    )
    vectors.value("frame.padme", [[length, padme(length)] for length in (2, 3, 9, 100, 1000, 9999, 65_537, 3_670_016)])
    return body, view_digest, records


def padme(length: int) -> int:
    """E = floor log2 L, S = floor log2 E + 1, round L up to a multiple of 2^(E-S)."""
    exponent = length.bit_length() - 1
    unit = 1 << max(exponent - exponent.bit_length(), 0)
    return -(-length // unit) * unit
