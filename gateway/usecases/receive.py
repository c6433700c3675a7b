"""Receiving a receipt: the partner's signed word on how far it has verified, entered in the house account.

Both sides can then prove what arrived. A receipt that says no more than the one before is answered and not entered, so
a partner cannot fill the ledger with its word. Source: SPEC.md section 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from gateway.core.errors import Refused
from gateway.core.ledger.entries import HOUSE, partner_account
from gateway.core.ledger.receipt import Receipt, parse_receipt, parse_signed_receipt
from gateway.core.suite.numbers import Role
from gateway.usecases.peer import Peer
from gateway.usecases.running import Running
from gateway.usecases.sequence import Plan

_log = structlog.get_logger("sluice.receipt")


@dataclass(frozen=True, slots=True)
class _ReceiptJob:
    running: Running
    account_id: bytes
    receipt: Receipt
    entry: bytes
    has_quarantine: bool

    def prepare(self, plan: Plan) -> None:
        news = (self.receipt.tick, self.receipt.size)
        if news > self.running.receipts.get(self.account_id, (-1, -1)) or self.has_quarantine:
            self.running.receipts[self.account_id] = news
            plan.enter(HOUSE, self.entry)

    def committed(self) -> None:
        """The caller answers once `submit` returns."""


async def receive_receipt(running: Running, peer: Peer, message: bytes) -> None:
    """Enters a receipt that is the peer's own, signed, and true of its account; refuses `denied` otherwise."""
    signed = parse_signed_receipt(message)
    claimed = parse_receipt(signed.statement)
    if peer.role != "partner" or running.control.is_suspended(f"partner/{peer.party_id}"):
        raise Refused("denied", "the peer is no active partner", at="receipt")
    if claimed.partner_id != peer.party_id or claimed.genesis != running.control.genesis:
        raise Refused("denied", "the receipt is not the peer's own", at="receipt")
    key = running.control.endorsed(Role.PARTNER_SIGN, peer.party_id, claimed.key_id, running.now_ms())
    receipt = signed.check(key.signing_key)
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
    entry = signed.statement + signed.signature
    await running.sequencer.submit(_ReceiptJob(running, account_id, receipt, entry, bool(signed.quarantine)))
    _log.info("receipt.entered", partner=receipt.partner_id, tick=receipt.tick, quarantined=len(signed.quarantine))
