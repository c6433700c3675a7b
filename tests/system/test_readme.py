"""The README's lines for a partner and a source, typed as they stand in the folder where the profile lies."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.cli.boundary import OK, USAGE
from clients.simulator import write_flight
from gateway.core.suite.numbers import RecordKind
from tests.loopback import SOURCE, Finished, Loopback, a_segment, client_command
from tests.system.papers import START_MS

README = Path(__file__).resolve().parents[2] / "README.md"
PARTNER = "usa/arl"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """One partner, one source, one record."""
    world = Loopback(tmp_path_factory.mktemp("world"))
    try:
        world.start(PARTNER)
        world.publish(RecordKind.TELEMETRY, a_segment())
        yield world
    finally:
        world.close()


def line(verb: str) -> list[str]:
    """The words behind `sluice-client` of the README's only line with this verb."""
    [words] = re.findall(rf"`sluice-client ({verb} [^`]+)`", README.read_text("utf-8"))
    return shlex.split(words)


def folder_of(world: Loopback, party: str, folder: Path) -> Path:
    """A folder with the party's profile and keys, and nothing else."""
    profile = world.stand.profile(party)
    shutil.copytree(profile.key_folder(), folder / profile.keys)
    shutil.copy(profile.folder / f"{party.replace('/', '-')}.profile", folder)
    return folder


def typed(world: Loopback, folder: Path, *words: str) -> Finished:
    """`sluice-client` with the folder as the current one."""

    async def run() -> Finished:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*client_command(*words), cwd=folder, stdout=pipe, stderr=pipe)
        out, err = await process.communicate()
        return Finished(process.returncode or 0, out.decode(), err.decode())

    return world.run(run())


def test_a_partner_types_the_line_of_the_readme(world: Loopback, tmp_path: Path) -> None:
    """It receives, into the file that the line names."""
    words = line("follow")
    folder = folder_of(world, PARTNER, tmp_path)

    done = typed(world, folder, *words, "--until", "caught-up")

    target = folder / words[words.index("--to") + 1].removeprefix("ndjson:")
    assert done.code == OK, done.err
    assert [json.loads(one)["verified"] for one in target.read_text("utf-8").splitlines()] == ["ORIGIN"]


def test_a_source_types_the_line_of_the_readme(world: Loopback, tmp_path: Path) -> None:
    """It reads what would be sent, and sends nothing."""
    words = line("publish")
    folder = folder_of(world, SOURCE, tmp_path)
    write_flight(folder / words[1], seed=7, start_ms=START_MS, length_m=5000)

    done = typed(world, folder, *words)

    assert done.code == OK, done.err
    assert "labels    guide " in done.err
    assert "acknowledged" not in done.out


@pytest.mark.parametrize("verb", ["follow tactic", "publish x.toml --mode TEST", "outbox", "status", "doctor"])
@pytest.mark.parametrize("found", [(), ("a.profile", "b.profile")])
def test_of_several_profiles_none_is_guessed(
    world: Loopback, tmp_path: Path, verb: str, found: tuple[str, ...]
) -> None:
    """What is sent under the wrong party's name cannot be taken back."""
    for name in (*found, ".profile"):
        (tmp_path / name).touch()

    done = typed(world, tmp_path, *verb.split(), "--json")

    assert (done.code, done.error()["code"]) == (USAGE, "profile-needed")
    assert done.error()["do"] == "add `--profile FILE`" + (f": {', '.join(found)}" if found else "")
