"""Two officers and a gateway process: configuration as a folder of files, compared and proposed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from clients.testing import Sluice
from clients.testing.harness import agreement_text
from gateway.core.control.enrolment import parse_bundle
from gateway.core.suite.keys import key_digest
from gateway.core.suite.numbers import Role
from tests.system.office import Office, an_office

NUMBERS = count()
EQUIVALENCE = """\
id = "UA-EQ-1"

[[row]]
from = "UKR.1 T"
to = "USA.1 S"
basis = "fictitious, for a test"
starts = 2026-06-01
ends = 2099-06-30
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Office]:
    """One of this file's own: each of its many commands verifies every statement since the founding."""
    with an_office(tmp_path_factory.mktemp("office"), request.config) as office:
        yield office


@pytest.fixture(scope="module")
def sluice(office: Office) -> Sluice:
    """Its harness."""
    return office.sluice


@pytest.fixture
def folder(desk: Office) -> Iterator[Path]:
    """A folder that says what stands: agreements, the guide, vocabularies, stops."""
    if "usa/folder" not in [one["id"] for one in desk.facts("officer-1", "partner", "list")["partners"]]:
        desk.partner("usa/folder")
    folder = desk.folder / f"configuration-{next(NUMBERS)}"
    for one in desk.facts("officer-1", "agreement", "list")["agreements"]:
        put(
            folder,
            f"agreements/{one['id'].replace('/', '-')}.toml",
            desk.facts("officer-1", "agreement", "show", one["id"])["text"],
        )
    for one in desk.facts("officer-1", "vocabulary", "list")["vocabularies"]:
        put(
            folder,
            f"vocabularies/{one['name']}.toml",
            desk.facts("officer-1", "vocabulary", "show", one["name"])["text"],
        )
    put(folder, "guide.toml", desk.facts("officer-1", "guide", "show")["text"])
    put_stops(desk, folder)
    yield folder
    desk.settle()


def put(folder: Path, name: str, text: str) -> Path:
    """A file of the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def put_stops(
    desk: Office, folder: Path, *, stop: str = "", hold: str = "", lift: str = "", end: str = "", revive: str = ""
) -> None:
    """The file of what is stopped, as it stands but for what is named."""
    suspended = {*desk.facts("officer-1", "status")["suspended"], stop} - {lift, ""}
    held = desk.facts("officer-1", "hold", "list")["held"]
    agreements = desk.facts("officer-1", "agreement", "list")["agreements"]
    ended = {*(one["id"] for one in agreements if one["state"] == "ended"), end} - {revive, ""}
    lines = ["[suspended]", *(f'"{one}" = "a test"' for one in sorted(suspended))]
    lines += ["[held]", *(f'"{one}" = "a test"' for one in {*held, hold} - {lift, ""})]
    put(folder, "stops.toml", "\n".join([*lines, "[ended]", *(f'"{one}" = "a test"' for one in sorted(ended)), ""]))


def apply(desk: Office, folder: Path, *more: str, code: int) -> dict[str, object]:
    """What officer-1 is told by `apply`."""
    return desk.facts("officer-1", "apply", "-f", str(folder), "--reason", "MoU", "--yes", *more, code=code)


def states(desk: Office, folder: Path, code: int = 3) -> dict[str, str]:
    """States by name, as `diff` tells them."""
    items = desk.facts("officer-2", "diff", "-f", str(folder), code=code)["items"]
    return {str(one["name"]): str(one["state"]) for one in items}


def test_a_folder_of_what_stands_differs_in_nothing(desk: Office, folder: Path) -> None:
    """Code 0 is for that alone."""
    assert states(desk, folder, code=0) == {}
    ran = desk.run("officer-1", "diff", "-f", str(folder))

    assert (ran.exit_code, ran.stdout) == (0, "same      nothing differs\n")
    assert apply(desk, folder, code=0) == {"changed": False, "changes": [], "items": []}


def test_apply_twice_proposes_once_and_never_says_applied_of_what_is_pending(desk: Office, folder: Path) -> None:
    """Whoever runs it from a timer must not flood the other operators."""
    put(folder, "agreements/new.toml", agreement_text("UA-FOLDER-1", "usa/folder"))
    assert states(desk, folder) == {"UA-FOLDER-1": "add"}
    assert desk.facts("officer-1", "change", "list")["changes"] == []

    ran = desk.run("officer-1", "apply", "-f", str(folder), "--reason", "MoU", "--yes")
    again = apply(desk, folder, code=7)

    assert ran.exit_code == 7
    assert "PENDING (1/2)" in ran.stdout
    assert "applied" not in ran.stdout
    assert (again["changed"], again["changes"]) == (False, [])
    assert states(desk, folder) == {"UA-FOLDER-1": "pending"}
    assert len(desk.facts("officer-1", "change", "list")["changes"]) == 1
    desk.settle()
    assert states(desk, folder, code=0) == {}
    assert apply(desk, folder, code=0)["changed"] is False


def test_a_stop_is_at_once_and_what_it_overtakes_is_proposed_anew(desk: Office, folder: Path) -> None:
    """One person may stop; and nothing that the folder says is lost by it."""
    put(folder, "agreements/new.toml", agreement_text("UA-FOLDER-2", "usa/folder"))
    apply(desk, folder, code=7)
    put_stops(desk, folder, stop="partner/usa/folder")
    assert states(desk, folder) == {"partner/usa/folder": "stop", "UA-FOLDER-2": "pending"}

    facts = apply(desk, folder, code=7)

    assert [(one["kind"], one["state"]) for one in facts["changes"]] == [
        ("SUSPEND", "APPLIED"),
        ("AGREEMENT", "PENDING"),
    ]
    assert "partner/usa/folder" in desk.facts("officer-1", "status")["suspended"]
    put_stops(desk, folder, lift="partner/usa/folder")
    assert states(desk, folder) == {"partner/usa/folder": "lift", "UA-FOLDER-2": "pending"}
    assert [one["kind"] for one in apply(desk, folder, code=7)["changes"]] == ["LIFT"]
    assert states(desk, folder)["partner/usa/folder"] == "pending"
    desk.settle()
    assert states(desk, folder, code=0) == {}


def test_a_hold_is_placed_by_its_line_and_let_go_without_it(desk: Office, folder: Path) -> None:
    """Keeping back is one person's, letting go is two persons'."""
    target = "agreement/UA-usa-folder"
    put_stops(desk, folder, hold=target)
    assert [one["kind"] for one in apply(desk, folder, code=0)["changes"]] == ["HOLD"]
    assert desk.facts("officer-2", "hold", "list")["held"] == [target]
    put_stops(desk, folder, lift=target)
    assert [one["kind"] for one in apply(desk, folder, code=7)["changes"]] == ["LIFT"]
    desk.settle()
    assert states(desk, folder, code=0) == {}


def test_the_equivalence_in_force_is_the_one_of_the_file(desk: Office, folder: Path) -> None:
    """One table is in force, whole; another text needs another id."""
    put(folder, "equivalence.toml", EQUIVALENCE)
    assert states(desk, folder) == {"UA-EQ-1": "add"}
    apply(desk, folder, code=7)
    desk.settle()
    assert states(desk, folder, code=0) == {}
    listed = desk.facts("officer-1", "equivalence", "list")
    assert (listed["id"], listed["rows"][0]["from"], listed["rows"][0]["to"]) == ("UA-EQ-1", "UKR T", "USA S")

    put(folder, "equivalence.toml", EQUIVALENCE.replace("UA-EQ-1", "UA-EQ-2"))
    assert states(desk, folder) == {"UA-EQ-2": "change"}


def test_an_agreement_is_ended_by_its_line_and_never_taken_up_again(desk: Office, folder: Path) -> None:
    """An end is final; a file that still wants it is told so before anything is signed."""
    put(folder, "agreements/short.toml", agreement_text("UA-FOLDER-3", "usa/folder"))
    apply(desk, folder, code=7)
    desk.settle()
    put_stops(desk, folder, end="UA-FOLDER-3")

    facts = apply(desk, folder, code=0)

    assert [(one["kind"], one["state"]) for one in facts["changes"]] == [("END", "APPLIED")]
    assert states(desk, folder, code=0) == {}
    put_stops(desk, folder, revive="UA-FOLDER-3")
    assert states(desk, folder) == {"UA-FOLDER-3": "otherwise"}


def test_another_text_under_an_id_is_shown_and_nothing_is_signed(desk: Office, folder: Path) -> None:
    """What was signed under an id stays; the rest of the folder waits until that is mended."""
    path = folder / "agreements" / "UA-usa-folder.toml"
    path.write_text(path.read_text("utf-8").replace('ceiling = "T"', 'ceiling = "DSK"'), "utf-8")
    put(folder, "agreements/new.toml", agreement_text("UA-FOLDER-4", "usa/folder"))

    ran = desk.run("officer-1", "diff", "-f", str(folder))
    error = desk.error("officer-1", "apply", "-f", str(folder), "--reason", "x", "--yes", code=6)

    assert ran.exit_code == 3
    assert '-ceiling = "T"' in ran.stdout
    assert '+ceiling = "DSK"' in ran.stdout
    assert (error["code"], error["at"]) == ("standing-otherwise", str(path))
    assert desk.facts("officer-1", "change", "list")["changes"] == []


def test_what_the_gateway_would_refuse_is_refused_with_its_file_and_nothing_is_signed(
    desk: Office, folder: Path
) -> None:
    """A rehearsal makes the very checks; half of a folder must not be proposed."""
    put(folder, "agreements/a.toml", agreement_text("UA-FOLDER-5", "usa/folder"))
    bad = put(folder, "agreements/b.toml", agreement_text("UA-FOLDER-6", "usa/nobody"))

    for words in (["diff"], ["apply", "--reason", "x", "--yes"]):
        error = desk.error("officer-1", *words, "-f", str(folder), code=5)

        assert error["code"] == "partner-unknown"
        assert error["at"].startswith(str(bad))
    assert desk.facts("officer-1", "change", "list")["changes"] == []


def test_what_stands_and_has_no_file_is_shown_and_left_alone(desk: Office, folder: Path) -> None:
    """A file that was lost must not end an agreement."""
    (folder / "agreements" / "UA-usa-folder.toml").unlink()

    assert states(desk, folder) == {"UA-usa-folder": "extra"}
    facts = apply(desk, folder, code=0)
    assert (facts["changed"], [one["state"] for one in facts["items"]]) == (False, ["extra"])
    for path in (folder / "agreements").iterdir():
        path.unlink()
    (folder / "agreements").rmdir()
    assert states(desk, folder, code=0) == {}


def test_a_rival_text_is_shown_until_it_is_decided(desk: Office, folder: Path) -> None:
    """Two texts under one id cannot both be meant."""
    path = put(folder, "agreements/new.toml", agreement_text("UA-FOLDER-7", "usa/folder"))
    apply(desk, folder, code=7)
    path.write_text(agreement_text("UA-FOLDER-7", "usa/folder", ceiling="DSK"), "utf-8")

    assert states(desk, folder) == {"UA-FOLDER-7": "otherwise"}
    change = desk.facts("officer-1", "change", "list")["changes"][0]["change"]
    desk.facts("officer-1", "change", "reject", change, "--reason", "another ceiling")
    assert states(desk, folder) == {"UA-FOLDER-7": "add"}


def test_more_than_may_wait_is_said_and_proposed_later(desk: Office, folder: Path) -> None:
    """The gateway bounds what one operator may have pending; the folder may be larger."""
    for number in range(18):
        put(folder, f"agreements/many-{number}.toml", agreement_text(f"UA-MANY-{number}", "usa/folder"))

    first = apply(desk, folder, code=7)
    desk.settle()
    second = apply(desk, folder, code=7)
    desk.settle()

    assert [len(first["changes"]), len(second["changes"])] == [16, 2]
    assert [one["state"] for one in first["items"]] == ["waits", "waits"]
    assert states(desk, folder, code=0) == {}


def test_a_party_is_admitted_from_its_files_by_the_words_that_were_heard(desk: Office, folder: Path) -> None:
    """A bundle in a folder may have been exchanged like one in the post."""
    bundle = Path(desk.enrol("usa/files"))
    keys = {role: key_digest(key).hex() for role, key in parse_bundle(bundle.read_bytes()).keys.items()}
    standing = desk.facts("officer-1", "partner", "show", "usa/folder")
    text = standing["text"].replace("usa/folder", "usa/files")
    for line in standing["text"].splitlines():
        for name, role in (("sign_key", Role.PARTNER_SIGN), ("kem_key", Role.PARTNER_KEM)):
            if line.startswith(name):
                text = text.replace(line, f'{name} = "{keys[role]}"')
    put(folder, "partners/files.toml", text)
    assert desk.error("officer-1", "diff", "-f", str(folder), code=2)["code"] == "bundle-missing"
    (folder / "partners" / "files.enrol").write_bytes(bundle.read_bytes())
    put_stops(desk, folder, stop="partner/usa/files")

    words = ["apply", "-f", str(folder), "--reason", "MoU", "--yes"]
    needed = desk.error("officer-1", *words, code=2)
    wrong = desk.error("officer-1", *words, "--words", "usa/files=copper-harbor-nine-willow", code=5)
    heard = f"usa/files={desk.spoken['usa/files']}"
    facts = apply(desk, folder, "--words", heard, code=7)

    assert (needed["code"], wrong["code"]) == ("words-needed", "words-differ")
    assert desk.error("officer-1", *words, "--words", "usa/files", code=2)["code"] == "words"
    assert [(one["subject"], one["state"]) for one in facts["changes"]] == [("usa/files", "PENDING")]
    assert states(desk, folder)["partner/usa/files"] == "waits"
    desk.settle()
    assert [one["kind"] for one in apply(desk, folder, code=0)["changes"]] == ["SUSPEND"]


def test_the_new_guide_shows_what_it_changes(desk: Office, folder: Path) -> None:
    """An officer approves a difference, and should see it as one."""
    path = folder / "guide.toml"
    old = path.read_text("utf-8")
    path.write_text(old.replace('id = "UAS-2026-2"', 'id = "UAS-2026-9"'), "utf-8")
    assert path.read_text("utf-8") != old

    ran = desk.run("officer-1", "diff", "-f", str(folder))

    assert ran.exit_code == 3
    assert "UAS-2026-9" in ran.stdout
    assert (
        json.loads(desk.run("officer-1", "diff", "-f", str(folder), "--json").stdout)["items"][0]["state"] == "change"
    )
