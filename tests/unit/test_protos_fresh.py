"""The generated code is what the pinned generator makes of the contract, and nothing else."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos"
GENERATOR = "1.85.1"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("grpc_tools") is None or importlib.metadata.version("grpcio-tools") != GENERATOR,
    reason=f"grpcio-tools {GENERATOR}, the pinned generator, is not installed",
)


def run(protos: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`generate.py` of that tree."""
    command = [sys.executable, str(protos / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the contract that a test may damage."""
    return shutil.copytree(PROTOS, tmp_path / "protos", ignore=shutil.ignore_patterns("__pycache__"))


def test_generated_code_is_fresh() -> None:
    """Code and contract arrive together: what is committed is what the proto files say."""
    result = run(PROTOS, "--check")

    assert result.returncode == 0, result.stderr


def grow(copy: Path) -> None:
    """A contract that says more than it did."""
    proto = copy / "sluice/v1/tactic.proto"
    wider = "string originator = 1;\n  string approver = 3;"
    proto.write_text(proto.read_text("utf-8").replace("string originator = 1;", wider), "utf-8")


def test_a_changed_contract_makes_the_generated_code_stale(copy: Path) -> None:
    """Forgetting to generate must not go unseen, and generating mends it."""
    grow(copy)

    stale = run(copy, "--check")
    assert stale.returncode == 1
    assert "error[generated-stale]" in stale.stderr
    assert "tactic_pb2.py" in stale.stderr

    assert run(copy).returncode == 0
    assert "error[generated-stale]" not in run(copy, "--check").stderr
    assert "approver" in (copy / "gen/sluice/v1/tactic_pb2.pyi").read_text("utf-8")


def test_the_published_descriptors_grow_only_when_asked(copy: Path) -> None:
    """An addition is final from the day it is published, so publishing it is a step of its own."""
    published = copy / "published/sluice-v1.binpb"
    before = published.read_bytes()
    grow(copy)
    assert run(copy).returncode == 0

    stale = run(copy, "--check")
    assert (stale.returncode, published.read_bytes()) == (1, before)
    assert "error[published-stale]" in stale.stderr
    assert "sluice.v1.TacticUnit.approver" in stale.stderr

    assert run(copy, "--publish").returncode == 0
    assert published.read_bytes() != before
    assert run(copy, "--check").returncode == 0


BROKEN = [
    ("tactic.proto", "string originator = 1;", "string originator = 3;", "TacticUnit.originator"),
    ("tactic.proto", "string originator = 1;", "string author = 1;", "TacticUnit.originator"),
    ("tactic.proto", "string originator = 1;", "bytes originator = 1;", "TacticUnit.originator"),
    ("tactic.proto", "string originator = 1;", "repeated string originator = 1;", "TacticUnit.originator"),
    ("tactic.proto", "  LIGHT_NIGHT = 3;\n", "", "Light.LIGHT_NIGHT"),
    ("release.proto", "(SendReceiptRequest) returns", "(stream SendReceiptRequest) returns", "SendReceipt"),
]


@pytest.mark.parametrize(("file", "was", "becomes", "named"), BROKEN, ids=[becomes for _, _, becomes, _ in BROKEN])
def test_what_is_published_never_changes(copy: Path, file: str, was: str, becomes: str, named: str) -> None:
    """A partner's code of last year rests on it: not even the flag that publishes takes it back."""
    proto, published = copy / "sluice/v1" / file, copy / "published/sluice-v1.binpb"
    before = published.read_bytes()
    text = proto.read_text("utf-8")
    assert was in text
    proto.write_text(text.replace(was, becomes), "utf-8")

    refused = run(copy, "--publish")

    assert refused.returncode == 1
    assert "error[published-frozen]" in refused.stderr
    assert named in refused.stderr
    assert published.read_bytes() == before


@pytest.mark.parametrize("name", ["sluice/v1/portion_pb2.py", "sluice/v1/__init__.py", "sluice/py.typed"])
def test_a_missing_file_is_stale(copy: Path, name: str) -> None:
    """A wheel without it would not import, or would lose its types."""
    (copy / "gen" / name).unlink()

    assert name in run(copy, "--check").stderr
    assert run(copy).returncode == 0
    assert (copy / "gen" / name).is_file()


def test_a_file_nobody_generates_is_stale(copy: Path) -> None:
    """The leftovers of a removed proto file would stay importable."""
    (copy / "gen/sluice/v1/old_pb2.py").write_text("")

    assert "old_pb2.py" in run(copy, "--check").stderr
    assert run(copy).returncode == 0
    assert not (copy / "gen/sluice/v1/old_pb2.py").exists()


def test_only_files_with_services_have_stubs_of_calls() -> None:
    """A stub without a service is dead code in every client."""
    stubs = {path.name.removesuffix("_pb2_grpc.py") for path in (PROTOS / "gen/sluice/v1").glob("*_grpc.py")}
    services = {path.stem for path in (PROTOS / "sluice/v1").glob("*.proto") if "\nservice " in path.read_text("utf-8")}

    assert stubs == services


def test_a_broken_contract_is_an_error_by_name(copy: Path) -> None:
    """The developer reads what is wrong, and nothing is written."""
    (copy / "sluice/v1/tactic.proto").write_text("syntax = ", "utf-8")

    result = run(copy)

    assert result.returncode == 1
    assert "error[proto-invalid]" in result.stderr
    assert run(PROTOS, "--check").returncode == 0


def test_an_argument_nobody_knows_is_an_error(copy: Path) -> None:
    """`--chek` must not generate."""
    result = run(copy, "--chek")

    assert result.returncode == 2
    assert "error[usage]" in result.stderr
