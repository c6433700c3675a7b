"""What is printed for a person is a table whose columns can be read down."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios

import click
import pytest
from click.testing import CliRunner

from clients.cli.boundary import Command
from clients.cli.output import aligned, folded, result


def test_cells_of_a_column_stand_under_each_other() -> None:
    """At night a state is found by looking down, not by counting words."""
    rows = [("src-3f07", "active", "tactic//REAL"), ("src-91c2-second", "suspended", "")]

    assert aligned(rows) == [
        ("src-3f07       ", "active     tactic//REAL"),
        ("src-91c2-second", "suspended              "),
    ]


def test_a_table_of_nothing_has_no_lines() -> None:
    """So that a list can say in words that there is none."""
    assert aligned([]) == []


def test_a_row_that_goes_on_with_a_line_begins_with_a_mark() -> None:
    """A line may be padded so that its end looks like a line of its own on a terminal of the usual width."""
    line = "# as agreed".ljust(80) + 'ceiling = "DSK"'

    assert folded(f"{line}\nend", 80) == f'{line[:80]}\n\u00bb ceiling = "DSK"\nend'
    assert folded("\u7532" * 11, 20) == "\u7532" * 10 + "\n\u00bb \u7532"
    assert folded("a\tb\tc\td", 20) == "a\tb\tc\n\u00bb \td"
    assert folded("", 80) == ""


@pytest.mark.parametrize(("width", "row"), [(40, 40), (0, 80)])
def test_the_text_of_a_statement_is_folded_to_the_terminal_it_is_shown_on(width: int, row: int) -> None:
    """And nowhere else: a transcript has the lines as they are signed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    code = f"from clients.cli.output import said_signed; said_signed('x' * {row} + 'y')"

    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, timeout=60)
    told = os.read(ours, 4096).decode()
    plain = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=True, timeout=60).stderr.decode()

    os.close(ours)
    os.close(theirs)
    assert told.splitlines() == ["x" * row, "\u00bb y"]
    assert plain == "x" * row + "y\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_name_in_a_folder_of_somebody_elses_moves_no_cursor(as_json: bool) -> None:
    """A repository of configuration may have any file name; the JSON says it whole, and a terminal obeys neither."""
    name = "a\x1b[2J\x9b1m\u202e\U000e0041.toml"

    @click.command(cls=Command)
    def show() -> None:
        result({"path": name}, [("path", f"{name}\tend")])

    printed = CliRunner().invoke(show, ["--json"] if as_json else []).stdout.rstrip("\n")

    assert printed.replace("\t", "").isprintable()
    if as_json:
        assert json.loads(printed) == {"path": name}
    else:
        assert printed == "path      a\ufffd[2J\ufffd1m\ufffd\ufffd.toml\tend"
