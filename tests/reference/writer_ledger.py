"""Sections 6 and 7 of the format: entries, accounts, ticks, receipts, and bytes at rest."""

from __future__ import annotations

from tests.reference.writer_control import HOUR, NOW, World
from tests.reference.writer_octets import (
    SUITE,
    Fields,
    Vectors,
    ctr_stream,
    fixed,
    gcm,
    h,
    leaf,
    lp8,
    lp16,
    multiproof,
    opened,
    subtree_ranges,
    tag,
    tree_root,
    u8,
    u16,
    u32,
    u64,
)
from tests.reference.writer_origin import LANE, MadeBatch, u32_count
from tests.reference.writer_stream import AGREEMENT, INCARNATION, PARTNER, SUBSCRIPTION, names

TICK = 6
PLACES = 4
SOURCE_PLACE, PARTNER_PLACE, HOUSE_PLACE = 0, 2, 3


def write_ledger(vectors: Vectors, world: World, batches: list[MadeBatch], disclosures: list[bytes]) -> bytes:
    """Seven ticks; the last covers three accounts at four places. Gives H(K) of the last."""
    receipt = _write_receipt(vectors, world, batches, disclosures)
    entries = _write_entries(vectors, world, batches)
    accounts = {
        SOURCE_PLACE: ("source", b"source" + lp8(b"src-3f07"), [entries["admitted"], entries["refused"]]),
        PARTNER_PLACE: ("partner", lp8(PARTNER) + lp8(AGREEMENT) + lp8(SUBSCRIPTION), disclosures),
        HOUSE_PLACE: ("house", b"house", [entries["applied"], entries["key_event"], entries["disclosed"], receipt]),
    }
    seed = vectors.octets("ledger.tick_seed", fixed("tick seed", 32))
    drawn = ctr_stream(seed, PLACES * 48)
    heads, salts, roots = [], [], {}
    for place in range(PLACES):
        own = drawn[place * 48 : place * 48 + 48]
        salts.append(own[:32])
        if place not in accounts:
            heads.append(own)
            continue
        name, account_id, held = accounts[place]
        roots[place] = vectors.octets(f"ledger.root_{name}", tree_root([leaf(entry) for entry in held]))
        hashed = vectors.fields(
            f"ledger.head_{name}",
            [
                ("tree type", b"\x00"),
                *opened("account"),
                ("salt", own[:32]),
                ("account_id", lp16(account_id)),
                ("size", u64(len(held))),
                ("root", roots[place]),
            ],
        )
        heads.append(h(hashed))
    vectors.value("ledger.places", {name: place for place, (name, _, _) in accounts.items()})
    vectors.fields("ledger.heads", [(f"place {place}", head) for place, head in enumerate(heads)])
    accounts_root = vectors.octets("ledger.accounts_root", tree_root(heads))
    ticks = _write_ticks(vectors, world, accounts_root)
    signature = vectors.sign("ledger.tick_signature", world.signers["gateway-ledger"], "tick", ticks[TICK])
    new = [leaf(disclosure) for disclosure in disclosures[1:]]
    for name, start in (("tick_message", 2), ("tick_message_first", 0)):
        nodes = [tree_root([leaf(tick) for tick in ticks[a:b]]) for a, b in subtree_ranges(start, TICK)]
        path = [heads[3], tree_root(heads[:2])]
        vectors.fields(
            f"ledger.{name}",
            [
                ("K", lp16(ticks[TICK])),
                ("sigK", signature),
                ("salt", salts[PARTNER_PLACE]),
                ("size", u64(len(disclosures))),
                ("root", roots[PARTNER_PLACE]),
                ("place", u32(PARTNER_PLACE)),
                ("path count", u8(len(path))),
                *((f"path {i}", octets) for i, octets in enumerate(path)),
                ("leaf count", u32(len(new))),
                *((f"leaf {i}", octets) for i, octets in enumerate(new)),
                ("ledger node count", u8(len(nodes))),
                *((f"ledger node {i}", octets) for i, octets in enumerate(nodes)),
            ],
        )
    vectors.fields("ledger.leaves_message", [("count", u32(len(new))), *((f"leaf {i}", o) for i, o in enumerate(new))])
    vectors.fields("ledger.entries_message", u32_count([entries["admitted"], entries["refused"]]))
    return h(ticks[TICK])


def _write_entries(vectors: Vectors, world: World, batches: list[MadeBatch]) -> dict[str, bytes]:
    def batch_entry(name: str, number: int) -> Fields:
        return [
            *opened(name),
            ("salt", fixed(f"entry salt {name}", 32)),
            ("lane", LANE),
            ("batch_no", u64(number)),
            ("H(B)", batches[number].digest),
        ]

    made = {
        "admitted": batch_entry("admitted", 0),
        "refused": [*batch_entry("refused", 1), ("code", u16(10))],
        "disclosed": [
            *opened("disclosed"),
            ("salt", fixed("entry salt disclosed", 32)),
            ("H(B)", batches[0].digest),
            ("idx", u8(2)),
            ("mask", u16(3)),
            ("partner", lp8(PARTNER)),
        ],
        "disclosed_amounts": [
            *opened("disclosed"),
            ("salt", fixed("entry salt disclosed", 32)),
            ("H(B)", batches[0].digest),
            ("idx", u8(2)),
            ("mask", u16(3)),
            ("no partner", lp8(b"")),
        ],
        "applied": [*opened("applied"), ("position", u64(world.position)), ("link", world.link)],
        "key_event": [
            *opened("key-event"),
            ("key_digest", world.signers["source"].digest),
            ("state", u8(2)),
        ],
    }
    entries = {name: vectors.fields(f"ledger.entry_{name}", fields) for name, fields in made.items()}
    vectors.octets("ledger.entry_admitted_leaf", leaf(entries["admitted"]))
    return entries


def _write_receipt(vectors: Vectors, world: World, batches: list[MadeBatch], disclosures: list[bytes]) -> bytes:
    quarantined = vectors.fields(
        "ledger.quarantine",
        [*opened("quarantine"), ("count", u32(1)), ("H(B)", batches[0].digest), ("idx", u8(2)), ("code", u8(8))],
    )
    digest = vectors.octets("ledger.quarantine_digest", h(quarantined))
    receipt = vectors.fields(
        "ledger.receipt",
        [
            *opened("receipt"),
            ("genesis", world.genesis),
            *names(),
            ("key_id", world.signers["partner-sign"].id),
            ("incarnation", INCARNATION),
            ("tick", u64(TICK)),
            ("account size", u64(len(disclosures))),
            ("root", tree_root([leaf(disclosure) for disclosure in disclosures])),
            ("quarantine digest", digest),
            ("time", u64(NOW + 31 * HOUR)),
        ],
    )
    signature = vectors.sign("ledger.receipt_signature", world.signers["partner-sign"], "receipt", receipt)
    vectors.fields(
        "ledger.send_receipt",
        [("receipt", lp16(receipt)), ("sig", signature), ("quarantine list", quarantined)],
    )
    return vectors.octets("ledger.entry_receipt", receipt + signature)


def _write_ticks(vectors: Vectors, world: World, accounts_root: bytes) -> list[bytes]:
    ticks: list[bytes] = []
    for number in range(TICK + 1):
        salt = vectors.octets(f"ledger.control_salt_{number}", fixed(f"control salt {number}", 32))
        control = h(b"\x02" + tag("control-at") + SUITE + salt + u64(world.applied) + world.link)
        ticks.append(
            vectors.fields(
                f"ledger.tick_{number}",
                [
                    *opened("tick"),
                    ("genesis", world.genesis),
                    ("key_id", world.signers["gateway-ledger"].id),
                    ("incarnation", INCARNATION),
                    ("tick", u64(number)),
                    ("time", u64(NOW + 30 * HOUR + number * 5)),
                    ("ledger", tree_root([leaf(tick) for tick in ticks])),
                    ("control", control),
                    ("accounts_root", accounts_root if number == TICK else fixed(f"accounts root {number}", 48)),
                ],
            )
        )
    return ticks


def write_trees(vectors: Vectors) -> None:
    """Roots, multiproofs and perfect subtrees of small trees over the leaves of the texts `0`, `1`, `2`..."""
    leaves = [leaf(str(number).encode()) for number in range(9)]
    vectors.fields("trees.leaves", [(f"leaf {i}", octets) for i, octets in enumerate(leaves)])
    vectors.fields("trees.roots", [(f"size {size}", tree_root(leaves[:size])) for size in range(10)])
    for size, known in ((1, [0]), (3, [0, 2]), (7, [6]), (7, [1, 2, 6]), (8, [0, 7]), (9, [8]), (9, list(range(9)))):
        name = "_".join(str(index) for index in known)
        nodes = multiproof(leaves[:size], known)
        vectors.fields(f"trees.multiproof_{size}_of_{name}", [(f"node {i}", octets) for i, octets in enumerate(nodes)])
    pairs = [(start, end) for end in range(10) for start in range(end + 1)]
    vectors.value("trees.subtrees", [[start, end, subtree_ranges(start, end)] for start, end in pairs])


def write_at_rest(vectors: Vectors, batches: list[MadeBatch]) -> None:
    """A batch sealed under its data key, the key wrapped twice, and the chain over two of them."""
    data_key = vectors.octets("at_rest.data_key", fixed("data key", 32))
    page_key = vectors.octets("at_rest.page_key", fixed("page key", 32))
    top_key = vectors.octets("at_rest.key_encryption_key", fixed("key-encryption key", 32))
    vectors.octets("at_rest.entry", gcm(data_key, bytes(12), b"an entry of a journal", b""))
    page, position = 7, 1795
    for name, key, wrapped, at in (
        ("data_key_wrap", page_key, data_key, position),
        ("page_key_wrap", top_key, page_key, 2**64 - 1),
    ):
        aad = vectors.fields(f"at_rest.{name}_aad", [*opened("wrap"), ("page", u32(page)), ("position", u64(at))])
        nonce = fixed(f"nonce of {name}", 12)
        vectors.fields(f"at_rest.{name}", [("nonce", nonce), ("ct", gcm(key, nonce, wrapped, aad))])
    previous = bytes(48)
    for position, batch in enumerate(batches):
        hashed = vectors.fields(
            f"at_rest.chained_{position}",
            [
                *opened("journal"),
                ("journal", u8(1)),
                ("position", u64(position)),
                ("kind", u8(1)),
                ("H(entry)", batch.digest),
                ("previous chain", previous),
            ],
        )
        previous = vectors.octets(f"at_rest.chain_{position}", h(hashed))
