"""Items of evidence: a head under its tick, and the claim that there is no other account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.errors import Refused
from gateway.core.ledger.book import DraftTick
from gateway.core.ledger.evidence import (
    OpenedTick,
    ShownAccount,
    is_every_account,
    parse_evidence_item,
    parse_opened_tick,
)
from gateway.core.ledger.tick import control_digest
from tests.unit.ledger.honest import MINE, OTHERS, HonestGateway, a_gateway


def shown_tick(gateway: HonestGateway) -> tuple[DraftTick, bytes]:
    """The tick that the gateway shows."""
    assert gateway.shown is not None
    return gateway.shown


def accounts_of(gateway: HonestGateway) -> list[ShownAccount]:
    """Every account under the tick that is shown."""
    draft, _ = shown_tick(gateway)
    shown = []
    for account_id, account in sorted(gateway.book.accounts.items()):
        size = draft.sizes[account_id]
        path = tuple(level[(account.place >> height) ^ 1] for height, level in enumerate(draft.levels[:-1]))
        salt = draft.salts[account_id]
        shown.append(ShownAccount(salt, account_id, size, account.tree.root(size), account.place, path))
    return shown


@pytest.mark.must("13.1.8")
def test_a_head_and_its_path_lead_to_the_root_of_the_tick() -> None:
    """Another size, root or account leads elsewhere."""
    gateway = a_gateway(b"a", b"b")
    root = shown_tick(gateway)[0].tick.accounts_root

    for account in accounts_of(gateway):
        assert account.accounts_root() == root
        assert replace(account, size=account.size + 1).accounts_root() != root
        assert replace(account, account_id=b"house").accounts_root() != root


@pytest.mark.must("13.1.19")
def test_that_there_is_no_other_account_shows_in_the_seed() -> None:
    """An account that is left out leaves a place whose hash the seed did not draw."""
    gateway = a_gateway(b"a")
    for number in range(5):
        gateway.open(b"account %d" % number)
        gateway.enter(b"account %d" % number, b"entry")
    gateway.tick()
    draft, _ = shown_tick(gateway)
    accounts, root = accounts_of(gateway), draft.tick.accounts_root

    assert is_every_account(accounts, draft.tick_seed, root)
    for left_out in accounts:
        assert not is_every_account([one for one in accounts if one is not left_out], draft.tick_seed, root)
    assert not is_every_account(accounts, bytes(32), root)
    assert not is_every_account([replace(accounts[0], salt=bytes(32)), *accounts[1:]], draft.tick_seed, root)
    assert not is_every_account([], draft.tick_seed, root)


def test_a_tree_much_wider_than_its_accounts_is_not_built() -> None:
    """A place of a thousand million would be as many hashes."""
    account = ShownAccount(bytes(32), MINE, 1, bytes(48), 2**31, (bytes(48),) * 32)

    assert not is_every_account([account], bytes(32), bytes(48))


@pytest.mark.must("13.1.6")
def test_a_tick_opens_to_the_position_it_was_signed_at() -> None:
    """And to no other link, position or salt."""
    draft, signature = shown_tick(a_gateway(b"a"))
    tick = OpenedTick(draft.statement, signature, draft.control_salt, draft.control_position, b"")

    assert parse_opened_tick(tick.encode()) == tick
    assert tick.opens_control(bytes(48))
    assert draft.tick.control == control_digest(draft.control_salt, draft.control_position, bytes(48))
    assert not tick.opens_control(b"x" * 48)
    assert not replace(tick, control_position=draft.control_position + 1).opens_control(bytes(48))


@pytest.mark.parametrize("kind", [0, 4, 5, 11])
def test_an_item_of_something_else_is_refused(kind: int) -> None:
    """A statement or a parcel is not read as an account."""
    with pytest.raises(Refused, match="malformed"):
        parse_evidence_item(kind, b"")


def test_accounts_of_others_are_shown_by_their_heads_alone() -> None:
    """An item of an account has no entry in it."""
    account = next(one for one in accounts_of(a_gateway(b"a")) if one.account_id == OTHERS)

    assert b"not yours" not in account.encode()
