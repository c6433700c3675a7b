"""Two officers and a gateway process: keys, holds and lockdown."""

from __future__ import annotations

from tests.system.office import Office


def key_of(office: Office, subject: str, role: str) -> dict[str, object]:
    """A key as `key list` tells it, not a former one."""
    listed = office.facts("officer-1", "key", "list")["keys"]
    return next(one for one in listed if (one["subject"], one["role"], one["former"]) == (subject, role, False))


def test_one_person_taints_a_key_and_two_give_it_back(desk: Office) -> None:
    """A captured laptop is told by whoever hears of it first."""
    desk.partner("usa/stops")
    key = str(key_of(desk, "usa/stops", "PARTNER_SIGN")["key"])

    stopped = desk.facts("officer-2", "key", "taint", key[:12], "--since", "2026-05-30", "--reason", "captured")
    shown = desk.run("officer-1", "key", "list").stdout
    again = desk.error("officer-1", "key", "revoke", key, "--reason", "too", code=5)
    desk.facts("officer-1", "key", "lift", key, "--reason", "found", "--yes", code=7)
    desk.settle()

    assert (stopped["kind"], stopped["state"], stopped["subject"]) == ("TAINT", "APPLIED", f"key/{key}")
    assert "PARTNER_SIGN usa/stops TAINTED" in " ".join(shown.split())
    assert again["code"] == "nothing-to-change"
    assert key_of(desk, "usa/stops", "PARTNER_SIGN")["state"] == "ACTIVE"


def test_a_revoked_key_is_listed_as_retired(desk: Office) -> None:
    """It signs nothing new; what it signed stays true."""
    key = str(key_of(desk, "src-3f07", "SOURCE")["key"])

    desk.facts("officer-1", "key", "revoke", key, "--reason", "drill")
    state = key_of(desk, "src-3f07", "SOURCE")["state"]
    desk.facts("officer-1", "key", "lift", key, "--reason", "over", "--yes", code=7)
    desk.settle()

    assert state == "RETIRED"


def test_a_key_is_named_by_what_no_other_begins_with(desk: Office) -> None:
    """The wrong key stopped is a partner cut off."""
    words = ("--since", "2026-05-30", "--reason", "x")

    assert desk.error("officer-1", "key", "taint", "4c", *words, code=2)["code"] == "key-ambiguous"
    assert desk.error("officer-1", "key", "taint", "0" * 96, *words, code=5)["code"] == "key-unknown"
    assert (
        desk.error("officer-1", "key", "taint", "0" * 96, "--since", "may", "--reason", "x", code=2)["code"] == "usage"
    )


def test_everything_is_stopped_by_one_and_status_says_so(desk: Office) -> None:
    """Whoever looks first must see why nothing moves."""
    desk.facts("officer-2", "lockdown", "on", "--reason", "an operator's key was stolen")
    facts, shown = desk.facts("officer-1", "status"), desk.run("officer-1", "status").stdout
    desk.facts("officer-2", "lockdown", "off", "--reason", "found", "--yes", code=7)
    still = desk.facts("officer-1", "status")["locked"]
    desk.facts("officer-1", "change", "approve", *pending(desk), "--reason", "seen it", "--yes")

    assert facts["locked"] is True
    assert "LOCKED" in shown
    assert still is True
    assert desk.facts("officer-1", "status")["locked"] is False


def pending(office: Office) -> list[str]:
    """Ids of what waits."""
    return [str(one["change"]) for one in office.facts("officer-1", "change", "list")["changes"]]


def test_what_is_held_is_listed_until_two_let_it_go(desk: Office) -> None:
    """A batch may be held before anybody here has seen it."""
    target = f"batch/{'3' * 96}"
    desk.facts("officer-1", "hold", "place", target, "--reason", "a name in the text")
    shown = desk.run("officer-1", "status").stdout
    desk.facts("officer-1", "hold", "lift", target, "--reason", "a village", "--yes", code=7)
    desk.settle()

    assert target in shown
    assert desk.run("officer-1", "hold", "list").stdout == "none      nothing is held back\n"
    assert desk.error("officer-1", "hold", "place", "batch/3", "--reason", "x", code=2)["code"] == "text-value"
