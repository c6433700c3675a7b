"""Contexts, completion, exit codes: what an operator types before any gateway is asked."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clients.cli import exits
from clients.cli.nearest import meant
from clients.cli.sluicectl import sluicectl
from clients.operator.home import Home

Run = Callable[..., Result]


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """A folder with two homes, `one` and `two`."""
    for name in ("one", "two"):
        Home.create(tmp_path / name, f"officer-{name}")
    return tmp_path


@pytest.fixture
def run(homes: Path) -> Run:
    """`sluicectl` with a contexts file of its own; keywords are variables of the environment."""

    def call(*words: str, **variables: str) -> Result:
        settings = {"SLUICE_CONTEXTS": str(homes / "contexts.toml"), "SLUICE_HOME": "", "SLUICE_CONTEXT": ""}
        return CliRunner().invoke(sluicectl, [*words, "--json"], env={**settings, **variables})

    return call


def code_of(ran: Result) -> tuple[int, str]:
    """Exit code and error code."""
    return ran.exit_code, str(json.loads(ran.stderr)["code"])


def shown(run: Run, *words: str, **variables: str) -> tuple[str | None, str]:
    """Name and home of what counts."""
    ran = run(*words, "context", "show", **variables)
    assert ran.exit_code == 0, ran.stderr
    facts = json.loads(ran.stdout)
    return facts["name"], Path(facts["home"]).name


def test_a_name_is_made_once_and_counts_from_then_on(run: Run, homes: Path) -> None:
    """Whoever runs two gateways says which by a word."""
    assert run("context", "use", "north", "--home", str(homes / "one")).exit_code == 0
    assert run("context", "use", "south", "--home", str(homes / "two")).exit_code == 0

    assert shown(run) == ("south", "two")
    assert run("context", "use", "north").exit_code == 0
    assert shown(run) == ("north", "one")
    listed = json.loads(run("context", "list").stdout)["contexts"]
    assert [(one["name"], one["current"]) for one in listed] == [("north", True), ("south", False)]


def test_what_is_typed_wins_over_the_environment_and_that_over_the_file(run: Run, homes: Path) -> None:
    """The nearer word is the one that was meant."""
    for name in ("one", "two"):
        run("context", "use", name, "--home", str(homes / name))
    home_one = str(homes / "one")

    assert shown(run, SLUICE_CONTEXT="one") == ("one", "one")
    assert shown(run, SLUICE_HOME=home_one, SLUICE_CONTEXT="two") == (None, "one")
    assert shown(run, "--context", "two", SLUICE_HOME=home_one) == ("two", "two")
    assert shown(run, "--home", home_one) == (None, "one")
    assert code_of(run("--home", home_one, "--context", "two", "context", "show")) == (2, "usage")


def test_every_command_uses_the_context(run: Run, homes: Path) -> None:
    """A key must not be used that another context names."""
    run("context", "use", "one", "--home", str(homes / "one"))

    error = json.loads(run("status").stderr)

    assert (error["code"], error["at"]) == ("not-connected", str(homes / "one"))


def test_a_name_that_is_none_is_answered_with_the_one_meant(run: Run, homes: Path) -> None:
    """An officer under time pressure mistypes."""
    run("context", "use", "north", "--home", str(homes / "one"))
    for words in (("--context", "nroth", "status"), ("context", "use", "nroth"), ("context", "show", "nroth")):
        ran = run(*words)

        assert code_of(ran) == (2, "context-unknown")
        assert "did you mean `north`?" in json.loads(ran.stderr)["do"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1\n", "text-unknown-key"),
        ("[context.a]\nhome = 1\n", "text-value"),
        ("[context.a]\nhome = '/a'\nkey = 'x'\n", "text-unknown-key"),
        ("[context.a]\n", "text-missing-key"),
        ("current = 'gone'\n", "context-unknown"),
        ("context = 1\n", "text-value"),
        ("".join(f"[context.c{n}]\nhome = '/a'\n" for n in range(257)), "text-value"),
        ("not toml", "text-malformed"),
    ],
)
def test_a_file_that_is_not_understood_is_refused_and_never_guessed_at(
    run: Run, homes: Path, text: str, code: str
) -> None:
    """Another home would sign with another key."""
    (homes / "contexts.toml").write_text(text, "utf-8")

    assert code_of(run("status")) == (2, code)


def test_a_name_that_could_not_be_typed_again_is_refused(run: Run, homes: Path) -> None:
    """The file is for people."""
    assert code_of(run("context", "use", 'a"b', "--home", str(homes / "one"))) == (2, "context-name")
    assert code_of(run("context", "use", "gone", "--home", str(homes / "gone"))) == (2, "home-missing")


def test_a_mistyped_context_file_can_be_mended_by_command(run: Run, homes: Path) -> None:
    """A `current` that is gone must not stop the command that sets it."""
    (homes / "contexts.toml").write_text("current = 'gone'\n", "utf-8")

    assert run("context", "use", "one", "--home", str(homes / "one")).exit_code == 0
    assert shown(run) == ("one", "one")


def test_a_context_without_a_home_is_shown_as_that(run: Run, homes: Path) -> None:
    """A disk that is not mounted is no crash."""
    (homes / "contexts.toml").write_text(f"current = 'a'\n[context.a]\nhome = '{homes}/none'\n", "utf-8")
    facts = json.loads(run("context", "show").stdout)

    assert (facts["operator"], facts["endpoint"]) == (None, None)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(run: Run, shell: str) -> None:
    """What is printed is what the shell reads, with nothing before it."""
    ran = CliRunner().invoke(sluicectl, ["completion", shell], prog_name="sluicectl")

    assert ran.exit_code == 0
    assert "_SLUICECTL_COMPLETE" in ran.stdout
    assert not ran.stdout.startswith("   ")
    assert json.loads(run("completion", shell).stdout)["shell"] == shell


@pytest.mark.parametrize(
    ("line", "expected"),
    [("sluicectl ag", {"agreement"}), ("sluicectl change ap", {"approve"}), ("sluicectl --context n", {"north"})],
)
def test_words_are_completed(homes: Path, line: str, expected: set[str]) -> None:
    """Nouns, verbs, and the names of contexts."""
    (homes / "contexts.toml").write_text(f"[context.north]\nhome = '{homes}/one'\n", "utf-8")
    variables = {
        "SLUICE_CONTEXTS": str(homes / "contexts.toml"),
        "_SLUICECTL_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    ran = CliRunner().invoke(sluicectl, [], prog_name="sluicectl", env=variables)

    assert {word.partition(",")[2] for word in ran.stdout.split()} == expected


def test_what_completes_a_noun_imports_none() -> None:
    """Whoever presses the key must not wait for cryptography to load."""
    program = (
        "import sys; before = set(sys.modules); import click; from clients.cli.sluicectl import sluicectl as root\n"
        "root.shell_complete(click.Context(root), 'a')\n"
        "print(sorted({'grpc', 'cryptography', 'google', 'tomllib', 'asyncio'} & (set(sys.modules) - before)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"


def test_help_starts_within_reach_of_an_empty_interpreter() -> None:
    """Lazy imports are why a command line feels like one. Processor time, best of three: other programs run too."""

    def best(*words: str) -> float:
        seconds = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *words], capture_output=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(seconds)

    empty, ours = best("-c", "pass"), best("-m", "clients.cli.sluicectl", "--help")

    assert ours < empty + 0.25, f"python -c pass {empty * 1000:.0f} ms, sluicectl --help {ours * 1000:.0f} ms"


def test_the_help_lists_every_exit_code() -> None:
    """Scripts branch on them: the table of the code is the one that is told."""
    text = " ".join(CliRunner().invoke(sluicectl, ["--help"]).stdout.split())

    for code, meaning in exits.EXITS.items():
        assert re.search(rf"\b{code} {meaning}", text)
    assert sorted(exits.EXITS) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]


def test_did_you_mean_names_one_that_is_near_and_none_that_is_not() -> None:
    """A wrong guess is worse than none."""
    assert meant("USA/ARL", ["usa/arl", "gbr/dstl"], "list") == "did you mean `usa/arl`? list"
    assert meant("C-9", ["C-5.1"], "list") == "list"
    assert meant("zzz", [], "") == ""
