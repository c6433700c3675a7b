"""The error tree: four facts that reach a person whole, in text, in JSON and from another process."""

from __future__ import annotations

import pickle

import pytest

from gateway.core.errors import MAX_CHARACTERS, CallerError, Fault, GatewayError, Refused

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


@pytest.mark.must("1.2.6")
@pytest.mark.parametrize("family", FAMILIES)
def test_an_error_shows_nothing_that_moves_the_cursor_or_hides(family: type[GatewayError]) -> None:
    """A key of a text may be an escape sequence, and it is named on the terminal of the one who refuses it."""
    error = family("text-unknown-key", "another\x1b[2J came", at="agreement.\u202e\u200bcba\x1b[31m", do="\r\nmend")

    assert (error.message, error.at, error.do) == ("another[2J came", "agreement.cba[31m", "mend")
    assert error.args == (error.code, error.message, error.at, error.do)
    assert "\x1b" not in str(pickle.loads(pickle.dumps(error)))  # noqa: S301 - our own bytes


def test_an_error_is_no_longer_than_a_person_reads() -> None:
    """A key of a quarter of a mebibyte would push the sentence off the screen."""
    assert len(CallerError("unknown-key", "another key came", at="k" * 262_144).at) == MAX_CHARACTERS
