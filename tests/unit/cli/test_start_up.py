"""Laws of starting: a command loads what it needs and no more, counted in modules, which no busy machine changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clients.cli.sluicectl import sluicectl

NETWORK = {"grpc"}
KEYS = {"cryptography", "google.protobuf"}
# Reads an account as it comes: everything it does is at the gateway.
AT_THE_GATEWAY = {"ledger"}


def loaded_by(*words: str, program: str = "sluicectl", room: str = "clients.cli.sluicectl:main") -> set[str]:
    """Names of the modules that are loaded once the command has ended."""
    module, _, main = room.partition(":")
    check = (
        f"import json, sys; from {module} import {main} as command; sys.argv = {[program, *words]!r}\n"
        "try: command()\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("program", "room"),
    [
        ("sluicectl", "clients.cli.sluicectl:main"),
        ("sluice-client", "clients.cli.sluice_client:main"),
        ("sluice", "gateway.cli.main:main"),
    ],
)
def test_help_loads_neither_network_nor_keys(program: str, room: str) -> None:
    """Three commands, one rule."""
    assert not loaded_by("--help", program=program, room=room) & (NETWORK | KEYS)


@pytest.mark.parametrize("words", [("context", "list"), ("completion", "bash")])
def test_names_and_completion_load_neither_network_nor_keys(words: tuple[str, ...]) -> None:
    """They read one small file, or none."""
    assert not loaded_by(*words) & (NETWORK | KEYS)


@pytest.mark.parametrize("noun", sorted(set(sluicectl.list_commands(None)) - AT_THE_GATEWAY))  # type: ignore[arg-type]  # it asks for no context
def test_the_help_of_a_noun_loads_no_network(noun: str) -> None:
    """What is asked at the gateway is loaded when it is asked."""
    assert not loaded_by(noun, "--help") & NETWORK


def test_a_guide_is_checked_without_a_network(tmp_path: Path) -> None:
    """An officer writes it on the train."""
    guide = tmp_path / "guide.toml"
    guide.write_text("id = 3\n", "utf-8")

    assert not loaded_by("guide", "check", str(guide)) & NETWORK
