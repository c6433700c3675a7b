"""Known answers: what a second hand wrote from the specification is made, read, printed and refused alike."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from sluice.v1 import portion_pb2, tactic_pb2, telemetry_pb2

from gateway.core.errors import Refused
from gateway.core.kinds import KINDS, Kind, check_portion, check_record, parse_portion, portion_to_json, telemetry
from gateway.core.kinds.columns import Column
from gateway.core.kinds.ranges import check_ranges
from tests.reference import writer_kinds

PROTOS = Path(__file__).resolve().parents[3] / "protos"
FOLDER = PROTOS / "vectors" / "kinds"
VECTORS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
KIND_OF = {kind.name: kind for kind in KINDS.values()}
PORTIONS = [(kind, slot) for kind in KIND_OF.values() for slot in range(kind.n)]
REFUSED = [(kind, name) for kind in KIND_OF for name in VECTORS[kind] if name.startswith("refused_")]


def content(kind: Kind, slot: int) -> bytes:
    """The recorded bytes of a portion."""
    return bytes.fromhex(VECTORS[kind.name][kind.slots[slot]]["hex"])


def printed(kind: Kind, slot: int) -> dict[str, Any]:
    """The recorded print of a portion."""
    value: dict[str, Any] = VECTORS[kind.name][f"{kind.slots[slot]}_printed"]["value"]
    return value


def inspect(kind: Kind, slot: int, octets: bytes) -> Message:
    """Everything the gateway does with one portion."""
    message = parse_portion(kind.schema, slot, octets)
    check_portion(kind.schema, slot, message)
    check_ranges(kind.schema, slot, message)
    return message


def test_every_kind_has_its_vector() -> None:
    """A kind without known answers could not be written a second time."""
    assert VECTORS.keys() == KIND_OF.keys()
    for kind, slot in PORTIONS:
        assert kind.slots[slot] in VECTORS[kind.name]


def test_the_recorded_vectors_are_what_the_second_hand_writes(tmp_path: Path) -> None:
    """A vector edited to fit the code would prove nothing."""
    for path in writer_kinds.write_all(tmp_path):
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name


@pytest.mark.parametrize(("kind", "slot"), PORTIONS, ids=lambda part: getattr(part, "name", part))
def test_a_recorded_portion_is_read_and_printed(kind: Kind, slot: int) -> None:
    """Another language's bytes are ours."""
    message = inspect(kind, slot, content(kind, slot))

    assert portion_to_json(kind.schema, slot, message) == printed(kind, slot)


@pytest.mark.parametrize(("kind", "slot"), PORTIONS, ids=lambda part: getattr(part, "name", part))
def test_a_recorded_portion_is_built(kind: Kind, slot: int) -> None:
    """Ours are another language's bytes: what was printed goes back in."""
    portion = kind.portions[slot]
    values = {name: value for name, value in printed(kind, slot).items() if not (portion.columns and name == "rows")}
    for column in portion.columns:
        if column.name in values and column.codes is not None:
            codes = column.codes.__members__
            values[column.name] = [None if name is None else codes[name] for name in values[column.name]]

    assert portion.build(values) == content(kind, slot)


@pytest.mark.parametrize("kind", KIND_OF.values(), ids=KIND_OF)
def test_the_recorded_portions_are_one_record(kind: Kind) -> None:
    """Together they keep the laws between portions."""
    check_record(kind.schema, {slot: parse_portion(kind.schema, slot, content(kind, slot)) for slot in range(kind.n)})


def test_the_recorded_coarse_track_is_what_the_fine_one_rounds_to() -> None:
    """The source computes it, the gateway computes it again, and both are this."""
    kind = telemetry.KIND

    assert telemetry.position_coarse(content(kind, telemetry.POSITION)) == content(kind, telemetry.POSITION_COARSE)
    assert telemetry.area(content(kind, telemetry.POSITION)) == "36UUA"


@pytest.mark.must("8.1.2", "8.5.1")
@pytest.mark.parametrize(("kind", "name"), REFUSED)
def test_a_recorded_refusal_is_refused_with_its_code(kind: str, name: str) -> None:
    """What one implementation lets through, another may act on."""
    case = VECTORS[kind][name]["value"]

    with pytest.raises(Refused) as refused:
        inspect(KIND_OF[kind], case["slot"], bytes.fromhex(case["content"]))

    assert refused.value.code == case["code"]


def specification() -> str:
    """The text of section 8, where it stands."""
    assembled, part = PROTOS / "SPEC.md", PROTOS / "spec-parts" / "kinds.md"
    text = assembled.read_text("utf-8") if assembled.exists() else ""
    return text if "TelemetryPositionCoarse" in text else part.read_text("utf-8")


@pytest.mark.parametrize(("kind", "slot"), PORTIONS, ids=lambda part: getattr(part, "name", part))
def test_the_worked_example_of_a_portion_is_its_vector(kind: Kind, slot: int) -> None:
    """A reader who has only the text must arrive at the same bytes."""
    hexadecimal = "".join(re.findall(r"^ {4}[a-z0-9_, ]+ {2,}([0-9a-f]+)$", _example(kind, slot), re.MULTILINE))

    assert hexadecimal == content(kind, slot).hex()


def _example(kind: Kind, slot: int) -> str:
    heading = f"Example `{kind.name}.{kind.slots[slot]}`"
    return specification().split(heading)[1].split("\n\n")[1]


@pytest.mark.must("8.5.1")
@pytest.mark.parametrize(("kind", "slot"), PORTIONS, ids=lambda part: getattr(part, "name", part))
def test_the_table_of_a_portion_is_its_schema(kind: Kind, slot: int) -> None:
    """Numbers, widths and ranges of the text are those of the code and of the proto file."""
    message = kind.portions[slot].message.DESCRIPTOR
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| ([^|]+) \| ([^|]+) \|", _table(message.name), re.MULTILINE)

    assert [(int(number), name) for number, name, _, _ in rows] == [(f.number, f.name) for f in message.fields]
    columns = {column.name: column for column in kind.portions[slot].columns}
    for _, name, kind_of_field, allowed in rows:
        column = columns.get(name)
        assert kind_of_field.strip().startswith("column ") == (column is not None)
        if isinstance(column, Column):
            assert kind_of_field.split() == ["column", str(column.width)]
            assert allowed.replace(",", "").split("; ")[0].strip() == f"{column.low} to {column.high}"


def _table(message: str) -> str:
    return specification().split(f"`{message}`")[1].split("\nExample ")[0]


def test_the_table_of_enumerations_is_the_contract() -> None:
    """A name that the text gives another number would be read as another fact."""
    enums = {
        enum.name: {value.name: value.number for value in enum.values}
        for file in (portion_pb2, telemetry_pb2, tactic_pb2)
        for enum in file.DESCRIPTOR.enum_types_by_name.values()
    }
    written = dict(re.findall(r"^\| (\w+) \| (1 [^|]+) \|$", specification().split("### 8.6")[1], re.MULTILINE))

    assert written.keys() == enums.keys()
    for name, values in enums.items():
        prefix = next(iter(values)).removesuffix("UNSPECIFIED")
        assert values.pop(f"{prefix}UNSPECIFIED") == 0
        assert re.findall(r"(\d+) (\w+)", written[name]) == [
            (str(n), v.removeprefix(prefix)) for v, n in values.items()
        ]
