"""Laws of effect: whatever takes a right away, no stream carries another frame from that moment on, in whatever state.

One row for each fact a stream stands on: its own date, or the statement that moves it. What a stream does not stand on
does not end it. Whatever else becomes dated gets its row here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gateway.core.errors import Refused
from gateway.core.suite.numbers import EndReason, Role, StatementKind
from tests.unit.control.given import DAY, NOW, digest_of, kem_key
from tests.unit.control.world import GUIDE, UKR_2, VOCABULARIES, partner_bundle, partner_text, taint_text
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.test_heartbeats import AtOnce
from tests.unit.usecases.town import SOURCE, Origin, operator_peer, terms, turns
from tests.unit.usecases.watched import Five
from tests.warped_time import run_warped

LEFT_MS = 5_000
BOTH = ("officer-1", "officer-2")
FIRST = "officer-1"
EQUIVALENCE = b"""id = "UA-ABROAD-1"
[[row]]
from = "UKR.1 T"
to = "NATO.1 NC"
basis = "an arrangement"
starts = 2026-05-01
ends = 2027-06-30
"""


@dataclass(frozen=True)
class Dated:
    """A fact that has LEFT_MS to go once `prepare` has run. until_ms: of the certificates that are shown."""

    reason: EndReason
    agreement: bytes
    prepare: Callable[[House], None]

    @staticmethod
    def nothing(house: House) -> None:
        """The certificate alone."""


def before(moment_ms: int) -> Callable[[House], None]:
    """The clock stands LEFT_MS before that moment."""
    return lambda house: house.clock.advance(moment_ms - LEFT_MS - house.now_ms)


def endorsed_until(role: Role) -> Callable[[House], None]:
    """The directory endorses the keys of a role for LEFT_MS more."""

    def prepare(house: House) -> None:
        control, until_ms = house.running.control, house.now_ms + LEFT_MS
        assert control.directory is not None
        endorsed = {
            key: replace(one, endorsement=replace(one.endorsement, valid_to_ms=until_ms)) if key[0] is role else one
            for key, one in control.directory.endorsed.items()
        }
        house.running.control = replace(control, directory=replace(control.directory, endorsed=endorsed))

    return prepare


MIDNIGHT = NOW // DAY * DAY + DAY
DATED: dict[str, Dated] = {
    "certificate": Dated(EndReason.CERTIFICATE_EXPIRED, terms(), Dated.nothing),
    "agreement": Dated(EndReason.AGREEMENT_ENDED, terms(ends="2026-05-28"), before(MIDNIGHT)),
    "directory": Dated(EndReason.DIRECTORY_EXPIRED, terms(), before(NOW + 7 * DAY)),
    "partner-sign": Dated(EndReason.DIRECTORY_EXPIRED, terms(), endorsed_until(Role.PARTNER_SIGN)),
    "partner-kem": Dated(EndReason.DIRECTORY_EXPIRED, terms(), endorsed_until(Role.PARTNER_KEM)),
    "gateway-stream": Dated(EndReason.DIRECTORY_EXPIRED, terms(), endorsed_until(Role.GATEWAY_STREAM)),
    "gateway-ledger": Dated(EndReason.DIRECTORY_EXPIRED, terms(), endorsed_until(Role.GATEWAY_LEDGER)),
}


@pytest.mark.must("4.1.8", "4.1.10")
@pytest.mark.parametrize("fact", DATED)
def test_a_stream_carries_nothing_from_the_moment_a_fact_expires(fact: str) -> None:
    """Idle, busy, in the journal, among the old: the frame before which time is up is not written."""
    dated = DATED[fact]

    async def scenario() -> None:
        async with a_house(dated.agreement, pool=AtOnce()) as house:
            dated.prepare(house)
            over_ms = house.now_ms + LEFT_MS
            five = Five(house, over_ms if fact == "certificate" else NOW + 400 * DAY)
            await five.open()
            five.watch(lambda: house.now_ms >= over_ms)
            house.clock.advance(LEFT_MS)

            five.read_on()
            house.ticker.wake_all()
            await turns(500)

            assert [one.ended for one in five.readers] == [dated.reason] * 4
            assert [one.late_content for one in five.all] == [[]] * 5
            await check_cut(five)

    warped(scenario())


@pytest.mark.must("4.2.11")
@pytest.mark.parametrize("jump_ms", [-2 * 3_600_000, 2 * 3_600_000], ids=["back", "forward"])
def test_a_stream_carries_nothing_from_the_moment_the_clock_is_not_trusted(jump_ms: int) -> None:
    """Whichever way it jumps: no date can be told, so nothing dated goes."""

    async def scenario() -> None:
        async with a_house(terms(), pool=AtOnce()) as house:
            five = Five(house, NOW + 400 * DAY)
            await five.open()
            five.watch(lambda: True)
            house.clock.jump_wall(jump_ms)

            five.read_on()
            house.ticker.wake_all()
            await turns(500)

            assert [one.ended for one in five.readers] == [EndReason.UNTIMED] * 4
            assert [one.late_content for one in five.all] == [[]] * 5

    warped(scenario())


Happening = Callable[[House], Awaitable[int]]


def stated(kind: StatementKind, body: bytes, *attachments: bytes, by: tuple[str, ...] = BOTH) -> Happening:
    """A statement by these operators."""
    return lambda house: house.apply(kind, body, *attachments, by=by)


def stopped(kind: StatementKind, target: str) -> Happening:
    """One operator's statement that stops something."""
    return stated(kind, f'target = "{target}"\nreason = "a test"\n'.encode(), by=(FIRST,))


def tainted(digest: str) -> Happening:
    """One operator's TAINT."""
    return stated(StatementKind.TAINT, taint_text(digest), by=(FIRST,))


def redate(house: House) -> Awaitable[int]:
    """The same directory, longer."""
    house.clock.advance(1000)
    house.world.now = house.now_ms
    return house.apply(StatementKind.DIRECTORY_REDATE, house.world.redated().encode(), by=("officer-3",))


async def hold_a_batch(house: House) -> int:
    """A batch of any source: which one, CONTROL cannot know."""
    digest = Origin(house.control().genesis).batch().signed.digest.hex()
    return await stopped(StatementKind.HOLD, f"batch/{digest}")(house)


LESS = '[clearance.UKR]\nlevel = "DSK"\nREL = ["USA"]\n'
KEYS = {
    "partner-sign": digest_of("usa/arl"),
    "partner-kem": kem_key("usa/arl").key_digest.hex(),
    "gateway-stream": digest_of("stream"),
    "gateway-ledger": digest_of("ledger"),
    "gateway-ingest": kem_key("ingest").key_digest.hex(),
}
ENDING: dict[str, tuple[Happening, EndReason]] = {
    "SUSPEND partner": (stopped(StatementKind.SUSPEND, "partner/usa/arl"), EndReason.SUSPENDED),
    "SUSPEND source": (stopped(StatementKind.SUSPEND, f"source/{SOURCE}"), EndReason.CHANGED),
    "LOCKDOWN": (stopped(StatementKind.LOCKDOWN, "gateway"), EndReason.CHANGED),
    "HOLD agreement": (stopped(StatementKind.HOLD, "agreement/UA-US-1"), EndReason.CHANGED),
    "HOLD batch": (hold_a_batch, EndReason.CHANGED),
    "END": (
        stated(StatementKind.END, b'agreement = "UA-US-1"\nreason = "a test"\n', by=(FIRST,)),
        EndReason.CHANGED,
    ),
    **{f"TAINT {name}": (tainted(digest), EndReason.CHANGED) for name, digest in KEYS.items()},
    **{
        f"REVOKE {name}": (stopped(StatementKind.REVOKE, f"key/{digest}"), EndReason.CHANGED)
        for name, digest in KEYS.items()
    },
    "TAINT source": (tainted(digest_of(SOURCE)), EndReason.CHANGED),
    "PARTNER with less clearance": (
        stated(StatementKind.PARTNER, partner_text(clearance=LESS), partner_bundle().encoded),
        EndReason.CHANGED,
    ),
    "VOCABULARY": (stated(StatementKind.VOCABULARY, UKR_2), EndReason.CHANGED),
    "DIRECTORY": (House.issue_directory, EndReason.CHANGED),
    "DIRECTORY-REDATE": (redate, EndReason.CHANGED),
}


@pytest.mark.must("4.1.9", "4.1.10", "4.1.12")
@pytest.mark.parametrize("happening", ENDING)
def test_a_stream_carries_nothing_from_the_statement_on_and_is_over_once_it_is_effective(happening: str) -> None:
    """Nothing decided before is written after; when the operator hears `effective`, nothing at all is."""
    happen, reason = ENDING[happening]

    async def scenario() -> None:
        async with a_house(terms(), pool=AtOnce()) as house:
            five = Five(house, NOW + 400 * DAY)
            await five.open()
            position = house.control().position
            five.watch(lambda: house.control().position > position)
            applying = asyncio.ensure_future(happen(house))
            while house.control().position == position:
                await turns(1)

            five.read_on()

            assert await applying == 5
            assert all(one.task is not None and one.task.done() for one in five.all)
            written = [one.written for one in five.all]
            await turns(200)
            assert [one.written for one in five.all] == written
            assert [one.ended for one in five.readers] == [reason] * 4
            assert [one.late_content for one in five.all] == [[]] * 5
            await check_cut(five)

    warped(scenario())


@pytest.mark.must("4.1.12")
def test_a_statement_is_read_in_control_once_it_is_effective_and_is_pending_until_then() -> None:
    """Whoever waits for another operator's approval is told `applied` by what it reads there."""

    async def scenario() -> None:
        async with a_house(terms(), pool=AtOnce()) as house:
            five = Five(house, NOW + 400 * DAY)
            await five.open()
            position = house.control().position
            suspending = asyncio.ensure_future(house.suspend("partner/usa/arl"))
            while house.control().position == position:
                await turns(1)
            shown_early = house.government.entries(operator_peer(), position)
            before = house.government.entries(operator_peer(), position - 1)
            five.read_on()

            await suspending

            assert (shown_early, len(before)) == ([], 1)
            assert len(house.government.entries(operator_peer(), position)) == 1
            await check_cut(five)

    warped(scenario())


LASTING: dict[str, Happening] = {
    "GUIDE": stated(StatementKind.GUIDE, GUIDE.replace(b"UAS-2026-2", b"UAS-2026-9")),
    "EQUIVALENCE": stated(StatementKind.EQUIVALENCE, EQUIVALENCE),
    "AGREEMENT with another": stated(StatementKind.AGREEMENT, terms("gbr/dstl", "UA-GB-7")),
    "SUSPEND another partner": stopped(StatementKind.SUSPEND, "partner/gbr/dstl"),
    "REVOKE source": stopped(StatementKind.REVOKE, f"key/{digest_of('src-91c2')}"),
    "PARTNER another": stated(
        StatementKind.PARTNER,
        partner_text("gbr/dstl", "GBR", clearance='[clearance.UKR]\nlevel = "DSK"\nREL = ["GBR"]\n'),
        partner_bundle("gbr/dstl").encoded,
    ),
}


@pytest.mark.parametrize("happening", LASTING)
def test_a_statement_that_a_stream_does_not_stand_on_leaves_it(happening: str) -> None:
    """An operator's ordinary day must not tear every partner's stream down."""

    async def scenario() -> None:
        async with a_house(terms(), pool=AtOnce()) as house:
            await house.apply(StatementKind.VOCABULARY, (VOCABULARIES / "NATO.1.toml").read_bytes())
            five = Five(house, NOW + 400 * DAY)
            await five.open()

            assert await LASTING[happening](house) == 0

            five.read_on()
            await five.next_record()
            for one in five.readers:
                await one.until(lambda one=one: set(five.idle.records) == set(one.records))
            assert [one.ended for one in five.all] == [None] * 5
            await five.idle.received(len(five.catching.records))

    warped(scenario())


class Inline(ThreadPoolExecutor):
    """For what goes to a thread: `AtOnce` where a loop takes nothing but a pool of threads."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The result, at once."""
        return AtOnce().submit(work, *args, **kwargs)


def warped(work: Coroutine[Any, Any, None]) -> None:
    """Runs a scenario in which no time passes that nobody waits for."""

    async def scenario() -> None:
        asyncio.get_running_loop().set_default_executor(Inline())
        await work

    run_warped(scenario())


async def check_cut(five: Five) -> None:
    """The partner that does not read is cut."""
    assert five.deaf.task is not None
    with pytest.raises(Refused) as caught:
        await five.deaf.task
    assert caught.value.code == "stream-cut"
