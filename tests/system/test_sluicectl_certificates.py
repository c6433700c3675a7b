"""Two officers and a gateway process: certificates taken back by file, number, fingerprint and list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from clients.certificates import der, leaf_of
from clients.operator.ca import Authority, root_digest
from clients.operator.home import Home
from clients.profile import Profile
from gateway.core.parties.identity import Identity
from tests.system.office import Office
from tests.unit.operator.lists import a_list, as_pem

WHY = ("--reason", "the laptop was captured")


def authority_of(office: Office) -> Authority:
    """officer-1's, which issues all certificates here."""
    return Home.open(office.folder / "officer-1").authority()


def a_profile(office: Office, name: str) -> Path:
    """A partner's profile with a certificate of its own."""
    path = office.folder / f"{name}.profile"
    office.facts("officer-1", "partner", "profile", "usa/revoked", "--out", str(path))
    return path


def leaf_in(profile: Path) -> x509.Certificate:
    """The certificate in a profile."""
    return leaf_of(Profile.load(profile).certificate_pem)


@pytest.fixture(scope="module")
def desk_with_partner(office: Office) -> Office:
    """A partner that is admitted once for this file."""
    office.partner("usa/revoked")
    office.settle()
    return office


def is_served(office: Office, profile: Path) -> bool:
    """Whether a partner gets through with this profile's certificate."""
    ran = office.client("doctor", "--profile", str(profile), "--json")
    return ran.exit_code == 0


@pytest.mark.must("2.7.14")
def test_a_certificate_is_taken_back_by_its_file_and_once(desk_with_partner: Office) -> None:
    """The same command again changes nothing and fails at nothing; another certificate of the party goes on."""
    desk = desk_with_partner
    stolen, fresh = a_profile(desk, "stolen"), a_profile(desk, "fresh")
    file = desk.path("stolen.pem", Profile.load(stolen).certificate_pem.decode())
    fingerprint = Identity.from_certificate(der(leaf_in(stolen))).fingerprint
    assert is_served(desk, stolen)

    done = desk.facts("officer-2", "ca", "revoke", "--certificate", file, *WHY)["changes"]
    again = desk.run("officer-1", "ca", "revoke", "--certificate", file, *WHY)

    assert [(one["kind"], one["state"], one["subject"]) for one in done] == [
        ("REVOKE", "APPLIED", f"certificate/{fingerprint}")
    ]
    assert (again.exit_code, again.stdout) == (0, "nothing   they are revoked already\n")
    assert (is_served(desk, stolen), is_served(desk, fresh)) == (False, True)


@pytest.mark.must("2.7.14")
def test_a_certificate_is_taken_back_by_number_and_by_fingerprint(desk_with_partner: Office) -> None:
    """As other tools print them: in capitals, with colons, with a zero before."""
    desk = desk_with_partner
    one, two = a_profile(desk, "one"), a_profile(desk, "two")
    serial = f"{leaf_in(one).serial_number:x}".upper()
    fingerprint = Identity.from_certificate(der(leaf_in(two))).fingerprint
    colons = ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    root = f"root/{root_digest(authority_of(desk).root)}"

    by_serial = desk.facts("officer-1", "ca", "revoke", "--serial", f"0{serial}"[-40:], *WHY)["changes"]
    by_print = desk.facts("officer-2", "ca", "revoke", "--fingerprint", colons, *WHY)["changes"]

    listed = desk.facts("officer-1", "ca", "revoked")["certificates"]
    shown = desk.run("officer-2", "ca", "revoked").stdout

    assert [done["subject"] for done in by_serial + by_print] == [root, f"certificate/{fingerprint}"]
    assert {"fingerprint": fingerprint} in listed
    assert {"root": root.removeprefix("root/"), "serial": serial.lower()} in listed
    assert f"revoked   {fingerprint}\n" in shown
    assert not is_served(desk, one)
    assert not is_served(desk, two)


def test_the_certificates_that_were_met_are_listed_with_whose_they_are_and_whether_they_count(
    desk_with_partner: Office,
) -> None:
    """Whoever hears of a theft asks first what there is, and takes it back by the fingerprint that stands there."""
    desk = desk_with_partner
    one, never = a_profile(desk, "met"), a_profile(desk, "never-met")
    leaf, unmet = (Identity.from_certificate(der(leaf_in(profile))) for profile in (one, never))
    assert is_served(desk, one)

    listed = desk.facts("officer-2", "ca", "list")
    by_print = {each["fingerprint"]: each for each in listed["certificates"]}
    desk.facts("officer-2", "ca", "revoke", "--fingerprint", leaf.fingerprint, *WHY)
    after = {each["fingerprint"]: each["state"] for each in desk.facts("officer-2", "ca", "list")["certificates"]}
    told = desk.run("officer-2", "ca", "list").stdout

    met = by_print[leaf.fingerprint]
    assert (met["state"], met["holder"], met["serial"]) == ("good", "partner/usa/revoked", leaf.serial)
    assert (met["identity"], met["root"]) == (leaf.uri, root_digest(authority_of(desk).root))
    assert listed["since"] <= met["first_used"] <= met["last_used"] < met["until"]
    assert unmet.fingerprint not in by_print
    assert {"gateway", "operator/officer-2"} <= {each["holder"] for each in by_print.values()}
    assert after[leaf.fingerprint] == "revoked"
    (line,) = [each for each in told.splitlines() if leaf.fingerprint in each]
    assert line.startswith("revoked   partner/usa/revoked")
    assert told.splitlines()[-1].endswith(
        "a certificate that it did not meet is not here, and may be good all the same"
    )


@pytest.mark.must("12.4.10", "2.7.14")
def test_a_list_is_carried_into_control_in_as_many_changes_as_it_needs(desk_with_partner: Office) -> None:
    """What is revoked already is proposed by nobody, so a list may be imported every hour."""
    desk = desk_with_partner
    profile = a_profile(desk, "listed")
    serials = [leaf_in(profile).serial_number, *range(1, 1500)]
    now = datetime.now(UTC)
    der_list = a_list(authority_of(desk), *serials, last=now - timedelta(hours=1), until=now + timedelta(hours=1))
    file = desk.folder / "list.crl"
    file.write_bytes(der_list)

    first = desk.facts("officer-2", "ca", "revoke", "--crl", str(file), *WHY)["changes"]
    again = desk.facts("officer-2", "ca", "revoke", "--crl", str(file), *WHY)["changes"]
    file.write_bytes(as_pem(a_list(authority_of(desk), *serials, 1500, last=now, until=now + timedelta(hours=1))))
    more = desk.facts("officer-1", "ca", "revoke", "--crl", str(file), *WHY)["changes"]

    assert [one["state"] for one in first] == ["APPLIED", "APPLIED"]
    assert (again, len(more)) == ([], 1)
    assert not is_served(desk, profile)


@pytest.mark.must("12.4.10")
def test_a_list_that_is_old_or_of_another_root_is_refused_with_what_to_do(desk_with_partner: Office) -> None:
    """Before anything is signed."""
    desk, now = desk_with_partner, datetime.now(UTC)
    file = desk.folder / "wrong.crl"
    stranger = Authority.create("stranger.example", now)

    file.write_bytes(a_list(stranger, 1, last=now - timedelta(hours=1), until=now + timedelta(hours=1)))
    other = desk.error("officer-2", "ca", "revoke", "--crl", str(file), *WHY, code=5)
    file.write_bytes(a_list(authority_of(desk), 1, last=now - timedelta(hours=2), until=now - timedelta(hours=1)))
    old = desk.error("officer-2", "ca", "revoke", "--crl", str(file), *WHY, code=5)

    assert (other["code"], old["code"]) == ("crl-root", "crl-expired")
    assert "fetch the present list" in old["do"]


def test_the_certificate_in_use_is_not_cut_off_by_itself(desk_with_partner: Office) -> None:
    """The answer would be lost with the connection, and with it the desk."""
    desk = desk_with_partner
    # What its home has by now: another test of this session may have given it the next one.
    own = desk.folder / "in-use.pem"
    own.write_bytes(Home.open(desk.folder / "officer-1").connection().certificate_pem)
    serial = f"{leaf_of(own.read_bytes()).serial_number:x}"

    for words in (("--certificate", str(own)), ("--serial", serial)):
        error = desk.error("officer-1", "ca", "revoke", *words, *WHY, code=2)
        assert error["code"] == "certificate-own"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--fingerprint", "aa", "--serial", "7b"),
        ("--crl", "list.crl", "--root", "roots.pem"),
        ("--serial", "7g"),
        ("--serial", "-7b"),
        ("--serial", "1" * 41),
        ("--serial", "0"),
        ("--fingerprint", "aa"),
    ],
    ids=str,
)
def test_what_names_no_certificate_is_a_usage_error(desk_with_partner: Office, words: tuple[str, ...]) -> None:
    """Nothing is signed for a misspelt name."""
    assert desk_with_partner.run("officer-1", "ca", "revoke", *words, *WHY).exit_code == 2


def test_a_partner_is_admitted_with_the_key_exchange_it_must_use(desk: Office) -> None:
    """The operator decides; the text says it; the list shows it."""
    desk.partner("usa/hybrid", **{"key-exchange": "X25519MLKEM768"})
    desk.settle()
    listed = {one["id"]: one["key_exchange"] for one in desk.facts("officer-1", "partner", "list")["partners"]}
    shown = desk.facts("officer-1", "partner", "show", "usa/hybrid")

    assert listed["usa/hybrid"] == shown["key_exchange"] == "X25519MLKEM768"
    assert 'key_exchange = "X25519MLKEM768"' in shown["text"]
