"""Scenarios of section 6.4: ticks to one account, honest ones and those of a gateway that signs whatever it likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.reference.writer_octets import (
    SUITE,
    Fields,
    fixed,
    h,
    join,
    leaf,
    lp8,
    lp16,
    node,
    opened,
    subtree_ranges,
    tag,
    tree_root,
    u8,
    u32,
    u64,
)
from tests.reference.writer_scene import GENESIS, THEN, Octets, Scene, Step, raw, step
from tests.reference.writer_stream import AGREEMENT, INCARNATION, PARTNER, SUBSCRIPTION

ACCOUNT = lp8(PARTNER) + lp8(AGREEMENT) + lp8(SUBSCRIPTION)
STATE = "evidence.ledger_state"
TICK, LEAVES = "02", "03"
SHOWN = ("frame.disclosure_held", "frame.disclosure_owed", "frame.disclosure")


@dataclass(frozen=True)
class Ledger:
    """Signs ticks over one account at a place of a tree of four, whatever they say."""

    scene: Scene
    account: bytes = ACCOUNT

    def told(self, count: int = 7) -> list[bytes]:
        """K of the story, the first `count` of them."""
        return [self.scene.vectors.made(f"ledger.tick_{number}") for number in range(count)]

    def leaves(self, *names: str) -> list[bytes]:
        """Leaf hashes of entries of the story."""
        return [leaf(self.scene.vectors.made(name)) for name in names or SHOWN]

    def k(
        self,
        number: int,
        accounts_root: bytes,
        before: Sequence[bytes],
        *,
        incarnation: bytes = INCARNATION,
        genesis: bytes | None = None,
        key_id: bytes | None = None,
    ) -> bytes:
        """K over the ticks before it."""
        world = self.scene.world
        fields: Fields = [
            *opened("tick"),
            ("genesis", genesis or world.genesis),
            ("key_id", key_id or world.signers["gateway-ledger"].id),
            ("incarnation", incarnation),
            ("tick", u64(number)),
            ("time", u64(THEN + 60_000 + number)),
            ("ledger", tree_root([leaf(tick) for tick in before])),
            ("control", fixed(f"control at {number}", 48)),
            ("accounts_root", accounts_root),
        ]
        return join(fields)

    def tick(
        self,
        name: str,
        number: int,
        entered: Sequence[bytes],
        new: Sequence[bytes],
        *,
        since: int = 2,
        size: int | None = None,
        place: int = 2,
        before: Sequence[bytes] | None = None,
        **said: bytes,
    ) -> Octets:
        """A tick message with its type byte. entered: leaves of the account; new: those listed; since: next_tick."""
        count = len(entered) if size is None else size
        earlier = self.told(number) if before is None else before
        salt, path = fixed(f"salt {name}", 32), [fixed(f"path {name} {height}", 48) for height in range(2)]
        root = tree_root(list(entered))
        head = h(b"\x00" + tag("account") + SUITE + salt + lp16(self.account) + u64(count) + root)
        for height, sibling in enumerate(path):
            head = node(sibling, head) if place >> height & 1 else node(head, sibling)
        k = self.k(number, head, earlier, **said)
        ledger = [tree_root([leaf(tick) for tick in earlier[a:b]]) for a, b in subtree_ranges(since, number)]
        signature = self.scene.signature(f"tick_{name.replace(' ', '_')}", "gateway-ledger", "tick", k)
        rest = [salt, u64(count), root, u32(place), u8(len(path)), *path, u32(len(new)), *new, u8(len(ledger)), *ledger]
        return [TICK, raw(lp16(k)), signature, raw(*rest)]


def ledger_state(k: bytes, ticks: Sequence[bytes], place: int, held: Sequence[bytes], owed: Sequence[bytes]) -> Fields:
    """What a reader keeps (section 13): the last K, the frontiers, the place, the leaves owed."""
    ranges, mine = subtree_ranges(0, len(ticks)), subtree_ranges(0, len(held))
    edge = [tree_root([leaf(tick) for tick in ticks[a:b]]) for a, b in ranges]
    own = [tree_root(list(held[a:b])) for a, b in mine]
    return [
        ("K", lp16(k)),
        ("ledger node count", u8(len(edge))),
        *((f"ledger node {i}", octets) for i, octets in enumerate(edge)),
        ("has_place", u8(1)),
        ("place", u32(place)),
        ("size", u64(len(held))),
        ("account node count", u8(len(own))),
        *((f"account node {i}", octets) for i, octets in enumerate(own)),
        ("owed count", u32(len(owed))),
        *((f"owed {i}", octets) for i, octets in enumerate(owed)),
    ]


def write_ledger_scenes(scene: Scene) -> None:
    """What an account may not do between two ticks."""
    ledger = Ledger(scene)
    held, owed, shown = ledger.leaves()
    everything = [held, owed, shown]
    other = fixed("a leaf that was never entered", 48)
    state = {
        "state": STATE,
        "owing one": raw(join(ledger_state(ledger.told()[1], ledger.told(1), 2, [held], [owed]))),
        "owing both": raw(join(ledger_state(ledger.told()[1], ledger.told(1), 2, [held], [owed, shown]))),
    }

    def case(name: str, steps: Sequence[Octets | Step], code: str | None, kept: str = "state") -> None:
        made = [one if isinstance(one, dict) and "message" in one else step(one) for one in steps]
        setup: dict[str, object] = {"genesis": GENESIS, "account": ACCOUNT.hex(), "key": "gateway-ledger"}
        if kept:
            setup["state"] = state[kept]
        scene.add(f"account: {name}", "account", setup, made, code)

    told: Octets = [TICK, "ledger.tick_message"]
    first: Octets = [TICK, "ledger.tick_message_first"]
    leaves: Octets = [LEAVES, raw(u32(1), held)]
    case("as it came", [told], None)
    case("to a fresh reader", [leaves, first], None, "")
    fewer = scene.altered("ledger.tick_message", leaf_count=u32(1), leaf_0=b"")
    case("a leaf before its tick", [[LEAVES, raw(u32(1), owed)], [TICK, fewer]], None)
    case("a leaf before its tick left out", [[TICK, fewer]], "account-rewritten")
    seventh = ledger.tick("seventh", 7, everything, [], since=7)
    case("the next tick", [told, seventh], None)
    case("a tick shown twice", [told, told], "ledger-shrank")
    case(
        "a tick before the one seen",
        [ledger.tick("first again", 1, everything, [owed, shown], since=1)],
        "ledger-shrank",
    )
    case("an account that shrank", [ledger.tick("shrunk", 6, [], [])], "ledger-shrank")
    case("an account without what is held", [ledger.tick("lost held", 6, [owed, shown], [shown])], "account-rewritten")
    case(
        "another entry in place of one held", [ledger.tick("other held", 6, [other, owed], [owed])], "account-rewritten"
    )
    rewritten = ledger.tick("rewritten", 7, [held, other, shown], [], since=7)
    case("an entry rewritten between two ticks", [told, rewritten], "account-rewritten")
    grown = ledger.tick("grown", 7, [*everything, other], [other], since=7)
    case("an account that grew", [told, grown], None)
    unlisted = ledger.tick("unlisted", 7, [*everything, other], [], since=7)
    case("an account that grew and does not say so", [told, unlisted], "account-rewritten")
    case("what was owed comes first", [ledger.tick("owed first", 6, everything, [owed, shown])], None, "owing one")
    case(
        "a leaf that was owed is lost",
        [ledger.tick("lost", 6, [held, shown], [shown])],
        "account-rewritten",
        "owing one",
    )
    listed = scene.altered("ledger.tick_message", leaf_0=other)
    case("a leaf that was owed is listed as another", [[TICK, listed]], "account-rewritten", "owing one")
    reordered = ledger.tick("reordered", 6, [held, shown, owed], [shown, owed])
    case("leaves that were owed in another order", [reordered], "account-rewritten", "owing both")
    case("an account at another place", [ledger.tick("moved", 6, everything, [owed, shown], place=1)], "account-moved")
    twin = ledger.k(3, fixed("a root that others saw", 48), ledger.told(3))
    forked = [*ledger.told(3), twin, *ledger.told()[4:6]]
    case(
        "another tick among those passed over",
        [ledger.tick("forked", 6, everything, [owed, shown], before=forked)],
        None,
    )
    own = ledger.k(1, fixed("another root", 48), ledger.told(1))
    rewrote = [*ledger.told(1), own, *ledger.told()[2:6]]
    case(
        "another tick in place of the one seen",
        [ledger.tick("rewrote", 6, everything, [owed, shown], before=rewrote)],
        "ledger-forked",
    )
    early = [ledger.k(0, fixed("another root", 48), []), *ledger.told()[1:6]]
    case(
        "another tick before the one seen",
        [ledger.tick("rewrote early", 6, everything, [owed, shown], before=early)],
        "ledger-forked",
    )
    after = [*ledger.told(6), ledger.k(6, fixed("another root", 48), ledger.told(6))]
    case(
        "another tick in place of the last",
        [told, ledger.tick("fork", 7, everything, [], since=7, before=after)],
        "ledger-forked",
    )
    life = fixed("incarnation after restore", 16)
    case(
        "another life of the store",
        [ledger.tick("other life", 6, everything, [owed, shown], incarnation=life)],
        "ledger-incarnation",
    )
    stranger = fixed("another genesis", 48)
    case(
        "a tick of another genesis",
        [ledger.tick("other genesis", 6, everything, [owed, shown], genesis=stranger)],
        "tick-genesis",
    )
    key_id = scene.world.signers["gateway-stream"].id
    case(
        "a tick that names another key",
        [ledger.tick("other key", 6, everything, [owed, shown], key_id=key_id)],
        "tick-key",
    )
    size = ledger.tick("larger", 6, everything, [owed, shown], size=4)
    case("an account larger than its leaves", [size], "account-rewritten")
    case(
        "entries in their order",
        [told, step("frame.disclosure_owed", entry=True), step("frame.disclosure", entry=True)],
        None,
    )
    case("an entry that is not the next", [told, step("frame.disclosure", entry=True)], "disclosure-not-owed")
    case("an entry twice", [told, *[step("frame.disclosure_owed", entry=True)] * 2], "disclosure-not-owed")
    case("an entry that nothing owes", [step("frame.disclosure_owed", entry=True)], "disclosure-not-owed")
