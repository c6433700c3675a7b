"""Threat: a gateway holds something back, goes on for too long, or says more than anybody can keep."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from clients.partner.checks import MAX_NEW_LEAVES, StreamChecks
from clients.partner.events import Ended, QuotaReached, Records, StreamEvent, TickSeen
from clients.partner.reading import record_reader
from clients.trust import trust_from
from gateway.core.errors import GatewayError
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import encode_leaves
from gateway.core.sealing.stream import Hello, SignedHello, kinds_mask
from gateway.core.suite.keys import KemKey
from gateway.core.suite.numbers import MAX_TICK_LEAVES, EndReason, RecordKind, StreamMessage
from tests.loopback import Loopback
from tests.scripted_gateway import Conversation
from tests.security.listener import ALL, PARTNER, TRACK
from tests.truth import MINUTE_MS, Ledger, Truth, now_ms

SECOND_MS = 1000


@dataclass
class Tape:
    """One stream without a wire: a script's messages go straight into the checks. waited_ms: before each message."""

    world: Loopback
    truth: Truth
    checks: StreamChecks = field(init=False)
    events: list[StreamEvent | None] = field(default_factory=list)
    now_ms: int = 0
    waited_ms: int = 0

    def __post_init__(self) -> None:
        profile = self.world.stand.profile(PARTNER)
        agreement, ephemeral, sign_key = profile.agreements[0], KemKey.generate(), profile.signing_key()
        self.now_ms = now_ms()
        hello = Hello(
            genesis=profile.genesis_link,
            partner_id=profile.id,
            agreement_id=agreement.id,
            subscription="default",
            agreement_digest=agreement.digest,
            sign_key_id=sign_key.key_id,
            nonce=secrets.token_bytes(32),
            time_ms=self.now_ms,
            kinds=kinds_mask((RecordKind.TELEMETRY, RecordKind.TACTIC)),
            dir_no=0,
            incarnation=bytes(16),
            next_tick=0,
            account_size=0,
            cursor=b"",
            ephemeral_key=ephemeral.public_key,
        )
        self.signed = SignedHello.sign(hello, sign_key)
        self.checks = StreamChecks(
            hello=self.signed,
            ephemeral_key=ephemeral,
            kem_key=profile.kem_key(),
            trust=trust_from(profile),
            ledger=LedgerReader(profile.genesis_link, partner_account(profile.id, agreement.id, "default")),
            reader_of=lambda trust: record_reader(profile, agreement, trust),
            held=lambda batch, idx: 0,
            is_entry_held=lambda leaf: False,
        )

    def play(self, script: Callable[[Conversation, Tape], object]) -> str:
        """The code with which the script was refused, empty if it was not."""

        async def write(message: bytes) -> None:
            self.events.append(self.checks.receive(message, self.now_ms, self.waited_ms))

        ledger = Ledger(self.truth.control.genesis, self.truth.keys.ledger())
        try:
            self.world.run(script(Conversation(self.truth, ledger, self.signed, write), self))  # type: ignore[arg-type]
        except GatewayError as error:
            return error.code
        return ""


@pytest.fixture
def tape(honest_world: Loopback, truth: Truth) -> Tape:
    """A stream that has not begun."""
    return Tape(honest_world, truth)


async def owing(told: Conversation, tape: Tape) -> None:
    """A stream on which one disclosure is owed."""
    await told.begin()
    told.enter(told.disclosure(told.truth.section(TRACK, (0,), ALL)))
    await told.tick()


@pytest.mark.must("4.1.6")
def test_a_disclosure_that_is_owed_for_two_minutes_is_missing(tape: Tape) -> None:
    """Ticks go on, the stream is idle and looks well: a record is being withheld."""

    async def script(told: Conversation, tape: Tape) -> None:
        await owing(told, tape)
        tape.waited_ms = 8 * SECOND_MS
        for _ in range(15):
            await told.tick()
        assert isinstance(tape.events[-1], TickSeen)
        await told.tick()

    assert tape.play(script) == "disclosure-missing"


@pytest.mark.must("4.1.6")
def test_two_minutes_of_the_readers_own_work_do_not_count(tape: Tape) -> None:
    """A partner whose disk is slow must not report its gateway for theft."""

    async def script(told: Conversation, tape: Tape) -> None:
        await owing(told, tape)
        tape.now_ms += 10 * MINUTE_MS
        await told.tick()

    assert tape.play(script) == ""


@pytest.mark.must("4.1.6")
def test_each_frame_begins_the_two_minutes_anew(tape: Tape) -> None:
    """A slow link that brings one frame a minute withholds nothing."""

    async def script(told: Conversation, tape: Tape) -> None:
        await told.begin()
        section = told.truth.section(TRACK, (0,), ALL)
        disclosures = [told.disclosure(section) for _ in range(4)]
        told.enter(*disclosures)
        await told.tick()
        tape.waited_ms = 100 * SECOND_MS
        for disclosure in disclosures:
            await told.frame(disclosure, section)
        await told.tick()
        await told.tick()

    assert tape.play(script) == ""
    assert sum(isinstance(event, Records) for event in tape.events) == 4


@pytest.mark.must("4.1.11")
def test_a_stream_that_outlives_its_terms_is_refused(tape: Tape) -> None:
    """The directory is looked at when a stream opens; a stream without an end would never hear of a tainted key."""

    async def script(told: Conversation, tape: Tape) -> None:
        await told.begin()
        tape.now_ms += 19 * MINUTE_MS
        await told.notice()
        tape.now_ms += 2 * MINUTE_MS
        await told.tick()

    assert tape.play(script) == "stream-overdue"


@pytest.mark.must("4.1.11")
def test_the_end_of_a_stream_is_never_too_late(tape: Tape) -> None:
    """It gives nothing and takes nothing."""

    async def script(told: Conversation, tape: Tape) -> None:
        await told.begin()
        tape.now_ms += 60 * MINUTE_MS
        await told.end()

    assert tape.play(script) == ""
    assert tape.events[-1] == Ended(EndReason.LIFETIME, "")


@pytest.mark.must("4.1.1")
def test_nothing_comes_after_an_end_or_a_refusal(tape: Tape) -> None:
    """What was refused once is not asked a second time."""

    async def script(told: Conversation, tape: Tape) -> None:
        await told.begin()
        with pytest.raises(GatewayError):
            await told.write(b"")
        await told.tick()

    assert tape.play(script) == "stream-order"


@pytest.mark.must("6.3.3")
def test_a_tick_lists_no_more_than_anybody_can_keep(tape: Tape) -> None:
    """Hashes without end, and no tick after them, would fill a partner's memory."""

    async def script(told: Conversation, tape: Tape) -> None:
        await told.directory()
        await told.open()
        many = encode_leaves([bytes(48)] * MAX_TICK_LEAVES)
        for _ in range(MAX_NEW_LEAVES // MAX_TICK_LEAVES + 1):
            await told.send(StreamMessage.LEAVES, many)

    assert tape.play(script) == "account-too-long"
    assert len(tape.events) == 2 + MAX_NEW_LEAVES // MAX_TICK_LEAVES


@pytest.mark.must("4.1.2")
def test_leaves_are_followed_by_their_tick(tape: Tape) -> None:
    """A frame between them would stand under no root."""

    async def script(told: Conversation, tape: Tape) -> None:
        await told.begin()
        await told.send(StreamMessage.LEAVES, encode_leaves([bytes(48)]))
        await told.notice()

    assert tape.play(script) == "stream-order"


def test_a_long_account_comes_in_several_messages(tape: Tape) -> None:
    """More new leaves than one tick may list."""

    async def script(told: Conversation, tape: Tape) -> None:
        await told.directory()
        await told.open()
        told.ledger.enter(told.account_id, *(b"entry %d" % number for number in range(MAX_TICK_LEAVES + 5)))
        await told.tick()

    assert tape.play(script) == ""
    assert tape.events[-1] == TickSeen(0, MAX_TICK_LEAVES + 5)


@pytest.mark.parametrize(("reason", "event"), [(EndReason.QUOTA, QuotaReached()), (EndReason.CHANGED, None)])
def test_a_notice_is_told_if_it_means_something(tape: Tape, reason: EndReason, event: StreamEvent | None) -> None:
    """One that a later gateway may add is passed over; it is sealed and in order all the same."""

    async def script(told: Conversation, tape: Tape) -> None:
        await told.begin()
        await told.notice(reason)

    assert tape.play(script) == ""
    assert tape.events[-1] == event
