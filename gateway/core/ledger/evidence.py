"""Items of evidence about accounts: a tick opened for an auditor, heads under it, entries, and the batches they name.

The gateway writes them for an operator who asks, an operator keeps them in a file, and whoever has the file checks them
again behind the CONTROL entries in it. Nothing here decides whether they are true. Source: SPEC.md section 13.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.core.ledger.book import MAX_ACCOUNT_ID_BYTES, MAX_OPENING_BYTES
from gateway.core.ledger.entries import MAX_ENTRY_BYTES
from gateway.core.ledger.tick import MAX_LEDGER_NODES, MAX_PATH_NODES, account_head, control_digest, parse_tick
from gateway.core.records.batch import MAX_SIGNED_BATCH_BYTES, SignedBatch
from gateway.core.suite.algorithms import keystream
from gateway.core.suite.keys import SIGNATURE_BYTES
from gateway.core.suite.numbers import HASH_BYTES, SALT_BYTES
from gateway.core.suite.octets import Reader, lp16, lp32, u8, u32, u64
from gateway.core.suite.tree import node_hash, tree_root

FILE_TAG = b"SLUICE1/recording\x00"
CONTROL = 4
TICK = 6
ACCOUNT = 7
ENTRY = 8
SKIPPED = 9
BATCH = 10
# Places double when they are used up, so an honest tree is at most twice as wide as it must be.
_WIDEST = 4


@dataclass(frozen=True, slots=True)
class OpenedTick:
    """K and its signature, and what opens it. tick_seed: empty where only some accounts are shown."""

    statement: bytes
    signature: bytes
    control_salt: bytes
    control_position: int
    tick_seed: bytes

    def encode(self) -> bytes:
        """The item's bytes."""
        return b"".join(
            (
                lp16(self.statement),
                self.signature,
                self.control_salt,
                u64(self.control_position),
                u8(bool(self.tick_seed)),
                self.tick_seed,
            )
        )

    def opens_control(self, link: bytes) -> bool:
        """Whether the tick speaks of CONTROL as it stood when `link` was its last."""
        return control_digest(self.control_salt, self.control_position, link) == parse_tick(self.statement).control


def parse_opened_tick(item: bytes) -> OpenedTick:
    """Refuses `malformed`; nothing is verified."""
    reader = Reader(item, "tick item")
    statement = reader.lp16("K", 1024)
    signature, salt = reader.take(SIGNATURE_BYTES, "signature"), reader.take(SALT_BYTES, "control salt")
    position, has_seed = reader.u64("control position"), reader.u8("has_seed")
    if has_seed > 1:
        raise reader.refuse("has_seed", "0 or 1")
    seed = reader.take(32 * has_seed, "tick_seed")
    reader.done()
    parse_tick(statement)
    return OpenedTick(statement, signature, salt, position, seed)


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """One account's head under the tick before it, with the path to `accounts_root`."""

    salt: bytes
    account_id: bytes
    size: int
    root: bytes
    place: int
    path: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The item's bytes."""
        return b"".join(
            (
                self.salt,
                lp16(self.account_id),
                u64(self.size),
                self.root,
                u32(self.place),
                u8(len(self.path)),
                *self.path,
            )
        )

    @property
    def head(self) -> bytes:
        """Its leaf of the accounts tree."""
        return account_head(self.salt, self.account_id, self.size, self.root)

    def accounts_root(self) -> bytes:
        """The root that head and path lead to."""
        node = self.head
        for height, sibling in enumerate(self.path):
            node = node_hash(sibling, node) if self.place >> height & 1 else node_hash(node, sibling)
        return node


def parse_shown_account(item: bytes) -> ShownAccount:
    """Refuses `malformed`, also a place outside the tree."""
    reader = Reader(item, "account item")
    salt = reader.take(SALT_BYTES, "salt")
    account_id = reader.lp16("account_id", MAX_ACCOUNT_ID_BYTES)
    size, root, place = reader.u64("size"), reader.take(HASH_BYTES, "root"), reader.u32("place")
    path = _hashes(reader, "path", MAX_PATH_NODES)
    reader.done()
    if place >> len(path):
        raise reader.refuse("place", f"below {1 << len(path)}")
    return ShownAccount(salt, account_id, size, root, place, path)


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """The next entry of the account before it, with what lies beside it."""

    entry: bytes
    opening: bytes

    def encode(self) -> bytes:
        """The item's bytes."""
        return lp32(self.entry) + lp16(self.opening)


def parse_shown_entry(item: bytes) -> ShownEntry:
    """Refuses `malformed`."""
    reader = Reader(item, "entry item")
    shown = ShownEntry(reader.lp32("entry", MAX_ENTRY_BYTES), reader.lp16("opening", MAX_OPENING_BYTES))
    reader.done()
    return shown


@dataclass(frozen=True, slots=True)
class Skipped:
    """Entries that are not shown, up to `until`: the roots of the perfect subtrees over them."""

    until: int
    nodes: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The item's bytes."""
        return u64(self.until) + u8(len(self.nodes)) + b"".join(self.nodes)


def parse_skipped(item: bytes) -> Skipped:
    """Refuses `malformed`."""
    reader = Reader(item, "skipped item")
    skipped = Skipped(reader.u64("until"), _hashes(reader, "node", MAX_LEDGER_NODES))
    reader.done()
    return skipped


@dataclass(frozen=True, slots=True)
class ShownBatch:
    """A batch without its records: B, its signature, and L of every record."""

    signed: SignedBatch
    leaves: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The item's bytes."""
        return lp16(self.signed.encode()) + b"".join(self.leaves)

    def leads_to_root(self) -> bool:
        """Whether these are the records that the source signed."""
        return tree_root(self.leaves) == self.signed.batch.root


def parse_shown_batch(item: bytes) -> ShownBatch:
    """Refuses `malformed`; no signature is verified and no root made."""
    reader = Reader(item, "batch item")
    signed = SignedBatch.parse(reader.lp16("signed batch", MAX_SIGNED_BATCH_BYTES))
    leaves = tuple(reader.take(HASH_BYTES, "L") for _ in range(signed.batch.count))
    reader.done()
    return ShownBatch(signed, leaves)


EvidenceItem = OpenedTick | ShownAccount | ShownEntry | Skipped | ShownBatch
_PARSERS: Mapping[int, Callable[[bytes], EvidenceItem]] = MappingProxyType(
    {
        TICK: parse_opened_tick,
        ACCOUNT: parse_shown_account,
        ENTRY: parse_shown_entry,
        SKIPPED: parse_skipped,
        BATCH: parse_shown_batch,
    }
)


def parse_evidence_item(kind: int, item: bytes) -> EvidenceItem:
    """An item about accounts; refuses `malformed`, also of a type that is of something else."""
    parse = _PARSERS.get(kind)
    if parse is None:
        raise Reader(item, "evidence").refuse("type", "that of a tick, account, entry, skipped or batch item")
    return parse(item)


def _hashes(reader: Reader, field: str, limit: int) -> tuple[bytes, ...]:
    count = reader.u8(f"{field} count")
    if count > limit:
        raise reader.refuse(field, f"at most {limit} hashes, its count says {count}")
    return tuple(reader.take(HASH_BYTES, field) for _ in range(count))


def is_every_account(accounts: Sequence[ShownAccount], tick_seed: bytes, accounts_root: bytes) -> bool:
    """Whether there is no account under the root but these: every other place holds what the seed drew for it.

    Costs one hash a place.
    """
    width = 1 << max((account.place for account in accounts), default=0).bit_length()
    if width > _WIDEST * (len(accounts) + 1):
        return False
    drawn = keystream(tick_seed, HASH_BYTES * width)
    heads = [drawn[at : at + HASH_BYTES] for at in range(0, len(drawn), HASH_BYTES)]
    for account in accounts:
        if account.salt != heads[account.place][:SALT_BYTES]:
            return False
        heads[account.place] = account.head
    return tree_root(heads) == accounts_root
