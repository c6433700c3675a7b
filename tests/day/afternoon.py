"""12:10 to 15:00: the roster changes after an objection and a wait, an agreement ends, a store is backed up."""

from __future__ import annotations

from clients.operator.drafts import end_text
from clients.partner.events import Records
from gateway.core.suite.numbers import EndReason, RecordKind, StatementKind
from tests.day.desk import RECRUIT
from tests.day.parties import BRITISH, NARROW, TACTICS, TRACKS, WIDE
from tests.day.records import a_tactic, a_track
from tests.day.telling import Day

NEXT = ("officer-1", "officer-2", RECRUIT)


async def the_roster_changes(day: Day) -> None:
    """Proposed, objected to, let go on, waited for; in force with a directory of the new officers under it."""
    desk = day.desk
    day.clock.until(12, 10)
    link = await desk.propose_roster(NEXT, ("officer-1", "officer-2"))
    day.decided("officer-3 goes, officer-4 comes: proposed")
    day.clock.until(12, 20)
    objection = f'proposal = "{link.hex()}"\nreason = "nobody told me"\n'.encode()
    await desk.decide(StatementKind.OBJECT, objection, by=("officer-3",))
    day.decided("officer-3 objects, which stops the proposal")
    day.clock.until(12, 50)
    lift = f'target = "proposal/{link.hex()}"\nreason = "officer-3 was told"\n'.encode()
    await desk.decide(StatementKind.LIFT, lift)
    day.decided("two officers lift the objection")
    day.clock.until(14, 12)
    await desk.decide(StatementKind.ROSTER, f'proposal = "{link.hex()}"\n'.encode())
    day.decided("the next roster is in force")
    day.clock.until(14, 15)
    await desk.direct(by=("officer-2", RECRUIT))
    day.decided("a directory under the next roster")


async def readers_follow_the_roster(day: Day) -> None:
    """Each from the directory it knows, by the proposal, the roster and the directory under it."""
    tracks, tactics = day.origins[TRACKS], day.origins[TACTICS]
    day.clock.until(14, 20)
    for origin in (tracks, tactics):
        day.note(origin, "the directory message brings the roster change")
    await tracks.connect([tracks.seal(RecordKind.TELEMETRY, a_track(14, 2, 40))])
    await tactics.connect([tactics.seal(RecordKind.TACTIC, a_tactic(9))])
    day.clock.until(14, 30)
    for name in (f"usa-arl.{NARROW}", f"gbr-dstl.{BRITISH}", f"usa-arl.{WIDE}"):
        reading = day.readings[name]
        day.note(reading, "to directory 3 from the one it knows: the proposal, the roster, the directory under it")
        await reading.open()
        await reading.caught_up()


async def an_agreement_ends(day: Day) -> None:
    """By one officer, while its partner follows; the other streams go on, until the gateway stops for a backup."""
    day.clock.until(14, 40)
    await day.desk.decide(StatementKind.END, end_text(WIDE, "the trial is over"), by=("officer-2",))
    day.decided("the wider agreement ends")
    wide = day.readings[f"usa-arl.{WIDE}"]
    assert (await wide.ended()).reason is EndReason.CHANGED
    tracks = day.origins[TRACKS]
    others = [day.readings[name] for name in (f"usa-arl.{NARROW}", f"gbr-dstl.{BRITISH}")]
    before = [reading.count(Records) for reading in others]
    for reading in others:
        day.note(reading, "a batch that came in meanwhile")
    await tracks.connect([tracks.seal(RecordKind.TELEMETRY, a_track(14, 38, 41))])
    for reading, frames in zip(others, before, strict=True):
        await reading.beyond(frames)
    day.clock.until(14, 44)
    await day.house.stop()
    day.house.back_up()
    for reading in others:
        assert (await reading.ended(asking=False)).reason is EndReason.SHUTDOWN
    day.house.start()


async def afternoon(day: Day) -> None:
    """The afternoon."""
    await the_roster_changes(day)
    await readers_follow_the_roster(day)
    await an_agreement_ends(day)
