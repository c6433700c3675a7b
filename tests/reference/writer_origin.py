"""Section 3 of the format: portions, records, batches, parcels."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.writer_control import World
from tests.reference.writer_kinds import number as numbered
from tests.reference.writer_kinds import packed, text, words
from tests.reference.writer_octets import (
    SUITE,
    ZERO,
    Fields,
    Vectors,
    counted,
    ctr_stream,
    expand,
    fixed,
    gcm,
    h,
    leaf,
    lp8,
    lp16,
    lp32,
    opened,
    tag,
    tree_root,
    u8,
    u16,
    u32,
    u64,
)

TACTIC, SIMULATED, TACTIC_1 = 2, 3, 2
SLOTS = 8
MUST = 0b11
ABOUT_LABEL = "UKR.1 DSK//REL DEU,GBR,USA"
FINE_LABEL = "UKR.1 T//REL GBR,USA"
SOURCE_ID = "src-3f07"
LANE = fixed("lane", 16)


def about(title: str) -> bytes:
    """A canonical `about` of a tactic, in English."""
    head = words(1, "", title) + numbered(4, 3) + numbered(6, 1_779_926_400_000)
    return head + numbered(8, 2) + numbered(9, 2) + packed(10, [2])


def conditions(weather: int) -> bytes:
    """A canonical `conditions`: seen under jamming, in one weather."""
    return packed(1, [2]) + packed(2, [weather])


def narrative(english: str) -> bytes:
    """A canonical narrative."""
    return words(1, "", english)


# Per batch, per record, per present slot: label and content.
BATCHES: list[list[dict[int, tuple[str, bytes]]]] = [
    [
        {
            0: (ABOUT_LABEL, about("record 0")),
            1: (ABOUT_LABEL, conditions(1)),
            2: (FINE_LABEL, narrative("observation, record 0")),
            4: (ABOUT_LABEL, narrative("conclusion, record 0")),
        },
        {
            0: (ABOUT_LABEL, about("record 1")),
            1: (ABOUT_LABEL, conditions(2)),
            7: ("UKR.1 T", text(1, "47 омбр")),
        },
        {
            0: (ABOUT_LABEL, about("record 2")),
            1: (ABOUT_LABEL, conditions(4)),
            2: (FINE_LABEL, narrative("observation,\nrecord 2")),
        },
    ],
    [{0: (ABOUT_LABEL, about("next batch")), 1: (ABOUT_LABEL, conditions(5))}],
]


@dataclass(frozen=True)
class MadeRecord:
    """A record with what its batch and its views need of it."""

    record_id: bytes
    disclosures: dict[int, bytes]
    commitments: list[bytes]
    encoded: bytes


@dataclass(frozen=True)
class MadeBatch:
    """A signed batch and the plaintext its parcel carries."""

    statement: bytes
    signature: bytes
    records: list[MadeRecord]
    plaintext: bytes

    @property
    def digest(self) -> bytes:
        """H(B)."""
        return h(self.statement)

    @property
    def leaves(self) -> list[bytes]:
        """L of each record."""
        return [leaf(record.encoded) for record in self.records]


def write_origin(vectors: Vectors, world: World) -> list[MadeBatch]:
    """Two batches of one lane and the parcel that carries both."""
    for name, value in (("kind", TACTIC), ("data_mode", SIMULATED), ("schema", TACTIC_1), ("must", MUST), ("n", SLOTS)):
        vectors.value(f"origin.{name}", value)
    vectors.value("origin.source_id", SOURCE_ID)
    vectors.value("origin.contents", [_readable(batch) for batch in BATCHES])
    vectors.octets("origin.lane", LANE)
    batches: list[MadeBatch] = []
    for number in range(len(BATCHES)):
        batches.append(_write_batch(vectors, world, number, batches[-1].digest if batches else ZERO))
    _write_parcel(vectors, world, batches)
    return batches


def _readable(batch: list[dict[int, tuple[str, bytes]]]) -> list[dict[str, list[str]]]:
    return [{str(slot): [label, content.hex()] for slot, (label, content) in record.items()} for record in batch]


def _write_batch(vectors: Vectors, world: World, number: int, previous: bytes) -> MadeBatch:
    records = BATCHES[number]
    seed = vectors.octets(f"origin.seed_{number}", fixed(f"batch seed {number}", 32))
    stream = ctr_stream(seed, len(records) * (16 + SLOTS * 48))
    made = []
    for index, record in enumerate(records):
        own = stream[index * (16 + SLOTS * 48) :]
        made.append(_write_record(vectors, f"{number}_{index}", own[:16], own[16 : 16 + SLOTS * 48], record))
    root = tree_root([leaf(record.encoded) for record in made])
    key = world.signers["source"]
    statement = vectors.fields(
        f"origin.batch_{number}",
        [
            *opened("batch"),
            ("genesis", world.genesis),
            ("source_id", lp8(SOURCE_ID.encode())),
            ("key_id", key.id),
            ("lane", LANE),
            ("batch_no", u64(number)),
            ("prev", previous),
            ("kind", u8(TACTIC)),
            ("data_mode", u8(SIMULATED)),
            ("N", u16(len(made))),
            ("root", root),
        ],
    )
    vectors.octets(f"origin.batch_{number}_digest", h(statement))
    signature = vectors.sign(f"origin.batch_{number}_signature", key, "batch", statement)
    portions: Fields = []
    for index, record in enumerate(records):
        head = u16(TACTIC_1) + u16(MUST) + u8(SLOTS) + u16(sum(1 << slot for slot in record))
        portions.append((f"record {index}: schema, must, n, present", head))
        for slot, (label, content) in sorted(record.items()):
            portions.append((f"record {index} slot {slot}", lp16(label.encode()) + lp32(content)))
    plaintext = vectors.fields(
        f"origin.parcel_plaintext_{number}",
        [("B and sig", lp16(statement + signature)), ("seed", seed), *portions],
    )
    return MadeBatch(statement, signature, made, plaintext)


def _write_record(
    vectors: Vectors, name: str, record_id: bytes, drawn: bytes, portions: dict[int, tuple[str, bytes]]
) -> MadeRecord:
    disclosures, commitments = {}, []
    for slot in range(SLOTS):
        decoy = drawn[slot * 48 : slot * 48 + 48]
        if slot not in portions:
            commitments.append(decoy)
            continue
        label, content = portions[slot]
        disclosures[slot] = vectors.fields(
            f"origin.disclosure_{name}_{slot}",
            [("salt", decoy[:32]), ("slot", u8(slot)), ("label", lp16(label.encode())), ("content", content)],
        )
        commitments.append(h(b"\x02" + tag("portion") + SUITE + disclosures[slot]))
        vectors.octets(f"origin.commitment_{name}_{slot}", commitments[-1])
    encoded = vectors.fields(
        f"origin.record_{name}",
        [
            *opened("record"),
            ("record_id", record_id),
            ("schema", u16(TACTIC_1)),
            ("must", u16(MUST)),
            ("n", u8(SLOTS)),
            *((f"C_{slot}", commitment) for slot, commitment in enumerate(commitments)),
        ],
    )
    vectors.octets(f"origin.leaf_{name}", leaf(encoded))
    return MadeRecord(record_id, disclosures, commitments, encoded)


def _write_parcel(vectors: Vectors, world: World, batches: list[MadeBatch]) -> None:
    ingest = world.sealed_to["gateway-ingest"]
    parcel_id = fixed("parcel id", 16)
    secret = vectors.octets("parcel.secret", fixed("parcel secret", 48))
    context = vectors.fields(
        "parcel.header_context",
        [
            *opened("parcel"),
            ("genesis", world.genesis),
            ("source_id", lp8(SOURCE_ID.encode())),
            ("parcel_id", parcel_id),
            ("ingest key_id", ingest.id),
        ],
    )
    sealed = vectors.seal("parcel.header_seal", ingest, context, secret)
    header = vectors.fields("parcel.header", [("context", context), ("seal", lp16(sealed))])
    drawn = expand(secret, tag("parcel-key") + SUITE + parcel_id, 44)
    vectors.fields("parcel.key_iv", [("key", drawn[:32]), ("iv", drawn[32:])])
    items = []
    plaintexts = [(1, batch.plaintext) for batch in batches] + [(2, u16(len(batches)))]
    for counter, (kind, plaintext) in enumerate(plaintexts):
        aad = tag("parcel-ct") + parcel_id + u8(kind) + u64(counter)
        sealed_item = gcm(drawn[:32], counted(drawn[32:], counter), plaintext, aad)
        items.append(vectors.fields(f"parcel.item_{counter}", [("type", u8(kind)), ("ct", lp32(sealed_item))]))
    vectors.octets("parcel.whole", header + b"".join(items))
    vectors.fields(
        "parcel.begin",
        [
            ("incarnation", fixed("incarnation", 16)),
            ("next_tick", u64(7)),
            ("account_size", u64(2)),
            ("dir_no", u64(2)),
        ],
    )
    digest = batches[0].digest
    vectors.fields("parcel.stored", [("H(B)", digest)])
    vectors.fields("parcel.waiting", [("H(B)", digest), ("code", u16(15))])
    vectors.fields(
        "parcel.refused",
        [("H(B)", digest), ("code", u16(10)), ("idx", u16(1)), ("slot", u8(0)), ("field", lp16(b"title"))],
    )


def u32_count(entries: list[bytes]) -> Fields:
    """`u32 count | (lp32(entry))*`."""
    return [("count", u32(len(entries))), *((f"entry {i}", lp32(entry)) for i, entry in enumerate(entries))]
