"""What the documents and the Makefile say must be so: a reader who finds one false line stops trusting the others."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.error_catalogue import CATALOGUE, catalogue, every_error
from tests.test_six_sentences import MUTATIONS

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURE = ROOT / "gateway" / "ARCHITECTURE.md"
DOCUMENTS = [
    ROOT / "README.md",
    ARCHITECTURE,
    ROOT / "gateway" / "STYLE.md",
    ROOT / "gateway" / "OPERATORS.md",
    ROOT / "clients" / "SLUICECTL.md",
    ROOT / "clients" / "TESTING.md",
    *sorted((ROOT / "gateway/decisions").glob("*.md")),
]
PINS = ROOT / "deploy" / "requirements"


def text(path: Path) -> str:
    """The file as a reader sees it."""
    return path.read_text("utf-8")


def make_targets() -> set[str]:
    """Targets that `make help` lists."""
    return set(re.findall(r"^([a-z-]+):.*## ", text(ROOT / "Makefile"), re.MULTILINE))


def code_of(document: Path) -> str:
    """Indented blocks, fenced blocks and inline code of a document: what a reader would type or open.

    Screens (`console`) are left out: tests of their own type every command of them.
    """
    without_screens = re.sub(r"^```console\n.*?^```$", "", text(document), flags=re.DOTALL | re.MULTILINE)
    return "\n".join(re.findall(r"^ {4}.*$|```[^`]*```|`[^`\n]+`", without_screens, re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_command_in_a_document_exists(document: Path) -> None:
    """The first command a newcomer types must be there."""
    named = set(re.findall(r"\bmake ([a-z-]+)", code_of(document)))

    assert named <= make_targets()


def _command_lines() -> list[tuple[str, str]]:
    scripts = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]["scripts"]
    pattern = rf"(?<![\w/.-])((?:{'|'.join(scripts)}) [^`\n#|;]+)"
    return [(document.name, line.strip()) for document in DOCUMENTS for line in re.findall(pattern, code_of(document))]


@pytest.mark.parametrize(("document", "line"), _command_lines())
def test_every_command_line_in_a_document_is_understood(document: str, line: str) -> None:
    """A verb or an option that a document names and the program does not know is a promise broken."""
    name, *words = shlex.split(line)

    command = [Path(sys.executable).with_name(name), *words, "--help"]

    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert result.returncode == 0, f"{document}: {line}: {result.stderr[-200:]}"
    assert "Usage:" in result.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_in_a_document_exists(document: Path) -> None:
    """A document that names a file which is not there was true once."""
    pattern = r"(?:gateway|clients|tests|protos|deploy|core|ports|usecases|adapters|rpc|cli)/[\w./-]*[\w/]"
    named = set(re.findall(rf"`({pattern})(?:::\w+)?`", text(document)))
    named |= {path for path in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text(document)) if "://" not in path}
    missing = {path for path in named if not (ROOT / path).exists() and not (ROOT / "gateway" / path).exists()}

    assert not missing


def test_every_room_stands_in_the_architecture() -> None:
    """A cold reader finds any room; a room that nobody described is one nobody decided on."""
    rooms = {
        path.parent.relative_to(ROOT).as_posix() + "/"
        for room in ("gateway", "clients")
        for path in (ROOT / room).rglob("*.py")
    } - {"gateway/", "clients/"}
    loose = {
        path.relative_to(ROOT).as_posix() for room in ("gateway", "clients") for path in (ROOT / room).glob("*.py")
    }
    described = text(ARCHITECTURE)
    undescribed = {
        name for name in rooms | loose - {"gateway/__init__.py", "clients/__init__.py"} if f"`{name}`" not in described
    }

    assert not undescribed


def test_every_test_that_the_architecture_names_exists() -> None:
    """The six sentences are worth what their tests are worth."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text(ARCHITECTURE) + text(ROOT / "README.md")))
    missing = {f"{file}::{test}" for file, test in named if test not in _functions(ROOT / file)}

    assert named
    assert not missing


def test_every_broken_sentence_stands_beside_its_tests() -> None:
    """The table and the mutations must not tell two stories."""
    held_by = {test.partition("[")[0] for mutation in MUTATIONS for test in mutation.tests}

    assert {test for test in held_by if f"`{test}`" not in text(ARCHITECTURE)} == set()


def _functions(path: Path) -> set[str]:
    if not path.exists():
        return set()
    return {
        node.name
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_the_architecture_is_at_most_four_pages() -> None:
    """What is longer is not read before a change; a page is 60 lines."""
    assert len(text(ARCHITECTURE).splitlines()) <= 240


def test_every_error_code_is_kebab_case() -> None:
    """Scripts match on codes: one spelling, no surprises."""
    codes = {raised.code for raised in every_error()}

    assert codes
    assert not {code for code in codes if not re.fullmatch(r"(?:[a-z]+|…)(?:-(?:[a-z0-9]+|…))*", code)}


def test_every_error_code_is_in_the_catalogue() -> None:
    """Someone who sees a code looks it up; if this fails: make errors, and commit it with the code."""
    assert text(CATALOGUE) == catalogue()


def _pinned(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", text(PINS / name), re.MULTILINE))


@pytest.mark.parametrize("name", ["run.txt", "test.txt", "build.txt"])
def test_every_pinned_package_has_hashes_and_no_address(name: str) -> None:
    """Where a package comes from is the machine's affair; that it is the right one is ours."""
    requirements = re.sub(r"\\\n", " ", text(PINS / name))
    lines = [line for line in requirements.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    assert lines
    assert all("==" in line and "--hash=sha256:" in line for line in lines)
    assert "://" not in requirements
    assert not re.search(r"^\s*-", requirements, re.MULTILINE)


def test_every_list_pins_one_version_of_a_package() -> None:
    """What is tested is what runs."""
    run, tested, build = _pinned("run.txt"), _pinned("test.txt"), _pinned("build.txt")

    assert run.items() <= tested.items()
    assert {name: tested[name] for name in build.keys() & tested.keys()}.items() <= build.items()


def _make_with(python: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    shim = tmp_path / "python"
    shim.write_text(
        f'#!{sys.executable}\nimport sys\nsys.version_info = {python}\nexec(sys.argv[sys.argv.index("-c") + 1])\n',
        "utf-8",
    )
    shim.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = [make, "demo", f"PYTHON={shim}", f"VENV={tmp_path / 'venv'}"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("python", "said"),
    [
        (
            "(3, 9, 2)",
            "error[python-too-old]: need Python 3.11 or newer, found 3.9.2   do: make demo PYTHON=python3.12",
        ),
        (
            "(3, 15, 0)",
            "error[python-too-new]: need Python 3.11 to 3.14, found 3.15.0   do: make demo PYTHON=python3.14",
        ),
    ],
)
def test_another_python_is_refused_before_anything_is_installed(tmp_path: Path, python: str, said: str) -> None:
    """A newcomer with the wrong Python reads one line and not a build log."""
    result = _make_with(python, tmp_path)

    assert result.returncode != 0
    assert said in result.stderr
    assert not (tmp_path / "venv").exists()


def test_make_help_lists_every_command() -> None:
    """Nobody reads a Makefile to learn what it can do."""
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert {"demo", "test", "lint", "types", "protos", "crash", "help"} <= make_targets()
    assert all(re.search(rf"^  make {target} +\S", listed, re.MULTILINE) for target in make_targets())
