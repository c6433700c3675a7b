"""The README's lines for a partner and a source, typed as they stand in the folder where the profile lies."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.cli.exits import OK, USAGE
from clients.simulator import write_flight
from clients.testing import Partner, Sluice, Source
from tests.loopback import Finished, a_segment
from tests.system.office import typed
from tests.system.papers import START_MS

README = Path(__file__).resolve().parents[2] / "README.md"


@dataclass(frozen=True)
class Parties:
    """Who types the lines."""

    source: Source
    partner: Partner


@pytest.fixture(scope="module")
def parties(sluice: Sluice) -> Parties:
    """One partner, one source, one record."""
    parties = Parties(sluice.source("src-readme"), sluice.partner("usa/readme"))
    sluice.agreement("UA-readme", to=parties.partner, sources=[parties.source.id])
    sluice.publish(parties.source, [a_segment()], kind="telemetry")
    return parties


def line(verb: str) -> list[str]:
    """The words behind `sluice-client` of the README's only line with this verb."""
    [words] = re.findall(rf"`sluice-client ({verb} [^`]+)`", README.read_text("utf-8"))
    return shlex.split(words)


def folder_of(party: Source | Partner, folder: Path) -> Path:
    """A folder with the party's profile and keys, and nothing else."""
    profile = party.profile()
    shutil.copytree(profile.key_folder(), folder / profile.keys)
    shutil.copy(party.path, folder)
    return folder


def typed_in(folder: Path, *words: str) -> Finished:
    """`sluice-client` with the folder as the current one."""
    with chdir(folder):
        return typed(*words)


def test_a_partner_types_the_line_of_the_readme(parties: Parties, tmp_path: Path) -> None:
    """It receives, into the file that the line names."""
    words = line("follow")
    folder = folder_of(parties.partner, tmp_path)

    done = typed_in(folder, *words, "--until", "caught-up")

    target = folder / words[words.index("--to") + 1].removeprefix("ndjson:")
    assert done.code == OK, done.err
    assert [json.loads(one)["verified"] for one in target.read_text("utf-8").splitlines()] == ["ORIGIN"]


def test_a_source_types_the_line_of_the_readme(parties: Parties, tmp_path: Path) -> None:
    """It reads what would be sent, and sends nothing."""
    words = line("publish")
    folder = folder_of(parties.source, tmp_path)
    write_flight(folder / words[1], seed=7, start_ms=START_MS, length_m=5000)

    done = typed_in(folder, *words)

    assert done.code == OK, done.err
    assert "labels    guide " in done.err
    assert "acknowledged" not in done.out


@pytest.mark.parametrize("verb", ["follow tactic", "publish x.toml --mode TEST", "outbox", "status", "doctor"])
@pytest.mark.parametrize("found", [(), ("a.profile", "b.profile")])
def test_of_several_profiles_none_is_guessed(tmp_path: Path, verb: str, found: tuple[str, ...]) -> None:
    """What is sent under the wrong party's name cannot be taken back."""
    for name in (*found, ".profile"):
        (tmp_path / name).touch()

    done = typed_in(tmp_path, *verb.split(), "--json")

    assert (done.code, done.error()["code"]) == (USAGE, "profile-needed")
    assert done.error()["do"] == "add `--profile FILE`" + (f": {', '.join(found)}" if found else "")
