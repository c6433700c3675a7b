"""Random schedules against a small model: every entitled record reaches every partner once, in order, and is provable.

A schedule mixes batches, streams that open, break and lag, suspensions, changes that touch nobody, and kill -9. The
reader in `house` refuses a frame whose disclosure is not in its account under a verified tick; here the rest is
compared at the end: what each partner has is exactly what was stored, and accounts add up to what was shown.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.ledger.book import KIND_ENTRIES, parse_account_entries
from gateway.core.ledger.entries import Disclosed, parse_source_entry, source_account
from gateway.core.sealing.frame import parse_disclosure_entry
from gateway.core.suite.numbers import StatementKind
from gateway.ports.journal import Journal
from gateway.usecases.rebuild import entries_of
from tests.unit.usecases.follower import Follower, Record, records_of
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.town import SOURCE, Origin, terms, turns

PARTNERS = {"usa": ("usa/arl", "UA-US-1"), "gbr": ("gbr/dstl", "UA-GB-1")}

who = st.sampled_from(sorted(PARTNERS))
step = st.one_of(
    st.tuples(st.just("store"), st.integers(1, 3)),
    st.tuples(st.just("store"), st.integers(1, 3)),
    st.tuples(st.just("open"), who),
    st.tuples(st.just("break"), who),
    st.tuples(st.just("stall"), who),
    st.tuples(st.just("read"), who),
    st.tuples(st.just("stop"), who),
    st.tuples(st.just("lift"), who),
    st.tuples(st.just("agree"), st.just("")),
    st.tuples(st.just("pass"), st.integers(1, 300)),
    st.tuples(st.just("kill"), st.just("")),
)


@dataclass
class Model:
    """What must be true at the end."""

    stored: list[Record] = field(default_factory=list)
    suspended: set[str] = field(default_factory=set)
    agreements: int = 10


async def play(house: House, followers: dict[str, Follower], model: Model, steps: list[tuple[str, object]]) -> None:
    """One step after the other."""
    origin = Origin(house.control().genesis)
    for verb, argument in steps:
        if verb == "store":
            batch = origin.batch(int(str(argument)))
            await house.admit(batch)
            model.stored += records_of(batch)
        elif verb == "pass":
            await turns(int(str(argument)))
        elif verb == "agree":
            model.agreements += 1
            await house.apply(StatementKind.AGREEMENT, terms(agreement_id=f"UA-US-{model.agreements}"))
        elif verb == "kill":
            for follower in followers.values():
                await let_go(follower)
            await house.restart()
        else:
            await one(house, followers[str(argument)], model, verb)


async def one(house: House, follower: Follower, model: Model, verb: str) -> None:
    """A step that concerns one partner."""
    if verb == "open":
        await let_go(follower)
        follower.open()
        await turns()
    elif verb == "break":
        await let_go(follower)
    elif verb == "stall":
        follower.gate.clear()
    elif verb == "read":
        follower.gate.set()
        await turns()
    elif verb == "stop" and follower.partner_id not in model.suspended:
        model.suspended.add(follower.partner_id)
        follower.gate.set()
        await house.suspend(f"partner/{follower.partner_id}")
        shown = len(follower.records)
        await turns()
        assert len(follower.records) == shown, "nothing comes after a change is effective"
    elif verb == "lift" and follower.partner_id in model.suspended:
        model.suspended.discard(follower.partner_id)
        await house.lift(f"partner/{follower.partner_id}")


async def let_go(follower: Follower) -> None:
    """The connection breaks; a stream that ended by itself or was refused is looked at by nobody."""
    follower.gate.set()
    with suppress(Refused):
        await follower.drop()


@settings(max_examples=40)
@given(st.lists(step, max_size=24))
def test_every_entitled_record_reaches_every_partner_once_and_in_order(steps: list[tuple[str, object]]) -> None:
    """Whatever breaks, in whatever order."""

    async def scenario() -> None:
        async with a_house() as house:
            model = Model()
            followers = {name: house.follower(*ids) for name, ids in PARTNERS.items()}
            await play(house, followers, model, steps)
            for follower in followers.values():
                await one(house, follower, model, "lift")
                await let_go(follower)
                follower.open()

                assert await follower.caught_up() == model.stored
                follower.check_account()
            check_ledger(house, followers)

    asyncio.run(scenario())


def check_ledger(house: House, followers: dict[str, Follower]) -> None:
    """Every record shown to a partner was entered in its source's account too, as often as in the partner's."""
    shown = dict.fromkeys((partner for partner, _ in PARTNERS.values()), 0)
    told = dict(shown)
    for _, kind, entry in entries_of(house.journals, Journal.LEDGER):
        if kind != KIND_ENTRIES:
            continue
        for item in parse_account_entries(entry):
            if item.account_id == source_account(SOURCE):
                parsed = parse_source_entry(item.entry)
                if isinstance(parsed, Disclosed):
                    told[parsed.partner_id] += 1
            elif item.account_id in {follower.account_id for follower in followers.values()}:
                disclosure = parse_disclosure_entry(item.entry)
                shown[disclosure.partner_id] += disclosure.records
    assert told == shown
    for follower in followers.values():
        assert shown[follower.partner_id] >= len(follower.records)
