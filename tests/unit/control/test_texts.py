"""Laws of the strict texts: what a person reads is what the gateway understands, or nothing is."""

from __future__ import annotations

import datetime

import pytest

from gateway.core.control.texts import line_of, read_text
from gateway.core.errors import CallerError

KEYS = {"id", "on", "count", "key", "list", "word", "words", "inner", "rows"}
GOOD = b"""id = "UA-1"
on = 2026-06-01
count = 7
key = "0a0b"
list = ["one", "two"]
word = "yes"
words = ["yes"]
[inner]
id = "inside"
[[rows]]
id = "row"
"""


def test_a_text_is_read_key_by_key() -> None:
    """Each value has one type and each key is asked for by name."""
    table = read_text(GOOD, "paper", KEYS)

    assert table.name("id") == table.string("id") == "UA-1"
    assert table.date("on") == datetime.date(2026, 6, 1)
    assert table.integer("count", 1, 9) == 7
    assert table.hex_bytes("key", 2) == b"\x0a\x0b"
    assert table.names("list") == ("one", "two")
    assert table.choice("word", ("yes", "no")) == "yes"
    assert table.choices("words", ("yes", "no")) == ("yes",)
    assert table.table("inner", {"id"}).name("id") == "inside"
    assert [row.name("id") for row in table.tables("rows", {"id"}, 4)] == ["row"]
    assert table.raw("inner") == {"id": "inside"}
    assert table.has("word")
    assert not table.has("absent")
    assert table.is_string("id")
    assert not table.is_string("list")
    assert table.written()[0] == "id"


MALFORMED = {
    "not UTF-8": b'id = "\xff"',
    "a byte order mark": b'\xef\xbb\xbfid = "a"',
    "a CR": b'id = "a"\r\n',
    "a bidi control in a comment": '# \u202e\nid = "a"'.encode(),
    "a zero-width character": 'id = "a\u200bb"'.encode(),
    "a NUL": b'id = "a" # \x00',
    "a private character": 'id = "\ue000"'.encode(),
    "a key twice": b'id = "a"\nid = "b"',
    "no TOML": b"id: a",
    "too long": b"#" * (64 * 1024 + 1),
    "a line too long": b"#" * 1025,
    "brackets without end": b"id = " + b"[" * 1000,
    "brackets over many lines": b"id = " + b"[\n" * 20_000,
    "a number without end": b"count = " + b"9" * 1000 + b"_9" * 5,
    "a date that is none": b"on = 2026-02-30",
}


@pytest.mark.must("2.2.1", "2.2.4")
@pytest.mark.parametrize("why", MALFORMED)
def test_a_text_that_could_be_read_in_two_ways_is_refused(why: str) -> None:
    """An operator must not sign what the screen does not show."""
    with pytest.raises(CallerError) as caught:
        read_text(MALFORMED[why], "paper", KEYS).integer("count", 0, 9)

    assert caught.value.code in {"text-malformed", "text-value"}


def test_an_unseen_character_is_named_by_its_line() -> None:
    """Nobody finds an invisible character without being told where it is."""
    with pytest.raises(CallerError, match="line 2"):
        read_text('id = "a"\n# \u200f\n'.encode(), "paper", KEYS)


@pytest.mark.must("2.2.4")
def test_an_unknown_key_is_named() -> None:
    """A misspelt restriction that is ignored is a restriction that is not there."""
    with pytest.raises(CallerError) as caught:
        read_text(b'id = "a"\nwithold = ["x"]', "paper", KEYS)
    with pytest.raises(CallerError) as inner:
        read_text(GOOD, "paper", KEYS).table("inner", {"word"})

    assert (caught.value.code, caught.value.at) == ("text-unknown-key", "paper.withold")
    assert (inner.value.code, inner.value.at) == ("text-unknown-key", "paper.inner.id")


@pytest.mark.must("2.2.4")
def test_a_missing_key_is_named() -> None:
    """What is not said must not be guessed."""
    with pytest.raises(CallerError) as caught:
        read_text(b"", "paper", KEYS).name("id")

    assert (caught.value.code, caught.value.at) == ("text-missing-key", "paper.id")


TOO_MANY = "".join(f'"name-{number}",\n' for number in range(1025))
WRONG = {
    "name": ['id = "-a"', "id = 1", 'id = "a b"', f'id = "{"a" * 65}"', 'id = "ä"'],
    "string": ['id = ""', f'id = "{"a" * 129}"', "id = 7", 'id = "a\\u202eb"', 'id = "a\\nb"', 'id = "a\\tb"'],
    "names": ['id = "a"', "id = []", 'id = ["a", "a"]', 'id = ["a b"]', "id = [1]", f"id = [\n{TOO_MANY}]"],
    "date": ["id = 2026-06-01T00:00:00", "id = 2026-06-01T00:00:00Z", 'id = "2026-06-01"', "id = 12:00:00"],
    "hex": ['id = "0A"', 'id = "0"', 'id = "0g"', "id = 10", 'id = "0a0b"'],
    "integer": ["id = 0", "id = 10", "id = true", "id = 1.0", 'id = "1"', "id = 0xffffffffff"],
    "choice": ['id = "maybe"', "id = 1", 'id = ["yes"]'],
    "choices": ['id = ["maybe"]', "id = []", 'id = ["yes", "yes"]'],
    "table": ['id = "a"', "id = []"],
    "tables": ['id = "a"', "id = []", "id = [1]", "id = [{}, {}, {}]", "id = {}"],
}
READERS = {
    "name": lambda table: table.name("id"),
    "string": lambda table: table.string("id"),
    "names": lambda table: table.names("id"),
    "date": lambda table: table.date("id"),
    "hex": lambda table: table.hex_bytes("id", 1),
    "integer": lambda table: table.integer("id", 1, 9),
    "choice": lambda table: table.choice("id", ("yes", "no")),
    "choices": lambda table: table.choices("id", ("yes", "no")),
    "table": lambda table: table.table("id", set()),
    "tables": lambda table: table.tables("id", set(), 2),
}


@pytest.mark.must("2.2.3", "2.2.5", "2.2.6", "2.2.7")
@pytest.mark.parametrize(("reader", "line"), [(reader, line) for reader in WRONG for line in WRONG[reader]])
def test_a_value_of_another_type_or_size_is_refused(reader: str, line: str) -> None:
    """A number in quotes, a moment for a day, a list with something twice: nobody knows what was meant."""
    table = read_text(line.encode(), "paper", {"id"})

    with pytest.raises(CallerError) as caught:
        READERS[reader](table)

    assert (caught.value.code, caught.value.at) == ("text-value", "paper.id")


def test_a_key_is_found_by_its_line() -> None:
    """A refusal that names the line is mended in a minute."""
    text = b'id = "a"\n\n[inner]\n# id = 1\n"id" = "b"\n[ other ]\nid= 2\n'

    assert line_of(text, "", "id") == 1
    assert line_of(text, "inner", "id") == 5
    assert line_of(text, "other", "id") == 7
    assert line_of(text, "inner", "absent") is None
