"""Two officers ask who got what of a gateway process: who, got, find, prove, export, verify."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients.operator.disclosed import COLUMNS
from clients.operator.proving import evidence_file, read_evidence
from clients.testing import Partner
from gateway.core.ledger.evidence import CONTROL
from tests.reference.__main__ import main as second_reader
from tests.system.office import Office

AGREEMENT, OTHER = "UA-LEDGER-1", "UA-LEDGER-2"


@dataclass(frozen=True)
class Told:
    """What happened before anybody asks. record: name of the one tactic; batch: H(B) in hex."""

    office: Office
    partner: Partner
    record: str
    batch: str

    def facts(self, *words: str) -> dict[str, Any]:
        """The JSON of a command about the ledger."""
        return self.office.facts("officer-1", "ledger", *words)

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """The disclosures of its answer."""
        return list(self.facts(*words)["disclosures"])


@pytest.fixture(scope="module")
def told(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One partner got a tactic and signed a receipt, then a second one without; another partner never came."""
    sluice, folder = office.sluice, tmp_path_factory.mktemp("told")
    source = sluice.source("src-ledger")
    partner, other = sluice.partner("usa/ledger"), sluice.partner("usa/absent")
    sluice.agreement(AGREEMENT, to=partner, sources=["src-ledger"], withhold=["tactic.observation"])
    sluice.agreement(OTHER, to=other, sources=["src-ledger"])
    words = ["follow", "tactic", "--profile", str(partner.path), "--to", f"ndjson:{folder / 'got'}"]
    words += ["--until", "caught-up"]
    sluice.publish(source, sluice.tactic("The first"))
    assert office.client(*words, "--receipt").exit_code == 0
    record = json.loads((folder / "got").read_text("utf-8").splitlines()[0])["id"]
    sluice.publish(source, sluice.tactic("The second"))
    assert office.client(*words).exit_code == 0
    rows = office.facts("officer-1", "ledger", "who", record)["disclosures"]
    return Told(office, partner, record, rows[0]["batch"])


def test_who_got_a_record_is_said_with_everything_that_is_proven(told: Told) -> None:
    """The question of the job: who, when, what of it, under which agreement, by whose approval."""
    answer = told.facts("who", told.record)

    first = answer["disclosures"][0]
    assert {one["partner"] for one in answer["disclosures"]} == {"usa/ledger"}
    assert "observation" not in first["portions"]
    assert {"about", "recommendation"} <= set(first["portions"])
    assert (first["agreement"], first["approved_by"], first["proof"]) == (AGREEMENT, ["officer-1", "officer-2"], "ok")
    assert first["agreement_control"] < first["decided_control"]
    assert (first["source"], first["kind"], first["receipt"]["tick"] > 0) == ("src-ledger", "tactic", True)
    assert (answer["complete"], answer["not_kept"], answer["ended"]) == (True, {}, [])


def test_the_line_of_a_person_has_the_same_facts(told: Told) -> None:
    """An officer reads one line a partner."""
    shown = told.office.run("officer-2", "ledger", "who", told.record[:8]).stdout.splitlines()

    assert shown[0].startswith("usa/ledger 20")
    assert f"agreement {AGREEMENT}  approved by officer-1, officer-2 (control " in shown[0]
    assert shown[0].endswith("receipt yes  proof ok")
    assert shown[-1].endswith("every account was read, there is no other")


def test_nobody_is_said_only_under_a_tick(told: Told) -> None:
    """That nobody got it is proven for the accounts under one tick; whether such a record is stored is not said."""
    answer = told.facts("who", "0" * 20)
    shown = told.office.run("officer-1", "ledger", "who", "0" * 20).stdout

    assert (answer["disclosures"], answer["complete"]) == ([], True)
    assert shown.startswith("nobody")


def test_a_record_is_named_by_hex_digits(told: Told) -> None:
    """A slip must not become an answer."""
    for wrong in ("9d", "xyz1", f"{told.record}.1", "9d0c.4444"):
        assert told.office.error("officer-1", "ledger", "who", wrong, code=2)["code"] == "record-name"


def test_what_a_partner_got_is_listed_by_time(told: Told) -> None:
    """Both records, the receipt over the first alone; a day that has not come holds nothing."""
    rows = told.rows("got", "usa/ledger")
    none = told.rows("got", "usa/ledger", "--since", "2099-01-01")
    before = told.rows("got", "usa/ledger", "--until", "2020-01-01T00:00:00Z")
    same = told.rows("got", "usa/ledger", "--since", "2020-01-01", "--until", "2099-01-01")

    assert [one["receipt"] is not None for one in rows] == [True, False]
    assert rows[0]["record"] == told.record
    assert (none, before, same) == ([], [], rows)
    assert told.rows("got", "usa/absent") == []


def test_csv_has_one_line_a_record_and_stable_columns(told: Told) -> None:
    """A spreadsheet of last month must line up with the one of this month."""
    ran = told.office.run("officer-1", "ledger", "got", "usa/ledger", "--csv")

    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert tuple(rows[0]) == COLUMNS
    assert [one["receipt"] for one in rows] == ["yes", "no"]
    assert (rows[0]["record"], rows[0]["approved_by"]) == (told.record, "officer-1 officer-2")
    assert "about" in rows[0]["portions"].split()


def test_records_are_found_by_source_kind_partner_and_agreement(told: Told) -> None:
    """Each narrows."""
    assert len(told.rows("find", "--source", "src-ledger", "--kind", "tactic")) == 2
    assert told.rows("find", "--source", "src-ledger", "--kind", "telemetry") == []
    assert len(told.rows("find", "--agreement", AGREEMENT, "--partner", "usa/ledger")) == 2
    assert told.rows("find", "--agreement", OTHER) == []
    assert told.office.error("officer-1", "ledger", "find", "--since", "may", code=2)["code"] == "usage"


def test_an_unknown_partner_is_told_with_the_one_that_was_meant(told: Told) -> None:
    """Nothing got is not the same as nobody there."""
    error = told.office.error("officer-1", "ledger", "got", "usa/ledgre", code=5)

    assert error["code"] == "partner-unknown"
    assert "usa/ledger" in error["do"]


def test_evidence_of_one_record_verifies_without_a_gateway(told: Told, tmp_path: Path) -> None:
    """A third person with the founding statement checks it again, and so does a second program."""
    path = tmp_path / "proof.sluice"
    proven = told.facts("prove", told.record, "--to", str(path))
    genesis = told.office.folder / "genesis.sluice"

    verified = told.office.plain("ledger", "verify", str(path), "--genesis", str(genesis), env={})

    assert verified.exit_code == 0, verified.stderr
    facts = json.loads(verified.stdout)
    assert facts == proven
    assert facts["disclosures"] == told.rows("who", told.record)
    assert (facts["complete"], path.stat().st_mode & 0o777) == (False, 0o600)
    assert told.office.error("officer-1", "ledger", "prove", told.record, "--to", str(path), code=2)
    assert told.office.error("officer-1", "ledger", "prove", "00000000", "--to", str(tmp_path / "x"), code=5)


def test_evidence_is_held_to_a_genesis(told: Told, tmp_path: Path) -> None:
    """Somebody else's gateway can prove what it likes."""
    path = tmp_path / "proof.sluice"
    told.facts("prove", told.record, "--to", str(path))
    spoiled = tmp_path / "spoiled"
    octets = bytearray(path.read_bytes())
    octets[-100] ^= 1
    spoiled.write_bytes(octets)

    told.facts("verify", str(path))
    code = told.office.error("officer-1", "ledger", "verify", str(spoiled), code=5)["code"]

    assert code in {"account-rewritten", "proof-malformed", "malformed", "batch-missing", "view-digest"}


@pytest.mark.must("13.1.4")
def test_statements_behind_the_tick_are_an_error_of_the_file(told: Told, tmp_path: Path) -> None:
    """A file that was put together wrongly has to say so; one of another genesis proves nothing here."""
    path, office = tmp_path / "proof.sluice", told.office
    told.facts("prove", told.record, "--to", str(path))
    found = list(read_evidence(path))
    statements = [one for one in found if one[0] == CONTROL]
    for name, wrong in (("twice", [*found, statements[-1]]), ("shorter", [*statements[:1], *found[len(statements) :]])):
        with evidence_file(tmp_path / name) as file:
            for kind, item in wrong:
                file.write(kind, item)
    with evidence_file(tmp_path / "none") as file:
        file.write_control([])

    assert office.error("officer-1", "ledger", "verify", str(tmp_path / "twice"), code=5)["code"] == "evidence-order"
    assert office.error("officer-1", "ledger", "verify", str(tmp_path / "shorter"), code=5)["code"] == (
        "key-not-endorsed"
    )
    assert office.error("officer-1", "ledger", "verify", str(tmp_path / "none"), code=5)["code"] == "tick-missing"
    assert [second_reader([str(tmp_path / name), "--json"]) for name in ("twice", "shorter")] == [1, 1]


def test_everything_is_exported_and_checked_twice(told: Told, tmp_path: Path) -> None:
    """A file that holds all accounts says that there is no other."""
    path = tmp_path / "all.sluice"
    exported = told.facts("export", "--to", str(path))
    verified = told.facts("verify", str(path))

    assert exported == verified
    assert (exported["complete"], exported["records"] >= 2) == (True, True)
    assert list(tmp_path.iterdir()) == [path]
    assert told.office.error("officer-1", "ledger", "export", "--to", str(path), code=2)["code"] == "file-exists"


def test_a_second_program_reads_the_same_from_the_files(
    told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one reader proves another proves from the text of the format alone."""
    told.facts("prove", told.record, "--to", str(tmp_path / "one"))
    told.facts("export", "--to", str(tmp_path / "all"))
    counts = []

    for name in ("one", "all"):
        assert second_reader([str(tmp_path / name), "--json"]) == 0
        counts.append(json.loads(capsys.readouterr().out))

    assert counts[0]["disclosures"] == len(told.rows("who", told.record))
    assert counts[1]["disclosures"] >= 2
    assert [one["every account"] for one in counts] == [False, True]
