"""OPERATORS.md, alone and from its first block to its last: a gateway is founded, run, stopped and drilled by it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clients.testing.commands import Finished
from gateway.core.control.roster import ONE_SIGNATURE
from gateway.core.suite.numbers import StatementKind
from tests.error_catalogue import every_error
from tests.system.office import invoked
from tests.system.operators_guide import GUIDE, printed, script
from tests.system.script import Script, a_free_port
from tests.system.transcripts import Paper, Reader, Step

PAGE = GUIDE.read_text("utf-8")
# Kinds that no operator can sign: the gateway refuses them by name.
NOT_BUILT = {StatementKind.RULE_ADD, StatementKind.RULE_WITHDRAW}


def a_reader() -> Reader:
    """Another port, since 8443 may be somebody's; and agreements that are in force whenever this is run."""
    return Reader({"127.0.0.1:8443": f"127.0.0.1:{a_free_port()}", "2027-06-30": "2099-12-31"})


class InProcess(Script):
    """The same script with its clients in this process, since JSON is slower to start than to print."""

    def finished(self, words: list[str], typed: str = "") -> Finished:
        """`sluice` is a process all the same, and so is everything once hours have passed."""
        if self.hours or words[0] not in {"sluicectl", "sluice-client"}:
            return Script.finished(self, words, typed)
        ran = invoked(words[0], words[1:], f"{typed}\n" if typed else "")
        return Finished(ran.exit_code, ran.stdout, ran.stderr)


def test_the_guide_alone_founds_and_runs_a_gateway(tmp_path: Path) -> None:
    """Whoever types what it says sees what it says: real commands, a gateway of its own, nothing from elsewhere."""
    with Script(tmp_path, a_reader()) as played:
        typed = played.play(script())

        stands = played.finished(["sluicectl", "--context", "officer-1", "status"]).out
    assert typed == sum(isinstance(one, Step) for one in script())
    assert "officer-1, officer-3, officer-4; quorum 2" in stands
    assert "2 sources, 2 partners" in stands
    assert "0 changes" in stands


def test_the_same_guide_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its commands has a twin for scripts: the same exit code, one object, the same error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICE_CONTEXTS", str(tmp_path / ".config" / "sluice" / "contexts.toml"))
    for name in ("SLUICE_HOME", "SLUICE_CONTEXT"):
        monkeypatch.delenv(name, raising=False)

    with InProcess(tmp_path, a_reader(), as_json=True) as played:
        typed = played.play(script())

    assert typed == sum(isinstance(one, Step) for one in script())


def test_its_script_can_be_printed() -> None:
    """An officer rehearses with one file in hand: every paper and every command is in it."""
    text = "\n".join(printed())

    assert text.count("<<'END'") == sum(isinstance(one, Paper) for one in script())
    assert "sluicectl --context officer-3 lockdown on" in text
    assert "# exits 7" in text


def test_it_says_of_every_kind_of_statement_how_many_must_sign() -> None:
    """The table an officer decides by must be the one the gateway decides by."""
    table = PAGE.partition("| on the screen |")[2].partition("\n\n")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()[2:]]
    alone = {name for kinds, _, signed_by, _ in rows for name in kinds.split(", ") if signed_by == "**one**"}
    named = {name for kinds, *_ in rows for name in kinds.split(", ")}

    assert alone == {kind.name for kind in ONE_SIGNATURE - NOT_BUILT}
    assert named == {kind.name for kind in StatementKind} - {kind.name for kind in NOT_BUILT}


def test_every_situation_leads_to_a_page_that_is_there() -> None:
    """At three in the morning nobody looks twice."""
    headings = {
        re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in re.findall(r"^## (.+)$", PAGE, re.M)
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))

    assert links
    assert links <= headings


def test_every_error_it_explains_exists() -> None:
    """A remedy for an error that cannot come hides the one that can."""
    table = PAGE.partition("| the screen says |")[2].partition("\n\n")[0]
    explained = {
        code for row in table.splitlines()[2:] for code in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", row.split("|")[1])
    }

    assert explained
    assert explained <= {raised.code for raised in every_error()}
