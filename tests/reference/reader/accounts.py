"""Accounts as evidence: one tick opened, heads under it, entries, and the batches they name. SPEC.md section 13.1."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from . import statements as st
from .control import ControlReader
from .frame import Disclosure
from .ledger import Tick
from .octets import HL, Cut, Refusal, h, lp8, lp16, require, tag, u8, u16, u64
from .origin import Batch
from .receipt import Receipt, parse_statement
from .suite import SIGNATURE, Memory, key_digest, key_stream, text_digest
from .trees import Frontier, along, leaf, root

TICK, ACCOUNT, ENTRY, SKIPPED, BATCH = range(6, 11)
SKEW = 300_000
HOUSE = b"house"
RULES = text_digest("rules", b"")
WIDEST = 4


@dataclass(frozen=True)
class Opening:
    """What lies beside a G (5.6). `kept` is its time and, per batch, H(B) with (idx, mask) of each record, or None."""

    salt: bytes
    position: int
    rules: bytes
    dir_root: bytes
    kept: tuple[int, tuple[tuple[bytes, tuple[tuple[int, int], ...]], ...]] | None

    @classmethod
    def parse(cls, raw: bytes) -> Opening:
        """The opening of the bytes."""
        cut = Cut(raw, "opening")
        salt, position = cut.take(32, "salt"), cut.number(8, "control position")
        rules, dir_root, kept = cut.take(HL, "rules digest"), cut.take(HL, "Dir root"), None
        if cut.more():
            time, batches = cut.number(8, "time"), []
            for _ in range(cut.number(1, "count", 1, 64)):
                name, views, low = cut.take(HL, "H(B)"), [], 0
                for _ in range(cut.number(2, "k", 1, 256)):
                    idx = cut.number(1, "idx", low, 255)
                    views.append((idx, cut.number(2, "mask", 1)))
                    low = idx + 1
                batches.append((name, tuple(views)))
            require(len({name for name, _ in batches}) == len(batches), "malformed", "opening.H(B)")
            kept = time, tuple(batches)
        cut.end()
        return cls(salt, position, rules, dir_root, kept)


@dataclass(frozen=True)
class Head:
    """One account's head under the tick, with the path to it."""

    salt: bytes
    account_id: bytes
    size: int
    root: bytes
    place: int
    path: list[bytes]

    @classmethod
    def parse(cls, raw: bytes) -> Head:
        """The account item of the bytes."""
        cut = Cut(raw, "account item")
        salt, account_id, size = cut.take(32, "salt"), cut.prefixed(2, "account_id", 256), cut.number(8, "size")
        read = cls(salt, account_id, size, cut.take(HL, "root"), cut.number(4, "place"), cut.hashes(1, "path", 32))
        cut.end()
        require(read.place < 1 << len(read.path), "malformed", "account item.place")
        return read

    @property
    def hashed(self) -> bytes:
        """The leaf of the accounts tree."""
        return h(b"\x00", tag("account"), self.salt, lp16(self.account_id), u64(self.size), self.root)


def parse_tick_item(raw: bytes) -> tuple[Tick, bytes, bytes, int, bytes]:
    """K, its signature, control salt, control position, and the seed or nothing."""
    cut = Cut(raw, "tick item")
    statement, signature = cut.prefixed(2, "K", 512), cut.take(SIGNATURE, "sigK")
    salt, position = cut.take(32, "control salt"), cut.number(8, "control position")
    seed = cut.take(32 * cut.number(1, "has_seed", 0, 1), "tick_seed")
    cut.end()
    return Tick.parse(statement), signature, salt, position, seed


def parse_entry_item(raw: bytes) -> tuple[bytes, bytes]:
    """An entry and its opening."""
    cut = Cut(raw, "entry item")
    both = cut.prefixed(4, "entry", 16_384), cut.prefixed(2, "opening", 61_440)
    cut.end()
    return both


def parse_skipped_item(raw: bytes) -> tuple[int, list[bytes]]:
    """Up to where, and the nodes over what lies between."""
    cut = Cut(raw, "skipped item")
    both = cut.number(8, "until"), cut.hashes(1, "node", 128)
    cut.end()
    return both


def parse_batch_item(raw: bytes) -> tuple[Batch, list[bytes]]:
    """A batch and the L of each record."""
    cut = Cut(raw, "batch item")
    batch = Batch.signed(cut)
    leaves = [cut.take(HL, "L") for _ in range(batch.n)]
    cut.end()
    return batch, leaves


class AccountsReader:
    """What evidence about accounts proves, item by item, behind the CONTROL entries before it.

    `told` are the disclosures that hold; `read` the accounts whose every entry was shown; `links` and `roots` are of
    CONTROL after so many statements, `signed` the position of each agreement.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.links: tuple[bytes, ...] = (bytes(HL),)
        self.roots: tuple[bytes, ...] = (bytes(HL),)
        self.times: tuple[int, ...] = (0,)
        self.signed: dict[str, int] = {}
        self.tick: Tick | None = None
        self.position = 0
        self.time = 0
        self.seed = b""
        self.heads: dict[bytes, Head] = {}
        self.batches: dict[bytes, list[bytes]] = {}
        self.receipts: dict[tuple[bytes, int], bytes] = {}
        self.open: Head | None = None
        self.leaves = Frontier()
        self.skipped = False
        self.last = 0
        self.read: frozenset[bytes] = frozenset()
        self.told: tuple[tuple[Disclosure, Opening], ...] = ()
        self.covered: dict[bytes, int] = {}

    def copy(self) -> AccountsReader:
        """The same evidence as far as it was read."""
        return copy.copy(self)

    def follow(self, control: ControlReader) -> None:
        """One more statement counted."""
        require(self.tick is None, "evidence-order", "item.type")
        self.links, self.times = (*self.links, control.head), (*self.times, control.applied_at)
        self.roots = (*self.roots, control.dir.root if control.dir else bytes(HL))
        for name in control.agreements.keys() - self.signed.keys():
            self.signed = {**self.signed, name: control.position - 1}

    def take(self, kind: int, item: bytes, control: ControlReader) -> None:
        """Takes the next item, or nothing of it."""
        draft = self.copy()
        if kind == TICK:
            draft._tick(item, control)
        elif kind == ACCOUNT:
            draft._account(item)
        elif kind == BATCH:
            draft._batch(item, control)
        else:
            draft._leaf(kind, item, control)
        self.__dict__.update(draft.__dict__)

    def end(self) -> None:
        """The last account is closed too."""
        require(self.tick is not None, "tick-missing", "evidence")
        self._close()

    @property
    def whole(self) -> bool:
        """No other account is under the tick, and all entries of partners' accounts were shown."""
        if self.tick is None or not self.seed:
            return False
        width = 1 << max((one.place for one in self.heads.values()), default=0).bit_length()
        if width > WIDEST * (len(self.heads) + 1):
            return False
        drawn = key_stream(self.seed, width * HL)
        heads = [drawn[i : i + HL] for i in range(0, len(drawn), HL)]
        salted = all(one.salt == heads[one.place][:32] for one in self.heads.values())
        for one in self.heads.values():
            heads[one.place] = one.hashed
        needed = {name for name, one in self.heads.items() if one.size and (name == HOUSE or _partners(name))}
        return salted and root(heads) == self.tick.accounts_root and needed <= self.read

    def _tick(self, item: bytes, control: ControlReader) -> None:
        require(self.tick is None, "evidence-order", "tick item")
        tick, signature, salt, self.position, self.seed = parse_tick_item(item)
        require(tick.genesis == control.genesis, "tick-genesis", "tick.genesis")
        endorsed, key = control.trust().find(st.ROLE_LEDGER, tick.key_id, None)
        require(endorsed.key_digest not in control.tainted | control.revoked, "key-not-active", "tick.key_id")
        self.memory.verify(key, "tick", tick.raw, signature, "tick-signature")
        require(self.position < len(self.links), "control-not-opened", "tick item.control position")
        opened = h(b"\x02", tag("control-at"), salt, u64(self.position), self.links[self.position])
        require(opened == tick.control, "control-not-opened", "tick.control")
        present = not control.restores or control.restores[-1].new == tick.incarnation
        kept = {(one.old, one.tick_digest) for one in control.restores}
        require(present or (tick.incarnation, h(tick.raw)) in kept, "ledger-incarnation", "tick.incarnation")
        self.tick, self.time = tick, tick.time

    def _account(self, item: bytes) -> None:
        if self.tick is None:
            raise Refusal("tick-missing", "account item")
        self._close()
        read = Head.parse(item)
        require(
            along(read.hashed, read.place, read.path) == self.tick.accounts_root, "account-not-covered", "account item"
        )
        require(read.account_id not in self.heads, "account-twice", "account item.account_id")
        self.heads = {**self.heads, read.account_id: read}
        self.open, self.leaves, self.skipped, self.last = read, Frontier(), False, 0

    def _close(self) -> None:
        """All leaves of an account lead to its root, or none was shown."""
        if self.open is None:
            return
        if self.leaves.size or not self.open.size:
            same = (self.leaves.size, self.leaves.root()) == (self.open.size, self.open.root)
            require(same, "account-rewritten", "account item.root")
            self.read |= frozenset() if self.skipped else {self.open.account_id}
        self.open = None

    def _batch(self, item: bytes, control: ControlReader) -> None:
        require(self.tick is not None, "tick-missing", "batch item")
        batch, leaves = parse_batch_item(item)
        require(batch.genesis == control.genesis, "batch-genesis", "batch.genesis")
        key = _admitted(control, ("source", batch.source_id), st.ROLE_SOURCE, batch.key_id)
        self.memory.verify(key, "batch", batch.raw, batch.signature, "batch-signature")
        require(root(leaves) == batch.root, "batch-root", "batch.root")
        self.batches = {**self.batches, batch.digest: leaves}

    def _leaf(self, kind: int, item: bytes, control: ControlReader) -> None:
        if self.open is None:
            raise Refusal("evidence-order", "item.type")
        if kind == SKIPPED:
            until, nodes = parse_skipped_item(item)
            grown = self.leaves.grown(until, nodes)
            if grown is None:
                raise Refusal("proof-malformed", "skipped item.node")
            self.leaves, self.skipped = grown, True
        else:
            entry, opening = parse_entry_item(item)
            self.leaves = self.leaves.extended([leaf(entry)])
            if self.open.account_id == HOUSE:
                self._house(entry, control)
            elif _partners(self.open.account_id):
                self._disclosed(entry, opening, control)
        require(self.leaves.size <= self.open.size, "account-rewritten", "account item.size")
        held = self.receipts.get((self.open.account_id, self.leaves.size))
        if held is not None:
            require(held == self.leaves.root(), "receipt-contradicts", "receipt.root")
            self.covered = {**self.covered, self.open.account_id: self.leaves.size}

    def _house(self, entry: bytes, control: ControlReader) -> None:
        if not entry.startswith(b"SLUICE1/receipt"):
            return
        receipt = parse_statement(entry[:-SIGNATURE])
        key = _admitted(control, ("partner", receipt.partner_id), st.ROLE_PARTNER_SIGN, receipt.key_id)
        self.memory.verify(key, "receipt", receipt.raw, entry[-SIGNATURE:], "receipt-signature")
        tick = self.tick
        if (
            tick
            and receipt.incarnation != tick.incarnation
            and receipt.incarnation in {r.old for r in control.restores}
        ):
            return
        true = tick and (receipt.genesis, receipt.incarnation) == (tick.genesis, tick.incarnation)
        require(true and tick and receipt.tick <= tick.number, "receipt-contradicts", "receipt.incarnation")
        if key_digest(key) not in control.tainted:
            place = _account_id(receipt), receipt.account_size
            self.receipts = {**self.receipts, place: self.receipts.get(place, receipt.root)}

    def _disclosed(self, entry: bytes, beside: bytes, control: ControlReader) -> None:
        read, opening = Disclosure.parse(entry), Opening.parse(beside)
        require(self.open and _account_id(read) == self.open.account_id, "disclosure-mismatch", "disclosure")
        stood = opening.salt + u64(opening.position) + opening.rules + opening.dir_root
        require(h(b"\x02", tag("audit"), stood) == read.audit, "audit-not-opened", "opening")
        if opening.kept is not None:
            count, hashed = 0, [u8(len(opening.kept[1]))]
            for name, views in opening.kept[1]:
                leaves = self.batches.get(name)
                if leaves is None:
                    raise Refusal("batch-missing", "opening.H(B)")
                require(views[-1][0] < len(leaves), "view-digest", "opening.idx")
                hashed += [name, u16(len(views)), *(u8(idx) + leaves[idx] + u16(mask) for idx, mask in views)]
                count += len(views)
            same = count == read.records and h(b"\x04", tag("view"), *hashed) == read.view_digest
            require(same, "view-digest", "disclosure.view_digest")
        stands = 1 <= opening.position <= self.position and opening.rules == RULES
        require(stands and opening.dir_root == self.roots[opening.position], "audit-contradicts", "opening")
        if opening.kept is not None:
            early = max(self.last, self.times[opening.position]) - SKEW
            require(early <= opening.kept[0] <= self.time + SKEW, "time-contradicts", "opening.time")
            self.last = opening.kept[0]
        text = control.agreements.get(read.agreement_id, b"")
        signed = text and text_digest(read.agreement_id, text) == read.agreement_digest
        require(
            signed and self.signed[read.agreement_id] < opening.position,
            "agreement-not-signed",
            "disclosure.agreement_digest",
        )
        self.told = (*self.told, (read, opening))


def _admitted(control: ControlReader, party: tuple[str, str], role: int, key_id: bytes) -> bytes:
    """The key that operators admitted for the party, whatever became of it."""
    for digest, key in control.keys.items():
        if digest[:16] == key_id and control.used.get(("key", digest)) == (party, role):
            return key
    raise Refusal("key-not-endorsed", "item.key_id")


def _account_id(read: Disclosure | Receipt) -> bytes:
    return b"".join(lp8(name.encode()) for name in (read.partner_id, read.agreement_id, read.subscription))


def _partners(name: bytes) -> bool:
    return name != HOUSE and name[:6] != b"source"
