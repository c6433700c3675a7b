"""10:00 to 12:04: a directory is dated again, a partner and a source are stopped and taken up, one is shown more."""

from __future__ import annotations

from clients.operator.ca import PartyKind
from clients.operator.drafts import lift_text, suspension_text
from gateway.core.suite.numbers import EndReason, RecordKind, StatementKind
from tests.day.parties import AGREEMENTS, ARL, BRITISH, DSTL, NARROW, TACTICS, TRACKS, WIDE
from tests.day.records import a_tactic, a_track
from tests.day.telling import Day


async def the_directory_is_dated_again(day: Day) -> None:
    """One officer repeats it; a reader that had the one before learns the new date and nothing else."""
    day.clock.until(10, 0)
    await day.desk.redate()
    day.decided("officer-1 alone dates the directory again")
    dstl = day.readings[f"gbr-dstl.{BRITISH}"]
    day.clock.until(10, 5)
    day.note(dstl, "from directory 1 to directory 2: the base that is known and its re-date by one officer")
    await dstl.open()
    await dstl.caught_up()


async def a_partner_is_suspended(day: Day) -> None:
    """By one officer, while it follows; taken up again by two."""
    dstl, desk = day.readings[f"gbr-dstl.{BRITISH}"], day.desk
    day.clock.until(10, 10)
    text = suspension_text(PartyKind.PARTNER, DSTL, "key held by one person only")
    await desk.decide(StatementKind.SUSPEND, text, by=("officer-3",))
    day.decided("gbr/dstl is suspended")
    assert (await dstl.ended()).reason is EndReason.SUSPENDED
    day.clock.until(10, 40)
    await desk.decide(StatementKind.LIFT, lift_text(PartyKind.PARTNER, DSTL, "two persons hold it now"))
    day.decided("gbr/dstl is taken up again")


async def a_source_is_suspended(day: Day) -> None:
    """What it sent before is not shown while it is stopped, and comes to whoever asks from the start once it is not."""
    dstl, desk = day.readings[f"gbr-dstl.{BRITISH}"], day.desk
    day.clock.until(11, 0)
    tactics, tracks = day.origins[TACTICS], day.origins[TRACKS]
    told = tactics.seal(RecordKind.TACTIC, a_tactic(7), a_tactic(8))
    flown = tactics.seal(RecordKind.TELEMETRY, a_track(10, 55, 30))
    await tactics.connect([told, flown])
    day.clock.until(11, 5)
    text = suspension_text(PartyKind.SOURCE, TACTICS, "its operator does not answer")
    await desk.decide(StatementKind.SUSPEND, text, by=("officer-2",))
    day.decided("src-91c2 is suspended")
    await tracks.connect([tracks.seal(RecordKind.TELEMETRY, a_track(10, 12, 20), a_track(11, 4, 31))])
    day.clock.until(11, 10)
    day.note(dstl, "taken up again; nothing of the source that is suspended is shown")
    await dstl.open()
    await dstl.caught_up()
    day.clock.until(11, 20)
    await desk.decide(StatementKind.LIFT, lift_text(PartyKind.SOURCE, TACTICS, "it has answered"))
    day.decided("src-91c2 is taken up again")
    assert (await dstl.ended()).reason is EndReason.CHANGED
    day.clock.until(11, 25)
    day.note(dstl, "from the start: what was left out comes, and all else again, which adds nothing")
    await dstl.open(from_start=True)
    await dstl.caught_up()
    day.receipts["gbr-dstl"] = await dstl.hand_in_receipt()
    day.clock.until(11, 41)
    assert (await dstl.ended()).reason is EndReason.LIFETIME


async def an_agreement_is_wider(day: Day) -> None:
    """A second agreement of usa/arl, an account of its own: the same records, with more slots."""
    day.clock.until(11, 45)
    await day.desk.decide(StatementKind.AGREEMENT, AGREEMENTS[WIDE])
    day.decided("a second and wider agreement with usa/arl")
    day.clock.until(11, 48)
    day.answer(ARL, [NARROW, WIDE])
    wide = day.open_reading(ARL, WIDE)
    day.note(wide, "a reader with a profile only: every record again under the wider agreement, with more slots")
    await wide.open()
    await wide.caught_up()
    day.clock.until(12, 4)
    assert (await wide.ended()).reason is EndReason.LIFETIME


async def noon(day: Day) -> None:
    """What happens around noon."""
    await the_directory_is_dated_again(day)
    await a_partner_is_suspended(day)
    await a_source_is_suspended(day)
    await an_agreement_is_wider(day)
