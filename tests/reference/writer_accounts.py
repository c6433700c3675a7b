"""Sections 5.6 and 13.1 of the format: what lies beside a disclosure, and evidence about accounts, from the story."""

from __future__ import annotations

from tests.reference.writer_control import NOW, World
from tests.reference.writer_octets import (
    Fields,
    Vectors,
    leaf,
    lp16,
    lp32,
    subtree_ranges,
    tree_root,
    u8,
    u16,
    u32,
    u64,
)
from tests.reference.writer_origin import MadeBatch
from tests.reference.writer_stream import NO_RULES, SHOWN
from tests.reference.writer_wrongs import Cases, altered

TICK = 6
THIRTY_HOURS = 30 * 3_600_000


def write_accounts(vectors: Vectors, world: World, batches: list[MadeBatch]) -> None:
    """One of each, about the partner's account under the last tick and the frame that was sent last."""
    stood: Fields = [
        ("salt", vectors.made("frame.audit_salt")),
        ("control position", u64(3)),
        ("rules digest", NO_RULES),
        ("Dir root", world.directory_root),
    ]
    vectors.fields("evidence.opening_before", stood)
    kept: Fields = [("time", u64(NOW + THIRTY_HOURS)), ("count", u8(len(SHOWN)))]
    for number, shown in SHOWN:
        kept += [(f"H(B) {number}", batches[number].digest), (f"k {number}", u16(len(shown)))]
        kept += [(f"idx and mask {number}.{idx}", u8(idx) + u16(mask)) for idx, mask in shown.items()]
    opening = vectors.fields("evidence.opening", stood + kept)
    applied = dict(vectors.parts("ledger.entry_applied"))
    vectors.fields(
        "evidence.tick_item",
        [
            ("K", lp16(vectors.made(f"ledger.tick_{TICK}"))),
            ("sigK", vectors.made("ledger.tick_signature")),
            ("control salt", vectors.made(f"ledger.control_salt_{TICK}")),
            ("control position", u64(int.from_bytes(applied["position"], "big") + 1)),
            ("has_seed", u8(1)),
            ("tick_seed", vectors.made("ledger.tick_seed")),
        ],
    )
    head = dict(vectors.parts("ledger.head_partner"))
    shown_tick = dict(vectors.parts("ledger.tick_message"))
    account: Fields = [(name, head[name]) for name in ("salt", "account_id", "size", "root")]
    account += [(name, shown_tick[name]) for name in ("place", "path count", "path 0", "path 1")]
    vectors.fields("evidence.account_item", account)
    entry = vectors.made("frame.disclosure")
    vectors.fields("evidence.entry_item", [("entry", lp32(entry)), ("opening", lp16(opening))])
    others = [vectors.made(f"frame.{name}") for name in ("disclosure_held", "disclosure_owed")]
    nodes = [tree_root([leaf(one) for one in others[a:b]]) for a, b in subtree_ranges(0, len(others))]
    skipped: Fields = [("until", u64(len(others))), ("node count", u8(len(nodes)))]
    vectors.fields("evidence.skipped_item", [*skipped, *((f"node {i}", one) for i, one in enumerate(nodes))])
    signed = vectors.made("origin.batch_0") + vectors.made("origin.batch_0_signature")
    leaves: Fields = [(f"L {i}", one) for i, one in enumerate(batches[0].leaves)]
    vectors.fields("evidence.batch_item", [("B and sig", lp16(signed)), *leaves])


def account_cases(vectors: Vectors) -> Cases:
    """What must be rejected of each."""
    name = "evidence.opening"
    parts = dict(vectors.parts(name))
    first, second = (number for number, _ in SHOWN)
    views = b"".join(parts[f"idx and mask {first}.{idx}"] for idx in SHOWN[0][1])
    whole = vectors.made(name)
    return {
        "opening of a disclosure": {
            "no batch": altered(vectors, name, count=u8(0)),
            "65 batches": altered(vectors, name, count=u8(65)),
            "one batch more than it has": altered(vectors, name, count=u8(3)),
            "a batch of no record": altered(vectors, name, **{f"k {first}": u16(0)}),
            "257 records": altered(vectors, name, **{f"k {first}": u16(257)}),
            "records in another order": whole.replace(views, views[3:] + views[:3]),
            "a record twice": whole.replace(views, views[:3] * 2),
            "a mask of no slot": whole.replace(views, views[:1] + u16(0) + views[3:]),
            "a batch twice": altered(vectors, name, **{f"H(B) {second}": parts[f"H(B) {first}"]}),
            "a time and no more": whole[: whole.index(parts["time"]) + 8],
        },
        "tick item": {
            "has_seed 2": altered(vectors, "evidence.tick_item", has_seed=u8(2)),
            "a seed it says it does not have": altered(vectors, "evidence.tick_item", has_seed=u8(0)),
            "no K": altered(vectors, "evidence.tick_item", K=lp16(b"")),
        },
        "account item": {
            "a place outside of the tree": altered(vectors, "evidence.account_item", place=u32(4)),
            "33 nodes": altered(vectors, "evidence.account_item", **{"path count": u8(33)}),
            "a longer name than there is": altered(vectors, "evidence.account_item", account_id=lp16(bytes(257))),
        },
        "entry item": {
            "an entry longer than 16 KiB": altered(vectors, "evidence.entry_item", entry=lp32(bytes(16_385))),
            "an opening longer than 60 KiB": altered(vectors, "evidence.entry_item", opening=lp16(bytes(61_441))),
        },
        "skipped item": {
            "129 nodes": u64(2) + u8(129) + bytes(129 * 48),
            "a node less than it says": altered(vectors, "evidence.skipped_item", **{"node count": u8(2)}),
        },
        "evidence batch": {
            "a leaf more": vectors.made("evidence.batch_item") + bytes(48),
            "a leaf less": vectors.made("evidence.batch_item")[:-48],
        },
    }
