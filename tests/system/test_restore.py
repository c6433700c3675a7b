"""A store is lost and an older copy put back: nothing goes on by itself, and with two officers' word everything does.

The day: a record in the morning, a backup, two more records, and then the disk is gone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.partner.events import CaughtUp, Disconnected, FollowEvent, Records, Restored, TickSeen
from clients.partner.follow import follow
from clients.partner.recording import Replay
from clients.partner.state import PartnerState
from clients.profile import Profile
from clients.source.outbox import ACKNOWLEDGED, LOST, Tally
from gateway.bootstrap import load
from gateway.core.errors import GatewayError
from gateway.core.ledger.entries import partner_account
from gateway.core.suite.numbers import RecordKind
from gateway.usecases.rebuild import check_batches
from tests.loopback import SOURCE, Loopback, a_tactic

PARTNER = "usa/arl"
TACTIC = RecordKind.TACTIC


@dataclass
class Day:
    """The world with what its parties keep; `backup` is of the morning."""

    world: Loopback
    backup: Path

    @property
    def profile(self) -> Profile:
        """The partner's."""
        return self.world.stand.profile(PARTNER)

    @property
    def state(self) -> Path:
        """What the partner keeps."""
        return self.world.root / "usa-arl.default.state"

    def heard(self, record: Path | None = None) -> list[FollowEvent]:
        """Everything the partner hears until it is caught up."""
        return self.world.run(_until_caught_up(self.profile, self.state, record))

    def waits(self) -> str:
        """Why the partner waits or stops; empty if it is caught up instead."""

        async def first() -> str:
            async with follow(self.profile, kinds=("tactic",), state=self.state) as events:
                async for event in events:
                    if isinstance(event, Disconnected):
                        return event.code
                    if isinstance(event, CaughtUp):
                        return ""
            raise AssertionError("the stream ended")

        try:
            return self.world.run(first())
        except GatewayError as error:
            return error.code

    def receipt(self) -> str:
        """The code with which the partner's receipt is refused; empty if it is taken."""

        async def hand_in() -> None:
            async with follow(self.profile, kinds=("tactic",), state=self.state) as following:
                await following.send_receipt()

        try:
            self.world.run(hand_in())
        except GatewayError as error:
            return error.code
        return ""

    def settled(self) -> Tally:
        """The source moves its outbox until everything is decided."""
        with self.world.outbox() as outbox:
            return self.world.run(self.world.upload(outbox).run(give_up_after_seconds=120))

    def published(self) -> str:
        """One more record, acknowledged; its name."""
        name = self.world.publish(TACTIC, a_tactic())[0].hex()[:8] + ".0"
        self.settled()
        return name

    def publish_unheard(self) -> None:
        """One more record, which the gateway has; the source's outbox is as it was before it was sent."""
        folder, before = self.world.root / "outbox", self.world.root / "outbox-before"
        with self.world.outbox() as outbox:
            self.world.seal(self.world.upload(outbox), outbox, TACTIC, a_tactic())
        shutil.copytree(folder, before)
        self.settled()
        shutil.rmtree(folder)
        before.rename(folder)

    def lose_the_store(self, backup: Path | None = None) -> None:
        """The disk is gone, the backup takes its place."""
        if self.world.stand.running is not None:
            self.world.stop()
        self.world.stand.put_back(backup or self.backup)

    def restore(self) -> None:
        """Two officers sign, the store lives on, the gateway runs."""
        self.world.run(self.world.stand.restore())
        self.world.serve_again()

    def verified(self) -> tuple[int, int]:
        """(batches, incarnations that are over) of the store, every signature verified; the gateway stands still."""
        loaded = load(self.world.stand.settings, every_signature=True)
        with closing(loaded.journals):
            batches, _, doubled = check_batches(loaded.journals, loaded.control)
        assert not doubled
        return batches, len(loaded.folds.lanes.ends)

    def refusal(self) -> str:
        """The code with which a gateway does not start."""
        with pytest.raises(GatewayError) as caught:
            self.world.serve_again()
        return caught.value.code


async def _until_caught_up(profile: Profile, state: Path, record: Path | None) -> list[FollowEvent]:
    heard: list[FollowEvent] = []
    async with follow(profile, kinds=("tactic",), state=state, record=record) as events:
        async for event in events:
            heard.append(event)
            if isinstance(event, Records):
                await events.flushed()
            if isinstance(event, CaughtUp):
                return heard
    raise AssertionError("the stream ended before it was caught up")


def names(heard: list[FollowEvent]) -> list[str]:
    """The records among what was heard."""
    return [record.id for event in heard if isinstance(event, Records) for record in event.records]


def restores(heard: list[FollowEvent]) -> list[tuple[int, int]]:
    """(disclosures held, of them beyond) of each account that was closed."""
    return [(event.closed.size, event.beyond) for event in heard if isinstance(event, Restored)]


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    """It is evening: everybody has seen more than the backup knows; of one record the source heard nothing."""
    world = Loopback(tmp_path)
    day = Day(world, tmp_path)
    try:
        world.start(PARTNER)
        day.published()
        assert len(names(day.heard())) == 1
        world.stop()
        day.backup = world.stand.back_up("backup")
        world.serve_again()
        day.published()
        day.publish_unheard()
        assert len(names(day.heard())) == 2
        yield day
    finally:
        world.close()


@pytest.mark.must("6.4.17", "6.6.5", "3.5.12")
def test_everybody_goes_on_after_two_officers_restored(day: Day) -> None:
    """Partner and source say by themselves what the gateway lost, send again what they have, and go on."""
    day.lose_the_store()
    assert day.refusal() == "store-below-floor"
    day.restore()

    early = day.receipt()
    heard, tally = day.heard(), day.settled()
    later = day.published()
    more = day.heard()

    assert early == "receipt-incarnation"
    assert day.receipt() == ""
    assert restores(heard) == [(2, 1)]
    assert names(heard) == []
    assert tally.batches == {ACKNOWLEDGED: 2, LOST: 1}
    assert names(more) == [later]
    day.world.stop()
    # The morning's, the one that was sent again, and the one after.
    assert day.verified() == (3, 1)


@pytest.mark.must("6.6.5")
def test_the_commands_say_what_was_lost(day: Day) -> None:
    """A person who comes back finds it, and so does a script."""
    day.lose_the_store()
    day.restore()
    partner = ("--profile", day.world.root / "usa-arl.profile")
    source = ("--profile", day.world.root / f"{SOURCE}.profile", "--outbox", day.world.root / "outbox")
    assert day.profile.id == PARTNER

    followed = day.world.cli(
        "follow", "tactic", *partner, "--until", "caught-up", "--to", f"ndjson:{day.world.root / 'lines'}", "--json"
    )
    status = day.world.cli("status", *partner, "--json")
    told = day.world.cli("status", *partner)
    sent = day.world.cli("outbox", *source, "--send", "--json")
    listed = day.world.cli("outbox", *source)

    (closed,) = followed.json()["restores"]
    assert (closed["held"], closed["beyond"]) == (2, 1)
    assert closed["ticks"] > closed["ticks_kept"]
    assert status.json()["closed"] == [closed]
    assert "of 2 disclosures 1 are lost there" in told.out
    assert len(sent.json()["lost"]) == len(sent.json()["closed"]) == 1
    assert "lost      batch" in listed.out


def test_nothing_goes_on_with_less_than_the_truth_of_two(day: Day) -> None:
    """The store stays below its floor, whatever was tried."""
    day.lose_the_store()
    stand = day.world.stand
    lies = {
        "signatures-too-few": stand.restoring(signers=stand.operators[:1]),
        "restore-mismatch": stand.restoring(tick_digest=b"k" * 48),
    }

    for code, lie in lies.items():
        with pytest.raises(GatewayError) as caught:
            day.world.run(stand.restore(lie))
        assert caught.value.code == code
        assert day.refusal() == "store-below-floor"
    day.restore()

    assert restores(day.heard()) == [(2, 1)]


@pytest.mark.must("2.12.5", "6.4.4")
def test_a_partner_that_was_away_for_two_restores_goes_on(day: Day) -> None:
    """Old to mid to new: it is told of both, and closes the one account it had."""
    day.lose_the_store()
    day.restore()
    day.world.stop()
    second = day.world.stand.back_up("second")
    day.world.serve_again()
    middle = day.published()
    day.lose_the_store(second)
    day.restore()
    last = day.published()

    heard = day.heard()

    assert restores(heard) == [(2, 1)]
    # What was sent again in the middle is kept; what was new then is lost with its life.
    assert last in names(heard)
    assert middle not in names(heard)
    day.world.stop()
    assert day.verified()[1] == 2


def test_a_backup_from_before_the_last_restore_brings_everybody_back(day: Day) -> None:
    """The lost RESTORE is applied again, and one more leads on from the life that it began."""
    day.lose_the_store()
    entry = day.world.stand.restoring()
    day.world.run(day.world.stand.restore(entry))
    day.world.serve_again()
    day.published()
    assert len(restores(day.heard())) == 1
    day.lose_the_store()

    day.world.run(day.world.stand.restore(entry))
    assert day.refusal() == "store-below-floor"
    day.restore()

    last = day.published()
    heard = day.heard()
    assert restores(heard) == [(1, 1)]
    assert names(heard)[-1] == last
    with closing(PartnerState(day.state, day.profile.genesis_link, _account(day))) as state:
        assert [one.ticks_kept for one in state.closed()][1:] == [0]


def _account(day: Day) -> bytes:
    return partner_account(PARTNER, day.profile.agreements[0].id, "default")


@pytest.mark.must("2.12.6")
def test_a_partner_with_a_directory_of_the_lost_past_goes_on_with_a_newer_one(day: Day) -> None:
    """The same number may name another directory: nothing is taken for the other."""
    day.world.run(day.world.stand.issue_directory())
    day.heard()
    day.lose_the_store()
    day.restore()

    codes = [day.waits()]
    for _ in range(2):
        day.world.run(day.world.stand.issue_directory())
        codes.append(day.waits())

    assert codes == ["directory-due", "directory-decreasing", ""]
    assert day.settled().open_batches == 0


def test_a_recording_over_a_restore_is_checked_again_by_whoever_has_the_profile(day: Day) -> None:
    """Evidence of what was lost must convince a third party."""
    day.lose_the_store()
    day.restore()
    record = day.world.root / "evidence"
    heard = day.heard(record)

    closed = [
        event.closed for event in Replay(day.profile, record).events() if isinstance(event, TickSeen) and event.closed
    ]

    assert len(restores(heard)) == 1
    assert [(one.size, one.ticks_kept) for one in closed] == [
        (event.closed.size, event.closed.ticks_kept) for event in heard if isinstance(event, Restored)
    ]
