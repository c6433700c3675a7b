"""Two officers and a gateway process: what operators decide takes effect, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.core.control.partner import PartnerAdmission
from tests.system.office import Office


def position(office: Office) -> int:
    """How many statements are applied."""
    return int(office.facts("officer-1", "status")["position"])


def test_a_founded_gateway_stands_as_operators_signed_it(desk: Office) -> None:
    """Status is computed from the verified chain, not asked."""
    facts = desk.facts("officer-1", "status")

    assert facts["health"] == "SERVING"
    assert facts["operators"] == ["officer-1", "officer-2"]
    assert facts["quorum"] == 2
    assert facts["vocabularies"] == ["UKR.1", "USA.1"]
    assert facts["guide"] == "UAS-2026-2"
    assert "src-3f07" in facts["sources"]
    assert facts["directory"]["number"] >= 1
    assert not facts["directory"]["expired"]


def test_both_operators_verify_the_same_chain(desk: Office) -> None:
    """Each from its own home, so the gateway cannot show them different ones unnoticed for long."""
    one, two = desk.facts("officer-1", "status"), desk.facts("officer-2", "status")

    assert (one["position"], one["head"]) == (two["position"], two["head"])


def test_a_proposal_that_widens_is_pending_and_never_called_applied(desk: Office) -> None:
    """The first signature changes nothing, and a script must be able to tell."""
    before = position(desk)
    ran = desk.run("officer-1", *desk.admit_words("usa/one", desk.enrol("usa/one")), "--yes")

    assert ran.exit_code == 7
    assert "PENDING (1/2)" in ran.stdout
    assert "applied" not in ran.stdout.lower()
    assert position(desk) == before
    assert "usa/one" not in [one["id"] for one in desk.facts("officer-1", "partner", "list")["partners"]]


def test_a_second_person_applies_it(desk: Office) -> None:
    """Two persons of the roster are what it takes."""
    pending = desk.facts("officer-1", *desk.admit_words("usa/two", desk.enrol("usa/two")), "--yes", code=7)

    approve = desk.run("officer-2", "change", "approve", pending["change"], "--reason", "agreed", "--yes")

    assert approve.exit_code == 0
    assert "applied   partner usa/two as control entry" in approve.stdout
    listed = {one["id"]: one for one in desk.facts("officer-2", "partner", "list")["partners"]}
    assert listed["usa/two"]["state"] == "active"
    assert listed["usa/two"]["clearance"] == {"UKR": "T"}


def test_whoever_proposed_cannot_approve(desk: Office) -> None:
    """One person with two commands is still one person."""
    pending = desk.facts("officer-1", *desk.admit_words("usa/three", desk.enrol("usa/three")), "--yes", code=7)

    error = desk.error("officer-1", "change", "approve", pending["change"], "--reason", "me too", "--yes", code=5)

    assert (error["code"], error["do"]) == ("own-approval", "ask officer-2")


@pytest.mark.must("12.2.3", "12.2.4")
def test_a_bundle_with_other_words_is_not_admitted(desk: Office) -> None:
    """It may have been exchanged on its way; and the right words must not be told to whoever exchanged it."""
    bundle = desk.enrol("usa/four")
    words = desk.admit_words("usa/four", bundle, words="copper-harbor-nine-willow")

    error = desk.error("officer-1", *words, "--yes", code=5)

    assert error["code"] == "words-differ"
    assert desk.spoken["usa/four"] not in json.dumps(error)
    assert desk.facts("officer-1", "change", "list")["changes"] == []


def test_words_may_be_typed_as_they_were_heard(desk: Office) -> None:
    """Spaces, capitals and hyphens are not what is compared."""
    bundle = desk.enrol("usa/five")
    heard = desk.spoken["usa/five"].replace("-", "  ").upper()

    desk.facts("officer-1", *desk.admit_words("usa/five", bundle, words=heard), "--yes", code=7)


def test_a_bundle_of_somebody_else_is_not_admitted_under_this_name(desk: Office) -> None:
    """The id is the one that was enrolled."""
    bundle = desk.enrol("usa/six")
    desk.spoken["usa/seven"] = desk.spoken["usa/six"]

    assert desk.error("officer-1", *desk.admit_words("usa/seven", bundle), "--yes", code=2)["code"] == "party-id"


def test_what_widens_is_confirmed_by_typing_its_name(desk: Office) -> None:
    """The name on the screen is read once more before the key is used."""
    words = desk.admit_words("usa/eight", desk.enrol("usa/eight"))

    for typed, code in (("", 2), ("usa/nine\n", 2)):
        assert desk.error("officer-1", *words, code=code, typed=typed)["code"] == "not-confirmed"
    ran = desk.run("officer-1", *words, typed="usa/eight\n")

    assert ran.exit_code == 7
    assert "type usa/eight to sign" in ran.stderr


def test_what_is_shown_is_what_is_signed(desk: Office) -> None:
    """The text on the screen of the proposer, of the approver, and in CONTROL is one and the same."""
    words = desk.admit_words("usa/ten", desk.enrol("usa/ten"))
    proposed = desk.run("officer-1", *words, "--yes")
    change = desk.facts("officer-2", "change", "list")["changes"][-1]

    shown = desk.facts("officer-2", "change", "show", change["change"])
    desk.settle()
    text = desk.facts("officer-1", "partner", "show", "usa/ten")["text"]

    assert PartnerAdmission.parse(text.encode()).id == "usa/ten"
    assert text in proposed.stderr
    assert text in shown["text"]
    assert shown["reason"] == "MoU"
    assert shown["link"] in proposed.stderr


def test_one_person_suspends_at_once_and_two_resume(desk: Office) -> None:
    """Stopping must be quick, starting must be considered."""
    desk.partner("usa/eleven")

    stopped = desk.facts("officer-2", "partner", "suspend", "usa/eleven", "--reason", "key lost")
    assert (stopped["state"], stopped["signatures"]) == ("APPLIED", {"have": 1, "need": 1})
    assert stopped["effective_at_ms"] > 0
    assert "partner/usa/eleven" in desk.facts("officer-1", "status")["suspended"]
    assert "suspended" in desk.run("officer-1", "partner", "list").stdout

    desk.facts("officer-2", "partner", "resume", "usa/eleven", "--reason", "new key", "--yes", code=7)
    desk.facts("officer-1", "change", "list")
    ids = [one["change"] for one in desk.facts("officer-1", "change", "list")["changes"]]
    desk.facts("officer-1", "change", "approve", *ids, "--reason", "checked", "--yes")
    assert "partner/usa/eleven" not in desk.facts("officer-1", "status")["suspended"]


def test_a_suspension_does_not_wait_behind_what_is_pending(desk: Office) -> None:
    """What waits for a second person must not delay what one may do; it is proposed again."""
    desk.partner("usa/twelve")
    desk.facts("officer-1", *desk.admit_words("usa/late", desk.enrol("usa/late")), "--yes", code=7)

    ran = desk.run("officer-2", "source", "suspend", "src-3f07", "--reason", "drill")

    assert ran.exit_code == 0
    assert "1 pending changes must be proposed again" in ran.stderr
    assert desk.facts("officer-1", "change", "list")["changes"] == []
    desk.facts("officer-1", "source", "resume", "src-3f07", "--reason", "drill over", "--yes", code=7)
    desk.settle()
    assert "active" in desk.run("officer-1", "source", "list").stdout


def test_stopping_what_is_stopped_is_refused_before_anything_is_signed(desk: Office) -> None:
    """The desk makes the gateway's checks first."""
    desk.partner("usa/thirteen")
    desk.facts("officer-1", "partner", "suspend", "usa/thirteen", "--reason", "once")

    ran = desk.run("officer-1", "partner", "suspend", "usa/thirteen", "--reason", "twice", "--json")

    assert ran.exit_code == 5
    assert json.loads(ran.stderr)["code"] == "nothing-to-change"


def test_lists_of_nothing_say_so(desk: Office) -> None:
    """An empty screen could be a failure."""
    assert desk.run("officer-1", "change", "list").stdout == "none      nothing is pending\n"


def test_a_change_that_is_none_is_named(desk: Office) -> None:
    """A mistyped number must not approve another change."""
    for verb in (["show", "C-99"], ["approve", "C-99", "--reason", "x", "--yes"]):
        assert desk.error("officer-2", "change", *verb, code=5)["code"] == "change-unknown"


def test_a_person_with_a_certificate_but_no_place_in_the_roster_is_denied(desk: Office) -> None:
    """The certificate opens the connection and nothing else."""
    made = desk.facts("intruder", "operator", "init", "officer-9", "--out", desk.path("officer-9.operator"))
    issue = [
        "ca",
        "issue",
        desk.path("officer-9.operator"),
        "--words",
        made["words"],
        "--out",
        desk.path("officer-9.pem"),
    ]
    desk.facts("officer-1", *issue)
    desk.facts("intruder", "operator", "connect", *desk.gateway_words(), "--certificate", desk.path("officer-9.pem"))

    assert desk.error("intruder", "status", code=5)["code"] == "denied"


def test_a_gateway_of_another_genesis_is_noticed(desk: Office, tmp_path: Path) -> None:
    """The home's own genesis decides which gateway is the right one."""
    other = Office.at(tmp_path)
    cards = []
    for name, extra in (("a", ()), ("b", ()), ("r1", ("--recovery",)), ("r2", ("--recovery",))):
        other.facts(name, "operator", "init", name, *extra, "--out", other.path(f"{name}.operator"))
        cards.append(other.path(f"{name}.operator"))
    genesis = other.path("other.sluice")
    people = [
        "--person",
        "a=one",
        "--person",
        "b=two",
        "--recovery",
        cards[2],
        "--recovery",
        cards[3],
        "--out",
        genesis,
    ]
    other.facts("a", "genesis", "make", *cards[:2], *people, "--yes")
    other.facts("b", "genesis", "sign", genesis, "--yes")
    desk.facts("officer-2", "operator", "connect", "--genesis", genesis)

    error = desk.error("officer-2", "status", code=5)

    desk.facts("officer-2", "operator", "connect", "--genesis", desk.path("genesis.sluice"))
    assert error["code"] == "genesis-differs"


def test_an_unreachable_gateway_has_its_own_exit_code(desk: Office) -> None:
    """A script waits and tries again on 8, and on nothing else."""
    desk.facts("officer-2", "operator", "connect", "--gateway", "127.0.0.1:9")

    error = desk.error("officer-2", "status", code=8)

    desk.facts("officer-2", "operator", "connect", *desk.gateway_words())
    assert (error["code"], error["at"]) == ("gateway-unreachable", "127.0.0.1:9")


def test_no_output_and_no_public_file_holds_a_private_key(desk: Office) -> None:
    """Whatever was printed and whatever was sent, by everyone, over all these tests."""
    # But for the gateway's floor, which it puts anew while this looks.
    files = [path for path in desk.folder.rglob("*") if not path.name.startswith("gateway.floor") and path.is_file()]
    secrets_of_all = [
        line
        for path in files
        if path.stat().st_mode & 0o077 == 0 and b"PRIVATE KEY" in path.read_bytes()
        for line in path.read_text("ascii").splitlines()
        if "-----" not in line and len(line) >= 32
    ]
    printed = "\n".join(desk.commands.printed)
    public = [
        path.read_bytes()
        for suffix in ("*.enrol", "*.operator", "*.pem", "*.profile", "*.sluice", "gateway.log")
        for path in desk.folder.glob(suffix)
    ]

    assert len(secrets_of_all) > 50
    for secret in secrets_of_all:
        assert secret not in printed
        assert not any(secret.encode() in content for content in public)
