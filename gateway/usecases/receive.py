"""Receiving a receipt: the partner's signed word on how far it has verified, entered in the house account.

Both sides can then prove what arrived. Source: SPEC.md section 6.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.ledger.entries import HOUSE, partner_account
from gateway.core.ledger.receipt import parse_receipt, parse_signed_receipt
from gateway.core.suite.numbers import Role
from gateway.usecases.peer import Peer
from gateway.usecases.running import Running
from gateway.usecases.sequence import Plan


@dataclass(frozen=True, slots=True)
class _ReceiptJob:
    entry: bytes

    def prepare(self, plan: Plan) -> None:
        plan.enter(HOUSE, self.entry)

    def committed(self) -> None:
        """The caller answers once `submit` returns."""


async def receive_receipt(running: Running, peer: Peer, message: bytes) -> None:
    """Enters a receipt that is the peer's own, signed, and true of its account; refuses `denied` otherwise."""
    signed = parse_signed_receipt(message)
    claimed = parse_receipt(signed.statement)
    if peer.role != "partner" or claimed.partner_id != peer.party_id or claimed.genesis != running.control.genesis:
        raise Refused("denied", "the receipt is not the peer's own", at="receipt")
    key = running.control.endorsed(Role.PARTNER_SIGN, peer.party_id, claimed.key_id, running.now_ms())
    receipt = signed.check(key.signing_key)
    account = running.book.account_of(partner_account(receipt.partner_id, receipt.agreement_id, receipt.subscription))
    if (
        account is None
        or receipt.incarnation != running.book.incarnation
        or receipt.size > account.tree.size
        or account.tree.root(receipt.size) != receipt.root
    ):
        raise Refused("denied", "the receipt is not true of its account", at="receipt")
    await running.sequencer.submit(_ReceiptJob(signed.statement + signed.signature))
