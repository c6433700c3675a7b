"""Laws of the reader's outside: it cannot be told to check less, and it does not look into what is not its own."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from clients.cli.sluice_client import client
from clients.partner.checks import StreamChecks
from clients.partner.follow import follow
from clients.partner.sections import Reader

CLIENTS = Path(inspect.getfile(follow)).parents[1]
# Where it listens, what it asks for and shows, where it keeps things, how patient it is: none of these is a check.
ASKED = {
    follow: {"profile", "kinds", "state", "agreement_id", "subscription", "from_start", "record", "patience", "token"},
    StreamChecks: {
        "hello",
        "ephemeral_key",
        "kem_key",
        "trust",
        "ledger",
        "reader_of",
        "held",
        "is_entry_held",
    },
    Reader: {"nation", "clearances", "agreement", "vocabularies", "source_key", "_verified"},
}
OPTIONS = {
    "--agreement",
    "--events",
    "--from-start",
    "--help",
    "--json",
    "--profile",
    "--receipt",
    "--record",
    "--state",
    "--subscription",
    "--to",
    "--token-file",
    "--until",
}


@pytest.mark.must("5.5.20")
@pytest.mark.parametrize("entrance", ASKED, ids=lambda entrance: entrance.__name__)
def test_nothing_that_a_caller_may_say_is_a_check_left_out(entrance: object) -> None:
    """A switch that skips a check is thrown one day, and nobody remembers."""
    assert set(inspect.signature(entrance).parameters) == ASKED[entrance]  # type: ignore[arg-type, index]  # callables


@pytest.mark.must("5.5.20")
def test_no_option_of_the_command_leaves_a_check_out() -> None:
    """The same at the command line."""
    shown = CliRunner().invoke(client, ["follow", "--help"]).stdout

    assert set(re.findall(r"^  (--[a-z-]+)", shown, re.MULTILINE)) == OPTIONS


@pytest.mark.must("4.5.3")
def test_no_client_knows_what_is_in_a_cursor() -> None:
    """The gateway may write other notes tomorrow; whoever reads them would break, or believe them."""
    imported = {
        f"{node.module}.{name.name}" if isinstance(node, ast.ImportFrom) else name.name
        for path in CLIENTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }

    assert "gateway.core.sealing.frame.open_end" in imported
    assert not [name for name in imported if name.startswith("gateway.core.sealing.cursor")]
