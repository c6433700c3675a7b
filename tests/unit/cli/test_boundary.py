"""The error boundary: one place, four facts, one exit code each, in text and in JSON."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import grpc
import pytest
from click.testing import CliRunner, Result

from clients.cli import boundary, output
from clients.times import utc
from gateway.core.errors import CallerError, Fault, GatewayError, Refused

ERRORS: dict[str, BaseException] = {
    "caller": CallerError("text-value", "a level must exist, `X` came", at="guide.toml", do="look again"),
    "refused": Refused("own-approval", "another person must approve"),
    "fault": Fault("key-missing", "a key file must be there, none is"),
    "unreachable": Fault("gateway-unreachable", "the gateway must answer, it does not"),
    "stale": Refused("stale-change", "another change came first"),
    "unknown-peer": Refused("not-authenticated", "the gateway does not know this certificate"),
    "late": Fault("timed-out", "the gateway must answer in time, it did not"),
    "no-file": FileNotFoundError(2, "No such file or directory", "guide.toml"),
    "odd-file": OSError("odd"),
    "interrupted": KeyboardInterrupt(),
    "rpc": grpc.aio.AioRpcError(
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(),
        details='{"code": "own-approval", "message": "another person must approve", "at": "C-1", "do": ""}',
    ),
}


@click.group(cls=boundary.Group)
def noun() -> None:
    """A noun of the tests."""


@noun.command()
def good() -> None:
    """A command that works."""
    output.said("on the way")
    output.result({"position": 3, "ui": "ДСК"}, [("applied", "as entry 3"), ("", "ДСК")])


@noun.command()
def waits() -> None:
    """A command whose change is pending."""
    output.result({"state": "PENDING"}, [("pending", "1 of 2")])
    boundary.pending()


@noun.command()
@click.argument("which")
def fails(which: str) -> None:
    """A command that raises."""
    raise ERRORS[which]


def not_a_command() -> None:
    """What a mistaken table would name."""


ROOT = boundary.Root(
    "probe",
    rooms={
        "noun": (f"{__name__}:noun", "the noun"),
        "broken": (f"{__name__}:not_a_command", "a table that is wrong"),
    },
)


def run(*words: str) -> Result:
    """The command line `probe` with these words."""
    return CliRunner().invoke(ROOT, words)


def test_a_result_is_on_stdout_and_everything_else_on_stderr() -> None:
    """A script reads stdout and must find the result there and nothing more."""
    ran = run("noun", "good")

    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "applied   as entry 3\n          ДСК\n", "on the way\n")


@pytest.mark.parametrize("words", [("noun", "good", "--json"), ("--json", "noun", "good")])
def test_json_holds_the_same_facts_wherever_the_flag_stands(words: tuple[str, ...]) -> None:
    """Whoever writes a script puts the flag where other tools have it."""
    ran = run(*words)

    assert json.loads(ran.stdout) == {"position": 3, "ui": "ДСК"}


def test_a_pending_change_has_its_own_exit_code() -> None:
    """A script that goes on as if it were in force is the mistake this prevents."""
    ran = run("noun", "waits")

    assert (ran.exit_code, ran.stdout) == (7, "pending   1 of 2\n")


@pytest.mark.parametrize(
    ("which", "code"),
    [
        ("caller", 2),
        ("refused", 5),
        ("fault", 1),
        ("unreachable", 8),
        ("stale", 6),
        ("unknown-peer", 4),
        ("late", 7),
        ("no-file", 2),
        ("odd-file", 2),
        ("interrupted", 130),
        ("rpc", 5),
    ],
)
def test_every_failure_has_the_exit_code_of_the_contract(which: str, code: int) -> None:
    """Scripts branch on the code, so it is a promise."""
    assert run("noun", "fails", which).exit_code == code


@pytest.mark.parametrize("which", ["caller", "refused", "fault"])
def test_an_error_is_the_same_four_facts_in_text_and_in_json(which: str) -> None:
    """Whoever reads a log of either form finds the same code and the same next step."""
    error = ERRORS[which]
    assert isinstance(error, GatewayError)

    as_text, as_json = run("noun", "fails", which), run("noun", "fails", which, "--json")

    assert as_text.stderr == f"{error}\n"
    assert json.loads(as_json.stderr) == error.to_json()
    assert as_text.stdout == as_json.stdout == ""


def test_an_error_of_the_gateway_keeps_its_own_code_and_place() -> None:
    """What the gateway says and what a local check says are told in one voice."""
    ran = run("noun", "fails", "rpc", "--json")

    assert json.loads(ran.stderr) == {
        "code": "own-approval",
        "message": "another person must approve",
        "at": "C-1",
        "do": "",
    }


def test_a_missing_file_is_named() -> None:
    """The commonest mistake deserves the path and not a traceback."""
    error = json.loads(run("noun", "fails", "no-file", "--json").stderr)

    assert (error["code"], error["at"]) == ("file-unusable", "guide.toml")


@pytest.mark.parametrize(
    ("words", "meant"),
    [(("nuon", "good"), "'noun'"), (("noun", "god"), "'good'"), (("noun", "good", "--jsn"), "--json")],
)
def test_a_mistyped_word_is_answered_with_the_one_meant(words: tuple[str, ...], meant: str) -> None:
    """An officer under time pressure mistypes."""
    ran = run(*words)

    assert ran.exit_code == 2
    assert meant in ran.stderr
    assert "do: `" in ran.stderr


def test_a_usage_error_is_json_when_json_was_asked_for() -> None:
    """A script that asked for JSON must be able to parse every failure."""
    for words in (("noun", "nonsense", "--json"), ("--json",), ("noun", "--json")):
        ran = run(*words)

        assert ran.exit_code == 2
        assert json.loads(ran.stderr)["code"] == "usage"


def test_a_line_without_a_verb_shows_the_help() -> None:
    """A person who types only the noun wants to know its verbs."""
    ran = run("noun")

    assert ran.exit_code == 2
    assert "waits" in ran.stderr


def test_help_lists_nouns_without_importing_them() -> None:
    """Help must be instant, and work where an optional part is missing."""
    ran = run("--help")

    assert ran.exit_code == 0
    assert "a table that is wrong" in ran.stdout


def test_a_table_that_names_no_command_is_no_command() -> None:
    """A mistake in the table is a usage error and not a crash."""
    assert run("broken").exit_code == 2


def test_times_are_printed_in_utc() -> None:
    """Parties sit in many time zones; a time without one is a mistake waiting."""
    assert utc(1_795_507_200_999) == "2026-11-24T08:00:00Z"


@pytest.mark.parametrize("moment", [253_402_300_800_000, 2**64 - 1])
def test_a_moment_beyond_every_calendar_is_printed_too(moment: int) -> None:
    """A statement may carry any number; printing it must not fail."""
    assert utc(moment) == "never"


def test_a_real_process_exits_with_the_code_too() -> None:
    """The in-process runner could hide an exit that never reaches the shell."""
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tests.unit.cli.test_boundary import ROOT; ROOT.main(['noun', 'nonsense'], 'probe')",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "error[usage]" in ran.stderr


def test_a_command_that_dies_leaves_no_memory_in_a_file() -> None:
    """A key that was read to sign with would lie in it."""
    code = (
        "import atexit, resource; from clients.cli.sluicectl import sluicectl\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)\n"
        "atexit.register(lambda: print(resource.getrlimit(resource.RLIMIT_CORE)[0]))\n"
        "sluicectl.main(['--help'])"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert ran.stdout.splitlines()[-1] == "0"
