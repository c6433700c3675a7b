"""Threat: a gateway lies against what a partner remembers. What was shown once stays true on every later stream."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.kinds import telemetry
from gateway.core.ledger.receipt import Quarantined
from gateway.core.records.portion import Portion
from gateway.core.records.states import RecordInput
from gateway.core.sealing.frame import Disclosure
from gateway.core.suite.numbers import EndReason, RecordKind, RefusalCode
from tests.loopback import Loopback, a_segment
from tests.scripted_gateway import Conversation, silence
from tests.security.listener import ABOUT, ALL, TRACK, Listener
from tests.truth import Ledger, Truth


async def honest(told: Conversation) -> None:
    """A stream without a lie."""
    await told.begin()
    await told.disclose(told.truth.section(TRACK, (0, 1), ALL))
    await told.end()


async def refused(told: Conversation) -> None:
    """A frame whose body is not what was entered."""
    await told.begin()
    disclosure = told.disclosure(told.truth.section(TRACK, (0,), ALL))
    told.enter(disclosure)
    await told.tick()
    await told.frame(disclosure, told.truth.section(TRACK, (1,), ALL))


class Loss:
    """A stream on which a disclosure is entered and its frame never comes; `lost`: that disclosure."""

    lost: Disclosure

    async def undelivered(self, told: Conversation) -> None:
        """The frame never comes; the stream ends in order."""
        await told.begin()
        self.lost = told.disclosure(told.truth.section())
        told.enter(self.lost)
        await told.tick()
        await told.end()

    async def made_good(self, told: Conversation) -> None:
        """The disclosure as `old`, its record under another one."""
        await told.begin()
        await told.old(self.lost)
        await told.disclose(told.truth.section())
        await told.end()

    async def concealed(self, told: Conversation) -> None:
        """The next stream goes on as if nothing had been entered."""
        await told.begin()
        await told.disclose(told.truth.section())

    async def twice(self, told: Conversation) -> None:
        """One loss told twice, with two leaves to cover it."""
        told.enter(self.lost)
        await told.begin()
        await told.old(self.lost)
        await told.old(self.lost)


@pytest.mark.must("5.5.18", "6.6.2")
def test_a_refused_frame_is_not_held(partner: Listener) -> None:
    """What was refused stays owed: nothing that is kept says that it came."""
    heard = partner.hear(refused)

    assert (heard.records, heard.code) == ([], "frame-not-as-entered")
    assert partner.kept() == (0, 1)


@pytest.mark.must("6.4.10")
def test_a_lost_frame_is_accounted_for_on_the_next_stream(partner: Listener) -> None:
    """Its disclosure comes as `old`, its records come again under another."""
    loss = Loss()

    heard = partner.hear(loss.undelivered, loss.made_good)

    assert (len(heard.records), heard.code) == (1, "")
    assert partner.kept() == (2, 0)


@pytest.mark.must("5.5.4")
def test_a_lost_frame_that_is_concealed_is_noticed(partner: Listener) -> None:
    """The next leaf is owed whatever stream it was entered for."""
    loss = Loss()

    assert partner.hear(loss.undelivered, loss.concealed).code == "disclosure-not-owed"


@pytest.mark.must("5.5.3")
def test_a_loss_is_told_once(partner: Listener) -> None:
    """Else one disclosure could stand for two."""
    loss = Loss()

    assert partner.hear(loss.undelivered, loss.twice).code == "disclosure-repeated"


def test_an_old_disclosure_is_kept_without_a_flush(partner: Listener) -> None:
    """It brings no records, so the caller's sink has nothing to say about it."""
    loss = Loss()

    async def only_old(told: Conversation) -> None:
        await told.begin()
        await told.old(loss.lost)
        await told.notice()
        await told.end()

    partner.hear(loss.undelivered, only_old)

    assert partner.kept() == (1, 0)


@pytest.mark.must("6.4.5", "6.6.1")
def test_a_ledger_is_not_shorter_on_the_next_stream(partner: Listener) -> None:
    """A store put back from a copy, or a gateway that forgets, is seen at the first tick."""
    before: list[Ledger] = []

    async def remembers(told: Conversation) -> None:
        before.append(told.ledger.fork())
        await honest(told)

    async def forgets(told: Conversation) -> None:
        told.ledger = before[0]
        told.told = told.next_tick = 0
        await told.begin()

    assert partner.hear(remembers, forgets).code == "ledger-shrank"


@pytest.mark.must("6.4.11", "6.6.1")
def test_an_account_is_not_shorter_on_the_next_stream(partner: Listener) -> None:
    """Nor rewritten: the size that was held is what the partner asks from."""

    async def forgets(told: Conversation) -> None:
        told.ledger.rewrite(told.account_id)
        told.told = 0
        await told.begin()

    assert partner.hear(honest, forgets).code == "ledger-shrank"


@pytest.mark.must("6.4.4")
def test_another_life_of_the_store_needs_a_restore(partner: Listener) -> None:
    """Two persons say that a store was put back; a gateway alone does not."""

    async def reborn(told: Conversation) -> None:
        told.ledger = Ledger(told.truth.control.genesis, told.truth.keys.ledger())
        told.ledger.open(told.account_id)
        told.told = told.next_tick = 0
        await told.begin()

    assert partner.hear(honest, reborn).code == "ledger-incarnation"


@pytest.mark.must("2.9.8")
def test_a_directory_never_goes_back(partner: Listener) -> None:
    """An older one, signed by everyone, may list a key that was taken back since."""

    async def newer(told: Conversation) -> None:
        await told.directory(told.truth.directory(5))
        await told.open()
        await told.tick()
        await told.end()

    async def older(told: Conversation) -> None:
        await told.directory(told.truth.directory(4))

    assert partner.hear(newer, older).code == "directory-decreasing"


@pytest.mark.must("5.5.21", "6.6.1")
def test_records_that_were_handed_up_do_not_come_again(partner: Listener) -> None:
    """The masks outlive the stream and the process."""
    first = partner.hear(honest)

    again = partner.hear(honest)

    assert (len(first.records), len(again.records)) == (2, 0)
    assert (again.code, again.reason) == ("", EndReason.LIFETIME)


@pytest.mark.must("5.5.21")
def test_a_record_comes_again_when_its_view_widens(partner: Listener) -> None:
    """What came is the union; the caller hears what of it is new, and a view that adds nothing not at all."""

    async def widening(told: Conversation) -> None:
        await told.begin()
        for mask in (0b1, 0b101, 0b1, 0b10011):
            await told.disclose(told.truth.section(TRACK, (0,), mask))
        await told.end()

    heard = partner.hear(widening)

    assert [(record.mask, record.new_mask) for record in heard.records] == [(1, 1), (0b101, 0b100), (0b10111, 0b10010)]
    assert [portion.name for portion in heard.records[-1].portions] == ["about", "position", "vehicle"]


@pytest.mark.must("5.4.6")
def test_a_stream_that_is_cut_is_opened_again(partner: Listener) -> None:
    """Only a sealed end is an end; what breaks is tried again from where it stood."""

    async def cut(told: Conversation) -> None:
        await told.begin()
        await told.disclose(told.truth.section(TRACK, (0,), ALL))

    heard = partner.hear(cut, honest)

    assert [record.idx for record in heard.records] == [0, 1]
    assert heard.disconnected == ["stream-cut"]
    assert partner.gateway.hellos[1].hello.account_size == 1


@pytest.mark.must("6.6.2")
def test_what_nobody_kept_is_owed_until_somebody_does(partner: Listener) -> None:
    """Records went into a pipe: a later stream of the run goes on behind them, the next run gets all of them again."""
    shown: list[Disclosure] = []

    async def first(told: Conversation) -> None:
        await told.begin()
        shown.append(await told.disclose(told.truth.section(TRACK, (0, 1), ABOUT)))
        await told.end()

    async def second(told: Conversation) -> None:
        await told.begin()
        shown.append(await told.disclose(told.truth.section(TRACK, (0, 1), ALL)))
        await told.end()

    async def again(told: Conversation) -> None:
        await told.begin()
        for disclosure in shown:
            await told.old(disclosure)
        shown.append(await told.disclose(told.truth.section(TRACK, (0, 1), ALL)))
        await told.end()

    into_a_pipe = partner.hear(first, second, has_disk=False)
    sizes = [told.hello.account_size for told in partner.gateway.hellos]
    owed = partner.kept()
    into_a_file = partner.hear(again)

    assert (into_a_pipe.code, sizes, owed) == ("", [0, 1], (0, 2))
    assert [record.idx for record in into_a_pipe.records] == [0, 1, 0, 1]
    assert partner.gateway.hellos[0].hello.account_size == 0
    assert partner.gateway.hellos[0].hello.cursor == b""
    assert (into_a_file.code, [record.new_mask for record in into_a_file.records]) == ("", [ALL, ALL])
    assert partner.kept() == (3, 0)


@pytest.mark.must("4.1.5")
def test_silence_is_a_failure_and_tried_again(partner: Listener) -> None:
    """A gateway that keeps a stream open and says nothing could hold a revocation back."""

    async def quiet(told: Conversation) -> None:
        await told.begin()
        await silence()

    heard = partner.hear(quiet, honest, is_first_silent=True)

    assert (len(heard.records), heard.disconnected) == (2, ["gateway-unreachable"])


def own_record(world: Loopback, **wrong: object) -> RecordInput:
    """A record as the guide labels it, with one thing that the gateway's guard would have refused."""
    with world.outbox("by-hand") as outbox:
        [record] = world.labelled(world.upload(outbox), RecordKind.TELEMETRY, [a_segment()])
    return replace(record, **wrong)


def vehicle(record: RecordInput, **changed: bytes) -> tuple[Portion, ...]:
    """The record's portions, `vehicle` changed."""
    return tuple(replace(one, **changed) if one.slot == telemetry.VEHICLE else one for one in record.portions)


@pytest.mark.must("5.5.13", "5.5.14", "5.5.16", "5.5.17", "5.5.19", "8.5.3", "9.1")
def test_a_record_that_fails_alone_is_set_aside_alone(partner: Listener, honest_world: Loopback, truth: Truth) -> None:
    """A source's mistake quarantines its record, goes into the receipt, and the stream goes on."""
    good = own_record(honest_world)
    label, content = good.portions[0].label, good.portions[telemetry.VEHICLE].content
    wrongs = {
        RefusalCode.LABEL: replace(good, portions=vehicle(good, label=b"UKR.1 DSK//REL USA,DEU")),
        RefusalCode.LABEL_ABOVE_CLEARANCE: replace(good, portions=vehicle(good, label=b"UKR.1 T")),
        RefusalCode.CONTENT_NOT_CANONICAL: replace(good, portions=vehicle(good, content=content + b"\xba\x3e\x00")),
        RefusalCode.SCHEMA: replace(good, schema=2),
        RefusalCode.MUST: replace(good, must=0b11),
    }
    number = truth.own_batch(RecordKind.TELEMETRY, good, *wrongs.values())
    count = len(wrongs)
    withheld = ALL & ~0b10

    async def script(told: Conversation) -> None:
        await told.begin()
        await told.disclose(told.truth.section(number, range(count + 1), withheld))
        await told.disclose(told.truth.section(TRACK, (0,), ABOUT))
        await told.end()

    heard = partner.hear(script)
    digest = truth.batches[number].signed.digest

    assert label == b"UKR.1 DSK//REL DEU,GBR,USA"
    assert [(record.batch_digest == digest, record.idx) for record in heard.records] == [(True, 0), (False, 0)]
    assert heard.code == ""
    assert partner.aside() == tuple(Quarantined(digest, idx, code) for idx, code in enumerate(wrongs, 1))
