"""Receiving a receipt: the partner's signed word on how far it has verified, entered in the house account.

Both sides can then prove what arrived. A receipt is entered only if it says something new: a later tick, a larger size,
or quarantined records that none entered since the start had. Any other is answered and not entered, so a partner cannot
fill the ledger with its word; nor with invented records, for an account has room for so many and no more.

Beside the entry lie the records that are new in it; where they are more than an opening holds, the receipt is entered
once for each part of them. Source: SPEC.md section 6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from gateway.core.errors import Refused
from gateway.core.ledger.book import KIND_ENTRIES, MAX_OPENING_BYTES, parse_account_entries
from gateway.core.ledger.entries import HOUSE, partner_account
from gateway.core.ledger.receipt import (
    CONTEXT,
    MAX_QUARANTINED,
    Quarantined,
    Receipt,
    SignedReceipt,
    encode_quarantine,
    parse_quarantine,
    parse_receipt,
    parse_signed_receipt,
)
from gateway.core.suite.keys import SIGNATURE_BYTES
from gateway.core.suite.numbers import HASH_BYTES, Role
from gateway.usecases.peer import Peer
from gateway.usecases.running import Received, Running
from gateway.usecases.sequence import Plan

# H(B), idx and code; 64 bytes are room for what stands before the list.
MAX_OPENED = (MAX_OPENING_BYTES - 64) // (HASH_BYTES + 2)
_log = structlog.get_logger("sluice.receipt")


@dataclass(slots=True)
class _ReceiptJob:
    running: Running
    account_id: bytes
    receipt: Receipt
    signed: SignedReceipt
    entered: bool = False
    new: int = 0

    def prepare(self, plan: Plan) -> None:
        before = self.running.receipts.get(self.account_id, Received())
        new = {
            (item.batch_digest, item.idx): item
            for item in self.signed.quarantine
            if (item.batch_digest, item.idx) not in before.aside
        }
        fresh = dict(list(new.items())[: MAX_QUARANTINED - len(before.aside)])
        if not (self.receipt.tick > before.tick or self.receipt.size > before.size or fresh):
            return
        self.running.receipts[self.account_id] = Received(
            max(self.receipt.tick, before.tick), max(self.receipt.size, before.size), before.aside | fresh.keys()
        )
        records = list(fresh.values())
        parts = [encode_quarantine(records[at : at + MAX_OPENED]) for at in range(0, len(records), MAX_OPENED)]
        for opening in parts or [b""]:
            plan.enter(HOUSE, self.signed.statement + self.signed.signature, opening)
        self.entered, self.new = True, len(fresh)

    def committed(self) -> None:
        if self.entered:
            _log.info("receipt.entered", partner=self.receipt.partner_id, tick=self.receipt.tick, quarantined=self.new)


async def receive_receipt(running: Running, peer: Peer, message: bytes) -> None:
    """Enters a receipt that is the peer's own, signed, and true of its account; refuses `denied` otherwise."""
    signed = parse_signed_receipt(message)
    claimed = parse_receipt(signed.statement)
    if peer.role != "partner" or running.control.is_stopped(f"partner/{peer.party_id}"):
        raise Refused("denied", "the peer is no active partner", at="receipt")
    if claimed.partner_id != peer.party_id or claimed.genesis != running.control.genesis:
        raise Refused("denied", "the receipt is not the peer's own", at="receipt")
    key = running.control.endorsed(Role.PARTNER_SIGN, peer.party_id, claimed.key_id, running.now_ms())
    receipt = signed.check(key.signing_key)
    if receipt.incarnation in running.lanes.ends:
        raise Refused(
            "receipt-incarnation",
            "the receipt must be of the present incarnation, a RESTORE ended this one",
            at="receipt.incarnation",
            do="follow, then send it again",
        )
    account_id = partner_account(receipt.partner_id, receipt.agreement_id, receipt.subscription)
    account = running.book.account_of(account_id)
    if (
        account is None
        or receipt.incarnation != running.book.incarnation
        or receipt.tick >= running.book.ticks.size
        or receipt.size > account.tree.size
        or account.tree.root(receipt.size) != receipt.root
    ):
        raise Refused("denied", "the receipt is not true of its account", at="receipt")
    await running.sequencer.submit(_ReceiptJob(running, account_id, receipt, signed), size=len(message))


def quarantined_of(ledger: Iterable[tuple[int, int, bytes]]) -> dict[bytes, frozenset[Quarantined]]:
    """Records that entered receipts set aside, by the account they are of; `ledger` as `entries_of` gives it."""
    found: defaultdict[bytes, set[Quarantined]] = defaultdict(set)
    for _, kind, entry in ledger:
        for item in parse_account_entries(entry) if kind == KIND_ENTRIES else ():
            if item.account_id == HOUSE and item.opening and item.entry.startswith(CONTEXT):
                receipt = parse_receipt(item.entry[:-SIGNATURE_BYTES])
                account_id = partner_account(receipt.partner_id, receipt.agreement_id, receipt.subscription)
                found[account_id].update(parse_quarantine(item.opening))
    return {account_id: frozenset(records) for account_id, records in found.items()}
