"""The error tree: four facts that reach a person whole, in text, in JSON and from another process."""

from __future__ import annotations

import pickle

import pytest

from gateway.core.errors import CallerError, Fault, GatewayError, Refused

FAMILIES = (CallerError, Refused, Fault)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_error_says_its_four_facts_in_text_and_in_json(family: type[GatewayError]) -> None:
    """Code, sentence, place and next step are what a person acts on."""
    error = family("chain", "a batch must follow the last one", at="batch.prev", do="send the one before")

    assert str(error) == ("error[chain]: a batch must follow the last one\n  at: batch.prev\n  do: send the one before")
    assert error.to_json() == {
        "code": "chain",
        "message": "a batch must follow the last one",
        "at": "batch.prev",
        "do": "send the one before",
    }


def test_an_error_without_place_or_next_step_is_one_line() -> None:
    """Nothing is printed for what is not known."""
    assert str(Refused("fork", "two batches have one number")) == "error[fork]: two batches have one number"


@pytest.mark.parametrize("family", FAMILIES)
def test_an_error_crosses_a_process_boundary_whole(family: type[GatewayError]) -> None:
    """Verification may run in another process, and its refusal must not lose its code on the way."""
    error = family("chain", "a batch must follow the last one", at="batch.prev", do="send the one before")

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes of a line before

    assert type(again) is family
    assert again.to_json() == error.to_json()
