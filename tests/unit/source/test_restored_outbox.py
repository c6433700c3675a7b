"""A source's outbox when a RESTORE takes back what the gateway had said: sent again, or lost and said so."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from clients.source.outbox import ACKNOWLEDGED, LOST, REFUSED, STORED, WAITING, Outbox, Outcome
from gateway.core.control.restore import Restore
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.ledger.entries import source_account
from gateway.core.suite.algorithms import digest
from tests.reference.making import GENESIS
from tests.unit.ledger.honest import LEDGER_PUBLIC, HonestGateway
from tests.unit.source.test_outbox import LABELS, SOURCE, TRUST, add, opened

ACCOUNT = source_account(SOURCE)
LIVES = (b"incarnation 16 b", b"another life 16b")


def a_gateway(incarnation: bytes = LIVES[0]) -> HonestGateway:
    """A gateway with the source's account."""
    gateway = HonestGateway(incarnation=incarnation)
    gateway.open(ACCOUNT)
    return gateway


def ticked(outbox: Outbox, gateway: HonestGateway, *outcomes: Outcome, restores: tuple[Restore, ...] = ()) -> None:
    """One more tick, under which the account decides these batches."""
    gateway.tick()
    _, message = gateway.message(0, outbox.ledger.next_tick if not restores else 0, ACCOUNT)
    outbox.ledger.accept(message, [], LEDGER_PUBLIC, restores)
    outbox.settle(TRUST, outcomes)


def kept(gateway: HonestGateway) -> Restore:
    """The restore that keeps what there is now."""
    last = gateway.book.last_tick
    assert last is not None
    return Restore(*LIVES, gateway.book.ticks.size - 1, digest(last.statement))


def trusting(*restores: Restore) -> Trust:
    """A reader who was sent these."""
    return Trust(GENESIS, None, bytes(48), TRUST.directory, frozenset(), {}, restores)


@pytest.mark.must("3.5.12", "6.6.4", "6.6.5")
def test_what_was_decided_beyond_is_open_again_or_lost(tmp_path: Path) -> None:
    """The permit to delete was given under a tick that the store has lost."""
    with closing(opened(tmp_path)) as outbox:
        gateway = a_gateway()
        before, stays = add(outbox, *LABELS)
        ticked(outbox, gateway, Outcome(before, ""))
        restore = kept(gateway)
        (refused,) = add(outbox, LABELS[0])
        (gone,) = add(outbox, LABELS[0])
        ticked(outbox, gateway, Outcome(gone, ""), Outcome(refused, "schema"))
        beside, waiting = add(outbox, *LABELS)
        outbox.mark_stored(stays)
        ticked(outbox, gateway, Outcome(beside, ""))
        lane = outbox.lane(LABELS[0].decode())
        for _ in range(2):
            outbox.save_trust(trusting(restore))

        states = {name: outbox.state_of(name) for name in (before, stays, refused, gone, beside, waiting)}
        assert states == {
            before: ACKNOWLEDGED,
            stays: WAITING,
            refused: LOST,
            gone: LOST,
            beside: WAITING,
            waiting: WAITING,
        }
        assert outbox.lane(LABELS[0].decode()).next_no == 0
        assert outbox.lane(LABELS[0].decode()).lane != lane.lane
        assert [told.code for told in outbox.lost()] == ["schema", ""]

        following = a_gateway(LIVES[1])
        ticked(outbox, following, Outcome(gone, ""), Outcome(beside, ""), restores=(restore,))
        assert (outbox.state_of(gone), outbox.state_of(beside)) == (ACKNOWLEDGED, ACKNOWLEDGED)
        (closed,) = outbox.closed()
        assert (closed.incarnation, closed.ticks, closed.ticks_kept) == (LIVES[0], 3, 1)
        outbox.save_trust(trusting(restore))
        assert outbox.state_of(gone) == ACKNOWLEDGED


@pytest.mark.must("3.7.8")
def test_a_new_account_may_repeat_what_a_kept_tick_said_and_nothing_else(tmp_path: Path) -> None:
    """A batch is admitted or refused, once in each life, and in each life the same."""
    with closing(opened(tmp_path)) as outbox:
        gateway = a_gateway()
        first, second = add(outbox, *LABELS)
        ticked(outbox, gateway, Outcome(first, ""), Outcome(second, "schema"))
        restore = kept(gateway)
        assert outbox.contradicts(Outcome(first, ""))
        ticked(outbox, a_gateway(LIVES[1]), restores=(restore,))

        assert not outbox.contradicts(Outcome(first, ""))
        assert outbox.contradicts(Outcome(first, "schema"))
        assert outbox.contradicts(Outcome(second, ""))
        assert not outbox.contradicts(Outcome(second, "schema"))
        assert not outbox.contradicts(Outcome(b"n" * 48, ""))


@pytest.mark.must("6.4.16")
def test_a_restore_of_another_past_opens_nothing(tmp_path: Path) -> None:
    """The outbox is the source's own proof: it is not emptied or sent again on a lie."""
    with closing(opened(tmp_path)) as outbox:
        gateway = a_gateway()
        (batch,) = add(outbox, LABELS[0])
        ticked(outbox, gateway)
        outbox.mark_stored(batch)

        with pytest.raises(Refused, match="restore-contradicts"):
            outbox.save_trust(trusting(Restore(*LIVES, 0, digest(b"another tick"))))

        assert outbox.state_of(batch) == STORED


def test_an_outbox_from_before_ticks_were_noted_says_rather_too_much(tmp_path: Path) -> None:
    """What was decided then was decided under the last tick at the latest."""
    with closing(opened(tmp_path)) as outbox:
        gateway = a_gateway()
        (batch,) = add(outbox, LABELS[0])
        ticked(outbox, gateway, Outcome(batch, "size"))
        restore = kept(gateway)
        ticked(outbox, gateway)
        with outbox._file.transaction():
            outbox._file.db.execute("DELETE FROM decided")

    with closing(opened(tmp_path)) as outbox:
        assert outbox.state_of(batch) == REFUSED
        assert outbox.contradicts(Outcome(batch, "size"))

        outbox.save_trust(trusting(restore))
        assert outbox.state_of(batch) == LOST
