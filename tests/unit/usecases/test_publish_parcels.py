"""Laws of parcels on a connection: what is whole counts, what comes out of its place ends everything."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.ledger.entries import Admitted
from gateway.core.suite.numbers import KeyState, PublishMessage, Role
from tests.unit.control.given import DAY, NOW
from tests.unit.usecases.house import a_house
from tests.unit.usecases.sender import Sender, refused
from tests.unit.usecases.town import Origin


@pytest.mark.must("3.6.3")
def test_the_batches_of_a_parcel_without_its_end_count_all_the_same() -> None:
    """A link broke, a laptop was closed: what arrived whole is taken, and the rest comes with the next parcel."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            first, second, third = (origin.batch() for _ in range(3))

            await sender.send(*sender.parcel(first, second)[:-1], *sender.parcel(third))

            digests = [batch.signed.digest for batch in (first, second, third)]
            assert sender.answers == [(PublishMessage.STORED, digest) for digest in digests]
            assert sender.fates() == [(Admitted, digest) for digest in digests]

    asyncio.run(scenario())


@pytest.mark.must("3.7.1")
@pytest.mark.parametrize("behind", ["begin", "a parcel", "a batch"])
def test_a_second_begin_is_refused(behind: str) -> None:
    """A connection has one state to start from, and it is said once."""

    async def scenario() -> str:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            parcel = sender.parcel(origin.batch())
            sent = {"begin": [], "a parcel": parcel[:1], "a batch": parcel[:2]}[behind]
            return await refused(sender, *sent, Sender(house).begin())

    assert asyncio.run(scenario()) == "malformed"


@pytest.mark.must("3.5.3")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"state": KeyState.RETIRED}, "key-not-active"),
        ({"state": KeyState.TAINTED}, "key-not-active"),
        ({"valid_to_ms": NOW}, "key-not-valid-now"),
        ({"valid_from_ms": NOW + DAY}, "key-not-valid-now"),
        ({"subject_id": "src-91c2"}, "key-not-endorsed"),
        (None, "key-not-endorsed"),
    ],
    ids=str,
)
def test_a_batch_under_a_key_that_is_not_active_for_its_source_is_nobodys(
    changed: dict[str, Any] | None, code: str
) -> None:
    """What the directory says of a key is asked at every batch: its state, its dates, whose it is."""

    async def scenario() -> tuple[str, int]:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            batch, control = origin.batch(), house.running.control
            assert control.directory is not None
            endorsed = dict(control.directory.endorsed)
            place = (Role.SOURCE, origin.key.key_id)
            one = endorsed.pop(place)
            if changed is not None:
                endorsed[place] = replace(one, endorsement=replace(one.endorsement, **changed))
            house.running.control = replace(control, directory=replace(control.directory, endorsed=endorsed))
            return await refused(sender, *sender.parcel(batch)), house.running.lanes.admitted

    assert asyncio.run(scenario()) == (code, 0)
