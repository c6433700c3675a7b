"""Threat: a gateway that tells operators another story of who got what than the one it signed, or signs another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from clients.operator.seen_ledger import SeenLedger
from gateway.core.control.restore import Restore
from gateway.core.control.standing import AppliedRestore
from gateway.core.errors import Refused
from gateway.core.ledger import evidence
from gateway.core.ledger.entries import HOUSE
from gateway.core.ledger.evidence import parse_opened_tick, parse_shown_account
from gateway.core.sealing.frame import audit_digest
from gateway.core.sealing.opening import DisclosureOpening, Kept, ShownBatch
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.octets import u8
from tests.security.forged_accounts import OTHER, PARTNER, Truth
from tests.stand import DAY_MS


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Truth]:
    """One gateway that answered once, truly."""
    truth = Truth.told(tmp_path_factory.mktemp("ledger"))
    yield truth
    truth.world.close()


def code_of(read: Callable[[], object]) -> str:
    """The code of the refusal."""
    with pytest.raises(Refused) as refused:
        read()
    return refused.value.code


def kept_of(opening: DisclosureOpening) -> Kept:
    """What an opening shows."""
    assert opening.kept is not None
    return opening.kept


def test_the_true_answer_and_one_signed_again_are_taken(truth: Truth) -> None:
    """What is refused below is refused for the lie alone."""
    true, again = truth.read(truth.items), truth.read(truth.signed(truth.entries))

    assert (true.is_complete, again.is_complete) == (True, True)
    assert [one.entry for one in true.disclosures] == [one.entry for one in again.disclosures]
    assert {one.entry.partner_id for one in true.disclosures} == {PARTNER, OTHER}
    assert len(true.disclosures) == 3


@pytest.mark.must("13.1.16")
def test_a_mask_that_was_changed_is_caught(truth: Truth) -> None:
    """That a partner got less than it did."""
    _, opening = truth.disclosure()
    first = kept_of(opening).shown[0]
    fewer = ShownBatch(first.batch_digest, tuple((idx, mask & 1) for idx, mask in first.records))
    changed = replace(opening, kept=replace(kept_of(opening), shown=(fewer,)))

    assert code_of(lambda: truth.read(truth.with_opening(changed))) == "view-digest"


@pytest.mark.must("13.1.16")
def test_a_record_that_is_hidden_from_an_opening_is_caught(truth: Truth) -> None:
    """That a partner got one record where it got two."""
    _, opening = truth.disclosure()
    first = kept_of(opening).shown[0]
    hidden = replace(
        opening,
        kept=replace(kept_of(opening), shown=(ShownBatch(first.batch_digest, first.records[:1]),)),
    )

    assert code_of(lambda: truth.read(truth.with_opening(hidden))) == "view-digest"


@pytest.mark.must("13.1.12")
def test_an_entry_that_is_dropped_is_caught(truth: Truth) -> None:
    """That a partner got nothing."""
    first = next(i for i, item in enumerate(truth.items) if item[0] == evidence.ENTRY and b"disclose" in item[:40])
    without = truth.items[:first] + truth.items[first + 1 :]

    assert code_of(lambda: truth.read(without)) == "account-rewritten"


@pytest.mark.must("13.1.12")
def test_an_entry_too_many_is_caught(truth: Truth) -> None:
    """That a partner got what it never did: the last entry is told once more."""
    last = max(i for i, item in enumerate(truth.items) if item[0] == evidence.ENTRY)
    twice = truth.items[: last + 1] + truth.items[last:]

    assert code_of(lambda: truth.read(twice)) == "account-rewritten"


@pytest.mark.must("13.1.19")
def test_an_account_that_is_left_out_is_seen_by_the_places(truth: Truth) -> None:
    """Nobody else got it is said of complete accounts only."""
    last = max(i for i, item in enumerate(truth.items) if item[0] == evidence.ACCOUNT)
    found = truth.read(truth.items[:last])

    assert not found.is_complete
    assert not truth.read(truth.signed(truth.entries, seed=False)).is_complete


@pytest.mark.must("13.1.19")
@pytest.mark.parametrize("whose", ["a partner's", "the house's"])
def test_an_account_whose_entries_are_kept_back_is_not_complete(truth: Truth, whose: str) -> None:
    """Its head alone says how long it is: who got what, or whose receipts, is then not said to be all."""
    account = HOUSE if whose == "the house's" else truth.account(OTHER)
    items, skipping = [], False
    for item in truth.items:
        if item[0] == evidence.ACCOUNT:
            skipping = parse_shown_account(item[1:]).account_id == account
        if not (skipping and item[0] == evidence.ENTRY):
            items.append(item)

    assert not truth.read(items).is_complete


@pytest.mark.must("13.1.8")
def test_an_account_shown_as_anothers_is_caught(truth: Truth) -> None:
    """What one partner got under the name of the other; and one account shown twice."""
    place = next(
        i
        for i, item in enumerate(truth.items)
        if item[0] == evidence.ACCOUNT and parse_shown_account(item[1:]).account_id == truth.account()
    )
    head = parse_shown_account(truth.items[place][1:])
    renamed = u8(evidence.ACCOUNT) + replace(head, account_id=truth.account(OTHER)).encode()

    assert (
        code_of(lambda: truth.read([*truth.items[:place], renamed, *truth.items[place + 1 :]])) == "account-not-covered"
    )
    assert code_of(lambda: truth.read([*truth.items, truth.items[place]])) == "account-twice"


@pytest.mark.must("13.1.16")
def test_a_disclosure_in_the_account_of_another_is_caught(truth: Truth) -> None:
    """Signed by the gateway all the same: an entry has the name of its partner."""
    mine, others = truth.entries[truth.account()], truth.entries[truth.account(OTHER)]
    swapped = {**truth.entries, truth.account(): others, truth.account(OTHER): mine}

    assert code_of(lambda: truth.read(truth.signed(swapped))) == "disclosure-mismatch"


@pytest.mark.must("13.1.17")
def test_a_disclosure_decided_on_nothing_that_stood_is_caught(truth: Truth) -> None:
    """The gateway commits to rules, a Dir or a position that operators never signed, and opens it truly."""
    disclosure, opening = truth.disclosure()
    for changed in (
        replace(opening, rules_digest=bytes(48)),
        replace(opening, dir_root=bytes(48)),
        replace(opening, control_position=truth.chain.control.position + 1),
        replace(opening, control_position=0),
    ):
        audit = audit_digest(changed.salt, changed.control_position, changed.rules_digest, changed.dir_root)
        items = truth.with_disclosure(replace(disclosure, audit=audit), changed)

        assert code_of(lambda items=items: truth.read(items)) == "audit-contradicts"


@pytest.mark.must("13.1.16")
def test_an_opening_of_another_position_is_caught(truth: Truth) -> None:
    """That it was decided when everything was in order."""
    _, opening = truth.disclosure()
    changed = replace(opening, control_position=opening.control_position - 1)

    assert code_of(lambda: truth.read(truth.with_opening(changed))) == "audit-not-opened"


@pytest.mark.must("13.1.17")
def test_a_disclosure_under_what_nobody_signed_is_caught(truth: Truth) -> None:
    """Another text of the agreement, one that was never applied, and one that came later."""
    disclosure, opening = truth.disclosure()
    account = truth.account()
    text = replace(disclosure, agreement_digest=bytes(48))
    approval = truth.chain.history.approvals[disclosure.agreement_id]
    early = replace(
        opening,
        control_position=approval.position,
        dir_root=truth.chain.history.dir_roots[approval.position],
    )
    audit = audit_digest(early.salt, early.control_position, early.rules_digest, early.dir_root)

    assert code_of(lambda: truth.read(truth.with_disclosure(text, opening))) == "agreement-not-signed"
    assert (
        code_of(lambda: truth.read(truth.with_disclosure(replace(disclosure, audit=audit), early)))
        == "agreement-not-signed"
    )
    assert account in truth.entries


@pytest.mark.must("13.1.18")
def test_a_time_that_cannot_be_is_caught(truth: Truth) -> None:
    """When is the gateway's word, within what CONTROL, the order and the tick allow."""
    _, opening = truth.disclosure()
    kept = kept_of(opening)
    for time_ms in (kept.time_ms - DAY_MS, kept.time_ms + DAY_MS):
        changed = replace(opening, kept=replace(kept, time_ms=time_ms))

        assert code_of(lambda changed=changed: truth.read(truth.with_opening(changed))) == "time-contradicts"


@pytest.mark.must("5.6.3")
def test_an_opening_that_lost_its_records_is_not_an_empty_one(truth: Truth) -> None:
    """A gateway that says its store is old says less, and nobody takes it for nothing."""
    _, opening = truth.disclosure()
    found = truth.read(truth.with_opening(replace(opening, kept=None)))

    assert found.not_kept == {PARTNER: 1}
    assert len(found.disclosures) == 3


@pytest.mark.must("13.1.13", "13.1.14")
def test_a_receipt_that_is_forged_or_untrue_is_caught(truth: Truth) -> None:
    """That the partner has confirmed what it never did."""
    house = truth.entries[HOUSE]
    good = truth.receipt(1)
    found = truth.read(truth.signed(truth.with_entries(HOUSE, [*house, good])))
    cases = {
        "receipt-signature": truth.receipt(1, key=SigningKey.generate()),
        "receipt-contradicts": truth.receipt(1, root=bytes(48)),
        "key-not-endorsed": truth.receipt(1, key_id=bytes(16)),
    }

    covered = {(one.entry.partner_id, one.index): one.receipt is not None for one in found.disclosures}
    assert covered == {(PARTNER, 0): True, (PARTNER, 1): False, (OTHER, 0): False}
    for code, receipt in cases.items():
        items = truth.signed(truth.with_entries(HOUSE, [*house, receipt]))
        assert code_of(lambda items=items: truth.read(items)) == code
    for changed in ({"incarnation": b"another life 16b"}, {"tick": 7}, {"genesis": bytes(48)}):
        items = truth.signed(truth.with_entries(HOUSE, [*house, truth.receipt(1, **changed)]))
        assert code_of(lambda items=items: truth.read(items)) == "receipt-contradicts"


@pytest.mark.must("13.1.5")
def test_a_tick_of_another_key_is_caught(truth: Truth) -> None:
    """A key that no directory endorsed, and the right key's name under another's signature."""
    forged = parse_opened_tick(truth.items[0][1:])
    spoiled = replace(forged, signature=forged.signature[:-1] + bytes([forged.signature[-1] ^ 1]))

    assert code_of(lambda: truth.read(truth.signed(truth.entries, key=SigningKey.generate()))) == "key-not-endorsed"
    assert code_of(lambda: truth.read([u8(evidence.TICK) + spoiled.encode(), *truth.items[1:]])) == "tick-signature"


@pytest.mark.must("13.1.6")
def test_a_tick_of_another_control_is_caught(truth: Truth) -> None:
    """The statements this operator verified are those the gateway signed for."""
    tick = parse_opened_tick(truth.items[0][1:])
    for changed in (
        replace(tick, control_position=tick.control_position - 1),
        replace(tick, control_position=tick.control_position + 1),
        replace(tick, control_salt=bytes(32)),
    ):
        items = [u8(evidence.TICK) + changed.encode(), *truth.items[1:]]
        assert code_of(lambda items=items: truth.read(items)) == "control-not-opened"


@pytest.mark.must("13.1.3", "6.4.5")
def test_an_older_or_another_ledger_than_was_seen_is_caught(truth: Truth) -> None:
    """A home remembers: the gateway can show neither yesterday's ledger nor another of today."""
    truth.read(truth.items)
    last = SeenLedger.decode(truth.home.seen_tick()).last
    same = truth.read(truth.items, remembers=True)
    shrank = code_of(lambda: truth.read(truth.signed(truth.entries), remembers=True))
    truth.read(truth.signed(truth.entries))
    forked = code_of(lambda: truth.read(truth.signed(truth.entries), remembers=True))
    behind = code_of(lambda: truth.read(truth.items, remembers=True))

    assert last is not None
    assert (same.is_complete, last.number > 0) == (True, True)
    assert (shrank, forked, behind) == ("ledger-shrank", "ledger-forked", "ledger-forked")


@pytest.mark.must("13.1.4")
def test_items_where_they_may_not_stand_are_refused(truth: Truth) -> None:
    """A second tick, entries of nobody, nothing at all."""
    account = next(i for i, item in enumerate(truth.items) if item[0] == evidence.ACCOUNT)
    entry = next(item for item in truth.items if item[0] == evidence.ENTRY)

    assert code_of(lambda: truth.read([])) == "tick-missing"
    assert code_of(lambda: truth.read(truth.items[account:])) == "tick-missing"
    assert code_of(lambda: truth.read([truth.items[0], *truth.items])) == "evidence-order"
    assert code_of(lambda: truth.read([truth.items[0], entry])) == "evidence-order"
    assert code_of(lambda: truth.read([truth.items[0], b""])) == "malformed"


@pytest.mark.must("13.1.9", "13.1.10")
def test_a_batch_that_is_missing_or_another_is_caught(truth: Truth) -> None:
    """Which record went is said by the batch that its source signed."""
    batch = next(i for i, item in enumerate(truth.items) if item[0] == evidence.BATCH)
    item = truth.items[batch]
    shown = evidence.parse_shown_batch(item[1:])
    other_leaf = replace(shown, leaves=(bytes(48), *shown.leaves[1:]))
    signed = replace(shown.signed, signature=bytes(len(shown.signed.signature)))

    def with_batch(*items: bytes) -> list[bytes]:
        return [*truth.items[:batch], *items, *truth.items[batch + 1 :]]

    assert code_of(lambda: truth.read(with_batch())) == "batch-missing"
    assert code_of(lambda: truth.read(with_batch(item[:1] + other_leaf.encode()))) == "batch-root"
    assert (
        code_of(lambda: truth.read(with_batch(item[:1] + replace(shown, signed=signed).encode()))) == "batch-signature"
    )


@pytest.mark.must("13.1.7")
def test_a_ledger_of_another_life_than_the_last_restore_began_is_refused(truth: Truth) -> None:
    """Accounts that a RESTORE ended are not today's."""
    control = truth.chain.control
    restore = Restore(b"an earlier life ", b"a present life..", 0, bytes(48))
    applied = AppliedRestore(truth.chain.entries[0].signed, restore)

    restored = truth.with_control(replace(control, restores=(applied,)))

    assert code_of(lambda: truth.read(truth.items, chain=restored)) == "ledger-incarnation"


@pytest.mark.must("13.1.15")
def test_a_receipt_under_a_tainted_key_covers_nothing(truth: Truth) -> None:
    """Whoever stole the key can confirm what never came."""
    items = truth.signed(truth.with_entries(HOUSE, [*truth.entries[HOUSE], truth.receipt(1)]))
    key = truth.world.stand.profile(PARTNER).signing_key().key_digest

    tainted = truth.with_control(replace(truth.chain.control, tainted=frozenset({key})))

    assert any(one.receipt for one in truth.read(items).disclosures)
    assert not any(one.receipt for one in truth.read(items, chain=tainted).disclosures)


@pytest.mark.must("13.1.5")
def test_a_tick_under_a_tainted_key_is_refused(truth: Truth) -> None:
    """A stolen ledger key signs any story."""
    tainted = truth.with_control(replace(truth.chain.control, tainted=frozenset({truth.key.key_digest})))

    assert code_of(lambda: truth.read(truth.items, chain=tainted)) == "key-not-active"
