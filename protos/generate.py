"""Writes protos/gen from protos/sluice/v1, checks that it is fresh, and publishes the contract's descriptors.

    python protos/generate.py            # writes messages, type stubs and, for files with services, gRPC stubs
    python protos/generate.py --check    # exit code 1 and the first name if generated code or published set differs
    python protos/generate.py --publish  # writes protos/published/sluice-v1.binpb as well

The published set is version 1 as others have it: a FileDescriptorSet without comments. It is frozen. It is never
written without being asked for, and then it may gain what it did not have; a number, name or type it has stays.

Only the pinned generator is accepted: another one writes other bytes, and freshness could not be checked.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata, resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorSet

GENERATOR = "1.85.1"
ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "sluice" / "v1"
GENERATED = ROOT / "gen"
PUBLISHED = ROOT / "published" / "sluice-v1.binpb"
MODES = ("", "--check", "--publish")
_PACKAGES = {
    "sluice/__init__.py": '"""Generated code of the contract."""\n',
    "sluice/v1/__init__.py": '"""Version 1 of the contract, generated from protos/sluice/v1; do not edit."""\n',
    "sluice/py.typed": "",
}


def protoc(outputs: Iterable[str], sources: Iterable[Path]) -> None:
    """Runs the pinned compiler; ends the program where it refuses a file."""
    from grpc_tools import protoc as compiler  # noqa: PLC0415 - a missing generator is reported by main, not here

    include = str(resources.files("grpc_tools") / "_proto")
    arguments = ["protoc", f"-I{ROOT}", f"-I{include}", *outputs, *(str(source) for source in sources)]
    if compiler.main(arguments) != 0:
        raise SystemExit("error[proto-invalid]: protoc refused a file; its message is above")


def generate(target: Path) -> None:
    """Writes the whole generated tree into the empty directory `target`."""
    files = sorted(SOURCES.glob("*.proto"))
    services = [file for file in files if re.search(r"^service ", file.read_text("utf-8"), re.MULTILINE)]
    for outputs, sources in (("--python_out --pyi_out", files), ("--grpc_python_out", services)):
        if sources:
            protoc([f"{output}={target}" for output in outputs.split()], sources)
    for name, text in _PACKAGES.items():
        (target / name).write_text(text, "utf-8")


def descriptors() -> bytes:
    """The contract as it stands, a FileDescriptorSet without comments."""
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "set.binpb"
        protoc([f"--descriptor_set_out={target}"], sorted(SOURCES.glob("*.proto")))
        return target.read_bytes()


def facts(octets: bytes) -> dict[str, object]:
    """Everything another's code may rest on, by full name: numbers, types, calls, and which file says so."""
    found: dict[str, object] = {}
    for file in FileDescriptorSet.FromString(octets).file:
        found[file.name] = (file.package, file.syntax)
        for service in file.service:
            for call in service.method:
                name = f"{file.package}.{service.name}.{call.name}"
                found[name] = (call.input_type, call.output_type, call.client_streaming, call.server_streaming)
        found |= dict(_facts_of_types(file.package, file.name, file.message_type, file.enum_type))
    return found


def _facts_of_types(
    scope: str, file: str, messages: Iterable[DescriptorProto], enums: Iterable[EnumDescriptorProto]
) -> Iterator[tuple[str, object]]:
    for enum in enums:
        yield f"{scope}.{enum.name}", file
        yield from ((f"{scope}.{enum.name}.{value.name}", value.number) for value in enum.value)
    for message in messages:
        name = f"{scope}.{message.name}"
        yield name, file
        for field in message.field:
            # Two fields that change their numbers would each be found under its name, and differ.
            yield f"{name}.{field.name}", (field.number, field.type, field.type_name, field.label, field.json_name)
        yield from _facts_of_types(name, file, message.nested_type, message.enum_type)


def tree(directory: Path) -> dict[str, bytes]:
    """Every generated file below `directory` by relative path."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def stale(fresh: dict[str, bytes], present: dict[str, bytes]) -> list[str]:
    """Names that are missing, extra or different."""
    return sorted(name for name in fresh.keys() | present.keys() if fresh.get(name) != present.get(name))


def complain(code: str, message: str, at: str, do: str) -> int:
    """1, with the error on standard error."""
    sys.stderr.write(f"error[{code}]: {message}\n  at: {at}\n  do: {do}\n")
    return 1


def write(fresh: dict[str, bytes]) -> None:
    """Makes the generated tree what is fresh, and nothing else."""
    for name in stale(fresh, tree(GENERATED)):
        path = GENERATED / name
        if name in fresh:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(fresh[name])
        else:
            path.unlink()


def check_published(mode: str) -> int:
    """0 when the published set is the contract's, or may become so and was asked to."""
    now = descriptors()
    before = PUBLISHED.read_bytes() if PUBLISHED.exists() else b""
    published, current = facts(before), facts(now)
    changed = sorted(name for name, fact in published.items() if current.get(name) != fact)
    if changed:
        return complain(
            "published-frozen",
            f"version 1 is published: {len(changed)} of its names, numbers or types would change",
            changed[0],
            "leave it as it was; what must differ is a new schema or a package sluice.v2",
        )
    if mode == "--publish":
        PUBLISHED.parent.mkdir(exist_ok=True)
        PUBLISHED.write_bytes(now)
    elif mode == "--check" and before != now:
        added = sorted(current.keys() - published.keys())
        return complain(
            "published-stale",
            "the published descriptors are not those of protos/sluice/v1",
            added[0] if added else PUBLISHED.name,
            "python protos/generate.py --publish, once the addition is final",
        )
    return 0


def main(arguments: list[str]) -> int:
    """0 when written or fresh, 1 when stale or against what is published, 2 when it cannot be told."""
    mode = " ".join(arguments)
    if mode not in MODES:
        sys.stderr.write(f"error[usage]: expected nothing, --check or --publish, {mode} came\n")
        return 2
    try:
        version = metadata.version("grpcio-tools")
    except metadata.PackageNotFoundError:
        version = "none"
    if version != GENERATOR:
        sys.stderr.write(f"error[generator-version]: need grpcio-tools {GENERATOR}, found {version}\n")
        return 2
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        fresh = tree(Path(directory))
    differing = stale(fresh, tree(GENERATED))
    if mode == "--check" and differing:
        at, do = differing[0], "make protos, commit both"
        return complain("generated-stale", "protos/gen differs from protos/sluice/v1", at, do)
    if mode != "--check":
        write(fresh)
    return check_published(mode) if mode else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
