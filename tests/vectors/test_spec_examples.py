"""What SPEC.md shows is true: its examples are the recorded bytes, its tables the numbers of the product."""

from __future__ import annotations

import hashlib
import re
from enum import IntEnum
from pathlib import Path

import pytest

from gateway.core.suite import numbers
from tests.reference import recorded

SPEC = (Path(__file__).resolve().parents[2] / "protos" / "SPEC.md").read_text()
EXAMPLES = re.findall(r"^```vector (\S+)\n(.*?)^```$", SPEC, re.MULTILINE | re.DOTALL)
ELIDED = re.compile(r"\[(\d+) bytes, SHA-384 ([0-9a-f]{96})\]")
TABLES: dict[str, type[IntEnum]] = {
    "B.1": numbers.StatementKind,
    "B.2": numbers.Role,
    "B.3": numbers.KeyState,
    "B.4": numbers.RecordKind,
    "B.5": numbers.DataMode,
    "B.6": numbers.Schema,
    "B.7": numbers.UpMessage,
    "B.8": numbers.PublishMessage,
    "B.9": numbers.StreamMessage,
    "B.10": numbers.RefusalCode,
    "B.11": numbers.EndReason,
}


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_is_its_vector(name: str, text: str) -> None:
    """Who follows the text by hand arrives at the same bytes."""
    left = recorded.octets(name)

    for line in text.splitlines():
        elided = ELIDED.search(line)
        if elided is not None:
            field, left = left[: int(elided[1])], left[int(elided[1]) :]
            assert (len(field), hashlib.sha384(field).hexdigest()) == (int(elided[1]), elided[2])
            continue
        shown = bytes.fromhex(line.split()[-1].replace("-", ""))
        assert left.startswith(shown)
        left = left[len(shown) :]
    assert left == b""


def test_every_room_of_the_format_has_examples() -> None:
    """A structure without worked bytes is read in two ways."""
    rooms = {name.partition(".")[0] for name, _ in EXAMPLES}

    assert rooms >= {"keys", "control", "origin", "parcel", "stream", "frame", "ledger", "at_rest"}
    assert len({name for name, _ in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("section", TABLES)
def test_a_table_of_numbers_is_the_products(section: str) -> None:
    """A number stands for one thing, in the text and in the code."""
    table = SPEC.split(f"### {section} ")[1].split("\n### ")[0].split("\n## ")[0]

    rows = re.findall(r"^\| (\d+) \| ([A-Z0-9-]+) \|", table, re.MULTILINE)

    members = [(member.value, member.name.replace("_", "-")) for member in TABLES[section]]
    assert [(int(number), name) for number, name in rows] == members


def test_every_section_that_is_referred_to_exists() -> None:
    """A reference that leads nowhere is a rule that nobody can find."""
    headings = set(re.findall(r"^#{2,4} (?:Annex )?((?:[A-Z]|\d+)(?:\.\d+)*)\.? ", SPEC, re.MULTILINE))

    prose = re.sub(r"^```.*?^```$", "", SPEC, flags=re.MULTILINE | re.DOTALL).replace("RFC 9162 section 2.1", "")
    referred = set(re.findall(r"\bsection (\d+(?:\.\d+)*)", prose))
    assert referred
    assert referred <= headings


def test_every_number_of_the_limits_is_the_products() -> None:
    """A limit that the text and the code do not share is no limit."""
    limits = SPEC.split("## Annex D.")[1]

    for limit in (
        numbers.MAX_BATCH_RECORDS,
        numbers.MAX_BATCH_BYTES,
        numbers.MAX_CONTENT_BYTES,
        numbers.MAX_LABEL_BYTES,
        numbers.MAX_ROWS,
        numbers.MAX_BODY_BYTES,
        numbers.MAX_SECTIONS,
        numbers.MAX_MESSAGE_BYTES,
        numbers.MAX_TICK_LEAVES,
        numbers.MAX_PARCEL_BATCHES,
        numbers.MAX_SIGNATURES,
        numbers.MAX_SCOPE_BYTES,
        numbers.MAX_REQUEST_BYTES,
        numbers.MAX_DIRECTORY_STATEMENTS,
        numbers.MAX_ENDORSEMENTS,
        numbers.CLOCK_SKEW_MS // 1000,
        numbers.HELLO_SKEW_MS // 1000,
        numbers.NONCE_MEMORY_MS // 1000,
        numbers.STREAM_LIFE_LIMIT_MS // 1000,
        numbers.TICK_EVERY_MS // 1000,
        numbers.SILENCE_MS // 1000,
        numbers.OWED_LEAF_MS // 1000,
    ):
        assert re.search(rf"\b{limit:,}\b", limits), limit
