"""Handing in a receipt: the partner's own signature over how far it has verified, and what it set aside unread."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from sluice.v1 import release_pb2

from clients.channel import translated
from clients.link import open_channel
from clients.profile import Profile
from clients.times import now_ms
from gateway.core.control.agreement import Agreement
from gateway.core.errors import CallerError
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.receipt import Quarantined, Receipt, SignedReceipt, encode_quarantine
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import SigningKey

_SEND_RECEIPT = "/sluice.v1.ReleaseService/SendReceipt"
_CALL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Who holds what under which agreement."""

    profile: Profile
    agreement: Agreement
    subscription: str
    sign_key: SigningKey


async def hand_in(subscribed: Subscribed, ledger: LedgerReader, aside: tuple[Quarantined, ...]) -> int:
    """Signs the receipt and hands it in; returns the tick it speaks of. Raises `nothing-verified` before the first."""
    if ledger.last is None:
        raise CallerError("nothing-verified", "a receipt is for ticks that were verified, none was")
    receipt = Receipt(
        genesis=subscribed.profile.genesis_link,
        partner_id=subscribed.profile.id,
        agreement_id=subscribed.agreement.id,
        subscription=subscribed.subscription,
        key_id=subscribed.sign_key.key_id,
        incarnation=ledger.incarnation,
        tick=ledger.last.number,
        size=ledger.held.size,
        root=ledger.held.root(),
        quarantine_digest=digest(encode_quarantine(aside)),
        time_ms=now_ms(),
    )
    signed = SignedReceipt.sign(receipt, aside, subscribed.sign_key)
    channel = await open_channel(subscribed.profile)
    try:
        call = channel.unary_unary(
            _SEND_RECEIPT,
            request_serializer=release_pb2.SendReceiptRequest.SerializeToString,
            response_deserializer=release_pb2.SendReceiptResponse.FromString,
        )
        await call(release_pb2.SendReceiptRequest(receipt=signed.encode()), timeout=_CALL_SECONDS)
    except grpc.aio.AioRpcError as error:
        raise translated(error) from error
    finally:
        await channel.close(None)
    return receipt.tick
