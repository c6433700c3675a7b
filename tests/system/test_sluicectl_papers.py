"""Two officers and a gateway process: agreements, directories, vocabularies, and the profiles that go to parties."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clients.profile import Profile
from clients.testing.harness import agreement_text
from tests.system.office import Office


def test_an_agreement_with_an_unknown_key_is_refused_by_name(desk: Office) -> None:
    """What is not understood must not be signed."""
    text = desk.path("odd.toml", agreement_text("UA-ODD", "usa/two", hidden_annex="yes"))

    error = desk.error("officer-1", "agreement", "propose", text, "--reason", "x", "--yes", code=2)

    assert (error["code"], error["at"]) == ("text-unknown-key", f"{text}: agreement.hidden_annex")


def test_an_agreement_with_nobody_is_refused_at_the_desk(desk: Office) -> None:
    """The gateway would refuse it only after a second person had signed."""
    text = desk.path("nobody.toml", agreement_text("UA-NOBODY", "usa/nobody"))

    error = desk.error("officer-1", "agreement", "propose", text, "--reason", "x", "--yes", code=5)

    assert error["code"] == "partner-unknown"


@pytest.mark.must("2.5.6")
def test_an_agreement_is_listed_shown_and_ended_by_one(desk: Office) -> None:
    """Its text stays as it was signed; its end is final."""
    agreement_id = desk.partner("usa/fourteen")

    shown = desk.facts("officer-1", "agreement", "show", agreement_id)
    assert shown["text"] == agreement_text(agreement_id, "usa/fourteen")
    assert shown["state"] == "signed"
    assert shown["notes"] == ["`onward` is recorded, not acted on"]
    desk.facts("officer-2", "agreement", "end", agreement_id, "--reason", "over")

    listed = {one["id"]: one["state"] for one in desk.facts("officer-1", "agreement", "list")["agreements"]}
    assert listed[agreement_id] == "ended"
    assert agreement_id in desk.run("officer-1", "agreement", "list").stdout
    assert "ended" in desk.run("officer-1", "partner", "show", "usa/fourteen").stdout


def test_a_profile_answers_an_enrolment_and_its_party_is_well(desk: Office) -> None:
    """From bundle to profile to a doctor that finds nothing wrong, with the keys that were made first."""
    agreement_id = desk.partner("usa/arl")
    out = desk.path("usa-arl.profile")

    made = desk.facts("officer-1", "partner", "profile", "usa/arl", "--out", out)
    ran = desk.client("doctor", "--profile", out, "--json")

    profile = Profile.load(Path(out))
    assert made["words"] == profile.words()
    assert [one.id for one in profile.agreements] == [agreement_id]
    assert [name for name, _ in profile.vocabularies] == ["UKR.1", "USA.1"]
    assert ran.exit_code == 0, ran.stdout
    facts = json.loads(ran.stdout)
    assert facts["ok"]
    assert [one["check"] for one in facts["checks"]] == [
        "profile",
        "keys",
        "identity",
        "gateway",
        "health",
        "cleared",
        "agreement",
    ]


def test_a_profile_of_a_source_carries_the_guide(desk: Office) -> None:
    """A source labels by the guide in force, also where it has no link."""
    out = desk.path("src-3f07.profile")

    ran = desk.run("officer-1", "source", "profile", "src-3f07", "--out", out)

    assert ran.exit_code == 0
    assert Profile.load(Path(out)).guide_text == desk.facts("officer-1", "guide", "show")["text"].encode()
    assert desk.client("doctor", "--profile", out).exit_code == 0


def test_a_profile_says_that_its_party_is_suspended(desk: Office) -> None:
    """Whoever sends it should know that nothing will come of it."""
    desk.partner("usa/fifteen")
    desk.facts("officer-1", "partner", "suspend", "usa/fifteen", "--reason", "drill")

    ran = desk.run("officer-1", "partner", "profile", "usa/fifteen", "--out", desk.path("fifteen.profile"))

    assert "SUSPENDED" in ran.stdout


def test_a_profile_of_nobody_is_refused(desk: Office) -> None:
    """A profile is only for who was admitted."""
    error = desk.error("officer-1", "partner", "profile", "usa/nobody", "--out", desk.path("x.profile"), code=2)

    assert error["code"] == "party-unknown"


def test_a_certificate_comes_only_from_the_root_the_party_is_bound_to(desk: Office) -> None:
    """The second operator's home has no authority, so it writes the profile with the certificate that was issued."""
    desk.partner("usa/sixteen")
    out = desk.path("sixteen.profile")
    assert desk.error("officer-2", "partner", "profile", "usa/sixteen", "--out", out, code=2)["code"] == "ca-missing"
    bundle, pem = desk.path("usa-sixteen.enrol"), desk.path("sixteen.pem")
    desk.facts("officer-1", "ca", "issue", bundle, "--words", desk.spoken["usa/sixteen"], "--out", pem)

    desk.facts("officer-2", "partner", "profile", "usa/sixteen", "--out", out, "--certificate", pem)

    assert Profile.load(Path(out)).certificate_pem == Path(pem).read_bytes()


def test_a_directory_is_repeated_by_one_and_renewed_by_two(desk: Office) -> None:
    """A new date endorses nothing new; a new directory takes the gateway's keys from the one before."""
    before = desk.facts("officer-1", "directory", "show")

    repeated = desk.facts("officer-2", "directory", "redate", "--days", "2", "--reason", "week")
    desk.facts("officer-1", "directory", "issue", "--reason", "new parties", "--yes", code=7)
    desk.settle()
    after = desk.facts("officer-1", "directory", "show")

    assert repeated["state"] == "APPLIED"
    assert after["number"] == before["number"] + 2
    gateway_keys = [one for one in before["endorsed"] if one["role"].startswith("GATEWAY")]
    assert len(gateway_keys) == 3
    assert [one for one in after["endorsed"] if one["role"].startswith("GATEWAY")] == gateway_keys
    assert "GATEWAY_LEDGER" in desk.run("officer-1", "directory", "show").stdout


@pytest.mark.parametrize("days", ["0", "8"])
def test_a_directory_lives_at_most_a_week(desk: Office, days: str) -> None:
    """A fresh reader can be shown an old one for as long as it lives."""
    words = ["--days", days, "--reason", "x"]

    assert desk.error("officer-1", "directory", "issue", *words, "--yes", code=2)["code"] == "days"
    assert desk.error("officer-1", "directory", "redate", *words, code=2)["code"] == "days"


def test_a_directory_with_the_wrong_words_is_not_issued(desk: Office) -> None:
    """The gateway's keys are admitted by nothing else than this."""
    bundle = str(desk.folder / "gateway" / "gateway.enrol")
    words = ["--gateway", bundle, "--words", "one two three four", "--reason", "x", "--yes"]

    assert desk.error("officer-1", "directory", "issue", *words, code=5)["code"] == "words-differ"


def test_a_partys_bundle_is_no_gateways(desk: Office) -> None:
    """Its keys would sign ledgers."""
    bundle = desk.enrol("usa/seventeen")
    words = ["--gateway", bundle, "--words", desk.spoken["usa/seventeen"], "--reason", "x", "--yes"]

    assert desk.error("officer-1", "directory", "issue", *words, code=5)["code"] == "bundle-role"


def test_vocabularies_are_listed_and_shown_as_signed_or_as_shipped(desk: Office) -> None:
    """An officer reads what a label means before signing anything with it."""
    names = [one["name"] for one in desk.facts("officer-1", "vocabulary", "list")["vocabularies"]]

    assert names == ["UKR.1", "USA.1"]
    assert desk.facts("officer-1", "vocabulary", "show", "UKR.1")["state"] == "in force"
    assert desk.facts("officer-1", "vocabulary", "show", "DEU.1")["state"] == "not proposed"
    assert desk.error("officer-1", "vocabulary", "show", "XYZ.1", code=2)["code"] == "file-unknown"
    assert "UKR.1" in desk.run("officer-1", "vocabulary", "list").stdout


def test_a_source_is_shown_as_it_was_signed(desk: Office) -> None:
    """Its scope is what it may send, and its key is named by digest."""
    shown = desk.facts("officer-1", "source", "show", "src-3f07")

    assert (shown["scope"], shown["identity"]) == ("telemetry//SIMULATED", "spiffe://sluice.example/source/src-3f07")
    assert 'scope    = "telemetry//SIMULATED"' in desk.run("officer-1", "source", "show", "src-3f07").stdout


def test_with_several_roots_the_one_of_a_party_is_named(desk: Office, tmp_path: Path) -> None:
    """A party is bound to one root, and a guess would bind it to a stranger's."""
    desk.facts("elsewhere", "operator", "init", "officer-8", "--out", str(tmp_path / "officer-8.operator"))
    desk.facts("elsewhere", "ca", "init", "--trust-domain", "usa.example", "--out", str(tmp_path / "usa.pem"))
    both = tmp_path / "both.pem"
    both.write_bytes(Path(desk.path("roots.pem")).read_bytes() + (tmp_path / "usa.pem").read_bytes())
    desk.facts("officer-2", "operator", "connect", "--roots", str(both))
    words = [*desk.admit_words("usa/eighteen", desk.enrol("usa/eighteen")), "--yes"]

    refused = desk.error("officer-2", *words, code=2)
    desk.facts("officer-2", *words, "--root", str(tmp_path / "usa.pem"), code=7)

    desk.facts("officer-2", "operator", "connect", "--roots", desk.path("roots.pem"))
    change = desk.facts("officer-1", "change", "list")["changes"][-1]["change"]
    shown = desk.facts("officer-1", "change", "show", change)["text"]
    desk.facts("officer-1", "change", "approve", change, "--reason", "agreed", "--yes")
    assert refused["code"] == "root-needed"
    assert 'identity = "spiffe://usa.example/partner/usa/eighteen"' in shown
