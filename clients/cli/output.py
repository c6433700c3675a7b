"""What a command prints: a result on stdout, everything else on stderr, and with `--json` one object of the same facts.

Nothing here is coloured and nothing depends on a terminal, so a transcript in a document is what a script sees. A
result is said once, at the end; `said` is for what a person needs on the way (the text that is about to be signed, a
word to read out) and goes to stderr in both modes. One thing does depend on a terminal: the text of a statement is
folded to it, because a terminal that folds a long line by itself begins a row that looks like a line of its own.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

import click

_JSON_MODE = "sluice.json"
_WORD_WIDTH = 9
# Of a terminal that does not say how wide it is.
_COLUMNS, _NARROWEST, _TAB = 80, 20, 8
_FOLD = "\u00bb "


def ask_for_json(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """The callback of every `--json` flag: wherever it stands in the line, it holds for the whole command."""
    if wanted:
        context.meta[_JSON_MODE] = True


def wants_json() -> bool:
    """Whether the running command was asked for JSON."""
    return bool(click.get_current_context().meta.get(_JSON_MODE))


def result(facts: Mapping[str, object], lines: Iterable[tuple[str, str]]) -> None:
    """Prints the result: `facts` as one JSON object, or `lines` as (word, sentence) for a person."""
    if wants_json():
        click.echo(_json(facts))
        return
    for word, sentence in lines:
        click.echo(_seen(f"{word:<{_WORD_WIDTH}} {sentence}".rstrip()))


def _seen(line: str) -> str:
    """The line with a mark for what nobody sees: a terminal obeys no file name and no text of a stranger."""
    if line.isprintable():
        return line
    return "".join(one if one.isprintable() or one == "\t" else "\ufffd" for one in line)


def _json(facts: Mapping[str, object]) -> str:
    """The same object, every character that cannot be seen written as its number."""
    text = json.dumps(facts, ensure_ascii=False)
    return text if text.isprintable() else "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def aligned(rows: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """The rows of a table as lines for `result`, the cells of a column under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)] for row in rows]
    return [(first, "  ".join(more)) for first, *more in padded]


def signed_lines(text: str) -> list[tuple[str, str]]:
    """The text of a statement as lines of a result, folded to the terminal so that each row is one or says that not."""
    width = _columns(sys.stdout)
    shown = text if width is None else folded(text, width - _WORD_WIDTH - 1)
    return [("", line) for line in shown.split("\n")]


def said_signed(text: str) -> None:
    """Prints the text of a statement as `said` does, folded in the same way."""
    width = _columns(sys.stderr)
    said(text if width is None else folded(text, width))


def text_result(facts: Mapping[str, object], text: str) -> None:
    """Prints the result: `facts` as one JSON object, or `text` as it is, for another program to read."""
    click.echo(_json(facts) if wants_json() else text)


def said(text: str) -> None:
    """Prints `text` on stderr: what a person needs to see and a script does not."""
    click.echo(text, err=True)


def folded(text: str, columns: int) -> str:
    """The text in rows that fit into so many columns; a row that goes on with a line begins with a mark."""
    return "\n".join(row for line in text.split("\n") for row in _rows(line, max(columns, _NARROWEST)))


def _rows(line: str, columns: int) -> list[str]:
    rows, row, used = [], "", 0
    for character in line:
        width = _TAB if character == "\t" else 1 + (unicodedata.east_asian_width(character) in "WF")
        if used + width > columns:
            rows.append(row)
            row, used = _FOLD, len(_FOLD)
        row, used = row + character, used + width
    return [*rows, row]


def _columns(stream: TextIO) -> int | None:
    """How wide the terminal is that the stream writes to; None where it writes to none."""
    return (os.get_terminal_size(stream.fileno()).columns or _COLUMNS) if stream.isatty() else None
