"""What SPEC.md shows is true: its examples are the recorded bytes, its tables the numbers of the product."""

from __future__ import annotations

import hashlib
import re
from enum import IntEnum
from pathlib import Path
from string import Formatter
from typing import ClassVar

import pytest

from clients.operator import card, revocation_list
from clients.partner import checks
from gateway.adapters.oidc import issuers, keyset
from gateway.core.control import agreement, enrolment, texts, token
from gateway.core.control import directory as control_directory
from gateway.core.ledger import book, entries, receipt, tick
from gateway.core.parties import identity
from gateway.core.sealing import frame, stream
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
    "B.12": numbers.Holder,
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


class Limit(int):
    """A number that prints itself in the unit it is asked for: `{MAX_TEXT_BYTES:KiB}`."""

    UNITS: ClassVar[dict[str, int]] = {"KiB": 1024, "MiB": 1024**2, "s": 1000, "min": 60_000, "days": 86_400_000}

    def __format__(self, unit: str) -> str:
        whole, rest = divmod(self, self.UNITS.get(unit, 1))
        return f"{whole:,}" if rest == 0 else "nothing whole"


CONSTANTS = {
    name: Limit(value)
    for module in (
        agreement,
        book,
        checks,
        numbers,
        control_directory,
        enrolment,
        entries,
        frame,
        identity,
        issuers,
        keyset,
        receipt,
        revocation_list,
        stream,
        texts,
        tick,
        token,
    )
    for name, value in vars(module).items()
    if isinstance(value, int) and (name.startswith("MAX_") or name.endswith("_MS"))
}
LIMITS = {
    "records of a batch": "1 to {MAX_BATCH_RECORDS}",
    "labels and contents of a batch": "{MAX_BATCH_BYTES:MiB} MiB ({MAX_BATCH_BYTES} bytes)",
    "content of a portion": "{MAX_CONTENT_BYTES:MiB} MiB ({MAX_CONTENT_BYTES} bytes)",
    "label": "{MAX_LABEL_BYTES} bytes",
    "rows of a columnar portion": "{MAX_ROWS}",
    "batches of a parcel": "{MAX_PARCEL_BATCHES}",
    "sections of a body": "1 to {MAX_SECTIONS}",
    "body": "{MAX_BODY_BYTES} bytes",
    "any message of a stream": "{MAX_MESSAGE_BYTES:MiB} MiB ({MAX_MESSAGE_BYTES} bytes), compression refused",
    "Hello with its signature": "{MAX_HELLO_BYTES} bytes",
    "G": "{MAX_DISCLOSURE_ENTRY_BYTES} bytes with its tag of 16",
    "text of an end or a notice": "{MAX_END_TEXT_BYTES} bytes",
    "path of a tick message or of an endorsement": "{MAX_PATH_NODES} nodes",
    "new leaves of a tick message, leaves of a `leaves` message": "{MAX_TICK_LEAVES}",
    "new leaves before one tick, all together": "{MAX_NEW_LEAVES}",
    "ledger nodes of a tick message": "{MAX_LEDGER_NODES}",
    "entry of a source's account": "{MAX_ENTRY_BYTES:KiB} KiB",
    "quarantine list of a receipt": "{MAX_QUARANTINED} records",
    "opening of an entry": "{MAX_OPENING_BYTES:KiB} KiB",
    "life of a Dir": "{DIRECTORY_LIFE_MS:days} days",
    "`base_no` of a Dir; `dir_no - base_no`": "2^48 - 1; {MAX_REDATES}",
    "body of a statement, file of an endorsement": "{MAX_TEXT_BYTES:KiB} KiB",
    "signatures of a statement": "{MAX_SIGNATURES}",
    "attachments of a statement": "{MAX_ATTACHMENTS}, of {MAX_ATTACHMENT_BYTES:MiB} MiB",
    "statements of a directory message": "{MAX_DIRECTORY_STATEMENTS}",
    "endorsements of a Dir": "{MAX_ENDORSEMENTS}",
    "scope": "{MAX_SCOPE_BYTES} bytes",
    "serial numbers of a REVOKE; one of them": "{MAX_LIST}; {MAX_SERIAL_BYTES} bytes",
    "revocation list that is imported": "{MAX_LIST_BYTES:MiB} MiB ({MAX_LIST_BYTES} bytes)",
    "basis of an agreement": "{MAX_BASIS_CHARACTERS} characters",
    "fees of an agreement; amount of a fee": "{MAX_FEES}; 1 to {MAX_MINOR_UNITS}",
    "records a month of a quota": "{MAX_RECORDS_PER_MONTH}",
    "certificate request of a bundle or card; the bundle or card": (
        "{MAX_REQUEST_BYTES} bytes; {MAX_BUNDLE_BYTES:KiB} KiB"
    ),
    "certificate request or certificate of a renewal; the renewal": (
        "{MAX_REQUEST_BYTES} bytes; {MAX_RENEWAL_BYTES:KiB} KiB"
    ),
    "clock difference allowed, Dir and `not_after`": "{CLOCK_SKEW_MS:s} s",
    "clock difference allowed, Hello": "{HELLO_SKEW_MS:s} s; nonces remembered for {NONCE_MEMORY_MS:s} s",
    "life of a stream": "{STREAM_LIFE_MS:min} minutes; `not_after` at most {STREAM_LIFE_LIMIT_MS:s} s ahead",
    "between ticks": "{TICK_EVERY_MS:s} s at most; silence of {SILENCE_MS:s} s is a failure",
    "a leaf owed on one stream": "{OWED_LEAF_MS:s} s",
    "access token; its life": "{MAX_TOKEN_BYTES} bytes; {MAX_LIFE_S} s",
    "clock difference allowed, `iat` and `nbf` of a token": "{MAX_AHEAD_S} s",
    "key set of an issuer of tokens": "{MAX_SET_BYTES:KiB} KiB, {MAX_KEYS} keys; used for {STALE_MS:s} s",
}


def test_every_limit_is_the_products() -> None:
    """A limit that the text and the code do not share is no limit."""
    table = SPEC.split("## Annex D.")[1].split("\n## ")[0]
    printed = dict(re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE))
    slots = ", ".join(map(str, numbers.SLOT_COUNTS[:-1])) + f" or {numbers.SLOT_COUNTS[-1]}"

    expected = {what: limit.format_map(CONSTANTS) for what, limit in LIMITS.items()}

    assert printed == {"what": "limit", **expected, "slots of a record": slots}
    assert numbers.MAX_DIRECTORY_NO == 2**48 - 1
    assert control_directory.MAX_PATH_NODES == tick.MAX_PATH_NODES
    assert card.MAX_CARD_BYTES == enrolment.MAX_BUNDLE_BYTES


def test_no_limit_of_the_format_is_left_out_of_the_text() -> None:
    """A second implementation cannot keep a limit that nobody told it."""
    limits = {name for name in vars(numbers) if name.startswith("MAX_") or name.endswith("_MS")}

    told = {name for limit in LIMITS.values() for _, name, _, _ in Formatter().parse(limit) if name}

    assert limits - told == {"MAX_DIRECTORY_NO"}


def test_every_role_has_its_key_in_the_table_of_keys() -> None:
    """Of a key that nobody wrote down nobody knows what to do when it is lost."""
    table = SPEC.split("## Annex C.")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+) \|$", table, re.MULTILINE)
    keys = {row.split(" | ")[0].partition(" (")[0] for row in rows[1:]}
    roles = {role.name.lower().replace("_", "-") for role in numbers.Role} - {"vocabulary", "schema"}

    assert all(len(row.split(" | ")) == 5 and all(row.split(" | ")) for row in rows)
    assert roles <= keys
    assert keys >= {"operator", "recovery", "cursor", "key-encryption key", "ephemeral", "TLS"}
