"""From a source to its partners over a real gateway: each gets what it may have, once, in order, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clients.operator.ca import PartyKind
from clients.partner.events import CaughtUp, Disconnected, Ended, FollowEvent, QuotaReached, Records, Suspended
from clients.partner.follow import follow
from clients.profile import Profile
from clients.sinks.ndjson import NdjsonSink
from gateway.core.control.agreement import Agreement
from gateway.core.errors import Refused
from gateway.core.ledger.book import KIND_ENTRIES, parse_account_entries
from gateway.core.ledger.entries import partner_account
from gateway.core.sealing.frame import parse_disclosure_entry
from gateway.core.suite.numbers import EndReason, RecordKind, StatementKind
from gateway.ports.journal import Journal
from tests.loopback import Loopback, a_segment, a_tactic, names_of, next_event
from tests.stand import CLEARANCES, agreement_text

CALLSIGN = "Шуліка-3"
MAY_HAVE = {
    "usa/arl": {"about", "position", "position_coarse", "kinematics", "vehicle", "link", "gnss"},
    "gbr/dstl": {"about", "position", "position_coarse", "kinematics", "vehicle", "link", "gnss"},
    "deu/wtd81": {"about", "position_coarse", "vehicle"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Three partners and one source; one telemetry record with every portion is published."""
    world = Loopback(tmp_path_factory.mktemp("world"))
    try:
        world.start()
        world.publish(RecordKind.TELEMETRY, a_segment())
        yield world
    finally:
        world.close()


def released(world: Loopback, profile: Profile) -> int:
    """Records that the disclosures in a partner's account speak of."""
    assert world.stand.running is not None
    running = world.stand.running.running
    account_id = partner_account(profile.id, profile.agreements[0].id, "default")
    count, position = 0, 0
    while page := running.journals.read(Journal.LEDGER, position, 64):
        for stored in page:
            if stored.kind == KIND_ENTRIES:
                mine = [one.entry for one in parse_account_entries(stored.entry) if one.account_id == account_id]
                count += sum(parse_disclosure_entry(entry).records for entry in mine)
        position += len(page)
    return count


def account_size(world: Loopback, profile: Profile) -> int:
    """Disclosures entered in a partner's account."""
    assert world.stand.running is not None
    account_id = partner_account(profile.id, profile.agreements[0].id, "default")
    account = world.stand.running.running.book.account_of(account_id)
    return account.tree.size if account else 0


@pytest.mark.parametrize("partner", CLEARANCES)
def test_a_partner_gets_exactly_the_portions_it_may_have(world: Loopback, tmp_path: Path, partner: str) -> None:
    """Neither a portion more, which would be a leak, nor one less, which would be a broken agreement."""
    records = world.receive(world.stand.profile(partner), tmp_path / "state", kinds=("telemetry",))

    assert names_of(records[0]) == MAY_HAVE[partner]


@pytest.mark.parametrize("partner", CLEARANCES)
def test_the_unit_reaches_nobody(world: Loopback, tmp_path: Path, partner: str) -> None:
    """Who flew is releasable to no partner, and no other portion carries it along."""
    recording, profile = tmp_path / "recording", world.stand.profile(partner)

    records = world.receive(profile, tmp_path / "state", record=recording)

    assert "unit" not in {name for record in records for name in names_of(record)}
    assert CALLSIGN not in json.dumps([record.to_json() for record in records], ensure_ascii=False)


def test_two_portions_of_eight_verify_the_signature_of_their_origin(world: Loopback, tmp_path: Path) -> None:
    """Withholding six portions leaves the source's own signature over the other two."""
    profile = world.agree("deu/wtd81", "UA-two-of-eight", withhold='["telemetry.vehicle"]')

    record = world.receive(profile, tmp_path / "state", kinds=("telemetry",))[0]

    assert names_of(record) == {"about", "position_coarse"}
    assert record.to_json()["verified"] == "ORIGIN"


def test_a_delay_holds_records_back(world: Loopback, tmp_path: Path) -> None:
    """An agreement with an hour of delay gives nothing of what came a moment ago."""
    profile = world.agree("usa/arl", "UA-slow", delay_h="1")

    assert world.receive(profile, tmp_path / "state") == []


def test_a_quota_holds_records_back(world: Loopback, tmp_path: Path) -> None:
    """At the quota a stream waits and says so; what was not released is not in the account either."""
    profile = world.agree("gbr/dstl", "UA-two-a-month", quota="{ records_per_month = 2 }")
    for _ in range(3):
        world.publish(RecordKind.TACTIC, a_tactic())

    async def scenario() -> int:
        async with follow(profile, kinds=("telemetry", "tactic"), state=tmp_path / "state") as events:
            await next_event(events, QuotaReached)
            return events.verified

    assert world.run(scenario()) == 2
    assert released(world, profile) == 2


def test_only_the_kinds_asked_for_come(world: Loopback, tmp_path: Path) -> None:
    """A sink for tracks is not given tactics."""
    world.publish(RecordKind.TACTIC, a_tactic())

    records = world.receive(world.stand.profile("usa/arl"), tmp_path / "state", kinds=("telemetry",))

    assert {record.kind for record in records} == {RecordKind.TELEMETRY}


def test_nothing_is_handed_up_twice_from_the_start(world: Loopback, tmp_path: Path) -> None:
    """`--from-start` looks at everything again; what is held is counted and dropped."""
    profile, state = world.stand.profile("usa/arl"), tmp_path / "state"
    first = world.receive(profile, state)

    frames = world.events(profile, state, from_start=True)

    assert sum(frame.repeated for frame in frames) == len(first) > 0
    assert [record for frame in frames for record in frame.records] == []


def test_a_stream_goes_on_after_the_gateway_was_away(world: Loopback, tmp_path: Path) -> None:
    """The follower comes back by itself, from where it stood, to the same port."""
    profile = world.stand.profile("usa/arl")

    async def scenario() -> tuple[list[str], int]:
        async with follow(profile, kinds=("tactic",), state=tmp_path / "state") as events:
            iterator = aiter(events)
            await next_event(iterator, CaughtUp)
            await events.flushed()
            ended = asyncio.create_task(next_event(iterator, Ended))
            await world._serving.__aexit__(None, None, None)
            assert (await ended).reason is EndReason.SHUTDOWN
            away = await next_event(iterator, Disconnected)
            world._serving = world.stand.serving()
            await world._serving.__aenter__()
            await next_event(iterator, CaughtUp)
            return [away.code], events.verified

    codes, before = world.run(scenario())
    world.publish(RecordKind.TACTIC, a_tactic())
    after = world.receive(profile, tmp_path / "state", kinds=("tactic",))

    assert codes == ["gateway-unreachable"]
    assert before > 0
    assert len(after) == 1


def test_a_newer_follower_fences_the_older(world: Loopback, tmp_path: Path) -> None:
    """One live stream per subscription: two followers with one cursor would each miss what the other got."""
    profile = world.stand.profile("gbr/dstl")

    async def scenario() -> tuple[Ended, list[FollowEvent]]:
        async with follow(profile, kinds=("tactic",), state=tmp_path / "older") as older:
            iterator = aiter(older)
            await next_event(iterator, CaughtUp)
            fenced = asyncio.create_task(next_event(iterator, Ended))
            async with follow(profile, kinds=("tactic",), state=tmp_path / "newer") as newer:
                await next_event(newer, CaughtUp)
                return await fenced, [event async for event in iterator]

    ended, after = world.run(scenario())

    assert ended.reason is EndReason.FENCED
    assert after == []


def test_a_crash_between_fsync_and_cursor_repeats_no_line(world: Loopback, tmp_path: Path) -> None:
    """The file is cut back to what the cursor knows; the records come again and stand there once."""
    profile, lines, state = world.stand.profile("usa/arl"), tmp_path / "lines", tmp_path / "state"

    async def crashing() -> bytes:
        async with follow(profile, kinds=("telemetry", "tactic"), state=state) as events:
            with closing(NdjsonSink(lines, events.sink_note, events.under)) as sink:
                await events.flushed(sink.note())
                frame = await next_event(events, Records)
                sink.write(record.to_json() for record in frame.records)
                sink.flush()
                # Here the power fails: the lines are on the disk, the cursor is not.
                return lines.read_bytes()

    written = world.run(crashing())
    done = world.cli(
        *("follow", "telemetry", "tactic", "--until", "caught-up", "--to", f"ndjson:{lines}"),
        *("--profile", world.root / "usa-arl.profile", "--state", state),
    )
    ids = [json.loads(line)["id"] for line in lines.read_text().splitlines()]

    assert done.code == 0, done.err
    assert written.count(b"\n") > 0
    assert json.loads(written.splitlines()[0])["id"] in ids
    assert len(ids) == len(set(ids)) == len(world.receive(profile, tmp_path / "other"))


@pytest.mark.must("2.7.2")
def test_a_suspension_ends_a_stream_and_nothing_comes_after_it(world: Loopback, tmp_path: Path) -> None:
    """The stream hears `suspended`, does not come back, and no frame is younger than the suspension."""
    profile = world.stand.profile("deu/wtd81")

    async def scenario() -> tuple[list[FollowEvent], int]:
        async with follow(profile, kinds=("telemetry", "tactic"), state=tmp_path / "state") as events:
            iterator = aiter(events)
            await next_event(iterator, CaughtUp)
            await events.flushed()
            await world.stand.suspend(PartyKind.PARTNER, "deu/wtd81")
            size = account_size(world, profile)
            return [event async for event in iterator], size

    heard, size = world.run(scenario())
    world.publish(RecordKind.TACTIC, a_tactic())

    assert [type(event) for event in heard] == [Suspended]
    assert account_size(world, profile) == size
    with pytest.raises(Refused) as denied:
        world.receive(profile, tmp_path / "state")
    assert denied.value.code == "denied"
    world.run(world.stand.resume(PartyKind.PARTNER, "deu/wtd81"))
    assert len(world.receive(profile, tmp_path / "state")) == 1


def test_a_suspended_source_does_not_suspend_its_partners(world: Loopback, tmp_path: Path) -> None:
    """A stream is opened again under what has changed; only the one who is suspended stays away."""
    profile = world.stand.profile("usa/arl")
    world.run(world.stand.admit_source("src-91c2"))

    async def scenario() -> list[type[FollowEvent]]:
        heard: list[type[FollowEvent]] = []
        async with follow(profile, kinds=("tactic",), state=tmp_path / "state") as events:
            iterator: AsyncIterator[FollowEvent] = aiter(events)
            await next_event(iterator, CaughtUp)
            await world.stand.suspend(PartyKind.SOURCE, "src-91c2")
            async for event in iterator:
                heard.append(type(event))
                if isinstance(event, Ended):
                    assert event.reason is EndReason.CHANGED
                if isinstance(event, CaughtUp):
                    return heard
        return heard

    assert world.run(scenario()) == [Ended, CaughtUp]


@pytest.mark.must("2.7.3")
def test_an_ended_agreement_is_denied(world: Loopback, tmp_path: Path) -> None:
    """What two officers may give, one may take back; the partner hears no reason."""
    profile = world.agree("usa/arl", "UA-short")
    assert world.receive(profile, tmp_path / "state")

    world.run(
        world.stand.apply(
            StatementKind.END, b'agreement = "UA-short"\nreason = "a test"\n', signers=world.stand.operators[:1]
        )
    )

    with pytest.raises(Refused) as denied:
        world.receive(profile, tmp_path / "state")
    assert (denied.value.code, denied.value.message) == ("denied", "not allowed")


def test_whoever_is_not_admitted_hears_the_same_denial(world: Loopback, tmp_path: Path) -> None:
    """`Not found` equals `not allowed`: who is admitted, and to what, is nobody else's business."""
    profile = world.stand.profile("usa/arl")
    request = world.stand.bundles["usa/arl"].certificate_request
    ghost = world.stand.authority.issue(request, PartyKind.PARTNER, "usa/ghost", now=datetime.now(UTC))
    unheard = Agreement.parse(agreement_text("usa/arl", id='"UA-unheard-of"'))
    wrongs = {
        "a party nobody admitted": replace(profile, certificate_pem=ghost),
        "another partner's agreement": replace(profile, agreements=world.stand.profile("gbr/dstl").agreements),
        "an agreement that is none": replace(profile, agreements=(unheard,)),
    }
    heard = set()

    for number, wrong in enumerate(wrongs.values()):
        with pytest.raises(Refused) as denied:
            world.receive(wrong, tmp_path / f"state-{number}")
        heard.add((denied.value.code, denied.value.message, denied.value.at))

    assert heard == {("denied", "not allowed", "")}
