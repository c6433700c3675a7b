"""05:00 to 09:30: a gateway is founded, parties are admitted, records go in and out, two leaves are not delivered."""

from __future__ import annotations

from clients.partner.events import Records
from gateway.core.suite.numbers import EndReason, RecordKind, StatementKind
from gateway.usecases.enrol import gateway_bundle
from tests.day.house import GATEWAY_ID
from tests.day.keys import tls_key
from tests.day.parties import AGREEMENTS, ARL, BRITISH, DSTL, GUIDE_TEXT, NARROW, TACTICS, TRACKS, VOCABULARY_TEXT
from tests.day.partner import Reading
from tests.day.records import a_marked_tactic, a_tactic, a_track
from tests.day.telling import Day


async def everybody_is_admitted(day: Day) -> None:
    """Vocabulary, guide, two sources, two partners with an agreement each, and the first directory."""
    desk = day.desk
    day.clock.until(5, 30)
    day.decided("three officers found the gateway")
    await desk.decide(StatementKind.VOCABULARY, VOCABULARY_TEXT)
    await desk.decide(StatementKind.GUIDE, GUIDE_TEXT)
    for source_id in (TRACKS, TACTICS):
        party = day.parties[source_id]
        await desk.decide(StatementKind.SOURCE, party.admission, party.bundle.encoded)
    for partner_id, agreement_id in ((ARL, NARROW), (DSTL, BRITISH)):
        party = day.parties[partner_id]
        await desk.decide(StatementKind.PARTNER, party.admission, party.bundle.encoded)
        await desk.decide(StatementKind.AGREEMENT, AGREEMENTS[agreement_id], by=("officer-2", "officer-3"))
    await desk.direct(gateway_bundle(GATEWAY_ID, day.house.keys, tls_key(GATEWAY_ID)))
    day.decided("the first directory endorses everybody")


async def the_first_records_come_in(day: Day) -> None:
    """Tracks from one source; from the other tactics, of which one batch arrives before the one it follows."""
    day.clock.until(6, 10)
    tracks = day.open_origin(TRACKS)
    day.note(tracks, "the first connection learns the directory from the genesis on")
    await tracks.connect()
    number = tracks.seal(RecordKind.TELEMETRY, a_track(5, 40, 1), a_track(5, 42, 2))
    day.note(tracks, "a batch of two track segments is stored, then acknowledged")
    await tracks.connect([number])

    day.clock.until(6, 20)
    tactics = day.open_origin(TACTICS)
    await tactics.connect()
    first = tactics.seal(RecordKind.TACTIC, a_tactic(1), a_tactic(2, evidence=None), a_tactic(3, unit=None))
    second = tactics.seal(RecordKind.TACTIC, a_tactic(4))
    day.note(tactics, "the second batch of a lane comes before the first, and waits")
    await tactics.connect([second])
    day.note(tactics, "now the first comes, and the second again")
    await tactics.connect([first, second])


async def both_partners_follow(day: Day) -> None:
    """Each first stream: everything so far, then a batch that comes in meanwhile; it ends after 15 minutes."""
    day.clock.until(7, 0)
    day.answer(DSTL, [BRITISH])
    day.answer(ARL, [NARROW])
    arl, dstl = day.open_reading(ARL, NARROW), day.open_reading(DSTL, BRITISH)
    for reading in (arl, dstl):
        day.note(reading, "the first stream: the directory from the genesis on, everything so far")
        await reading.open()
        await reading.caught_up()
    tracks = day.origins[TRACKS]
    day.clock.until(7, 3)
    for reading in (arl, dstl):
        day.note(reading, "a batch that came in meanwhile")
    before = arl.count(Records), dstl.count(Records)
    await tracks.connect([tracks.seal(RecordKind.TELEMETRY, a_track(7, 2, 3))])
    await arl.beyond(before[0])
    await dstl.beyond(before[1])
    day.clock.until(7, 16)
    for reading in (arl, dstl):
        day.note(reading, "the stream reaches its end")
        assert (await reading.ended()).reason is EndReason.LIFETIME


async def a_batch_is_refused(day: Day) -> None:
    """Its signature verifies, and its text carries a marking above its label."""
    day.clock.until(8, 0)
    tactics = day.origins[TACTICS]
    refused = tactics.seal(RecordKind.TACTIC, a_marked_tactic(5))
    following = tactics.seal(RecordKind.TACTIC, a_tactic(6))
    day.note(tactics, "a refused batch: it consumes its number, and the next follows it")
    await tactics.connect([refused, following])


async def a_leaf_is_not_delivered(day: Day) -> None:
    """Entered in the account; the stream is cut before its frame is written; it comes as `old`, its records again."""
    day.clock.until(9, 0)
    arl: Reading = day.readings[f"usa-arl.{NARROW}"]
    day.note(arl, "opened again: a directory, a tick and an account are known; it is cut after its last tick")
    await arl.open()
    await arl.caught_up()
    arl.gate.clear()
    tracks = day.origins[TRACKS]
    for minute in (2, 4):
        day.clock.until(9, minute)
        await tracks.connect([tracks.seal(RecordKind.TELEMETRY, a_track(9, minute - 1, 10 + minute))])
    await arl.cut()
    day.clock.until(9, 10)
    day.note(arl, "two leaves come as `old`, the first told in a `leaves` message; their records under new disclosures")
    arl.tells_leaves_apart = True
    await arl.open()
    await arl.caught_up()
    day.receipts["usa-arl"] = await arl.hand_in_receipt()
    day.clock.later(16)
    assert (await arl.ended()).reason is EndReason.LIFETIME


async def morning(day: Day) -> None:
    """The morning."""
    await everybody_is_admitted(day)
    await the_first_records_come_in(day)
    await both_partners_follow(day)
    await a_batch_is_refused(day)
    await a_leaf_is_not_delivered(day)
