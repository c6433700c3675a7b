"""Writes protos/gen from protos/sluice/v1, or checks that it is fresh.

    python protos/generate.py            # writes messages, type stubs and, for files with services, gRPC stubs
    python protos/generate.py --check    # exit code 1 and the name of the first stale file if anything differs

Only the pinned generator is accepted: another one writes other bytes, and freshness could not be checked.
"""

from __future__ import annotations

import re
import sys
import tempfile
from importlib import metadata, resources
from pathlib import Path

GENERATOR = "1.85.1"
ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "sluice" / "v1"
GENERATED = ROOT / "gen"
_PACKAGES = {
    "sluice/__init__.py": '"""Generated code of the contract."""\n',
    "sluice/v1/__init__.py": '"""Version 1 of the contract, generated from protos/sluice/v1; do not edit."""\n',
    "sluice/py.typed": "",
}


def generate(target: Path) -> None:
    """Writes the whole generated tree into the empty directory `target`."""
    from grpc_tools import protoc  # noqa: PLC0415 - a missing generator is reported by main, not by an import

    files = sorted(SOURCES.glob("*.proto"))
    services = [file for file in files if re.search(r"^service ", file.read_text("utf-8"), re.MULTILINE)]
    include = str(resources.files("grpc_tools") / "_proto")
    for outputs, sources in (("--python_out --pyi_out", files), ("--grpc_python_out", services)):
        if not sources:
            continue
        arguments = ["protoc", f"-I{ROOT}", f"-I{include}"]
        arguments += [f"{output}={target}" for output in outputs.split()]
        if protoc.main(arguments + [str(file) for file in sources]) != 0:
            raise SystemExit("error[proto-invalid]: protoc refused a file; its message is above")
    for name, text in _PACKAGES.items():
        (target / name).write_text(text, "utf-8")


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


def main(arguments: list[str]) -> int:
    """0 when written or fresh, 1 when stale, 2 when the generator is not the pinned one."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"error[usage]: expected nothing or --check, {' '.join(arguments)} came\n")
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
    present = tree(GENERATED) if GENERATED.exists() else {}
    differing = stale(fresh, present)
    if arguments and differing:
        sys.stderr.write(
            "error[generated-stale]: protos/gen differs from protos/sluice/v1\n"
            f"  at: {differing[0]}\n  do: make protos, commit both\n"
        )
        return 1
    for name in differing:
        path = GENERATED / name
        if name in fresh:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(fresh[name])
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
