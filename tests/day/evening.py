"""15:10 to 16:40: an hour behind the backup is lost with the disk, and the store lives on where the quorum says so."""

from __future__ import annotations

import pytest

from clients.partner.events import Records
from gateway.core.errors import Fault
from gateway.core.suite.numbers import EndReason, PublishMessage, RecordKind
from tests.day.account import account
from tests.day.parties import BRITISH, NARROW, TACTICS, TRACKS
from tests.day.records import a_tactic, a_track
from tests.day.telling import Day


async def an_hour_that_will_be_lost(day: Day) -> None:
    """Behind the backup: a batch that is acknowledged and shown to one partner, and one that is stored and no more."""
    arl, tracks, tactics = day.readings[f"usa-arl.{NARROW}"], day.origins[TRACKS], day.origins[TACTICS]
    day.clock.until(15, 10)
    day.note(arl, "the last stream before the loss: one more batch, whose disclosure no kept tick will cover")
    await arl.open()
    await arl.caught_up()
    frames = arl.count(Records)
    day.clock.until(15, 12)
    await tracks.connect([tracks.seal(RecordKind.TELEMETRY, a_track(15, 11, 50))])
    await arl.beyond(frames)
    day.clock.until(15, 26)
    assert (await arl.ended()).reason is EndReason.LIFETIME
    await tracks.connect()
    day.clock.until(15, 30)
    day.note(tactics, "a batch is stored, and the connection breaks before the account says so")
    await tactics.connect([tactics.seal(RecordKind.TACTIC, a_tactic(10))], cut_at=PublishMessage.STORED)


async def the_store_is_put_back(day: Day) -> None:
    """It does not start by itself: two officers say how much of it was kept and under which name it lives on."""
    day.clock.until(15, 40)
    await day.house.die()
    day.house.put_back()
    with pytest.raises(Fault) as sealed:
        day.house.start()
    assert sealed.value.code == "store-below-floor"
    day.clock.until(16, 0)
    entry = day.desk.sign_restore(*day.house.state_put_back())
    day.clock.until(16, 5)
    await day.house.restore(entry)
    day.decided("the store was put back as of 14:44 and lives on in another incarnation")
    for origin in day.origins.values():
        origin.closed.append(account(origin.outbox.ledger))
    day.house.start()


async def everybody_goes_on(day: Day) -> None:
    """Sources send again what no account decides, and sign in new lanes; partners begin an account that is empty."""
    tracks, tactics = day.origins[TRACKS], day.origins[TACTICS]
    day.clock.until(16, 10)
    day.note(tracks, "the directory message brings the RESTORE; what was acknowledged after the backup is lost")
    await tracks.connect()
    await tracks.connect([tracks.seal(RecordKind.TELEMETRY, a_track(16, 8, 51))])
    day.note(tactics, "what was stored before the loss is sent again, and a batch in a new lane behind it")
    await tactics.connect()
    again = tactics.outbox.parcels()
    await tactics.connect([*again, tactics.seal(RecordKind.TACTIC, a_tactic(11))])
    day.clock.until(16, 20)
    readings = [day.readings[name] for name in (f"usa-arl.{NARROW}", f"gbr-dstl.{BRITISH}")]
    for reading in readings:
        day.note(reading, "the directory message brings the RESTORE; the account begins again, the cursor goes on")
        await reading.open()
        await reading.caught_up()
    day.clock.until(16, 36)
    for reading in readings:
        assert (await reading.ended()).reason is EndReason.LIFETIME
    day.clock.until(16, 40)
    for origin in (tracks, tactics):
        await origin.connect()


async def evening(day: Day) -> None:
    """The evening."""
    await an_hour_that_will_be_lost(day)
    await the_store_is_put_back(day)
    await everybody_goes_on(day)
