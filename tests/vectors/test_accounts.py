"""Evidence about accounts as it was recorded: what opens a disclosure, and each item, read and written back."""

from __future__ import annotations

import pytest

from gateway.core.ledger import evidence
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.evidence import is_every_account, parse_evidence_item
from gateway.core.ledger.tick import parse_tick
from gateway.core.sealing.frame import parse_disclosure_entry
from gateway.core.sealing.opening import parse_disclosure_opening
from gateway.core.suite.algorithms import digest
from gateway.core.suite.tree import Frontier, leaf_hash
from tests.reference import recorded
from tests.reference.reader.accounts import Head, Opening, parse_batch_item, parse_tick_item
from tests.reference.reader.trees import along

ITEMS = {
    evidence.TICK: "evidence.tick_item",
    evidence.ACCOUNT: "evidence.account_item",
    evidence.ENTRY: "evidence.entry_item",
    evidence.SKIPPED: "evidence.skipped_item",
    evidence.BATCH: "evidence.batch_item",
}


@pytest.mark.parametrize("kind", sorted(ITEMS))
def test_each_recorded_item_is_read_and_written_back(kind: int) -> None:
    """One structure, one encoding."""
    item = recorded.octets(ITEMS[kind])

    assert parse_evidence_item(kind, item).encode() == item


@pytest.mark.must("5.6.1")
def test_the_recorded_opening_opens_its_disclosure() -> None:
    """From the opening and the batches two who never spoke come to the `audit` and the `view_digest` of the entry."""
    disclosure = parse_disclosure_entry(recorded.octets("frame.disclosure"))
    opening = parse_disclosure_opening(recorded.octets("evidence.opening"))
    leaves = {
        digest(recorded.octets(f"origin.batch_{number}")): [
            recorded.octets(f"origin.leaf_{number}_{idx}") for idx in range(count)
        ]
        for number, count in ((0, 3), (1, 1))
    }

    opening.check(disclosure, leaves.__getitem__)

    assert opening.encode() == recorded.octets("evidence.opening")
    assert opening.kept is not None
    assert [len(batch.records) for batch in opening.kept.shown] == [2, 1]


def test_an_opening_of_before_says_nothing_of_records() -> None:
    """A store that did not keep them is still opened."""
    opening = parse_disclosure_opening(recorded.octets("evidence.opening_before"))

    opening.check(parse_disclosure_entry(recorded.octets("frame.disclosure")), lambda digest: ())

    assert opening.kept is None
    assert opening.encode() == recorded.octets("evidence.opening_before")


def test_the_recorded_items_lead_from_an_entry_to_the_tick() -> None:
    """Leaf, account, head, path, root: every step of the proof."""
    tick = evidence.parse_opened_tick(recorded.octets("evidence.tick_item"))
    account = evidence.parse_shown_account(recorded.octets("evidence.account_item"))
    skipped = evidence.parse_skipped(recorded.octets("evidence.skipped_item"))
    entry = evidence.parse_shown_entry(recorded.octets("evidence.entry_item"))
    leaves = Frontier()

    leaves.append_range(skipped.until, skipped.nodes)
    leaves.append(leaf_hash(entry.entry))

    assert (leaves.size, leaves.root()) == (account.size, account.root)
    assert account.account_id == partner_account("usa/arl", "UA-US-2026-014", "main")
    assert account.accounts_root() == parse_tick(tick.statement).accounts_root
    assert tick.opens_control(recorded.field("ledger.entry_applied", "link"))
    assert not tick.opens_control(bytes(48))
    assert not is_every_account([account], tick.tick_seed, account.accounts_root())


def test_the_second_reader_reads_the_same() -> None:
    """What one makes of the bytes is what the other does."""
    head = Head.parse(recorded.octets("evidence.account_item"))
    tick = parse_tick_item(recorded.octets("evidence.tick_item"))
    batch, leaves = parse_batch_item(recorded.octets("evidence.batch_item"))
    ours = evidence.parse_shown_batch(recorded.octets("evidence.batch_item"))
    opening = Opening.parse(recorded.octets("evidence.opening"))

    assert along(head.hashed, head.place, head.path) == tick[0].accounts_root
    assert (batch.digest, tuple(leaves)) == (ours.signed.digest, ours.leaves)
    assert ours.leads_to_root()
    assert opening.kept is not None
    assert [len(views) for _, views in opening.kept[1]] == [2, 1]
