"""What a command prints: a result on stdout, everything else on stderr, and with `--json` one object of the same facts.

Nothing here is coloured and nothing depends on a terminal, so a transcript in a document is what a script sees. A
result is said once, at the end; `said` is for what a person needs on the way (the text that is about to be signed, a
word to read out) and goes to stderr in both modes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import click

_JSON_MODE = "sluice.json"
_WORD_WIDTH = 9


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
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for word, sentence in lines:
        click.echo(f"{word:<{_WORD_WIDTH}} {sentence}".rstrip())


def aligned(rows: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """The rows of a table as lines for `result`, the cells of a column under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)] for row in rows]
    return [(first, "  ".join(more)) for first, *more in padded]


def text_result(facts: Mapping[str, object], text: str) -> None:
    """Prints the result: `facts` as one JSON object, or `text` as it is, for another program to read."""
    click.echo(json.dumps(facts, ensure_ascii=False) if wants_json() else text)


def said(text: str) -> None:
    """Prints `text` on stderr: what a person needs to see and a script does not."""
    click.echo(text, err=True)
