"""The tick: one signature over everyone's account, the whole ledger before it and the position of CONTROL.

A tick message shows one party its own account complete and nothing of anyone else's traffic.
Source: SPEC.md section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.suite.algorithms import COMMITMENT, SUITE_BYTE, digest
from gateway.core.suite.keys import SIGNATURE_BYTES, SigningKey, VerifyKey
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES, MAX_TICK_LEAVES, SALT_BYTES
from gateway.core.suite.octets import Reader, lp16, u8, u32, u64
from gateway.core.suite.tree import leaf_hash, node_hash

CONTEXT = b"SLUICE1/tick"
_TAG = CONTEXT + b"\x00"
_ACCOUNT_TAG = b"SLUICE1/account\x00" + SUITE_BYTE
MAX_PATH_NODES = 32
MAX_LEDGER_NODES = 128


def account_head(salt: bytes, account_id: bytes, size: int, root: bytes) -> bytes:
    """Leaf of the accounts tree: 48 bytes hiding whose account it is and how long."""
    return leaf_hash(_ACCOUNT_TAG + salt + lp16(account_id) + u64(size) + root)


def control_digest(salt: bytes, position: int, link: bytes) -> bytes:
    """What a tick says of CONTROL: opened to auditors only. 48 bytes."""
    return digest(COMMITMENT + b"SLUICE1/control-at\x00" + SUITE_BYTE + salt + u64(position) + link)


@dataclass(frozen=True, slots=True)
class Tick:
    """K. ledger: root over H(0x00 | K) of every earlier tick; incarnation: 16 bytes, one life of a store."""

    genesis: bytes
    key_id: bytes
    incarnation: bytes
    number: int
    time_ms: int
    ledger: bytes
    control: bytes
    accounts_root: bytes

    def encode(self) -> bytes:
        """The bytes the gateway signs."""
        return b"".join(
            (
                _TAG,
                SUITE_BYTE,
                self.genesis,
                self.key_id,
                self.incarnation,
                u64(self.number),
                u64(self.time_ms),
                self.ledger,
                self.control,
                self.accounts_root,
            )
        )


def parse_tick(statement: bytes) -> Tick:
    """K from its bytes; refuses `malformed`."""
    reader = Reader(statement, "tick")
    reader.tag(_TAG)
    reader.suite()
    tick = Tick(
        genesis=reader.take(HASH_BYTES, "genesis"),
        key_id=reader.take(ID_BYTES, "key_id"),
        incarnation=reader.take(ID_BYTES, "incarnation"),
        number=reader.u64("tick"),
        time_ms=reader.u64("time"),
        ledger=reader.take(HASH_BYTES, "ledger"),
        control=reader.take(HASH_BYTES, "control"),
        accounts_root=reader.take(HASH_BYTES, "accounts_root"),
    )
    reader.done()
    return tick


def sign_tick(statement: bytes, key: SigningKey) -> bytes:
    """The gateway-ledger key's signature over K: about 1 ms, releases the GIL."""
    return key.sign(CONTEXT, statement)


@dataclass(frozen=True, slots=True)
class TickMessage:
    """K and its signature with one party's own head: salt, size, root, place, path; new leaves; ledger nodes."""

    statement: bytes
    signature: bytes
    salt: bytes
    size: int
    root: bytes
    place: int
    path: tuple[bytes, ...]
    leaves: tuple[bytes, ...]
    ledger_nodes: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The message without its type byte."""
        return b"".join(
            (
                lp16(self.statement),
                self.signature,
                self.salt,
                u64(self.size),
                self.root,
                u32(self.place),
                u8(len(self.path)),
                *self.path,
                u32(len(self.leaves)),
                *self.leaves,
                u8(len(self.ledger_nodes)),
                *self.ledger_nodes,
            )
        )

    def check_signature(self, key: VerifyKey) -> None:
        """Refuses `tick-signature`."""
        key.verify(CONTEXT, self.statement, self.signature, "tick")

    def accounts_root(self, account_id: bytes) -> bytes:
        """The root that this party's head and path lead to."""
        node = account_head(self.salt, account_id, self.size, self.root)
        for height, sibling in enumerate(self.path):
            node = node_hash(sibling, node) if self.place >> height & 1 else node_hash(node, sibling)
        return node


def parse_tick_message(message: bytes) -> TickMessage:
    """Refuses `malformed`, also a place outside the tree."""
    reader = Reader(message, "tick message")
    statement = reader.lp16("K", 1024)
    signature = reader.take(SIGNATURE_BYTES, "signature")
    salt = reader.take(SALT_BYTES, "salt")
    size = reader.u64("size")
    root = reader.take(HASH_BYTES, "root")
    place = reader.u32("place")
    path = _hashes(reader, reader.u8("path count"), MAX_PATH_NODES, "path")
    leaves = _hashes(reader, reader.u32("leaf count"), MAX_TICK_LEAVES, "leaves")
    nodes = _hashes(reader, reader.u8("ledger node count"), MAX_LEDGER_NODES, "ledger nodes")
    reader.done()
    if place >> len(path):
        raise reader.refuse("place", f"below {1 << len(path)}")
    return TickMessage(statement, signature, salt, size, root, place, path, leaves, nodes)


def _hashes(reader: Reader, count: int, limit: int, field: str) -> tuple[bytes, ...]:
    if count > limit:
        raise reader.refuse(field, f"at most {limit} hashes, its count says {count}")
    return tuple(reader.take(HASH_BYTES, field) for _ in range(count))


def encode_leaves(leaves: Sequence[bytes]) -> bytes:
    """A `leaves` message without its type byte: 1 to 16,384 hashes that come before a tick."""
    return u32(len(leaves)) + b"".join(leaves)


def parse_leaves(message: bytes) -> tuple[bytes, ...]:
    """Refuses `malformed`."""
    reader = Reader(message, "leaves")
    leaves = _hashes(reader, reader.u32("count"), MAX_TICK_LEAVES, "leaves")
    reader.done()
    if not leaves:
        # None would be neither a tick's beginning nor out of order behind one.
        raise reader.refuse("count", "1 or more")
    return leaves


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """An `entries` message without its type byte: a source's new entries before its tick."""
    return u32(len(entries)) + b"".join(u32(len(entry)) + entry for entry in entries)


def parse_entries(message: bytes, limit: int) -> list[bytes]:
    """Refuses `malformed`; `limit`: bytes of one entry."""
    reader = Reader(message, "entries")
    count = reader.u32("count")
    if count > reader.left // 4:
        raise reader.refuse("count", "no more than the bytes can hold")
    entries = [reader.lp32("entry", limit) for _ in range(count)]
    reader.done()
    return entries


def check_same_ledger(expected: bytes, came: bytes) -> None:
    """Refuses `ledger-forked` unless both roots are the same."""
    if expected != came:
        raise Refused(
            "ledger-forked",
            "the tick does not continue the ledger that was shown before",
            at="tick.ledger",
            do="stop, keep the stored heads, and call the operator: restore or attack",
        )
