"""The way by hand: who let a certificate expire, and whoever does not want to wait, renews by commands and files."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients.certificates import certificate_request
from clients.cli.exits import NOT_AUTHENTICATED, OK, PENDING, USAGE
from clients.keyfiles import read_private
from clients.operator.ca import PartyKind
from clients.operator.home import Home
from clients.profile import Profile
from clients.testing import Sluice
from tests.system.office import Office, typed

HOUR = timedelta(hours=1)


def home(desk: Office, number: int) -> Home:
    """An officer's."""
    return Home.open(desk.folder / f"officer-{number}")


def expire_party(desk: Office, path: Path, *, left: timedelta = -HOUR) -> Profile:
    """A profile whose certificate ended an hour ago, or is about to."""
    profile = Profile.load(path)
    request = certificate_request(read_private(profile.connection().key_path))
    issued = datetime.now(UTC) + left - HOUR
    chain = home(desk, 1).authority().issue(request, PartyKind(profile.role.value), profile.id, now=issued, hours=1)
    replace(profile, certificate_pem=chain).write(path)
    return profile


def expire_operator(desk: Office, number: int, *, left: timedelta = -HOUR) -> None:
    """The same of an officer."""
    own = home(desk, number)
    request = certificate_request(read_private(own.path / "tls.key"))
    issued = datetime.now(UTC) + left - HOUR
    authority = home(desk, 1).authority()
    own.connect(certificate_pem=authority.issue(request, PartyKind.OPERATOR, own.operator_id, now=issued, hours=1))


@pytest.fixture
def source(desk: Office, sluice: Sluice) -> Path:
    """The profile of the office's source."""
    return sluice.source("src-3f07", kinds="telemetry").path


def test_a_party_whose_certificate_has_expired_renews_by_two_files(desk: Office, source: Path, tmp_path: Path) -> None:
    """Its request is signed with the key that was admitted, so nobody has to be called."""
    words = expire_party(desk, source).words()
    request, answer = tmp_path / "src.renewal", tmp_path / "src.pem"

    before = typed("doctor", "--profile", source, "--json")
    written = typed("renew", "--profile", source, "--request", request, "--json")
    issued = desk.facts("officer-1", "ca", "renew", "--file", str(request), "--out", str(answer))
    taken = typed("renew", "--profile", source, "--certificate", answer, "--json")
    after = typed("doctor", "--profile", source, "--json")

    assert (before.code, written.code, taken.code, after.code) == (NOT_AUTHENTICATED, OK, OK, OK)
    assert (issued["holder"], issued["state"]) == ("source/src-3f07", "issued")
    assert taken.json()["certificate_until"] == issued["certificate_until"]
    identity = next(one["found"] for one in after.json()["checks"] if one["check"] == "identity")
    assert "certificate 23 h left, renews itself while it is used" in identity
    assert Profile.load(source).words() == words


def test_a_certificate_of_somebody_else_is_not_taken_from_a_file(desk: Office, source: Path, tmp_path: Path) -> None:
    """A file may be exchanged on its way; what was in use stays."""
    before = source.read_bytes()
    other = tmp_path / "other.pem"
    other.write_bytes(home(desk, 2).connection().certificate_pem)

    done = typed("renew", "--profile", source, "--certificate", other, "--json")

    assert done.error()["code"] == "certificate-other-key"
    assert source.read_bytes() == before


def test_a_party_asks_and_is_answered_by_one_command_each(desk: Office, source: Path) -> None:
    """Pending is said as pending, with the code of pending; and who has the authority sees whom it answered."""
    expire_party(desk, source, left=timedelta(minutes=10))

    due = typed("doctor", "--profile", source, "--json")
    asked = typed("renew", "--profile", source, "--json")
    answered = desk.facts("officer-1", "ca", "renew")
    nobody = desk.facts("officer-1", "ca", "renew")
    renewed = typed("renew", "--profile", source, "--json")

    identity = next(one["found"] for one in due.json()["checks"] if one["check"] == "identity")
    assert "is to be renewed: `sluice-client renew`" in identity
    assert (asked.code, asked.json()["state"]) == (PENDING, "asked")
    assert [(one["holder"], one["state"]) for one in answered["renewals"]] == [("source/src-3f07", "issued")]
    assert nobody["renewals"] == []
    assert (renewed.code, renewed.json()["state"]) == (OK, "renewed")


def test_only_one_way_is_said(source: Path) -> None:
    """A request is written or an answer taken."""
    done = typed("renew", "--profile", source, "--request", "a", "--certificate", "b", "--json")

    assert (done.code, done.error()["code"]) == (USAGE, "usage")


def test_an_operator_whose_certificate_has_expired_is_told_and_renews_by_files(desk: Office, tmp_path: Path) -> None:
    """The gateway would just cut the handshake, which says nothing."""
    expire_operator(desk, 2)
    request, answer = tmp_path / "officer-2.renewal", tmp_path / "officer-2.pem"

    told = desk.error("officer-2", "status", code=NOT_AUTHENTICATED)
    desk.facts("officer-2", "operator", "renew", "--request", str(request))
    desk.facts("officer-1", "ca", "renew", "--file", str(request), "--out", str(answer))
    desk.facts("officer-2", "operator", "connect", "--certificate", str(answer))

    assert told["code"] == "certificate-expired"
    assert "operator renew --request" in told["do"]
    assert desk.facts("officer-2", "status")


def test_the_operator_with_the_authority_is_never_shut_out(desk: Office) -> None:
    """Its next command renews its certificate, also one that has expired, and says so beside its result."""
    expire_operator(desk, 1)

    ran = desk.run("officer-1", "status")

    assert ran.exit_code == OK
    assert "note: this certificate is renewed, until" in ran.stderr
    assert "renewed" not in ran.stdout


def test_any_command_of_an_operator_asks_in_time_and_takes_the_answer(desk: Office) -> None:
    """Nobody has to remember it; and what it asked for is done all the same."""
    expire_operator(desk, 2, left=timedelta(minutes=10))

    first = desk.run("officer-2", "status")
    desk.facts("officer-1", "ca", "renew")
    second = desk.run("officer-2", "status")
    third = desk.run("officer-2", "status")

    assert [one.exit_code for one in (first, second, third)] == [OK] * 3
    assert "nobody has answered yet" in first.stderr
    assert "this certificate is renewed" in second.stderr
    assert third.stderr == ""


def test_what_is_in_the_way_of_a_renewal_is_told_and_stops_nothing(desk: Office) -> None:
    """A stop must be possible at any hour, also beside an authority that is not."""
    expire_operator(desk, 1, left=timedelta(minutes=10))
    root_key = desk.folder / "officer-1" / "ca" / "root.key"
    root_key.chmod(0o644)

    blocked = desk.run("officer-1", "status")
    root_key.chmod(0o600)
    freed = desk.run("officer-1", "status")

    assert (blocked.exit_code, freed.exit_code) == (OK, OK)
    assert "note: this certificate was not renewed (key-file-open-to-others)" in blocked.stderr
    assert "note: this certificate is renewed, until" in freed.stderr


def test_what_is_refused_is_named_and_ends_with_its_code(desk: Office, source: Path, tmp_path: Path) -> None:
    """A request that was answered already has been kept by somebody."""
    old, new = tmp_path / "old.renewal", tmp_path / "new.renewal"
    for path in (old, new):
        assert typed("renew", "--profile", source, "--request", path, "--json").code == OK
    desk.facts("officer-1", "ca", "renew", "--file", str(new), "--out", str(tmp_path / "new.pem"))

    refused = desk.error("officer-1", "ca", "renew", "--file", str(old), "--out", str(tmp_path / "old.pem"), code=5)
    without = desk.error("officer-2", "ca", "renew", code=USAGE)

    assert refused["code"] == "renewal-replayed"
    assert without["code"] == "ca-missing"
    assert not (tmp_path / "old.pem").exists()
