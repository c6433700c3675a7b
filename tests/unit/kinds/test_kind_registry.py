"""Laws every kind keeps, whatever it is about; a new kind is under them from its first day."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.errors import Refused
from gateway.core.kinds import KINDS, SCHEMAS, Kind, check_portion, check_record, kind_of, parse_portion, portion_of
from gateway.core.kinds.columns import Column, greatest
from gateway.core.suite.numbers import SLOT_COUNTS, RecordKind, Schema
from tests.unit.kinds import given

KIND_LIST = list(KINDS.values())
IDS = [kind.name for kind in KIND_LIST]


def described(kind: Kind) -> Iterator[Descriptor]:
    """Every message a kind's portions are made of."""
    waiting = [portion.message.DESCRIPTOR for portion in kind.portions]
    seen: set[str] = set()
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name not in seen:
            seen.add(descriptor.full_name)
            yield descriptor
            waiting += [field.message_type for field in descriptor.fields if field.message_type is not None]


def test_telemetry_and_tactic_are_known_by_number_and_by_schema() -> None:
    """The numbers are signed by sources and asked for by partners."""
    assert [KINDS[number].name for number in (RecordKind.TELEMETRY, RecordKind.TACTIC)] == ["telemetry", "tactic"]
    assert SCHEMAS[Schema.TELEMETRY_1] is KINDS[RecordKind.TELEMETRY]
    assert SCHEMAS[Schema.TACTIC_1] is KINDS[RecordKind.TACTIC]
    assert KINDS[RecordKind.TELEMETRY].slots == (
        "about", "position", "position_coarse", "kinematics", "vehicle", "link", "gnss", "unit",
    )  # fmt: skip
    assert KINDS[RecordKind.TACTIC].slots == (
        "about", "conditions", "observation", "discussion", "conclusion", "recommendation", "evidence", "unit",
    )  # fmt: skip
    assert [KINDS[number].must for number in (RecordKind.TELEMETRY, RecordKind.TACTIC)] == [0b1, 0b11]


@pytest.mark.parametrize("kind", KIND_LIST, ids=IDS)
def test_a_kind_fills_a_record_of_the_format(kind: Kind) -> None:
    """Slot 0 is `about` and always shown; the count is one the format has."""
    assert kind.n == len(kind.slots) == len(set(kind.slots))
    assert kind.n in SLOT_COUNTS
    assert kind.slots[0] == "about"
    assert kind.must & 1
    assert kind.must < 1 << kind.n
    assert all(slot != floor and {slot, floor} <= set(range(kind.n)) for slot, floor in kind.not_below)


@pytest.mark.parametrize("kind", KIND_LIST, ids=IDS)
def test_a_kind_uses_only_what_has_one_encoding(kind: Kind) -> None:
    """A float has many nothings, a map no order, an Any any content, a presence bit a default on the wire."""
    for descriptor in described(kind):
        for field in descriptor.fields:
            assert field.type not in (
                FieldDescriptor.TYPE_FLOAT,
                FieldDescriptor.TYPE_DOUBLE,
                FieldDescriptor.TYPE_GROUP,
            )
            assert field.message_type is None or not field.message_type.GetOptions().map_entry
            assert field.message_type is None or field.message_type.file.package == "sluice.v1"
            assert field.containing_oneof is None
            assert field.message_type is not None or not field.has_presence
        assert [field.number for field in descriptor.fields] == list(range(1, len(descriptor.fields) + 1))


@pytest.mark.parametrize("kind", KIND_LIST, ids=IDS)
def test_bytes_are_columns_digests_and_nothing_else(kind: Kind) -> None:
    """A free `bytes` field could carry an encrypted blob past every check."""
    columns = {(portion.message.DESCRIPTOR.full_name, c.name) for portion in kind.portions for c in portion.columns}
    digests = {("sluice.v1.RecordName", "batch"), ("sluice.v1.EvidenceRecord", "digest")}

    for descriptor in described(kind):
        for field in descriptor.fields:
            if field.type == FieldDescriptor.TYPE_BYTES:
                assert (descriptor.full_name, field.name) in columns | digests


@pytest.mark.parametrize("kind", KIND_LIST, ids=IDS)
def test_every_field_of_a_message_is_in_the_table(kind: Kind) -> None:
    """A field without a row would be let through unread."""
    for portion in kind.portions:
        rows = [field.name for field in portion.fields]
        bases = [f"{column.name}_base" for column in portion.columns if column.has_base]
        in_message = [field.name for field in portion.message.DESCRIPTOR.fields]

        assert sorted(rows + bases) == sorted(in_message)
        assert rows == [name for name in in_message if name not in bases]
        assert ("rows" in rows) == (bool(portion.columns) or (kind.name, portion.name) == ("telemetry", "about"))


@pytest.mark.parametrize("kind", KIND_LIST, ids=IDS)
def test_every_column_can_hold_its_range(kind: Kind) -> None:
    """A value a device sends and a column cannot hold would be lost or, worse, wrap."""
    for portion in kind.portions:
        for column in portion.columns:
            assert isinstance(column, Column)
            assert column.low < column.high
            if column.width < 4:
                assert column.high - column.low <= 2 * greatest(column.width)


@pytest.mark.must("8.1")
@pytest.mark.parametrize("schema", [0, 3, 65_535])
def test_a_schema_nobody_knows_is_refused(schema: int) -> None:
    """Unknown means no."""
    for act in (lambda: kind_of(schema), lambda: parse_portion(schema, 0, b""), lambda: check_record(schema, {})):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "schema"


@pytest.mark.must("8.1")
@pytest.mark.parametrize("slot", [-1, 8, 15])
def test_a_slot_nobody_knows_is_refused(slot: int) -> None:
    """A negative slot must not count from the end."""
    for act in (lambda: portion_of(1, slot), lambda: parse_portion(1, slot, b"")):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "schema"


@pytest.mark.must("8.7.1", "8.8.1")
@pytest.mark.parametrize(("schema", "missing"), [(Schema.TELEMETRY_1, 0), (Schema.TACTIC_1, 0), (Schema.TACTIC_1, 1)])
def test_a_record_without_a_must_portion_is_refused(schema: Schema, missing: int) -> None:
    """A record without `about` has no label of its own existence."""
    record = given.segment() if schema is Schema.TELEMETRY_1 else given.lesson()
    del record[missing]

    with pytest.raises(Refused) as refused:
        check_record(schema, record)

    assert (refused.value.code, refused.value.at) == ("must", kind_of(schema).slots[missing])


def test_an_empty_content_is_no_portion() -> None:
    """Nothing at all parses as every message, and says nothing."""
    for schema, kind in SCHEMAS.items():
        for slot in range(kind.n):
            with pytest.raises(Refused):
                check_portion(schema, slot, parse_portion(schema, slot, b""))


def test_the_room_needs_no_numpy() -> None:
    """A partner installs the client without it."""
    script = (
        "import sys; sys.modules['numpy'] = None\n"
        "from gateway.core import kinds\n"
        "import gateway.core.kinds.markings, gateway.core.kinds.telemetry, gateway.core.kinds.tactic\n"
        "message = kinds.parse_portion(1, 7, bytes.fromhex('0a0141'))\n"
        "kinds.check_portion(1, 7, message)\n"
        "sys.stdout.write(str(kinds.portion_to_json(1, 7, message)))"
    )

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)

    assert run.stdout == "{'unit_name': 'A'}", run.stderr
