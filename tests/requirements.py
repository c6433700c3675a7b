"""Reads which test shows which MUST of protos/SPEC.md, and writes the answer into its annex F.

To add a MUST:

1. Write it into SPEC.md with one subject (parser, reader, gateway, source, partner, operator's tool), once, in the
   section whose law it is; elsewhere refer to that section.
2. Give it the next free number of its section: `MUST [2.1.3]`, `MUST NOT [2.1.4]`. A number is never used for another
   law and never moved, whatever is written between. SHOULD and MAY carry none.
3. Mark the test that fails when the law is broken: `@pytest.mark.must("2.1.3", "2.1.4")` on the test,
   `pytest.param(..., marks=pytest.mark.must("2.1.3"))` on a case of it, or `pytestmark = pytest.mark.must("2.1.3")`
   where every test of a module shows it. Ids are written out: they are read from the source, and no test is run for it.
4. `python -m tests.requirements` writes annex F; `--check`, with sections behind it or for all, says what is missing.

tests/test_requirements.py keeps all of this true.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SPEC = TESTS.parent / "protos" / "SPEC.md"

BEGIN, END = "<!-- written by python -m tests.requirements -->", "<!-- end of what is written -->"
TITLE = "## Annex F. Which test shows which MUST"
_INTRODUCTION = """The tests lie under `tests/`. Each row is a test that fails when the law is broken: what a MUST
means in bytes can be read there.
"""
_HEADING = re.compile(r"^#{2,4} (?:Annex )?((?:[A-Z]|\d+)(?:\.\d+)*)\.? ", re.MULTILINE)
_LAW = re.compile(r"\bMUST(?:\s+NOT\b)?(?:\s+\[([^\]\s]+)\])?")
# Where the word is not a law: the sentence on the words themselves, the refusal code of that name, titles.
_NOT_A_LAW = re.compile(
    r"^The key words MUST.*?\.$|^\| 13 \| MUST \||\b13 MUST\b|^#[^\n]*$|which test shows which MUST|^```.*?^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Law:
    """One MUST as it stands: its section, its id or none, and its line."""

    section: str
    name: str | None
    line: int


def _blanked(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def laws(spec: str) -> list[Law]:
    """Every MUST and MUST NOT of the text, in its order; the section of one before the first heading is empty."""
    body = spec.partition(TITLE)[0]
    headings = [(found.start(), found[1]) for found in _HEADING.finditer(re.sub(r"(?ms)^```.*?^```$", _blanked, body))]
    stands = []
    for found in _LAW.finditer(_NOT_A_LAW.sub(_blanked, body)):
        section = next((name for start, name in reversed(headings) if start < found.start()), "")
        stands.append(Law(section, found[1], body.count("\n", 0, found.start()) + 1))
    return stands


def natural(name: str) -> list[tuple[int, int, str]]:
    """What ids and sections are ordered by: 2.9 stands before 2.10, and letters behind numbers."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in name.split(".")]


def is_within(section: str, sections: tuple[str, ...]) -> bool:
    """Whether the section is one of `sections` or part of one."""
    return any(section == whole or section.startswith(f"{whole}.") for whole in sections)


def _ids(node: ast.AST) -> Iterator[str]:
    """The ids of every `pytest.mark.must(...)` below the node."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.must":
            for argument in call.args:
                if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                    raise TypeError(f"line {call.lineno}: the id of a law is written out, not computed")
                yield argument.value


def _tests(body: list[ast.stmt], above: str = "") -> Iterator[tuple[str, list[ast.expr]]]:
    """Every test below, with its decorators and those of its class."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            for name, decorators in _tests(node.body, f"{above}{node.name}::"):
                yield name, [*node.decorator_list, *decorators]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield above + node.name, node.decorator_list


def markers_of(source: str) -> dict[str, set[str]]:
    """Which tests of one module show which law: name -> ids; a table of cases counts for every test that takes it."""
    tree = ast.parse(source)
    tables: dict[str, set[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            tables |= {target.id: set(_ids(node.value)) for target in targets if isinstance(target, ast.Name)}
    shown = {}
    for name, decorators in _tests(tree.body):
        ids = set(tables.get("pytestmark", set()))
        for decorator in decorators:
            ids |= set(_ids(decorator))
            for part in ast.walk(decorator):
                ids |= tables.get(part.id, set()) if isinstance(part, ast.Name) else set()
        if ids:
            shown[name] = ids
    return shown


def shown_by() -> dict[str, list[str]]:
    """Which tests show a law: id -> `path::name`, both in order."""
    found: dict[str, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for name, ids in markers_of(path.read_text("utf-8")).items():
            for law in ids:
                found.setdefault(law, set()).add(f"{path.relative_to(TESTS).as_posix()}::{name}")
    return {law: sorted(found[law]) for law in sorted(found, key=natural)}


def annex(spec: str) -> str:
    """Annex F for the laws of the text."""
    names = {law.name for law in laws(spec)}
    rows = [f"| {law} | `{test}` |\n" for law, tests in shown_by().items() if law in names for test in tests]
    return f"{TITLE}\n\n{BEGIN}\n{_INTRODUCTION}\n| id | test |\n|---|---|\n{''.join(rows)}{END}\n"


def with_annex(spec: str) -> str:
    """The text with its annex F written again."""
    before = spec.partition(TITLE)[0]
    return f"{before.rstrip()}\n\n{annex(spec)}"


def missing(spec: str, sections: tuple[str, ...] | None = None) -> list[str]:
    """What is not as it must be, a sentence each: of the sections given, or of all."""
    every, shown = laws(spec), shown_by()
    names = [law.name for law in every if law.name is not None]
    wrong = [f"[{name}] is given twice" for name in sorted({name for name in names if names.count(name) > 1})]
    wrong += [f"{test} shows [{law}], which is no law" for law in shown if law not in names for test in shown[law]]
    for law in every:
        if sections is not None and not is_within(law.section, sections):
            continue
        if law.name is None:
            wrong.append(f"line {law.line}: a MUST of section {law.section or 'none'} has no id")
        elif law.name.rpartition(".")[0] != law.section:
            wrong.append(f"line {law.line}: [{law.name}] stands in section {law.section or 'none'}")
        elif law.name not in shown:
            wrong.append(f"line {law.line}: no test shows [{law.name}]")
    return wrong


def main() -> int:
    """Writes annex F, or with `--check` says what is missing."""
    asked = argparse.ArgumentParser(description=main.__doc__)
    asked.add_argument("--check", nargs="*", metavar="SECTION", help="write nothing, say what these sections miss")
    sections = asked.parse_args().check
    spec = SPEC.read_text("utf-8")
    if sections is None:
        SPEC.write_text(with_annex(spec), "utf-8")
        return 0
    wrong = missing(spec, tuple(sections) or None)
    sys.stdout.write("".join(f"{sentence}\n" for sentence in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
