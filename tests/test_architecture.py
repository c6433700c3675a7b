"""The house rules that no type checker sees: sizes, names, purity, imports, and words that must not be in the tree.

Each rule reads the tree as it is, so a new file is under the rules from its first day. Where a rule has exceptions they
are listed here with the reason.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SIZE_ALARM = 400
LONGER_FOR_A_REASON = {
    "tests/contract/test_journals.py": "one port, one suite: its sentences in the order of the port's docstring",
    "tests/security/test_source_account.py": "one table of lies towards a source, with the scripts that tell them",
    "tests/unit/control/test_trust.py": "one reader's laws in the order in which it takes a message",
    "tests/unit/ledger/test_reader.py": "one reader's laws in the order in which it takes a tick",
}
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "base"}
# Where an error of any kind may end, and why nothing narrower would do.
CATCH_ALL = {
    "gateway/rpc/boundary.py": "the edge of every call: a bug answers INTERNAL with a reference number, no more",
}


def tracked_files() -> list[Path]:
    """Every file of the repository that git knows, without generated code."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and not short(path).startswith("protos/gen/")]


def modules(*rooms: str) -> list[Path]:
    """Python files of the rooms, by path."""
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def short(path: Path) -> str:
    """The path as a person names it."""
    return path.relative_to(ROOT).as_posix()


def each_node(*rooms: str) -> Iterator[tuple[str, ast.AST]]:
    """Every syntax node of the rooms' modules, with the place it stands at."""
    for path in modules(*rooms):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            yield f"{short(path)}:{getattr(node, 'lineno', 1)}", node


def test_no_module_is_longer_than_a_reader_holds_in_mind() -> None:
    """A module over 400 lines needs one cohesive table or state machine as its reason, said in the list above."""
    lengths = {
        short(path): len(path.read_text("utf-8").splitlines()) for path in modules("gateway", "clients", "tests")
    }
    long = {name for name, length in lengths.items() if length > SIZE_ALARM}

    assert long == LONGER_FOR_A_REASON.keys()


def test_no_module_has_a_name_that_says_nothing() -> None:
    """What is in `utils` belongs to nobody; a module's name finishes the sentence `everything about`."""
    named = [short(path) for path in modules("gateway", "clients", "tests") if path.stem in VAGUE_NAMES]
    rooms = {short(path.parent) for path in modules("gateway", "clients", "tests") if path.parent.name in VAGUE_NAMES}

    assert not named
    assert not rooms


def test_a_package_door_holds_a_docstring_and_reexports_only() -> None:
    """Code in `__init__` runs whoever imports a neighbour, and nobody looks for it there."""
    offending = [
        f"{short(path)}:{node.lineno}"
        for path in modules("gateway", "clients")
        if path.name == "__init__.py"
        for node in ast.parse(path.read_text("utf-8")).body
        if not _belongs_in_a_door(node)
    ]

    assert not offending


def _belongs_in_a_door(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.Assign):
        return [getattr(target, "id", "") for target in node.targets] == ["__all__"]
    return isinstance(node, ast.ImportFrom)


def test_the_core_has_no_tasks_and_no_state_of_its_own() -> None:
    """The same bytes in must give the same bytes out, in the gateway, in a client and in a test."""
    offending = [
        place
        for place, node in each_node("gateway/core")
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith | ast.Global | ast.Nonlocal)
    ]

    assert not offending


def test_the_core_reads_no_clock() -> None:
    """Time is an argument: a decision can be explained and repeated for any moment."""
    clocks = {"now", "today", "utcnow", "monotonic", "perf_counter", "time_ns"}
    offending = [
        place
        for place, node in each_node("gateway/core", "gateway/ports")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in clocks
    ]

    assert not offending


def test_the_core_opens_nothing() -> None:
    """A parser that could open a file could be talked into opening one."""
    offending = [
        place
        for place, node in each_node("gateway/core", "gateway/ports", "gateway/usecases")
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"open", "eval", "exec", "input", "print", "__import__", "compile"}
    ]

    assert not offending


def test_product_code_checks_with_errors_not_with_assert() -> None:
    """`python -O` drops assert statements, and with them whatever they guarded."""
    offending = [place for place, node in each_node("gateway", "clients") if isinstance(node, ast.Assert)]

    assert not offending


def test_only_listed_places_catch_every_error() -> None:
    """Elsewhere a wide net would swallow a refusal and go on; one that tidies up and raises again swallows nothing."""
    wide = {"Exception", "BaseException"}
    found = {
        place.split(":")[0]
        for place, node in each_node("gateway", "clients")
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or any(getattr(part, "id", "") in wide for part in ast.walk(node.type)))
        and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    }

    assert found == CATCH_ALL.keys()


# Spelled in pieces, so that this file is under its own rule.
FORBIDDEN = {
    "a registry's host": ["pypi" + ".org", "python" + "hosted", "registry." + "npmjs", "deb." + "debian"],
    "a path of one machine": ["/" + "work/", "/" + "root/", "/" + "home/", "/" + "Users/", "/" + "farm/"],
    "an insecure port or channel": [
        "add_insecure" + "_port",
        "insecure" + "_channel",
        "local_channel" + "_credentials",
    ],
    "a switch that turns a check off": [
        "verify=" + "False",
        "check_hostname = " + "False",
        "CERT" + "_NONE",
        '"verify_' + 'signature": False',
        "--insec" + "ure",
        "--no-" + "verify",
        "--skip-" + "verify",
        "disable_" + "verification",
    ],
    "unfinished work": ["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "x" + "fail"],
    "a mocked inside": ["Magic" + "Mock", "mock" + ".patch", "monkeypatch." + "setattr"],
    "a test that sleeps": ["time." + "sleep("],
}
# The product may wait: the demo for a process, a lock for its turn; ruff finds it in coroutines.
IN_TESTS_ONLY = {"a test that sleeps"}
# Texts that others wrote, taken as they are.
FOREIGN = {"LICENSE"}
# What a rule would forbid and a file needs all the same, with the reason.
ALLOWED_WORDS = {
    ("tests/system/crash.py", "time." + "sleep("): "the moment of the kill is what is random",
}


@pytest.mark.parametrize("reason", FORBIDDEN)
def test_no_tracked_file_contains(reason: str) -> None:
    """One careless line is enough: a host that leaks where we work, a flag that someone will leave on."""
    found = {
        (short(path), word)
        for path in tracked_files()
        if short(path) not in FOREIGN
        for word in FORBIDDEN[reason]
        if word.encode() in path.read_bytes() and (reason not in IN_TESTS_ONLY or short(path).startswith("tests/"))
    }

    assert found - ALLOWED_WORDS.keys() == set()


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"gateway", "clients", "sluice", "tests", "protos"}


def _declared(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {_canonical(re.split(r"[<>=!~ \[]", line, maxsplit=1)[0]) for line in wanted}


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


# What a partner installs, and what a gateway, a log reader, an integrator and a developer add to it.
EXTRAS = [
    ("gateway", ("gateway",)),
    ("clients", ("formats", "testing")),
    ("tests", ("gateway", "formats", "test")),
    ("protos", ("gateway", "formats", "test")),
]


@pytest.mark.parametrize(("room", "extras"), EXTRAS, ids=[room for room, _ in EXTRAS])
def test_what_is_imported_is_declared(room: str, extras: tuple[str, ...]) -> None:
    """What happens to be installed here is not installed at a partner's."""
    distributions = metadata.packages_distributions()
    imported = {name for path in modules(room) if "gen" not in path.parts for name in _imported(path)}
    undeclared = {
        name
        for name in imported
        if not {_canonical(found) for found in distributions.get(name, [name])} & _declared(*extras)
        and name not in {"google"}
    }

    assert not undeclared


def test_every_service_is_named_in_the_contract_that_guards_it() -> None:
    """A service added to the protos must not be reachable from the core because a list was not extended."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    guarded = {
        name
        for contract in contracts
        if contract["id"] == "services-at-the-door"
        for name in contract["forbidden_modules"]
    }
    services = {path.stem for path in (ROOT / "protos/gen/sluice/v1").glob("*_pb2_grpc.py")}

    assert guarded == {f"sluice.v1.{name}" for service in services for name in (service, service.removesuffix("_grpc"))}


def _check_contracts(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    environment = os.environ | {"PYTHONPATH": f"{tree}{os.pathsep}{tree / 'protos/gen'}", "COLUMNS": "200"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=120)


def _copy_of_the_tree(target: Path) -> Path:
    for room in ("gateway", "clients", "protos/gen"):
        shutil.copytree(ROOT / room, target / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


PLANTED = [
    ("gateway/core/labels/lattice.py", "import socket", "gateway.core.labels.lattice -> socket"),
    ("gateway/core/suite/tree.py", "import gateway.core.records", "gateway.core.suite.tree -> gateway.core.records"),
    ("gateway/core/spare/__init__.py", '"""A room nobody placed."""', "gateway.core.spare"),
    (
        "gateway/core/decision/decide.py",
        "import gateway.core.sealing",
        "gateway.core.decision.decide -> gateway.core.sealing",
    ),
    ("gateway/core/records/record.py", "import numpy", "gateway.core.records.record -> numpy"),
    (
        "gateway/core/parties/names.py",
        "from sluice.v1 import tactic_pb2",
        "gateway.core.parties.names -> sluice.v1.tactic_pb2",
    ),
    ("gateway/usecases/publish.py", "import os", "gateway.usecases.publish -> os"),
    ("gateway/rpc/publish.py", "import gateway.adapters.memory", "gateway.rpc.publish -> gateway.adapters.memory"),
    ("gateway/adapters/memory/__init__.py", "import gateway.usecases", "gateway.adapters.memory -> gateway.usecases"),
    ("clients/channel.py", "import gateway.ports", "clients.channel -> gateway.ports"),
    ("clients/testing/served.py", "import gateway.settings", "clients.testing.served -> gateway.settings"),
    ("clients/times.py", "import pytest", "clients.times -> pytest"),
    ("clients/trust.py", "import clients.testing.harness", "clients.trust -> clients.testing.harness"),
    ("gateway/settings.py", "import clients.profile", "gateway.settings -> clients.profile"),
]


@pytest.fixture(scope="module")
def report_on_a_damaged_tree(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the contracts say of a copy of the tree with every line above planted in it."""
    tree = _copy_of_the_tree(tmp_path_factory.mktemp("planted"))
    for file, line, _ in PLANTED:
        damaged = tree / file
        damaged.parent.mkdir(exist_ok=True)
        damaged.write_text((damaged.read_text("utf-8") if damaged.exists() else "") + f"\n{line}\n", "utf-8")
    result = _check_contracts(tree)
    assert result.returncode == 1
    return result.stdout


@pytest.mark.parametrize(("file", "line", "named"), PLANTED, ids=[named for _, _, named in PLANTED])
def test_a_planted_import_is_reported_by_name(report_on_a_damaged_tree: str, file: str, line: str, named: str) -> None:
    """A contract that never failed might check nothing."""
    assert re.search(rf"{re.escape(named)}\b", report_on_a_damaged_tree), f"`{line}` in {file} went unseen"


def test_the_tree_keeps_every_contract(tmp_path: Path) -> None:
    """The other half of the proof above: without a planted import nothing is reported."""
    result = _check_contracts(_copy_of_the_tree(tmp_path))

    assert result.returncode == 0, result.stdout + result.stderr
