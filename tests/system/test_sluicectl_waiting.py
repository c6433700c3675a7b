"""Two officers and a gateway process: waiting for the other one, contexts, and names that were mistyped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from clients.testing.commands import Commands, Facts
from clients.testing.harness import agreement_text
from tests.system.office import Office


@pytest.fixture(scope="module", autouse=True)
def _partner(office: Office) -> None:
    """Whom the agreements are with, whichever of these tests is run."""
    office.settle()
    office.partner("usa/waits")


def propose(office: Office, agreement_id: str, *more: str) -> list[str]:
    """The words that propose one more agreement with `usa/waits`."""
    text = office.path(f"{agreement_id}.toml", agreement_text(agreement_id, "usa/waits"))
    return ["agreement", "propose", text, "--reason", "MoU", "--yes", *more]


def other(office: Office, *words: str) -> Facts:
    """What officer-2 is told by the installed command, a process of its own."""
    return Commands(office.folder).facts("sluicectl", "--home", str(office.folder / "officer-2"), *words)


def first_pending(office: Office) -> str:
    """The id of the first change that officer-2 sees, once there is one."""
    while True:
        listed = other(office, "change", "list")["changes"]
        if isinstance(listed, list) and listed:
            return str(listed[0]["change"])


def meanwhile(act: Callable[[], object]) -> threading.Thread:
    """Runs `act` beside the command that waits."""
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_waiting_ends_when_the_other_has_approved(desk: Office) -> None:
    """A script goes on with code 0, and only if it is really in force."""

    def approve() -> None:
        other(desk, "change", "approve", first_pending(desk), "--reason", "agreed", "--yes")

    thread = meanwhile(approve)
    facts = desk.facts("officer-1", *propose(desk, "UA-WAITS-1", "--wait", "300"))
    thread.join()

    assert (facts["state"], facts["signatures"]) == ("APPLIED", {"have": 2, "need": 2})
    # Not the moment at which it counted: the streams that it ended were written to until it was effective.
    assert facts["effective_at_ms"] >= facts["applied_at_ms"] > 0


def test_a_wait_that_is_over_says_pending_and_not_applied(desk: Office) -> None:
    """The same answer and the same code as without waiting."""
    ran = desk.run("officer-1", *propose(desk, "UA-WAITS-2", "--wait", "0.2"))

    assert ran.exit_code == 7
    assert "PENDING (1/2)" in ran.stdout
    assert "applied" not in ran.stdout


def test_a_wait_for_what_was_overtaken_ends_at_once(desk: Office) -> None:
    """Nobody can approve it any more; a person should hear that now."""

    def overtake() -> None:
        first_pending(desk)
        other(desk, "source", "suspend", "src-3f07", "--reason", "drill")

    thread = meanwhile(overtake)
    error = desk.error("officer-1", *propose(desk, "UA-WAITS-3", "--wait", "300"), code=6)
    thread.join()
    desk.facts("officer-1", "source", "resume", "src-3f07", "--reason", "over", "--yes", code=7)

    assert error["code"] == "change-gone"


def test_a_mistyped_id_is_answered_with_the_one_meant(desk: Office) -> None:
    """Parties, agreements and changes alike."""
    desk.facts("officer-1", *propose(desk, "UA-WAITS-4"), code=7)
    change = desk.facts("officer-1", "change", "list")["changes"][0]["change"]
    mistyped = {
        "usa/wiats": ("partner", "show"),
        "src-3f70": ("source", "show"),
        "UA-usa-wats": ("agreement", "show"),
        f"{change}9": ("change", "show"),
    }
    for typed, words in mistyped.items():
        ran = desk.run("officer-1", *words, typed, "--json")
        error = json.loads(ran.stderr)

        assert error["code"].endswith("-unknown")
        assert error["at"] == typed
        assert error["do"].startswith("did you mean `")

    suspended = desk.error("officer-1", "partner", "suspend", "usa/wiats", "--reason", "x", code=5)
    assert "did you mean `usa/waits`?" in suspended["do"]
    unlike = {
        "partner": desk.error("officer-1", "partner", "show", "zz", code=2),
        "agreement": desk.error("officer-1", "agreement", "end", "zz", "--reason", "x", code=5),
    }
    for noun, error in unlike.items():
        assert (error["at"], error["do"]) == ("zz", f"`sluicectl {noun} list`")


def test_a_context_whose_home_went_to_another_gateway_is_refused(desk: Office) -> None:
    """A name must not come to mean another gateway unnoticed."""
    home, file = desk.folder / "officer-1", desk.folder / "contexts.toml"
    environment = {"SLUICE_CONTEXTS": str(file)}
    made = desk.plain("context", "use", "demo", "--home", str(home), env=environment)
    assert json.loads(made.stdout)["gateway"] == "spiffe://sluice.example/gateway/demo"
    assert desk.plain("status", env=environment).exit_code == 0
    file.write_text(file.read_text("utf-8").replace("gateway/demo", "gateway/other"), "utf-8")

    ran = desk.plain("--context", "demo", "status", env=environment)

    assert (ran.exit_code, json.loads(ran.stderr)["code"]) == (6, "context-differs")


def test_nothing_is_coloured(desk: Office) -> None:
    """What a document quotes is what a script sees, on a terminal too."""
    assert "\x1b" not in "".join(desk.commands.printed)
