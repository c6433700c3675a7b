"""Two officers and a gateway process: changes rejected, overtaken, written anew, and kept over a restart."""

from __future__ import annotations

import pytest

from clients.testing.harness import agreement_text
from tests.system.office import Office


@pytest.fixture(scope="module", autouse=True)
def _partner(office: Office) -> None:
    """Whom the agreements are with, whichever of these tests is run."""
    office.settle()
    office.partner("usa/changes")


def proposed(office: Office, agreement_id: str) -> str:
    """An agreement that officer-1 has proposed; the id of the change."""
    text = office.path(f"{agreement_id}.toml", agreement_text(agreement_id, "usa/changes"))
    facts = office.facts("officer-1", "agreement", "propose", text, "--reason", "MoU", "--yes", code=7)
    return str(facts["change"])


def listed(office: Office, state: str = "changes") -> list[str]:
    """Ids of what is listed as pending, or as broken."""
    return [str(one["change"]) for one in office.facts("officer-2", "change", "list")[state]]


def test_one_person_rejects_and_what_was_written_on_it_is_named(desk: Office) -> None:
    """Nothing was in force by it; whoever proposed the next one must know to write it anew."""
    first, second = proposed(desk, "UA-CH-1"), proposed(desk, "UA-CH-2")

    facts = desk.facts("officer-2", "change", "reject", first, "--reason", "wrong partner")

    assert facts["changes"] == [{"change": first, "state": "REJECTED", "overtaken": [second]}]
    assert (listed(desk), listed(desk, "broken")) == ([], [second])
    shown = desk.run("officer-1", "change", "list").stdout
    assert f"{second}" in shown
    assert "stale-change" in shown


def test_an_overtaken_change_cannot_be_approved_and_says_what_to_do(desk: Office) -> None:
    """What was signed includes the place in the chain."""
    first, second = proposed(desk, "UA-CH-3"), proposed(desk, "UA-CH-4")
    desk.facts("officer-1", "change", "reject", first, "--reason", "drill")

    error = desk.error("officer-2", "change", "approve", second, "--reason", "agreed", "--yes", code=6)

    assert (error["code"], error["at"]) == ("stale-change", second)
    assert f"`sluicectl change rebase {second}`" in error["do"]


def test_an_overtaken_change_is_written_anew_and_signatures_start_again(desk: Office) -> None:
    """The text is the same; the place, and so what is signed, is another."""
    first, second = proposed(desk, "UA-CH-5"), proposed(desk, "UA-CH-6")
    desk.facts("officer-2", "change", "reject", first, "--reason", "drill")

    again = desk.facts("officer-2", "change", "rebase", second, "--reason", "still wanted", "--yes", code=7)

    assert again["signatures"] == {"have": 1, "need": 2}
    assert again["subject"] == "UA-CH-6"
    assert (listed(desk), listed(desk, "broken")) == ([again["change"]], [])
    desk.facts("officer-1", "change", "approve", again["change"], "--reason", "agreed", "--yes")
    assert "UA-CH-6" in [one["id"] for one in desk.facts("officer-1", "agreement", "list")["agreements"]]


def test_a_change_that_can_be_approved_is_not_written_anew(desk: Office) -> None:
    """Its signatures would be thrown away."""
    change = proposed(desk, "UA-CH-7")

    assert desk.error("officer-2", "change", "rebase", change, "--reason", "x", code=5)["code"] == "change-not-stale"
    for words in (["rebase", "C-0.0"], ["reject", "C-0.0"]):
        assert desk.error("officer-2", "change", *words, "--reason", "x", code=5)["code"] == "change-unknown"


def test_what_a_suspension_overtook_is_written_anew(desk: Office) -> None:
    """Stopping is quick because it takes the next place; nobody has to find the file again."""
    change = proposed(desk, "UA-CH-8")
    desk.facts("officer-2", "source", "suspend", "src-3f07", "--reason", "drill")

    again = desk.facts("officer-1", "change", "rebase", change, "--reason", "still wanted", "--yes", code=7)
    desk.facts("officer-1", "source", "resume", "src-3f07", "--reason", "over", "--yes", code=7)
    desk.settle()

    assert again["subject"] == "UA-CH-8"
    assert listed(desk, "broken") == []


def test_a_pending_change_outlasts_a_restart_of_the_gateway(desk: Office) -> None:
    """The second person may be asked days later, and machines are restarted."""
    change = proposed(desk, "UA-CH-9")
    before = desk.facts("officer-2", "change", "show", change)

    desk.sluice.kill()
    desk.sluice.start()

    assert desk.facts("officer-2", "change", "show", change) == before
    approved = desk.facts("officer-2", "change", "approve", change, "--reason", "agreed", "--yes")
    assert approved["changes"][0]["state"] == "APPLIED"
