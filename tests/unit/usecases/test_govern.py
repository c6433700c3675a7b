"""Laws of governing: what is applied, what waits, and that one operator cannot keep the others from deciding."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.core.control.entry import ControlEntry
from gateway.core.control.roster import Progress
from gateway.core.control.statement import SignedStatement, first_statement, sign_statement
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import StatementKind
from gateway.ports.journal import Journal
from gateway.usecases.pending import MAX_CHANGE_BYTES, MAX_PENDING_EACH, PendingChange
from tests.unit.control.given import signing_key
from tests.unit.control.world import UKR_2, source_bundle, source_text
from tests.unit.usecases.house import a_house
from tests.unit.usecases.proposals import draft, refused, signatures
from tests.unit.usecases.town import operator_peer, partner_peer, source_peer, turns


def test_a_change_waits_for_the_quorum_and_is_applied_with_it() -> None:
    """One person alone widens nothing."""

    async def scenario() -> None:
        async with a_house() as house:
            entry = draft(house)
            pending = await house.government.propose(operator_peer(), entry, "protocol 17")
            before = house.control().position

            applied = await house.government.approve(
                operator_peer("officer-2"), pending.change_id, signatures(entry, "officer-2"), "a test"
            )

            assert (pending.applied, pending.progress.have, pending.progress.need) == (False, 1, 2)
            assert (applied.applied, applied.effective_at_ms > 0) == (True, True)
            assert house.control().position == before + 1
            assert house.government.changes(operator_peer()) == []
            assert house.journals.head(Journal.CONTROL).size == before + 1

    asyncio.run(scenario())


@pytest.mark.parametrize("peer", [partner_peer(), source_peer()], ids=lambda peer: peer.role)
def test_nobody_but_an_operator_is_heard(peer: object) -> None:
    """Also not with good signatures, and not to read."""

    async def scenario() -> None:
        async with a_house() as house:
            calls = [
                lambda: house.government.propose(peer, draft(house), ""),
                lambda: house.government.approve(peer, "C-1", (), "a test"),
                lambda: house.government.reject(peer, "C-1", "a test"),
            ]
            for call in calls:
                with pytest.raises(GatewayError) as caught:
                    await call()
                assert caught.value.code == "denied"
            for read in (lambda: house.government.changes(peer), lambda: house.government.entries(peer, 0)):
                with pytest.raises(GatewayError) as caught:
                    read()
                assert caught.value.code == "denied"

    asyncio.run(scenario())


def test_the_same_proposal_again_is_the_same_change() -> None:
    """An operator whose answer was lost asks again, and another may hand in the same file with its signature."""

    async def scenario() -> None:
        async with a_house() as house:
            first = await house.government.propose(operator_peer(), draft(house), "")
            again = await house.government.propose(operator_peer(), draft(house), "")
            done = await house.government.propose(operator_peer("officer-2"), draft(house, by=("officer-2",)), "")

            assert again.change_id == first.change_id
            assert done.applied

    asyncio.run(scenario())


def test_a_chain_of_changes_is_applied_in_its_order() -> None:
    """A change may be written on one that waits; it waits behind it."""

    async def scenario() -> None:
        async with a_house() as house:
            first = draft(house, 2)
            place = {"position": first.statement.position + 1, "prev": first.statement.link}
            second = draft(house, 3, **place)
            one = await house.government.propose(operator_peer(), first, "")
            two = await house.government.propose(operator_peer(), second, "")

            with pytest.raises(GatewayError) as early:
                await house.government.approve(
                    operator_peer("officer-2"), two.change_id, signatures(second, "officer-2"), "a test"
                )
            await house.government.approve(
                operator_peer("officer-2"), one.change_id, signatures(first, "officer-2"), "a test"
            )
            done = await house.government.approve(
                operator_peer("officer-2"), two.change_id, signatures(second, "officer-2"), "a test"
            )

            assert early.value.code == "change-not-next"
            assert done.applied

    asyncio.run(scenario())


def test_rival_changes_stand_beside_each_other_and_each_may_be_built_on() -> None:
    """An operator must not be able to make another's chain disappear by proposing something else."""

    async def scenario() -> None:
        async with a_house() as house:
            first = draft(house, 2)
            child = draft(house, 3, position=first.statement.position + 1, prev=first.statement.link)
            rival = draft(house, 4, by=("officer-3",))
            for entry, name in ((first, "officer-1"), (rival, "officer-3"), (child, "officer-1")):
                await house.government.propose(operator_peer(name), entry, "")

            waiting = [change.statement.link for change in house.government.changes(operator_peer())]
            assert set(waiting) == {first.statement.link, rival.statement.link, child.statement.link}
            await house.government.propose(operator_peer("officer-2"), draft(house, 4, by=("officer-2",)), "")

            for entry, name in ((first, "officer-2"), (child, "officer-2")):
                again = replace(entry, signed=SignedStatement(entry.statement, signatures(entry, name)))
                assert await refused(house, again, name) == "stale-change"

    asyncio.run(scenario())


def test_a_change_that_could_never_be_applied_does_not_hide_the_others() -> None:
    """Behind another it is checked by its signatures alone; when its turn comes it must not break the list."""

    async def scenario() -> None:
        async with a_house() as house:
            first = draft(house, 2)
            nonsense = draft(
                house, 3, position=first.statement.position + 1, prev=first.statement.link, body=b"x = 1\n"
            )
            await house.government.propose(operator_peer(), first, "")
            bad = await house.government.propose(operator_peer(), nonsense, "")
            await house.government.propose(operator_peer("officer-2"), draft(house, 2, by=("officer-2",)), "")

            assert [change.change_id for change in house.government.changes(operator_peer())] == [bad.change_id]
            with pytest.raises(GatewayError) as caught:
                await house.government.approve(
                    operator_peer("officer-2"), bad.change_id, signatures(nonsense, "officer-2"), "a test"
                )
            assert caught.value.code.startswith("text-")

    asyncio.run(scenario())


def test_a_change_is_refused_at_once_when_its_place_time_or_signers_are_wrong() -> None:
    """Not when the last person has signed."""

    async def scenario() -> None:
        async with a_house() as house:
            head = house.control()
            assert await refused(house, draft(house, position=head.position - 1)) == "stale-change"
            assert await refused(house, draft(house, prev=b"p" * 48)) == "stale-change"
            assert await refused(house, draft(house, position=head.position + 1)) == "stale-change"
            assert await refused(house, draft(house, expires_at_ms=house.now_ms)) == "statement-expired"
            assert await refused(house, draft(house, by=("stranger",))) == "signer-unknown"
            assert await refused(house, draft(house, genesis=b"g" * 48)) == "statement-genesis"
            assert await refused(house, draft(house, body=b"x = 1\n")) == "text-unknown-key"
            assert house.journals.head(Journal.CONTROL).size == head.position

    asyncio.run(scenario())


def test_one_operator_cannot_keep_others_from_proposing() -> None:
    """So many changes each; and what one person may do alone never waits."""

    async def scenario() -> None:
        async with a_house() as house:
            for number in range(MAX_PENDING_EACH):
                await house.government.propose(operator_peer(), draft(house, 10 + number), "")

            assert await refused(house, draft(house, 99)) == "changes-full"
            other = await house.government.propose(operator_peer("officer-3"), draft(house, 98, by=("officer-3",)), "")
            assert not other.applied
            assert await house.suspend("partner/gbr/dstl") == 0

    asyncio.run(scenario())


def test_a_change_that_could_not_be_read_back_is_refused() -> None:
    """Every operator and auditor reads CONTROL through one message an entry."""

    async def scenario() -> str:
        async with a_house() as house:
            entry = house.entry(StatementKind.SOURCE, source_text("src-new"), source_bundle("src-new").encoded, by=())
            statement = entry.statement
            signed = SignedStatement(statement, (sign_statement(statement, signing_key("officer-1")),))
            return await refused(house, ControlEntry(signed, (b"x" * MAX_CHANGE_BYTES,), 0))

    assert asyncio.run(scenario()) == "size"


def test_control_is_read_a_page_at_a_time_to_its_end() -> None:
    """Any operator rebuilds the state from the bytes alone."""

    async def scenario() -> None:
        async with a_house() as house:
            read: list[bytes] = []
            while page := house.government.entries(operator_peer(), len(read)):
                read += page

            assert read == [entry.encode() for entry in house.world.entries]
            assert house.government.entries(operator_peer(), 1 << 63) == []

    asyncio.run(scenario())


def test_two_proposals_at_once_are_applied_one_after_the_other() -> None:
    """The second one is written on a head that is over, and is refused as that."""

    async def scenario() -> None:
        async with a_house() as house:
            both = ("officer-1", "officer-2")
            calls = [house.government.propose(operator_peer(), draft(house, n, by=both), "") for n in (2, 3)]

            done = await asyncio.gather(*calls, return_exceptions=True)

            assert [getattr(one, "applied", getattr(one, "code", "")) for one in done] == [True, "stale-change"]

    asyncio.run(scenario())


def test_an_operator_who_hangs_up_does_not_undo_a_change() -> None:
    """It was handed over; the next one sees it applied."""

    async def scenario() -> None:
        async with a_house(committing=False) as house:
            entry = draft(house, by=("officer-1", "officer-2"))
            call = asyncio.create_task(house.government.propose(operator_peer(), entry, ""))
            await turns()
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            house.commit()
            await turns(50)

            assert house.control().head == entry.statement.link
            assert await refused(house, entry) == "stale-change"

    asyncio.run(scenario())


def test_two_statements_for_one_place_are_never_committed_together() -> None:
    """Whoever hangs up leaves its statement in the line: the next one must not lie beside it and end the store."""

    async def scenario() -> None:
        async with a_house(committing=False, ticking=False) as house:
            parties = ("partner/usa/arl", "partner/gbr/dstl")
            first, second = (
                house.entry(
                    StatementKind.SUSPEND, f'target = "{party}"\nreason = "a test"\n'.encode(), by=("officer-1",)
                )
                for party in parties
            )
            call = asyncio.create_task(house.government.propose(operator_peer(), first, "a test"))
            await turns()
            call.cancel()
            await turns()
            next_call = asyncio.create_task(refused(house, second))
            await turns()

            house.commit()

            assert await next_call == "stale-change"
            assert house.control().suspended == {parties[0]}
            await house.restart()
            assert house.control().suspended == {parties[0]}

    asyncio.run(scenario())


def test_a_second_vocabulary_of_a_policy_is_a_change_like_any_other() -> None:
    """And ends streams, because what labels mean is part of every decision."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()

            assert await house.apply(StatementKind.VOCABULARY, UKR_2) == 1

    asyncio.run(scenario())


def test_who_decided_and_why_is_logged_once_it_is_applied() -> None:
    """A reason that was asked for is kept: the proposer's first, then each approver's last."""

    async def scenario() -> None:
        async with a_house() as house:
            entry, office = draft(house), house.government
            pending = await office.propose(operator_peer(), entry, "protocol 17")
            await office.propose(operator_peer(), entry, "protocol 18")
            await office.approve(operator_peer("officer-3"), pending.change_id, (), "only looking")
            await office.approve(
                operator_peer("officer-2"), pending.change_id, signatures(entry, "officer-2"), "read on paper"
            )

    with capture_logs() as events:
        asyncio.run(scenario())

    (applied,) = [event for event in events if event["event"] == "change.applied"]
    assert (applied["proposer"], applied["approvers"]) == ("officer-1", ["officer-2"])
    assert applied["reasons"] == ["protocol 17", "read on paper"]


def test_the_reasons_of_an_approver_count_once() -> None:
    """Approving again replaces the reason, so reasons are bounded by the number of operators."""
    entry = ControlEntry(SignedStatement(first_statement(b"", 0, 1), ()), (), 0)
    change = PendingChange("C-1", "officer-1", entry, "first", Progress(1, 3))

    again = change.approved("officer-2", "a").approved("officer-2", "bb").approved("officer-1", "not kept")

    assert again.approvals == (("officer-2", "bb"),)
    assert again.approved("officer-1", "from a vault", carries=True).approvals[-1] == ("officer-1", "from a vault")
    assert again.size == change.size + 2
