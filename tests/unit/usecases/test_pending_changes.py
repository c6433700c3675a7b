"""Laws of what waits: it outlasts a restart, is rejected by one, and cannot be approved once it was overtaken."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.adapters.memory import UnsafeMemoryPending
from gateway.core.control.entry import ControlEntry
from gateway.core.control.roster import Progress
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import Fault, GatewayError
from gateway.core.suite.numbers import StatementKind
from gateway.usecases.govern import Government
from gateway.usecases.pending import MAX_PENDING_EACH, PendingChanges
from tests.unit.control.given import DAY, roster_text, signed
from tests.unit.usecases.house import a_house
from tests.unit.usecases.proposals import AGREEMENT, draft, refused, signatures
from tests.unit.usecases.town import operator_peer, terms, turns


def test_what_is_applied_and_what_waits_are_there_after_a_restart() -> None:
    """Changes are worked on over days; the last signature may come to another process."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.apply(AGREEMENT, terms(agreement_id="UA-US-9"))
            entry = draft(house)
            waiting = await house.government.propose(operator_peer(), entry, "protocol 17")
            await house.government.approve(operator_peer("officer-3"), waiting.change_id, (), "")
            head, before = house.control().head, house.government.changes(operator_peer())

            await house.restart()

            assert house.control().head == head
            assert house.government.changes(operator_peer()) == before
            new = await house.government.propose(operator_peer(), draft(house, 3), "")
            assert new.change_id != waiting.change_id
            done = await house.government.approve(
                operator_peer("officer-2"), waiting.change_id, signatures(entry, "officer-2"), "a test"
            )
            assert done.applied

    asyncio.run(scenario())


def test_who_approved_and_why_outlasts_a_restart() -> None:
    """The log of the day it is applied names all of them."""

    async def scenario() -> None:
        async with a_house() as house:
            entry = draft(house)
            first = replace(entry, signed=SignedStatement(entry.statement, ()))
            waiting = await house.government.propose(operator_peer("officer-3"), first, "for another")
            await house.government.approve(
                operator_peer(), waiting.change_id, signatures(entry, "officer-1"), "protocol 17"
            )

            await house.restart()

            (kept,) = house.government.changes(operator_peer())
            assert (kept.proposer, kept.reason) == ("officer-3", "for another")
            assert kept.approvals == (("officer-1", "protocol 17"),)
            assert (kept.progress.have, kept.progress.need) == (1, 2)

    asyncio.run(scenario())


def test_who_hangs_up_while_a_change_is_applied_hides_neither_it_nor_who_decided() -> None:
    """Nobody may apply a change and be missing in the log of it."""

    async def scenario() -> tuple[bool, list[object], list[object]]:
        async with a_house() as house:
            entry = draft(house)
            waiting = await house.government.propose(operator_peer("officer-1"), entry, "protocol 17")
            await house.stop()
            house.start(ticking=False, committing=False)
            with capture_logs() as logs:
                call = asyncio.create_task(
                    house.government.approve(
                        operator_peer("officer-2"), waiting.change_id, signatures(entry, "officer-2"), "agreed"
                    )
                )
                await turns()
                call.cancel()
                await turns()
                house.commit()
                await asyncio.gather(*house.government._underway)
            told = [one["approvers"] for one in logs if one["event"] == "change.applied"]
            left = house.government.changes(operator_peer())
            return house.control().head == entry.statement.link, told, list(left)

    assert asyncio.run(scenario()) == (True, [["officer-2"]], [])


class SlowStore(UnsafeMemoryPending):
    """A disk that lets one saving through at a time; most: how many were inside at once."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most = 0
        self.may_go, self.begun = threading.Semaphore(0), threading.Semaphore(0)

    def save(self, content: bytes) -> None:
        """Waits inside until it may go on."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.begun.release()
        self.may_go.acquire()
        super().save(content)
        self.inside -= 1


def test_two_savings_never_meet_though_the_caller_of_the_first_hung_up() -> None:
    """They write the same file: an older list could win, or neither be whole."""

    async def scenario() -> tuple[int, set[str], set[str]]:
        async with a_house() as house:
            store = SlowStore()
            house.pending = store
            house.government = Government(house.running, store)
            first, second = draft(house, 2), draft(house, 3)
            call = asyncio.create_task(house.government.propose(operator_peer(), first, ""))
            await asyncio.to_thread(store.begun.acquire)
            call.cancel()
            other = asyncio.create_task(house.government.propose(operator_peer("officer-2"), second, ""))
            # Nobody else comes in; if one does, it is counted.
            await asyncio.to_thread(store.begun.acquire, timeout=0.2)
            store.may_go.release(2)
            await other
            listed = {change.change_id for change in house.government.changes(operator_peer())}
            kept = PendingChanges.parse(store.load(), house.control().weigh)
            return store.most, {change.change_id for change in kept.in_order()}, listed

    most, kept, listed = asyncio.run(scenario())

    assert (most, kept, len(listed)) == (1, listed, 2)


def test_a_change_that_was_applied_just_before_the_end_is_not_pending_after_it() -> None:
    """The list is written after the commit, and the process may end between them."""

    async def scenario() -> None:
        async with a_house() as house:
            entry = draft(house)
            waiting = await house.government.propose(operator_peer(), entry, "")
            older = house.pending.load()
            await house.government.approve(
                operator_peer("officer-2"), waiting.change_id, signatures(entry, "officer-2"), ""
            )
            house.pending.save(older)

            await house.restart()

            assert house.government.changes(operator_peer()) == []

    asyncio.run(scenario())


def test_a_list_that_is_damaged_stops_no_gateway() -> None:
    """Nothing in it was decided; the warning says that it is gone."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.government.propose(operator_peer(), draft(house), "")
            whole = house.pending.load()
            for damaged in (whole[:-1], whole + b"x", b"x" + whole[1:], whole.replace(b"officer-1", b"officer-\xff")):
                house.pending.save(damaged)
                with capture_logs() as events:
                    await house.restart()

                assert house.government.changes(operator_peer()) == []
                assert [event["event"] for event in events if event["log_level"] == "warning"] == ["changes.lost"]

    asyncio.run(scenario())


def test_a_change_of_signers_who_are_no_operators_is_left_out() -> None:
    """Nobody could complete it."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.government.propose(operator_peer(), draft(house, 2), "")
            content = house.pending.load()
            control = house.control()
            without = replace(control, roster=replace(control.roster, operators=control.roster.operators[1:]))

            assert PendingChanges.parse(content, without.weigh).in_order() == []
            assert len(PendingChanges.parse(content, control.weigh).in_order()) == 1

    asyncio.run(scenario())


def test_a_next_roster_waits_with_the_signatures_of_those_who_come_and_of_recovery_keys() -> None:
    """They are no operators now, and what they signed must be there after a restart, also behind another change."""
    text = roster_text(operators=("officer-1", "officer-7"))

    async def scenario() -> None:
        async with a_house() as house:
            first = draft(house)
            await house.government.propose(operator_peer(), first, "stands before it")
            statement = replace(
                first.statement,
                position=first.statement.position + 1,
                prev=first.statement.link,
                kind=StatementKind.ROSTER_PROPOSE,
                body=text,
            )
            entry = ControlEntry(signed(statement, "officer-1", "officer-7", "vault-1"), (), 0)
            waiting = await house.government.propose(operator_peer(), entry, "officer-2 lost the key")

            await house.restart()

            kept = house.government.changes(operator_peer())[1]
            assert kept.entry.signed.signers == entry.signed.signers
            assert kept.progress == waiting.progress == Progress(3, 4)
            stranger = replace(statement, expires_at_ms=statement.expires_at_ms + 1)
            crossed = ControlEntry(signed(stranger, "officer-1", "stranger"), (), 0)
            assert await refused(house, crossed) == "signer-unknown"

    asyncio.run(scenario())


class FullDisk(UnsafeMemoryPending):
    """A list that cannot be written."""

    def save(self, content: bytes) -> None:
        """Refuses, as a full disk does."""
        raise Fault("pending-not-written", "the list must be written")


def test_nothing_is_called_pending_that_would_not_outlast_a_restart() -> None:
    """What is applied counts, whether the list can be written or not."""

    async def scenario() -> None:
        async with a_house() as house:
            house.pending = FullDisk()
            await house.restart()

            assert await refused(house, draft(house)) == "pending-not-written"
            await house.apply(AGREEMENT, terms(agreement_id="UA-US-9"))

    asyncio.run(scenario())


def test_one_operator_rejects_and_what_was_written_on_it_is_overtaken() -> None:
    """Nothing was in force by it; the others see that it is gone, and their own texts stay to be written anew."""

    async def scenario() -> None:
        async with a_house() as house:
            first = draft(house, 2)
            child = draft(house, 3, position=first.statement.position + 1, prev=first.statement.link)
            one = await house.government.propose(operator_peer(), first, "")
            two = await house.government.propose(operator_peer("officer-3"), child, "")

            overtaken = await house.government.reject(operator_peer("officer-2"), one.change_id, "not now")

            assert overtaken == [two.change_id]
            await house.restart()
            assert [change.change_id for change in house.government.changes(operator_peer())] == [two.change_id]
            with pytest.raises(GatewayError) as gone:
                await house.government.reject(operator_peer(), one.change_id, "again")
            assert gone.value.code == "change-unknown"

    with capture_logs() as events:
        asyncio.run(scenario())
    (rejected,) = [event for event in events if event["event"] == "change.rejected"]
    assert (rejected["operator"], rejected["reason"]) == ("officer-2", "not now")


def test_what_was_overtaken_goes_once_its_text_is_proposed_again() -> None:
    """Rebasing leaves one change where there was one."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.government.propose(operator_peer(), draft(house, 2), "")
            other = await house.government.propose(operator_peer(), draft(house, 3), "")
            await house.apply(AGREEMENT, terms(agreement_id="UA-US-9"))

            again = await house.government.propose(operator_peer(), draft(house, 2), "")

            listed = {change.change_id for change in house.government.changes(operator_peer())}
            assert listed == {other.change_id, again.change_id}

    asyncio.run(scenario())


def test_what_was_overtaken_makes_room() -> None:
    """Texts nobody writes anew must not keep an operator from proposing."""

    async def scenario() -> None:
        async with a_house() as house:
            for number in range(MAX_PENDING_EACH):
                await house.government.propose(operator_peer(), draft(house, 10 + number), "")
            await house.apply(AGREEMENT, terms(agreement_id="UA-US-9"))

            new = await house.government.propose(operator_peer(), draft(house, 99), "")

            listed = [change.change_id for change in house.government.changes(operator_peer())]
            assert len(listed) == MAX_PENDING_EACH
            assert new.change_id in listed

    asyncio.run(scenario())


def test_a_change_that_was_overtaken_cannot_be_approved_and_one_that_expired_is_forgotten() -> None:
    """Nobody approves what can no longer be applied; its text stays until it expires, to be proposed again."""

    async def scenario() -> None:
        async with a_house() as house:
            overtaken = await house.government.propose(operator_peer(), draft(house, 2), "")
            await house.apply(AGREEMENT, terms(agreement_id="UA-US-9"))
            with pytest.raises(GatewayError) as gone:
                await house.government.approve(operator_peer("officer-2"), overtaken.change_id, (), "a test")
            expiring = await house.government.propose(operator_peer(), draft(house, 3), "")
            listed = [change.change_id for change in house.government.changes(operator_peer())]
            assert listed == [overtaken.change_id, expiring.change_id]
            house.clock.advance(2 * DAY)

            assert gone.value.code == "stale-change"
            assert expiring.change_id
            assert house.government.changes(operator_peer()) == []

    asyncio.run(scenario())
