"""Asking the gateway for its accounts and believing none of it: each item is verified as it comes.

The tick must continue the ledger that this home has seen; it is kept then, so that an older one is noticed later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clients.operator.accounts import Accounts
from clients.operator.chain import Chain, read_chain
from clients.operator.govern import Governance
from clients.operator.home import Home
from clients.operator.seen_ledger import SeenLedger
from gateway.core.errors import Refused
from gateway.core.ledger.evidence import TICK, parse_opened_tick
from gateway.core.sealing.frame import Disclosure
from gateway.core.sealing.opening import DisclosureOpening

Wanted = Callable[[Disclosure, DisclosureOpening], bool]


def _nobody_hears(_kind: int, _item: bytes) -> None:
    """Most readings are looked at and not kept."""


def _nothing_begins(_chain: Chain) -> None:
    """As `_nobody_hears`."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is read, and who is told on the way.

    wanted: which disclosures are kept; partner_id: whose entries alone are read, empty for all partners'.
    ended: an incarnation that a RESTORE ended, read under the last tick it kept; empty for the present one.
    begin: is told the chain that everything is verified by, before the first item.
    hear: is told each item once it holds, the tick first.
    """

    wanted: Wanted
    partner_id: str = ""
    ended: bytes = b""
    begin: Callable[[Chain], None] = _nothing_begins
    hear: Callable[[int, bytes], None] = _nobody_hears


async def read_accounts(
    governance: Governance, home: Home, chain: Chain, question: Question, now_ms: int
) -> tuple[Accounts, Chain]:
    """The accounts under the newest tick, verified, and the chain they were verified by.

    Refuses as `Accounts` and `SeenLedger` do, and `tick-missing` where nothing came.
    """
    seen = SeenLedger.decode(home.seen_tick())
    last = seen.last
    incarnation, next_tick = (last.incarnation, last.number + 1) if last else (b"", 0)
    accounts: Accounts | None = None
    async for nodes, items in governance.shown_accounts(question.partner_id, incarnation, next_tick, question.ended):
        for item in items:
            if accounts is None:
                chain, accounts = await _begin(governance, home, chain, question, item, now_ms)
                if not question.ended:
                    statement = parse_opened_tick(item[1:]).statement
                    restores = [one.restore for one in chain.control.restores]
                    home.remember_tick(seen.followed_by(statement, nodes, restores).encode())
                question.begin(chain)
            else:
                accounts.take(item[0] if item else 0, item[1:])
            question.hear(item[0], item[1:])
    if accounts is None:
        raise Refused("tick-missing", "evidence about accounts must begin with a tick, none came", at="evidence")
    accounts.finish()
    return accounts, chain


async def _begin(
    governance: Governance, home: Home, chain: Chain, question: Question, item: bytes, now_ms: int
) -> tuple[Chain, Accounts]:
    """The tick, against a chain that reaches as far as it does: statements may have been applied meanwhile."""
    if item[:1] != bytes([TICK]):
        raise Refused(
            "tick-missing", "evidence about accounts must begin with a tick, another item came", at="evidence"
        )
    if parse_opened_tick(item[1:]).control_position > chain.history.position:
        chain = await read_chain(governance, home, now_ms)
    accounts = Accounts(chain.history, question.wanted)
    accounts.take(TICK, item[1:])
    if question.ended and (accounts.tick is None or accounts.tick.incarnation != question.ended):
        raise Refused("ledger-incarnation", "the tick must be of the incarnation that was asked for", at="tick")
    return chain, accounts
