"""The core and the second reader beside each other, on what no vector has: right bytes that were spoilt at random.

Where both refuse a content they name the same code. Of texts it is asked that both take or both refuse them: which
of its faults is named is no law.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.control.agreement import Agreement
from gateway.core.control.guide import Guide
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.roster import Roster
from gateway.core.control.source import SourceAdmission
from gateway.core.control.suspension import AgreementEnd, Lift, Suspension
from gateway.core.errors import GatewayError
from gateway.core.kinds.ranges import check_ranges
from gateway.core.kinds.registry import check_portion, parse_portion
from gateway.core.labels import lattice
from gateway.core.labels.label import Label
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.clearance import Clearance, shortfalls
from tests.reference.reader import Refusal, items, kinds, labels, statements, texts
from tests.reference.reader import guide as guides
from tests.reference.reader.content import check_content
from tests.reference.reader.enrol import Entry
from tests.reference.reader.profile import Agreement as Agreed

VECTORS = Path(__file__).resolve().parents[2] / "protos" / "vectors"
CONTENTS, BODIES, LABELS = 6_000, 1_500, 4_000
TOKENS = [
    b'"',
    b"1",
    b"true",
    b'"REAL"',
    b'"all"',
    b"[]",
    b'["USA"]',
    b"2026-01-01",
    b"\t",
    b"\r",
    b'"T"',
    b"1.5",
    b",",
]
TOKENS += [b'"\\u200b"', b"\xe2\x80\x8b", b"-1", b"99999", b'"FLAT"', b'"identifiers"', b'"DSK//REL USA"', b"# x", b" "]


def said(read: Callable[[], object]) -> str | None:
    """The code of the refusal, or None."""
    try:
        read()
    except (GatewayError, Refusal) as refusal:
        return refusal.code
    return None


def spoilt_content(rng: random.Random, right: bytes) -> bytes:
    """The bytes with one to three of them changed, put in, taken out or doubled."""
    octets = bytearray(right)
    for _ in range(rng.choice((1, 1, 2, 3))):
        place, way = rng.randrange(len(octets) + 1), rng.randrange(4)
        if way == 0:
            octets[place:place] = bytes([rng.choice((0, 1, 2, 8, 10, 0x12, 0x80, 0xFF, rng.randrange(256)))])
        elif way == 1:
            other = rng.randrange(len(octets) + 1)
            octets[place:place] = octets[min(place, other) : max(place, other)]
        elif place < len(octets) and way == 2:
            octets[place] ^= 1 << rng.randrange(8)
        elif place < len(octets):
            del octets[place]
    return bytes(octets)


def spoilt_text(rng: random.Random, right: bytes) -> bytes:
    """The text with a line gone, doubled or moved, a value exchanged, or a character put in or taken out."""
    lines = right.split(b"\n")
    place, other, way = rng.randrange(len(lines)), rng.randrange(len(lines)), rng.randrange(6)
    line = lines[place]
    at = rng.randrange(len(line) + 1)
    lines[place : place + 1] = [
        list,
        lambda: [line, lines[other]],
        lambda: [line.partition(b"=")[0] + b"= " + rng.choice(TOKENS)],
        lambda: [line.partition(b"=")[0] + b"=" + lines[other].partition(b"=")[2]],
        lambda: [line[:at] + rng.choice(TOKENS) + line[at:]],
        lambda: [line[:at] + line[at + 1 :]],
    ][way]()
    return b"\n".join(lines)


def contents() -> list[tuple[int, int, bytes]]:
    """Schema, slot and bytes of every content of the vectors, right or not."""
    found = []
    for schema, kind in ((1, "telemetry"), (2, "tactic")):
        vectors = json.loads((VECTORS / "kinds" / f"{kind}.json").read_text("utf-8"))
        for slot, (name, _) in enumerate(kinds.SCHEMAS[schema].slots):
            found.append((schema, slot, bytes.fromhex(vectors[name]["hex"])))
        for name, one in vectors.items():
            if name.startswith("refused_"):
                found.append((schema, one["value"]["slot"], bytes.fromhex(one["value"]["content"])))
    return found


def core_content(schema: int, slot: int, content: bytes) -> None:
    """All that the core checks of one portion's content."""
    message = parse_portion(schema, slot, content)
    check_portion(schema, slot, message)
    check_ranges(schema, slot, message)


def test_two_readers_say_the_same_of_spoilt_contents(rng: random.Random) -> None:
    """A partner in another language quarantines for the reason for which the gateway would have refused."""
    right, differing, codes = contents(), [], Counter[str | None]()

    for _ in range(CONTENTS):
        schema, slot, octets = rng.choice(right)
        octets = spoilt_content(rng, octets)
        core = said(lambda: core_content(schema, slot, octets))  # noqa: B023
        second = said(lambda: check_content(schema, slot, octets))  # noqa: B023
        codes[core] += 1
        # Of a base that is wrong in two ways the core says that it is out of range.
        if core != second and {core, second} != {"range", "content-not-canonical"}:
            differing.append((schema, slot, octets.hex(), core, second))

    assert differing == []
    assert {None, "content-not-canonical", "schema", "range", "text"} <= set(codes)


def bodies() -> dict[int, list[bytes]]:
    """The bodies of the day's statements by kind."""
    found: dict[int, list[bytes]] = {}
    for _, item in items((VECTORS / "day" / "control.sluice").read_bytes()):
        statement = Entry.parse(item).statement
        found.setdefault(statement.kind, []).append(statement.body)
    return found


def test_two_readers_take_the_same_of_spoilt_texts(rng: random.Random) -> None:
    """What operators read on the screen has one meaning, whoever parses it."""
    right, differing, taken = bodies(), [], 0
    vocabulary = right[statements.VOCABULARY][0]
    of_core = {str(one.name): one for one in [Vocabulary.parse(vocabulary)]}
    of_second = {one.name: one for one in [labels.Vocabulary.parse(vocabulary)]}
    readers: dict[int, tuple[Callable[[bytes], object], Callable[[bytes], object]]] = {
        statements.GENESIS: (Roster.parse, statements.Roster.parse),
        statements.SOURCE: (SourceAdmission.parse, lambda body: texts.body_text(statements.SOURCE, body, "source")),
        statements.PARTNER: (PartnerAdmission.parse, lambda body: texts.body_text(statements.PARTNER, body, "partner")),
        statements.AGREEMENT: (Agreement.parse, Agreed.parse),
        statements.END: (AgreementEnd.parse, lambda body: texts.body_text(statements.END, body, "end")),
        statements.SUSPEND: (Suspension.parse, lambda body: texts.body_text(statements.SUSPEND, body, "suspend")),
        statements.LIFT: (Lift.parse, lambda body: texts.body_text(statements.LIFT, body, "lift")),
        statements.VOCABULARY: (Vocabulary.parse, labels.Vocabulary.parse),
        statements.GUIDE: (
            lambda body: Guide.parse(body, of_core),
            lambda body: guides.Guide.parse(body, of_second),
        ),
    }

    for _ in range(BODIES):
        kind = rng.choice([one for one in readers if one in right])
        body = spoilt_text(rng, rng.choice(right[kind]))
        core, second = said(lambda: readers[kind][0](body)), said(lambda: readers[kind][1](body))  # noqa: B023
        taken += core is None
        if (core is None) != (second is None):
            differing.append((kind, body, core, second))

    assert differing == []
    assert BODIES // 10 < taken < BODIES


@pytest.mark.must("2.5.9")
@pytest.mark.parametrize(
    "clearance",
    [
        "[clearance]\n",
        '[clearance.UKR]\nREL = ["USA"]\n',
        "[clearance.UKR]\nlevel = 3\n",
        '[clearance.UKR]\nlevel = "T"\nREL = "USA"\n',
        '[clearance.UKR]\nlevel = "T"\nREL = []\n',
        '[clearance.UKR]\nlevel = "T"\nREL = ["USA", "USA"]\n',
        '[clearance.UKR]\nlevel = "T"\nrel = ["USA"]\n',
        '[clearance.ukr]\nlevel = "T"\n',
        '[clearance.UKR]\nlevel = "T"\nREL = [' + ",\n".join(f'"V{number}"' for number in range(257)) + "]\n",
        "".join(f'[clearance.{"ABCDEFGHIJKLMNOPQ"[number]}AA]\nlevel = "T"\n' for number in range(17)),
    ],
    ids=range(10),
)
def test_a_clearance_of_a_wrong_form_has_one_code_from_both_readers(clearance: str) -> None:
    """Whoever corrects an admission looks at the clearance, whatever it was that could not be read."""
    whole = bodies()[statements.PARTNER][0]
    body = whole[: whole.index(b"[clearance")] + clearance.encode()

    core = said(lambda: PartnerAdmission.parse(body))
    second = said(lambda: texts.body_text(statements.PARTNER, body, "partner"))

    assert (core, second) == ("clearance", "clearance")


def a_label(rng: random.Random) -> str:
    """Something like a label under UKR.1, mostly one."""
    text = f"UKR.1 {rng.choice(('OPEN', 'DSK', 'T', 'TST', 'OV', 'ODD'))}"
    for tag, values in (("COMMERCIAL", ["FPV-7", "FPV-8"]), ("REL", ["DEU", "GBR", "USA"])):
        chosen = [one for one in values if rng.random() < 0.5]
        text += f"//{tag} {','.join(chosen)}" if chosen else ""
    if rng.random() < 0.2:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice((" ", "//", ",", "USA", "x", "")) + text[at + 1 :]
    return text


def test_two_readers_agree_on_who_may_read_a_label(rng: random.Random) -> None:
    """Whoever releases and whoever receives decide alike, or one of them has to be wrong."""
    right = bodies()[statements.VOCABULARY][0]
    core, second = Vocabulary.parse(right), labels.Vocabulary.parse(right)
    differing, within, last = [], 0, None

    for _ in range(LABELS):
        text = a_label(rng)
        one = _parsed(lambda: Label.parse(text, {str(core.name): core}))  # noqa: B023
        other = _parsed(lambda: _checked(second, text))  # noqa: B023
        if (one is None) != (other is None):
            differing.append((text, "label"))
        if not isinstance(one, Label) or not isinstance(other, labels.Label):
            continue
        level, held = rng.choice(("OPEN", "DSK", "T", "TST")), rng.sample(["DEU", "GBR", "USA", "UKR"], 2)
        nation, designs = rng.choice(("USA", "DEU", "UKR")), frozenset(rng.sample(["FPV-7", "FPV-8"], 1))
        cleared = labels.Cleared(nation, {"UKR": labels.Clearance(level, {"REL": frozenset(held)})}, designs)
        clearance = Clearance.parse("UKR", {"level": level, "REL": sorted(held)})
        is_within = not shortfalls(one, (clearance,), nation, designs)
        within += is_within
        if is_within != cleared.is_within(other, second):
            differing.append((text, level, held, nation))
        if last and lattice.dominates(one, last[0]) != second.dominates(other, last[1]):
            differing.append((text, "dominates"))
        last = one, other

    assert differing == []
    assert within > LABELS // 100


def _parsed(parse: Callable[[], object]) -> object:
    try:
        return parse()
    except (GatewayError, Refusal):
        return None


def _checked(vocabulary: labels.Vocabulary, text: str) -> labels.Label:
    label = labels.Label.parse(text.encode())
    vocabulary.check(label)
    return label
