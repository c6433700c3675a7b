"""The profile: what a party trusts, read strictly, and of parts that belong together."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clients.enrolment import PartyRole
from clients.operator.ca import Authority
from clients.profile import Profile
from clients.profile_page import literal
from gateway.core.control.agreement import Agreement
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import CallerError, Fault, GatewayError
from tests.unit.operator.parties import AGREEMENT, NOW, a_genesis, a_profile, homes


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> SignedStatement:
    """A founding statement signed by two operators."""
    return a_genesis(homes(tmp_path_factory.mktemp("operators")))


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory, genesis: SignedStatement) -> Profile:
    """A partner's profile; its keys are beside it."""
    return a_profile(tmp_path_factory.mktemp("partner"), genesis)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, genesis: SignedStatement) -> Profile:
    """A source's profile; its keys are beside it."""
    return a_profile(tmp_path_factory.mktemp("source"), genesis, PartyRole.SOURCE, "src-3f07")


@pytest.mark.parametrize("role", ["partner", "source"])
def test_a_profile_is_read_as_it_was_written(role: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The file is the only thing that travels, so nothing may be lost in it."""
    profile = request.getfixturevalue(role)
    path = profile.folder / f"{role}.profile"

    profile.write(path)

    assert Profile.load(path) == profile
    assert path.read_bytes() == profile.to_text()


@pytest.mark.must("11.1")
def test_a_profile_holds_no_private_part(partner: Profile) -> None:
    """It is mailed, printed and left on desks."""
    text = partner.to_text()

    assert b"PRIVATE" not in text
    # Behind what is private stands the public half of a key on a curve. It stands in the certificate too, in the same
    # lines if the serial number is as short as one in 65,000 is.
    for name, private in (("tls.key", 2), ("sign.pem", 3), ("kem.pem", 4)):
        lines = [line for line in (partner.key_folder() / name).read_bytes().splitlines() if line[:5] != b"-----"]
        assert len(lines) >= private
        assert not [line for line in lines[:private] if line in text]


def test_keys_are_read_from_the_folder_beside_the_profile(partner: Profile, source: Profile) -> None:
    """Keys stay where they were made."""
    connection = partner.connection()

    assert connection.key_path == partner.folder / "usa-arl" / "tls.key"
    assert partner.signing_key().key_digest == partner.admission.sign_key_digest  # type: ignore[union-attr]  # a partner's
    assert partner.kem_key().key_digest == partner.admission.kem_key_digest  # type: ignore[union-attr]  # a partner's
    assert source.signing_key().key_digest == source.admission.key_digest  # type: ignore[union-attr]  # a source's


def test_a_source_has_no_decryption_key(source: Profile) -> None:
    """Nothing is ever sealed to a source."""
    with pytest.raises(CallerError) as caught:
        source.kem_key()

    assert caught.value.code == "profile-role"


@pytest.mark.must("11.8")
@pytest.mark.parametrize("name", ["sign.pem", "kem.pem"])
def test_a_key_that_was_not_admitted_is_a_fault(
    name: str, partner: Profile, genesis: SignedStatement, tmp_path: Path
) -> None:
    """A party that signs with another key would be refused much later, by somebody who cannot say why."""
    stranger = a_profile(tmp_path, genesis)
    mixed = replace(stranger, admission_text=partner.admission_text)

    with pytest.raises(Fault) as caught:
        mixed.signing_key() if name == "sign.pem" else mixed.kem_key()

    assert caught.value.code == "key-not-admitted"
    assert caught.value.at.endswith(name)


def test_words_stay_the_same_when_the_certificate_is_renewed(
    partner: Profile, genesis: SignedStatement, tmp_path: Path
) -> None:
    """A certificate lives a day; nobody would make a call every day."""
    renewed = replace(partner, certificate_pem=a_profile(tmp_path, genesis).certificate_pem)

    assert renewed.words() == partner.words()


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "10.0.0.1:8443"},
        {"server": "spiffe://sluice.example/gateway/other"},
        {"keys": "elsewhere"},
        {"roots_pem": Authority.create("sluice.example", NOW).root_pem()},
        {"roster_link": bytes(48)},
        {"agreements": ()},
        {"guide_text": b'id = "G"\n'},
        {"vocabularies": (("UKR.1", bytes([9]) * 48),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_words_differ_when_anything_that_is_trusted_differs(partner: Profile, change: dict[str, object]) -> None:
    """The words are what a person compares; what they do not cover could be exchanged."""
    assert replace(partner, **change).digest != partner.digest  # type: ignore[arg-type]  # each entry fits its field


def a_line(name: str, value: str) -> Callable[[str], str]:
    """A change of one one-line key."""
    return lambda text: re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", text, count=1)


@pytest.mark.must("11.2", "11.3", "11.5", "11.6", "11.10")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: "extra = 1\n" + text, "text-unknown-key"),
        (lambda text: text.replace('role = "partner"\n', ""), "text-missing-key"),
        (lambda text: text + "[[", "profile-malformed"),
        (lambda text: "#" * 3000 + "\n" + text, "profile-malformed"),
        (a_line("format", '"SLUICE2/profile"'), "text-value"),
        (a_line("role", '"operator"'), "text-value"),
        (a_line("id", '"gbr/dstl"'), "profile-inconsistent"),
        (a_line("keys", '"/etc"'), "text-value"),
        (a_line("keys", '"../other"'), "text-value"),
        (a_line("keys", '"a/../../b"'), "text-value"),
        (a_line("keys", f'"{"k" * 256}"'), "text-value"),
        (a_line("keys", '"a//b"'), "text-value"),
        (a_line("endpoint", '"gw"'), "text-value"),
        (a_line("endpoint", '"[::1:8443"'), "text-value"),
        (a_line("endpoint", f'"{"h" * 251}:8443"'), "text-value"),
        (a_line("server", '"https://gw"'), "text-value"),
        (a_line("server", f'"spiffe://sluice.example/{"g" * 232}"'), "text-value"),
        (a_line("roster_link", '"00"'), "text-value"),
        (lambda text: re.sub(r"(?s)agreements = \[.*, \]", "agreements = 7", text), "text-value"),
        (lambda text: text.replace("agreements = [", "agreements = [7, "), "text-value"),
        (lambda text: re.sub(r"(?s)roots = '''.*?'''", "roots = 7", text), "text-value"),
        (lambda text: re.sub(r"(?s)roots = '''.*?'''", "roots = ''", text), "text-value"),
        (lambda text: re.sub(r"(?s)roots = '''.*?'''", 'roots = "a\\\\rb"', text), "text-value"),
        (lambda text: re.sub(r"(?s)roots = '''.*?'''", "roots = 'x'", text), "certificate-malformed"),
        (lambda text: re.sub(r"(?s)genesis_statement = '''.*?'''", "genesis_statement = '*'", text), "text-value"),
        (lambda text: re.sub(r"(?s)genesis_statement = '''.*?'''", "genesis_statement = 'AAAA'", text), "malformed"),
        (lambda text: text.replace("quorum = 2", "quorum = 3"), "roster-unsafe"),
        (lambda text: text.replace("wait_hours = 24", "wait_hours = 25"), "profile-inconsistent"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_exactly_a_profile_is_refused_by_name(
    partner: Profile, change: Callable[[str], str], code: str
) -> None:
    """What is not understood must not be trusted, and the officer on the phone must be able to say what is wrong."""
    changed = change(partner.to_text().decode())
    assert changed != partner.to_text().decode()

    with pytest.raises(GatewayError) as caught:
        Profile.parse(changed.encode(), partner.folder)

    assert caught.value.code == code


def refused(profile: Profile) -> str:
    """The code a profile with parts that do not belong together is refused with."""
    with pytest.raises(GatewayError) as caught:
        Profile.parse(profile.to_text(), profile.folder)
    return caught.value.code


@pytest.mark.must("11.4")
def test_a_genesis_that_one_operator_did_not_sign_is_refused(partner: Profile) -> None:
    """The founding needs everyone it names; a gateway could have written the rest itself."""
    one = SignedStatement(partner.genesis.statement, partner.genesis.signatures[:1])

    assert refused(replace(partner, genesis=one)) == "signatures-too-few"


@pytest.mark.must("11.4")
def test_a_statement_that_founds_nothing_is_no_genesis(partner: Profile) -> None:
    """Any later statement has a link too."""
    statement = replace(
        partner.genesis.statement, position=1, kind=7, genesis=b"g" * 48, prev=b"p" * 48, roster=b"r" * 48
    )

    assert refused(replace(partner, genesis=SignedStatement(statement, partner.genesis.signatures))) == (
        "profile-inconsistent"
    )


def test_a_later_roster_is_taken_as_it_is(partner: Profile) -> None:
    """The roster in force may be younger than the genesis; the profile itself is what vouches for it."""
    later = replace(partner, roster_link=bytes([7]) * 48, roster_text=partner.roster_text + b"# 2\n")

    assert Profile.parse(later.to_text(), later.folder) == later


@pytest.mark.must("11.6")
def test_an_admission_of_another_party_is_refused(source: Profile) -> None:
    """A party would send under a name that nobody gave it."""
    assert refused(replace(source, id="src-91c2")) == "profile-inconsistent"


@pytest.mark.must("11.7")
def test_a_certificate_of_another_identity_is_refused(
    partner: Profile, genesis: SignedStatement, tmp_path: Path
) -> None:
    """The gateway would take this party for the other one."""
    other = a_profile(tmp_path, genesis, PartyRole.PARTNER, "gbr/dstl")

    assert refused(replace(partner, certificate_pem=other.certificate_pem)) == "profile-inconsistent"


@pytest.mark.must("11.7")
def test_a_certificate_of_another_root_is_refused(partner: Profile, genesis: SignedStatement, tmp_path: Path) -> None:
    """The admission binds this party to one root."""
    other = a_profile(tmp_path, genesis)

    assert refused(replace(partner, certificate_pem=other.certificate_pem)) == "certificate-other-root"
    assert refused(replace(partner, roots_pem=other.roots_pem)) == "profile-inconsistent"


def test_too_many_roots_are_refused(partner: Profile) -> None:
    """Each root is somebody who could answer in the gateway's place."""
    assert refused(replace(partner, roots_pem=partner.roots_pem * 17)) == "certificate-malformed"


@pytest.mark.must("11.6")
def test_agreements_are_this_partys_and_each_is_another(partner: Profile) -> None:
    """Asking under somebody else's agreement would be refused by the gateway with no reason given."""
    foreign = Agreement.parse(AGREEMENT.replace(b"usa/arl", b"gbr/dstl"))

    assert refused(replace(partner, agreements=(foreign,))) == "profile-inconsistent"
    assert refused(replace(partner, agreements=partner.agreements * 2)) == "profile-inconsistent"


def test_an_agreement_is_found_by_its_id(partner: Profile) -> None:
    """A stream is asked for under one agreement."""
    assert partner.agreement("UA-US-2026-014").partner_id == "usa/arl"

    with pytest.raises(CallerError) as caught:
        partner.agreement("UA-US-2026-015")
    assert caught.value.code == "agreement-unknown"


@pytest.mark.must("11.2")
def test_a_profile_too_long_to_be_one_is_not_read(tmp_path: Path) -> None:
    """A wrong file given by mistake must not fill the memory."""
    path = tmp_path / "x.profile"
    path.write_bytes(b"#" * 1_100_000)

    with pytest.raises(CallerError) as caught:
        Profile.load(path)

    assert caught.value.code == "file-too-long"


@example("it ends with '")
@example("''' and \"\"\" and \\")
@settings(max_examples=60)
@given(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=["Cc", "Cs"])
        | st.just("\n")
        | st.sampled_from("'\"\\"),
        min_size=1,
    )
)
def test_every_text_is_kept_to_the_byte(text: str) -> None:
    """A digest or a signature is over these very bytes."""
    assert tomllib.loads(f"text = {literal(text.encode())}")["text"] == text


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 10**6), new=st.integers(0, 255))
def test_a_damaged_profile_is_refused_by_name_or_has_other_words(partner: Profile, position: int, new: int) -> None:
    """No single changed byte may go unnoticed by both the checks and the ear."""
    text = bytearray(partner.to_text())
    text[position % len(text)] = new

    try:
        damaged = Profile.parse(bytes(text), partner.folder)
    except GatewayError:
        return

    assert damaged == partner or damaged.digest != partner.digest or damaged.certificate_pem != partner.certificate_pem
