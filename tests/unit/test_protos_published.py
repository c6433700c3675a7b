"""The published descriptors are what the code speaks, and the list of what checks them is pinned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from sluice.v1 import (
    govern_pb2,
    identity_pb2,
    ledger_pb2,
    portion_pb2,
    publish_pb2,
    release_pb2,
    tactic_pb2,
    telemetry_pb2,
)

PROTOS = Path(__file__).resolve().parents[2] / "protos"
PUBLISHED = FileDescriptorSet.FromString((PROTOS / "published" / "sluice-v1.binpb").read_bytes())
MODULES = (
    govern_pb2, identity_pb2, ledger_pb2, portion_pb2, publish_pb2, release_pb2, tactic_pb2, telemetry_pb2,
)  # fmt: skip
SPOKEN: dict[str, FileDescriptor] = {module.DESCRIPTOR.name: module.DESCRIPTOR for module in MODULES}
LOCK = json.loads((PROTOS / "buf" / "package-lock.json").read_text("utf-8"))


def as_published(name: str) -> FileDescriptor:
    """A file of the published set, read as another language's library would read it."""
    pool = DescriptorPool()
    for file in PUBLISHED.file:
        pool.Add(file)
    return pool.FindFileByName(name)


def _of_enum(enum: EnumDescriptor) -> Iterator[tuple[str, object]]:
    yield enum.full_name, enum.is_closed
    yield from ((f"{enum.full_name}.{value.name}", value.number) for value in enum.values)


def _of_message(message: Descriptor) -> Iterator[tuple[str, object]]:
    yield message.full_name, len(message.fields)
    for field in message.fields:
        held = field.message_type or field.enum_type
        form = (field.type, field.is_repeated, field.is_packed, field.has_presence, field.json_name)
        yield field.full_name, (field.number, form, held.full_name if held else "")
    for inner in message.nested_types:
        yield from _of_message(inner)
    for enum in message.enum_types:
        yield from _of_enum(enum)


def said_by(file: FileDescriptor) -> dict[str, object]:
    """Every name of the file with its number and type."""
    said: dict[str, object] = {"package": file.package}
    for message in file.message_types_by_name.values():
        said |= dict(_of_message(message))
    for enum in file.enum_types_by_name.values():
        said |= dict(_of_enum(enum))
    for service in file.services_by_name.values():
        for call in service.methods:
            streams = (call.client_streaming, call.server_streaming)
            said[call.full_name] = (call.input_type.full_name, call.output_type.full_name, streams)
    return said


def test_every_file_of_the_contract_is_published() -> None:
    """A partner that has the set needs nothing else."""
    assert sorted(file.name for file in PUBLISHED.file) == sorted(SPOKEN)
    assert {f"sluice/v1/{path.name}" for path in (PROTOS / "sluice/v1").glob("*.proto")} == SPOKEN.keys()


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_the_published_descriptors_are_those_of_the_code(name: str) -> None:
    """Every message, field, number, name and type that others build on is the one we speak."""
    assert said_by(as_published(name)) == said_by(SPOKEN[name])


def test_the_published_descriptors_carry_no_comments() -> None:
    """Words may be mended at any time; the set changes only when the contract does."""
    assert not any(file.HasField("source_code_info") for file in PUBLISHED.file)


def test_what_checks_the_contract_is_pinned_by_hash_and_by_no_address() -> None:
    """What CI installs is what was chosen, from whichever registry CI is given."""
    packages = {name: package for name, package in LOCK["packages"].items() if name}

    assert len(packages) >= 8
    assert not [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")]
    assert not [name for name, package in packages.items() if "resolved" in package]
