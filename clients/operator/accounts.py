"""Accounts as an operator verifies them: every item of evidence checked, in order, against the operator's own chain.

What comes out is what a partner was shown, under which agreement, approved by whom, and whether the partner's own
receipt covers it. What is proven and what is not:

* A disclosure stands in the partner's account under the signed tick; its opening is the one it commits to, the position
  of CONTROL, the rules and the Dir in it are those of the chain, and the agreement was signed by then.
* Which records and portions went follows from `view_digest`; a disclosure whose store did not keep them says so.
* `every` account under the tick is there when the tick's seed shows all places: then nobody else was entered.
* When is the gateway's word, within what CONTROL and the tick allow. That a record left only where the account says it
  did is what no ledger can show.

The order: a TICK, the house's account with every receipt, then partners'. Anything that does not hold ends the reading.
Source: SPEC.md section 13.1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from clients.operator.history import RULES_DIGEST, Approval, History
from gateway.core.control.restore import Restore
from gateway.core.errors import Refused
from gateway.core.ledger.entries import HOUSE, account_name, partner_account
from gateway.core.ledger.evidence import (
    OpenedTick,
    ShownAccount,
    ShownBatch,
    ShownEntry,
    Skipped,
    is_every_account,
    parse_evidence_item,
)
from gateway.core.ledger.receipt import CONTEXT as RECEIPT_CONTEXT
from gateway.core.ledger.receipt import Receipt, parse_receipt
from gateway.core.ledger.tick import CONTEXT as TICK_CONTEXT
from gateway.core.ledger.tick import Tick, parse_tick
from gateway.core.sealing.frame import Disclosure, parse_disclosure_entry
from gateway.core.sealing.opening import DisclosureOpening, parse_disclosure_opening
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import SIGNATURE_BYTES, VerifyKey
from gateway.core.suite.numbers import CLOCK_SKEW_MS, KeyState, RecordKind, Role
from gateway.core.suite.tree import Frontier, leaf_hash

_STOP = "stop and call the other operators; keep what was shown with `sluicectl ledger export`"


@dataclass(frozen=True, slots=True)
class KnownBatch:
    """A batch that its source signed. leaves: L of every record."""

    kind: RecordKind
    source_id: str
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class VerifiedDisclosure:
    """One G that holds. index: its place in the account; receipt: the first one that covers it, None for none."""

    account_id: bytes
    index: int
    entry: Disclosure
    opening: DisclosureOpening
    approval: Approval
    receipt: HeldReceipt | None = None


@dataclass(frozen=True, slots=True)
class HeldReceipt:
    """A receipt under its partner's key, true of the account. index: its place in the house's account."""

    receipt: Receipt
    index: int


@dataclass(slots=True)
class _Open:
    """The account that is being read."""

    shown: ShownAccount
    leaves: Frontier = field(default_factory=Frontier)
    found: list[VerifiedDisclosure] = field(default_factory=list)
    covering: list[HeldReceipt] = field(default_factory=list)
    skipped: bool = False

    def receipt_over(self, index: int) -> HeldReceipt | None:
        """The first receipt that covers the entry: `covering` has each that says more than those before it."""
        at = bisect_right(self.covering, index, key=lambda held: held.receipt.size)
        return self.covering[at] if at < len(self.covering) else None


class Accounts:
    """Takes evidence item by item. wanted: which disclosures are kept; what is not kept is verified all the same.

    tick: the verified one; read: accounts whose every entry was shown; disclosures: those kept, account by account;
    entries, records: how many were shown and disclosed; not_kept: by partner, disclosures that do not say which went.
    """

    def __init__(self, history: History, wanted: Callable[[Disclosure, DisclosureOpening], bool]) -> None:
        self._history = history
        self._wanted = wanted
        self._open: _Open | None = None
        self._seed = b""
        self._receipts: dict[bytes, dict[int, HeldReceipt]] = {}
        self._source_keys: dict[tuple[str, bytes], VerifyKey] = {}
        self._sign_keys: dict[tuple[str, bytes], VerifyKey] = {}
        self._last_time_ms = 0
        self.tick: Tick | None = None
        self.control_position = 0
        self.batches: dict[bytes, KnownBatch] = {}
        self.accounts: dict[bytes, ShownAccount] = {}
        self.read: set[bytes] = set()
        self.entries = 0
        self.records = 0
        self.not_kept: Counter[str] = Counter()
        self.disclosures: list[VerifiedDisclosure] = []

    def take(self, number: int, item: bytes) -> None:
        """The next item and the number of its type; refuses what does not hold: nothing may be believed after that."""
        parsed = parse_evidence_item(number, item)
        if isinstance(parsed, OpenedTick):
            self._take_tick(parsed)
        elif isinstance(parsed, ShownAccount):
            self._take_account(parsed)
        elif isinstance(parsed, ShownBatch):
            self._take_batch(parsed)
        else:
            self._take_leaves(parsed)

    def finish(self) -> None:
        """After the last item; refuses `account-rewritten` as `take` does."""
        self._verified_tick()
        self._close()

    @property
    def is_whole(self) -> bool:
        """Whether the tick's seed was shown, so that a missing account would be seen."""
        return bool(self._seed)

    @property
    def ended(self) -> tuple[bytes, ...]:
        """Incarnations that RESTOREs ended and kept ticks of, in order: what they say is not in the present one."""
        return tuple(one.restore.old for one in self._history.standing().restores if one.restore.ticks_kept)

    @property
    def is_complete(self) -> bool:
        """Whether no account under the tick is missing, and those of the house and of every partner were read whole."""
        tick = self._verified_tick()
        if not self._seed or not is_every_account(tuple(self.accounts.values()), self._seed, tick.accounts_root):
            return False
        needed = {one for one, shown in self.accounts.items() if shown.size and (one == HOUSE or _is_partner(one))}
        return needed <= self.read

    def _verified_tick(self) -> Tick:
        if self.tick is None:
            raise Refused("tick-missing", "evidence about accounts must begin with a tick, none came", at="evidence")
        return self.tick

    def _take_tick(self, shown: OpenedTick) -> None:
        if self.tick is not None:
            raise Refused("evidence-order", "evidence is of one tick, a second came", at="tick")
        tick, control = parse_tick(shown.statement), self._history.standing()
        if tick.genesis != control.genesis:
            raise Refused("tick-genesis", "the tick must be of this chain's genesis, it is of another", at="tick")
        _ledger_key(self._history, tick).verify(TICK_CONTEXT, shown.statement, shown.signature, "tick")
        position = shown.control_position
        if position > self._history.position or not shown.opens_control(self._history.links[position]):
            raise Refused(
                "control-not-opened",
                "a tick must speak of the chain of statements that was verified, it speaks of another",
                at="tick.control",
                do=_STOP,
            )
        _check_life([one.restore for one in control.restores], tick, shown.statement)
        self.tick, self.control_position, self._seed = tick, position, shown.tick_seed

    def _take_account(self, shown: ShownAccount) -> None:
        self._close()
        tick = self._verified_tick()
        account_name(shown.account_id)
        if shown.accounts_root() != tick.accounts_root:
            raise _contradicted("account-not-covered", "an account must be under the tick's root", shown.account_id)
        if shown.account_id in self.accounts:
            raise _contradicted("account-twice", "an account is shown once", shown.account_id)
        self.accounts[shown.account_id] = shown
        self._open, self._last_time_ms = _Open(shown), 0

    def _take_batch(self, shown: ShownBatch) -> None:
        signed, batch = shown.signed, shown.signed.batch
        if batch.genesis != self._history.standing().genesis:
            raise Refused("batch-genesis", "the batch is for another genesis", at="batch.genesis")
        signed.check_signature(self._source_key(batch.source_id, batch.key_id))
        if not shown.leads_to_root():
            raise Refused("batch-root", "the records do not lead to the root the source signed", at="batch.root")
        self.batches[signed.digest] = KnownBatch(batch.kind, batch.source_id, shown.leaves)

    def _take_leaves(self, shown: ShownEntry | Skipped) -> None:
        if self._open is None:
            raise Refused("evidence-order", "entries are of an account, none was shown before", at="evidence")
        leaves, head = self._open.leaves, self._open.shown
        if isinstance(shown, Skipped):
            self._open.skipped = True
            leaves.append_range(shown.until, shown.nodes)
        else:
            index = leaves.size
            leaves.append(leaf_hash(shown.entry))
            self.entries += 1
            if head.account_id == HOUSE:
                self._take_house(shown, index)
            elif _is_partner(head.account_id):
                self._take_disclosure(shown, index)
        if leaves.size > head.size:
            raise _contradicted("account-rewritten", f"an account of {head.size} entries has no more", head.account_id)
        self._check_receipt(self._open)

    def _close(self) -> None:
        """The end of an account: all of its leaves lead to its root, or none was shown."""
        if self._open is None:
            return
        open_, head = self._open, self._open.shown
        if open_.leaves.size or not head.size:
            if (open_.leaves.size, open_.leaves.root()) != (head.size, head.root):
                raise _contradicted("account-rewritten", "entries must lead to their account's root", head.account_id)
            if not open_.skipped:
                self.read.add(head.account_id)
        self.disclosures += [replace(one, receipt=open_.receipt_over(one.index)) for one in open_.found]
        self._open = None

    def _take_house(self, shown: ShownEntry, index: int) -> None:
        if not shown.entry.startswith(RECEIPT_CONTEXT):
            return
        statement, signature = shown.entry[:-SIGNATURE_BYTES], shown.entry[-SIGNATURE_BYTES:]
        receipt = parse_receipt(statement)
        key = self._sign_key(receipt.partner_id, receipt.key_id)
        key.verify(RECEIPT_CONTEXT, statement, signature, "receipt")
        tick, control = self._verified_tick(), self._history.standing()
        if receipt.incarnation != tick.incarnation and receipt.incarnation in {
            one.restore.old for one in control.restores
        }:
            return  # What no tick covered was entered again after a RESTORE; it speaks of an account that is over.
        if (receipt.genesis, receipt.incarnation) != (tick.genesis, tick.incarnation) or receipt.tick > tick.number:
            raise _contradicted("receipt-contradicts", "a receipt must be of this ledger and of its past", HOUSE)
        if key.key_digest not in control.tainted:
            # Of two with one size the first is kept. One under a tainted key covers nothing: anyone may have signed it.
            self._receipts.setdefault(_account_of(receipt), {}).setdefault(receipt.size, HeldReceipt(receipt, index))

    def _check_receipt(self, account: _Open) -> None:
        """A receipt for this size names the account as it was then; from here on it covers what came before."""
        leaves = account.leaves
        held = self._receipts.get(account.shown.account_id, {}).get(leaves.size)
        if held is None:
            return
        if held.receipt.root != leaves.root():
            raise _contradicted(
                "receipt-contradicts", "a receipt must be true of its account", account.shown.account_id
            )
        account.covering.append(held)

    def _take_disclosure(self, shown: ShownEntry, index: int) -> None:
        account_id = self._open.shown.account_id if self._open else b""
        try:
            disclosure, opening = parse_disclosure_entry(shown.entry), parse_disclosure_opening(shown.opening)
            named = _account_of(disclosure)
            if named != account_id:
                raise Refused("disclosure-mismatch", "a disclosure must stand in the account it names", at="disclosure")
            opening.check(disclosure, self._leaves_of)
            self._check_opening(opening)
            approval = self._history.approval_of(
                disclosure.agreement_id, disclosure.agreement_digest, opening.control_position
            )
        except Refused as error:
            at = f"{account_name(account_id)} entry {index}"
            raise Refused(error.code, error.message, at=at, do=error.do or _STOP) from error
        self.records += disclosure.records
        if opening.kept is None:
            self.not_kept[disclosure.partner_id] += 1
        if self._open is not None and self._wanted(disclosure, opening):
            self._open.found.append(VerifiedDisclosure(account_id, index, disclosure, opening, approval))

    def _check_opening(self, opening: DisclosureOpening) -> None:
        """What it was decided on is what the chain says, and its time is one at which it can have been."""
        position = opening.control_position
        if (
            not 1 <= position <= self.control_position
            or opening.rules_digest != RULES_DIGEST
            or opening.dir_root != self._history.dir_roots[position]
        ):
            raise Refused("audit-contradicts", "an opening must say what stood in CONTROL by then", at="opening")
        if opening.kept is not None:
            earliest = max(self._last_time_ms, self._history.applied_ms[position]) - CLOCK_SKEW_MS
            if not earliest <= opening.kept.time_ms <= self._verified_tick().time_ms + CLOCK_SKEW_MS:
                raise Refused(
                    "time-contradicts", "disclosures are entered in order, and before their tick", at="opening"
                )
            self._last_time_ms = opening.kept.time_ms

    def _leaves_of(self, batch_digest: bytes) -> tuple[bytes, ...]:
        batch = self.batches.get(batch_digest)
        if batch is None:
            raise Refused("batch-missing", "a batch must be shown before what was disclosed of it", at="evidence")
        return batch.leaves

    def _source_key(self, source_id: str, key_id: bytes) -> VerifyKey:
        return self._admitted(self._source_keys, Role.SOURCE, source_id, key_id)

    def _sign_key(self, partner_id: str, key_id: bytes) -> VerifyKey:
        return self._admitted(self._sign_keys, Role.PARTNER_SIGN, partner_id, key_id)

    def _admitted(
        self, known: dict[tuple[str, bytes], VerifyKey], role: Role, subject_id: str, key_id: bytes
    ) -> VerifyKey:
        """The key that operators admitted for the subject, whatever became of it; refuses `key-not-endorsed`."""
        if (subject_id, key_id) not in known:
            for admitted, key in self._history.standing().keys.items():
                if (key.role, key.subject_id, admitted[:16]) == (role, subject_id, key_id):
                    known[subject_id, key_id] = VerifyKey.parse(key.public_key)
                    break
            else:
                raise Refused("key-not-endorsed", f"operators must have admitted this {role.name} key", at=subject_id)
        return known[subject_id, key_id]


def _ledger_key(history: History, tick: Tick) -> VerifyKey:
    """The key of a tick: endorsed and active. Refuses as a reader does (6.4)."""
    control = history.standing()
    directory = control.directory
    found = directory.endorsed.get((Role.GATEWAY_LEDGER, tick.key_id)) if directory else None
    if found is None:
        raise Refused("key-not-endorsed", "the directory must endorse the key of a tick, it does not", at="tick.key_id")
    endorsement = found.endorsement
    if max(endorsement.state, control.stop_of(endorsement.key_digest)) is not KeyState.ACTIVE:
        raise Refused("key-not-active", "the key of a tick must be active, this one is not", at="tick.key_id")
    return found.signing_key


def _check_life(restores: Sequence[Restore], tick: Tick, statement: bytes) -> None:
    """Refuses `ledger-incarnation` unless the tick is of the present life, or the last one kept of another."""
    is_present = not restores or restores[-1].new == tick.incarnation
    is_kept = any((one.old, one.tick_digest) == (tick.incarnation, digest(statement)) for one in restores)
    if not is_present and not is_kept:
        raise Refused(
            "ledger-incarnation",
            "a tick must be of the life that the last RESTORE began, or the last that one kept",
            at="tick",
            do=_STOP,
        )


def _account_of(named: Disclosure | Receipt) -> bytes:
    """The account that a disclosure or a receipt names."""
    return partner_account(named.partner_id, named.agreement_id, named.subscription)


def _is_partner(account_id: bytes) -> bool:
    return account_id != HOUSE and not account_id.startswith(b"source")


def _contradicted(code: str, message: str, account_id: bytes) -> Refused:
    return Refused(code, message, at=account_name(account_id), do=_STOP)
