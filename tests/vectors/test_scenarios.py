"""Messages that are right by themselves and wrong where they stand: the product refuses the last, with its code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from gateway.core.errors import GatewayError
from gateway.core.suite.algorithms import digest
from tests.reference import recorded
from tests.vectors import takers, takers_of_a_gateway

SCENARIOS = [name for name in recorded.names() if name.startswith("scenarios.")]
TAKERS: dict[str, Callable[[takers.Setup], takers.Taker]] = {
    "account": takers.AccountTaker,
    "batch": takers_of_a_gateway.BatchTaker,
    "connection": takers.ConnectionTaker,
    "control": takers_of_a_gateway.ControlTaker,
    "hello": takers_of_a_gateway.HelloTaker,
    "parcel": takers.ParcelTaker,
    "receipt": takers.ReceiptTaker,
    "record": takers.RecordTaker,
    "stream": takers.StreamTaker,
    "trust": takers.TrustTaker,
}


@pytest.mark.must("5.5.22", "8.5.3", "10.1")
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_ends_as_it_says(name: str) -> None:
    """All its messages but the last are accepted, and the last where it says no code."""
    scenario = recorded.entry(name)
    *before, last = scenario["steps"]
    taker = TAKERS[scenario["reader"]](scenario["setup"])
    for step in before:
        taker.take(step, recorded.bytes_of(step["message"]))

    code = None
    try:
        taker.take(last, recorded.bytes_of(last["message"]))
    except GatewayError as error:
        code = error.code

    assert code == scenario["code"]
    if isinstance(taker, takers.ParcelTaker) and code is None:
        assert taker.complete is scenario["complete"]


@pytest.mark.must("8.9.1")
@pytest.mark.parametrize("kind", ["chunk", "design"])
def test_a_kind_that_is_built_later_is_refused_by_name(kind: str) -> None:
    """Its number and layout stand, so that no other use is made of them."""
    scenario = recorded.entry(f"scenarios.batch: of a {kind}")
    taker = TAKERS["batch"](scenario["setup"])
    (step,) = scenario["steps"]

    with pytest.raises(GatewayError) as refusal:
        taker.take(step, recorded.bytes_of(step["message"]))

    assert refusal.value.code == "scope"


def test_a_chunk_is_named_by_the_digest_of_what_it_holds() -> None:
    """Its layout stands before it is built, so that a parent can say which parts its file has."""
    data = recorded.octets("chunk.data")

    # A field number and a length stand before the bytes of each.
    assert recorded.field("chunk.about", "digest")[2:] == digest(data[2:])


def test_every_family_has_what_is_accepted_beside_what_is_not() -> None:
    """A reader that refuses everything proves nothing, nor does one that takes everything."""
    accepted = Counter(recorded.entry(name)["reader"] for name in SCENARIOS if recorded.entry(name)["code"] is None)
    refused = Counter(recorded.entry(name)["reader"] for name in SCENARIOS if recorded.entry(name)["code"] is not None)

    assert accepted.keys() == refused.keys() == TAKERS.keys()
    assert all(name.partition(".")[2].startswith(f"{recorded.entry(name)['reader']}: ") for name in SCENARIOS)


def test_every_code_of_a_scenario_is_one_of_the_specification() -> None:
    """An implementation in another language finds the meaning of each in annex E, or of a refusal in annex B.10."""
    annex = (recorded.FOLDER.parent / "SPEC.md").read_text().split("## Annex E.")[1]

    codes = {recorded.entry(name)["code"] for name in SCENARIOS} - {None}

    assert sorted(code for code in codes if f"`{code}`" not in annex) == []
