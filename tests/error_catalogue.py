"""Reads every error code out of the code and writes gateway/ERRORS.md: `make errors`.

A code is the first argument of a `CallerError`, `Refused` or `Fault`, given there or to a function that passes it on:
a private one of the same module, a public one of any. A number of the format that is also a code (why a batch was
refused, why a stream ended) is taken from the tables. Where a part of a code depends on the case it reads `…`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from gateway.core.suite.numbers import EndReason, RefusalCode

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "gateway" / "ERRORS.md"
FAMILIES = {"CallerError": "you", "Refused": "policy", "Fault": "gateway"}
_HEAD = """# Error codes

Every error has the shape `error[code]: what was expected, what came`, then `at:` (file, field or record) and `do:` (the
next step); with `--json` the same four fields. Who must act: *you*: the input is wrong and can be mended; *policy*: a
rule, identity, signature, proof or order said no; *gateway*: storage, keys or clock failed, nothing was acknowledged or
released. Written by `make errors` from the code; `…` stands for what depends on the case.

| code | who acts | room | sentence |
|---|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Raised:
    """One place that makes an error."""

    code: str
    family: str
    room: str
    sentence: str


def product_files() -> list[Path]:
    """Every module of the product, without generated code."""
    return sorted(path for room in ("gateway", "clients") for path in (ROOT / room).rglob("*.py"))


def _text(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    return "…"


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _argument(node: ast.Call, position: int, name: str) -> ast.expr | None:
    if position < len(node.args):
        return node.args[position]
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    names = [argument.arg for argument in function.args.posonlyargs + function.args.args + function.args.kwonlyargs]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _passed_on(tree: ast.Module) -> dict[str, tuple[str, int, str, str]]:
    """Functions that make an error with a code they are given: name -> (family, position, parameter, sentence)."""
    found = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        parameters = _parameters(function)
        for call in ast.walk(function):
            if not isinstance(call, ast.Call) or _called(call) not in FAMILIES:
                continue
            code = _argument(call, 0, "code")
            if isinstance(code, ast.Name) and code.id in parameters:
                sentence = _text(_argument(call, 1, "message"))
                found[function.name] = (_called(call), parameters.index(code.id), code.id, sentence)
    return found


def raised_in(path: Path, shared: dict[str, tuple[str, int, str, str]]) -> Iterator[Raised]:
    """Every error of one module whose code stands in it; `shared`: the public functions that pass a code on."""
    tree = ast.parse(path.read_text("utf-8"))
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    passed_on = shared | _passed_on(tree)
    room = path.relative_to(ROOT).with_suffix("").as_posix()
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = _called(call)
        if name in FAMILIES:
            family, position, parameter, sentence = name, 0, "code", _text(_argument(call, 1, "message"))
        elif name in passed_on:
            family, position, parameter, sentence = passed_on[name]
        else:
            continue
        code = _argument(call, position, parameter)
        if isinstance(code, ast.Name) and code.id in constants:
            yield Raised(constants[code.id], family, room, sentence)
        elif isinstance(code, ast.IfExp):
            yield from (Raised(_text(branch), family, room, sentence) for branch in (code.body, code.orelse))
        elif isinstance(code, ast.Constant | ast.JoinedStr):
            yield Raised(_text(code), family, room, sentence)


def _numbered(table: type[IntEnum], sentence: str) -> Iterator[Raised]:
    for member in table:
        yield Raised(member.name.lower().replace("_", "-"), "Refused", "gateway/core/suite/numbers", sentence)


def every_error() -> list[Raised]:
    """All of them, by code; one entry a code, family and room."""
    shared = {
        name: found
        for path in product_files()
        for name, found in _passed_on(ast.parse(path.read_text("utf-8"))).items()
        if not name.startswith("_")
    }
    found = {raised for path in product_files() for raised in raised_in(path, shared)}
    known = {raised.code for raised in found}
    tables = [
        *_numbered(RefusalCode, "a batch was refused, waits, or a record was quarantined"),
        *_numbered(EndReason, "a stream ended, or a notice says so"),
    ]
    return sorted(found | {raised for raised in tables if raised.code not in known})


def catalogue() -> str:
    """The text of gateway/ERRORS.md."""
    rows: dict[str, tuple[set[str], set[str], str]] = {}
    for raised in every_error():
        who, rooms, sentence = rows.setdefault(raised.code, (set(), set(), raised.sentence))
        who.add(FAMILIES[raised.family])
        rooms.add(raised.room)
        if sentence == "…":
            rows[raised.code] = (who, rooms, raised.sentence)
    lines = []
    for code, (who, rooms, sentence) in sorted(rows.items()):
        where = ", ".join(f"`{room}`" for room in sorted(rooms)[:2]) + (" and others" if len(rooms) > 2 else "")
        lines.append(f"| `{code}` | {', '.join(sorted(who))} | {where} | {sentence.replace('|', '/')} |\n")
    return _HEAD + "".join(lines)


if __name__ == "__main__":
    CATALOGUE.write_text(catalogue(), "utf-8")
