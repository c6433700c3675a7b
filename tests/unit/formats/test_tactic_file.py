"""A tactic as TOML: read strictly, bounded, and refused by the name of the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.formats.tactic import MAX_TACTIC_BYTES, read_tactic
from gateway.core.errors import CallerError
from gateway.core.kinds import check_portion, check_record, parse_portion, portion_to_json, tactic
from gateway.core.suite.numbers import Schema

_TACTIC = """
[about]
title = { uk = "Обхід глушіння GNSS", en = "Flying around GNSS jamming" }
topic = ["ew"]
platform_class = ["MULTIROTOR"]
status = "VALIDATED"
valid_from = 2026-11-01
source_reliability = "B"
info_credibility = 2
[conditions]
ew = ["GNSS_JAMMING"]
counter_indications = [{ uk = "туман", en = "fog" }]
[observation]
uk = "Перший рядок\\nдругий рядок"
en = "First line\\nsecond line"
[unit]
originator = "SIMULATED UNIT 404"
"""


def _written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "tactic.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_tactic_in_two_languages_becomes_contents_that_pass_every_check(tmp_path: Path) -> None:
    """What a source signs must never be refused for its contents."""
    contents = read_tactic(_written(tmp_path, _TACTIC))

    messages = {slot: parse_portion(Schema.TACTIC_1, slot, content) for slot, content in contents.items()}
    for slot, message in messages.items():
        check_portion(Schema.TACTIC_1, slot, message)
    check_record(Schema.TACTIC_1, messages)
    assert sorted(contents) == [tactic.ABOUT, tactic.CONDITIONS, tactic.OBSERVATION, tactic.UNIT]
    about = portion_to_json(Schema.TACTIC_1, tactic.ABOUT, messages[tactic.ABOUT])
    assert about["title"] == {"uk": "Обхід глушіння GNSS", "en": "Flying around GNSS jamming"}
    assert about["lang"] == ["UK", "EN"]


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        (_TACTIC + "colour = 1\n", "unknown-key", "unit.colour"),
        (_TACTIC + "[extra]\n", "unknown-key", "extra"),
        (_TACTIC.replace("[conditions]", "[conditions]\nmoon = true"), "unknown-key", "conditions.moon"),
        (_TACTIC.replace("status =", "state ="), "unknown-key", "about.state"),
        (_TACTIC.replace('"VALIDATED"', '"GREAT"'), "unknown-value", "about.status"),
        (_TACTIC.split("[conditions]", maxsplit=1)[0], "missing-key", "conditions"),
        ("about = 1\n", "wrong-type", "about"),
        (_TACTIC.replace("status", "valid_until = 9999-12-31\nstatus"), "range", "about.valid_until_ms"),
        ("[about]\n[about]\n", "tactic-unreadable", "tactic.toml"),
        ("a = " + "[" * 5000, "tactic-unreadable", "tactic.toml"),
        ("a = " + "9" * 5000, "tactic-unreadable", "tactic.toml"),
        (b"a = '\xff'", "tactic-unreadable", "tactic.toml"),
        (b"\x00", "tactic-unreadable", "tactic.toml"),
        (b"", "tactic-unreadable", "tactic.toml"),
        (b"#" * (MAX_TACTIC_BYTES + 1), "tactic-too-large", "tactic.toml"),
    ],
)
def test_what_is_no_tactic_is_refused_by_code_and_key(tmp_path: Path, text: str | bytes, code: str, at: str) -> None:
    """A person must find the line; a misspelled key must not silently drop a warning."""
    with pytest.raises(CallerError) as error:
        read_tactic(_written(tmp_path, text))

    assert (error.value.code, error.value.at) == (code, at)


def test_a_tactic_of_exactly_the_largest_size_is_read(tmp_path: Path) -> None:
    """The bound is the one that is written down."""
    padded = _TACTIC.encode() + b"#" * (MAX_TACTIC_BYTES - len(_TACTIC.encode()))

    assert len(read_tactic(_written(tmp_path, padded))) == 4


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """The same names as for logs."""
    codes = []
    for path in (tmp_path, tmp_path / "absent.toml", Path("/dev/zero")):
        with pytest.raises(CallerError) as error:
            read_tactic(path)
        codes.append(error.value.code)

    assert codes == ["tactic-not-a-file", "tactic-not-found", "tactic-not-a-file"]
