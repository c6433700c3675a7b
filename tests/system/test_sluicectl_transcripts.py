"""The transcripts of SLUICECTL.md, typed against a gateway process: as they stand, and with `--json`."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clients.certificates import certificate_request, new_tls_key
from clients.cli.exits import EXITS
from clients.cli.sluicectl import sluicectl
from clients.operator.ca import PartyKind
from clients.operator.home import Home
from clients.testing import Sluice
from clients.testing.harness import agreement_text
from tests.system.office import Office, an_office
from tests.system.transcripts import Reader, Step, steps
from tests.unit.operator.lists import a_list

# What changes the operators themselves has a gateway of its own: test_sluicectl_rosters.py.
PAGE = (Path(__file__).resolve().parents[2] / "clients" / "SLUICECTL.md").read_text("utf-8")
PAGE = PAGE.partition("\n## Who the operators are")[0]
AGREEMENTS = ("014", "015", "016", "017")


def commands() -> list[Step]:
    """Every command of the page, in its order; it has no papers."""
    return [one for one in steps(PAGE) if isinstance(one, Step)]


def typed(step: Step, line: str, *more: str) -> Result:
    """A command of the page, in this process."""
    program, *words = shlex.split(line)
    assert program == "sluicectl"
    return CliRunner().invoke(sluicectl, [*words, *more], input=f"{step.typed}\n" if step.typed else "")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Office]:
    """One of this file's own: each of its many commands verifies every statement since the founding."""
    with an_office(tmp_path_factory.mktemp("office"), request.config) as office:
        yield office


@pytest.fixture(scope="module")
def sluice(office: Office) -> Sluice:
    """Its harness."""
    return office.sluice


@pytest.fixture(scope="module")
def disclosed(office: Office, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One tactic that one partner got and signed a receipt for: what the page calls them, and what they are today."""
    office.settle()
    sluice, path = office.sluice, tmp_path_factory.mktemp("disclosed") / "records"
    source, partner = sluice.source("src-page"), sluice.partner("usa/page")
    sluice.agreement("UA-PAGE-1", to=partner, sources=["src-page"], withhold=["tactic.observation"])
    sluice.publish(source, sluice.tactic())
    words = ("follow", "tactic", "--profile", str(partner.path), "--to", f"ndjson:{path}")
    assert office.client(*words, "--until", "caught-up", "--receipt").exit_code == 0
    record = str(json.loads(path.read_text("utf-8").splitlines()[0])["id"])
    names = {"usa/arl": "usa/page", "src-3f08": "src-page", "UA-US-2026-100": "UA-PAGE-1"}
    return names | {"9d0c11e2.0": record, "9d0c": record.partition(".")[0]}


@pytest.fixture
def cwd(desk: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the operators of the page sit: contexts for both homes, the papers beside them."""
    if "usa/office" not in [one["id"] for one in desk.facts("officer-1", "partner", "list")["partners"]]:
        desk.partner("usa/office")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICE_CONTEXTS", str(tmp_path / "contexts.toml"))
    for name in ("officer-1", "officer-2"):
        ran = CliRunner().invoke(sluicectl, ["context", "use", name, "--home", str(desk.folder / name)])
        assert ran.exit_code == 0, ran.stderr
    yield tmp_path
    desk.settle()


def lay_out(folder: Path, office: Office, year: str) -> None:
    """The papers of the page: agreements, a folder with all that stand and one more, a certificate and two lists."""
    for number in AGREEMENTS:
        agreement_id = f"UA-US-{year}-{number}"
        (folder / f"{agreement_id}.toml").write_text(agreement_text(agreement_id, "usa/office"), "utf-8")
    room = folder / "configuration" / "agreements"
    room.mkdir(parents=True, exist_ok=True)
    (room / f"UA-US-{year}-017.toml").write_text(agreement_text(f"UA-US-{year}-017", "usa/office"), "utf-8")
    request, authority = certificate_request(new_tls_key()), Home.open(office.folder / "officer-1").authority()
    now, hour = datetime.now(UTC), timedelta(hours=1)
    (folder / "usa-office.pem").write_bytes(authority.issue(request, PartyKind.PARTNER, "usa/office", now=now))
    for number, until in ((17, now + hour), (16, now - hour)):
        listed = a_list(authority, int(year) * number, last=now - 2 * hour, until=until)
        (folder / f"list-{number}.crl").write_bytes(listed)


def keep_what_stands(folder: Path, office: Office) -> None:
    """The folder gets a file for each agreement in force."""
    for one in office.facts("officer-1", "agreement", "list")["agreements"]:
        if one["state"] == "signed":
            text = office.facts("officer-1", "agreement", "show", one["id"])["text"]
            (folder / "configuration" / "agreements" / f"{one['id'].replace('/', '-')}.toml").write_text(text, "utf-8")


def test_the_page_says_what_is_printed(desk: Office, cwd: Path, disclosed: dict[str, str]) -> None:
    """A document that shows a screen which nobody sees is worse than none."""
    lay_out(cwd, desk, "2026")
    reader = Reader(dict(disclosed))
    for step in commands():
        if "configuration" in step.line:
            keep_what_stands(cwd, desk)
        ran = typed(step, reader.said(step.line))

        assert ran.exit_code == step.code, f"{step.line}: {ran.stdout}{ran.stderr}"
        reader.compare(step, ran.stdout, ran.stderr)


def test_the_same_day_in_json(desk: Office, cwd: Path, disclosed: dict[str, str]) -> None:
    """Each command has its twin: the same exit code, one object, and for an error the same code and place."""
    lay_out(cwd, desk, "2027")
    reader = Reader({f"UA-US-2026-{number}": f"UA-US-2027-{number}" for number in AGREEMENTS} | disclosed)
    for step in commands():
        if "configuration" in step.line:
            keep_what_stands(cwd, desk)
        said = replace(step, typed=reader.said(step.typed))
        ran = typed(said, reader.said(step.line), "--json")

        assert ran.exit_code == step.code, f"{step.line}: {ran.stdout}{ran.stderr}"
        reader.compare_object(step, ran.stdout, ran.stderr)


def test_the_page_has_the_exit_codes_of_the_program() -> None:
    """One table in the code, one on the page."""
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE))

    assert rows == {str(code): meaning for code, meaning in EXITS.items()}
