"""Scenarios of what a gateway opens (4.2) and admits (3.5): Hellos and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.reference.writer_control import (
    AGREEMENT_DIGEST,
    DIRECTORY,
    HOUR,
    SUSPEND,
    SUSPEND_TEXT,
)
from tests.reference.writer_house import BOTH, House
from tests.reference.writer_kinds import HIDDEN
from tests.reference.writer_octets import (
    ZERO,
    Fields,
    ctr_stream,
    fixed,
    h,
    join,
    leaf,
    lp8,
    lp16,
    lp32,
    opened,
    tag,
    tree_root,
    u8,
    u16,
    u64,
)
from tests.reference.writer_origin import ABOUT_LABEL, BATCHES, FINE_LABEL, MUST, SLOTS, TACTIC, TACTIC_1, narrative
from tests.reference.writer_scene import GENESIS, THEN, Octets, Scene, Step, raw, step
from tests.reference.writer_scene_control import ALL
from tests.reference.writer_stream import INCARNATION, KINDS, names


def write_gateway_scenes(scene: Scene, house: House) -> None:
    """What a gateway refuses to open and to admit."""
    _hello(scene, house)
    _batch(scene)


@dataclass(frozen=True)
class _Hellos:
    scene: Scene

    def said(self, name: str, **changed: bytes) -> Octets:
        """Hello and sig, without a cursor, with fields changed."""
        world = self.scene.world
        fields: Fields = [
            *opened("hello"),
            ("genesis", world.genesis),
            *names(),
            ("agreement_digest", AGREEMENT_DIGEST),
            ("key_id", world.signers["partner-sign"].id),
            ("nonce", fixed("another nonce", 32)),
            ("time", u64(THEN)),
            ("kinds", KINDS),
            ("dir_no", u64(1)),
            ("incarnation", INCARNATION),
            ("next_tick", u64(2)),
            ("account_size", u64(1)),
            ("cursor", lp8(b"")),
        ]
        head = b"".join(changed.get(field, octets) for field, octets in fields) + u16(1665)
        whole = head + world.sealed_to["ephemeral"].public
        signature = self.scene.signature(f"hello_{name}", "partner-sign", "hello", whole)
        return [raw(head), "keys.ephemeral", signature]


def _hello(scene: Scene, house: House) -> None:
    hellos = _Hellos(scene)
    setup: dict[str, object] = {
        "journal": ALL, "peer": "usa/arl", "started": THEN - HOUR,
        "incarnation": raw(INCARNATION), "account_size": 1, "next_tick": 2,
    }  # fmt: skip

    def case(name: str, steps: Sequence[Step], code: str | None, **changed: object) -> None:
        scene.add(f"hello: {name}", "hello", setup | changed, steps, code)

    base = hellos.said("base")
    at = [step(base, now=THEN)]
    case("as it came", at, None)
    case("as late as may be", [step(base, now=THEN + 120_000)], None)
    case("late", [step(base, now=THEN + 120_001)], "hello-late")
    case("as early as may be", [step(base, now=THEN - 120_000)], None)
    case("early", [step(base, now=THEN - 120_001)], "hello-late")
    case("replayed", [*at, step(base, now=THEN + 120_000)], "hello-replayed")
    other = hellos.said("other_nonce", nonce=fixed("a third nonce", 32))
    case("another of the same moment", [*at, step(other, now=THEN)], None)
    case("signed as the gateway starts", at, None, started=THEN)
    case("signed before the gateway started", [step(base, now=THEN + 1)], "starting", started=THEN + 1)
    case("ahead of the account", at, "hello-ahead", account_size=0)
    case("ahead of the ticks", at, "hello-ahead", next_tick=1)
    life = raw(fixed("incarnation after restore", 16))
    case("ahead of the account, of another incarnation", at, None, incarnation=life, account_size=0, next_tick=0)
    case("ahead of the directory", [step(hellos.said("dir_2", dir_no=u64(2)), now=THEN)], "directory-due")
    stranger = hellos.said("genesis", genesis=fixed("another genesis", 48))
    case("for another genesis", [step(stranger, now=THEN)], "denied")
    case("by another partner", at, "denied", peer="gbr/dstl")
    digest = hellos.said("digest", agreement_digest=fixed("another agreement", 48))
    case("under another text", [step(digest, now=THEN)], "agreement-changed")
    unknown = hellos.said("agreement", agreement_id=lp8(b"UA-US-2026-015"))
    case("under an agreement that is not there", [step(unknown, now=THEN)], "agreement-unknown")
    of_no_key = hellos.said("key", key_id=scene.world.signers["source"].id)
    case("by a key that is not endorsed for it", [step(of_no_key, now=THEN)], "key-not-endorsed")
    length = len(scene.bytes_of(base))
    for half, place in (("ML-DSA-87", length - 4691), ("Ed25519", length - 1)):
        octet = scene.bytes_of(base)[place] ^ 1
        flipped: Octets = {"of": base, "at": place, "cut": 1, "insert": u8(octet).hex()}
        case(f"with another {half} half", [step(flipped, now=THEN)], "hello-signature")
    genesis = scene.world.genesis
    for name, state in (("retired", 2), ("tainted", 3)):
        endorsed = tuple(replace(one, state=state) if one.role == 6 else one for one in house.directory.endorsed)
        directory = replace(house.directory, endorsed=endorsed)
        behind = house.statements["agreement"].behind(genesis)
        signed = house.make.sign(f"house_directory_{name}", DIRECTORY, directory.body(), BOTH, behind)
        journal = [*ALL[:6], house.applied(signed, house.listed(directory))]
        case(f"by a {name} key", at, "key-not-active", journal=journal)
    suspended = house.make.sign(
        "house_suspend", SUSPEND, SUSPEND_TEXT.encode(), ("officer-1",), house.statements["directory"].behind(genesis)
    )
    case("by a partner that is stopped", at, "denied", journal=[*ALL, house.applied(suspended)])


def _signed_batch(
    scene: Scene,
    name: str,
    records: list[dict[int, tuple[str, bytes]]],
    *,
    must: int = MUST,
    kind: int = TACTIC,
    schema: int = TACTIC_1,
) -> Octets:
    """A whole item of the story's source, signed for a scenario."""
    seed = fixed(f"seed of {name}", 32)
    stream = ctr_stream(seed, len(records) * (16 + SLOTS * 48))
    leaves, portions = [], b""
    for index, record in enumerate(records):
        own = stream[index * (16 + SLOTS * 48) :]
        committed = []
        portions += u16(schema) + u16(must) + u8(SLOTS) + u16(sum(1 << slot for slot in record))
        for slot in range(SLOTS):
            drawn = own[16 + slot * 48 : 64 + slot * 48]
            if slot in record:
                label, content = record[slot]
                d = drawn[:32] + u8(slot) + lp16(label.encode()) + content
                drawn = h(b"\x02" + tag("portion") + b"\x01" + d)
                portions += lp16(label.encode()) + lp32(content)
            committed.append(drawn)
        head = tag("record") + b"\x01" + own[:16] + u16(schema) + u16(must) + u8(SLOTS)
        leaves.append(leaf(head + b"".join(committed)))
    world = scene.world
    statement = join(
        [
            *opened("batch"),
            ("genesis", world.genesis),
            ("source_id", lp8(b"src-3f07")),
            ("key_id", world.signers["source"].id),
            ("lane", fixed("a lane of scenarios", 16)),
            ("batch_no", u64(0)),
            ("prev", ZERO),
            ("kind", u8(kind)),
            ("data_mode", u8(3)),
            ("N", u16(len(records))),
            ("root", tree_root(leaves)),
        ]
    )
    signature = scene.signature(f"batch_{name.replace(' ', '_')}", "source", "batch", statement)
    return [raw(u16(len(statement) + 4691), statement), signature, raw(seed, portions)]


def _batch(scene: Scene) -> None:
    setup: dict[str, object] = {"journal": ALL, "genesis": GENESIS, "key": "source", "scope": "tactic//SIMULATED"}

    def case(name: str, item: Octets, code: str | None, **changed: object) -> None:
        scene.add(f"batch: {name}", "batch", setup | changed, [step(item)], code)

    told: Octets = "origin.parcel_plaintext_0"
    whole = scene.bytes_of(told)
    case("as it came", told, None)
    case("of another genesis", told, "batch-genesis", genesis=scene.material("some_genesis", fixed("some genesis", 48)))
    case("checked with another key", told, "batch-key", key="officer-1")
    case("of a kind outside the scope", told, "scope", scope="telemetry//SIMULATED")
    case("of a mode outside the scope", told, "scope", scope="tactic//TEST")
    place = whole.index(scene.vectors.made("origin.seed_0"))
    seeded = whole[:place] + u8(whole[place] ^ 1) + whole[place + 1 :]
    case("under another seed", scene.changed("origin.parcel_plaintext_0", seeded), "batch-root")
    relabelled = whole.replace(FINE_LABEL.encode(), b"UKR.1 T//REL USA,GBR", 1)
    case("with a label changed on the way", scene.changed("origin.parcel_plaintext_0", relabelled), "batch-root")
    flipped = whole[:400] + u8(whole[400] ^ 1) + whole[401:]
    case("with half a signature", scene.changed("origin.parcel_plaintext_0", flipped), "batch-signature")
    first, second = BATCHES[0][0], BATCHES[0][1]

    def signed(
        name: str,
        code: str | None,
        *records: dict[int, tuple[str, bytes]],
        must: int = MUST,
        kind: int = TACTIC,
        schema: int = TACTIC_1,
    ) -> None:
        case(name, _signed_batch(scene, name, list(records), must=must, kind=kind, schema=schema), code)

    signed("of two records", None, first, second)
    above = second | {0: (FINE_LABEL, second[0][1])}
    signed("with two about labels", "about-labels-differ", first, above)
    signed("with a label that is none", "label", first | {2: ("UKR.1 T//REL USA,GBR", narrative("one"))})
    signed("with a label of no vocabulary in force", "label", first | {2: ("UKR.9 T", narrative("one"))})
    signed(
        "with a label below the guide", "label-below-guide", first | {2: ("UKR.1 DSK//REL GBR,USA", narrative("one"))}
    )
    signed(
        "with a field that nobody knows", "content-not-canonical", first | {2: (FINE_LABEL, narrative("one") + HIDDEN)}
    )
    signed("without its second must", "must", {slot: first[slot] for slot in (0, 2)}, must=1)
    signed("with a must short of the schema's", "must", first, must=1)
    signed(
        "with a marking above its label",
        "marking-in-text",
        first | {4: (ABOUT_LABEL, narrative("NATO SECRET\nas it stood"))},
    )
    case("before there is a guide", told, "label-below-guide", journal=ALL[:2])
    signed("of another schema", "schema", first, schema=1)
    signed("of a chunk", "scope", first, kind=4)
    signed("of a design", "scope", first, kind=3)
