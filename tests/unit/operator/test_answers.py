"""What operators draft from a verified chain: the next directory, and the profile that answers an enrolment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from clients.certificates import certificate_request, leaf_of, new_tls_key
from clients.enrolment import PartyRole
from clients.operator.answer import profile_for
from clients.operator.ca import Authority, PartyKind, root_digest
from clients.operator.chain import Chain
from clients.operator.drafts import end_text, partner_text, source_text, suspension_text
from clients.operator.endorse import directory_draft, redated_draft
from clients.operator.render import render
from clients.operator.shipped import guide_text, vocabulary_text
from gateway.core.control.directory import parse_dir
from gateway.core.control.endorsing import parse_endorsement_list
from gateway.core.control.enrolment import Bundle, make_bundle, parse_bundle
from gateway.core.control.entry import ControlEntry
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import DIRECTORY_LIFE_MS, KeyState, Role, StatementKind
from tests.unit.operator.gateways import Town
from tests.unit.operator.parties import AGREEMENT, CLEARANCE, DAY_MS, NOW_MS, TRUST_DOMAIN, a_bundle


@pytest.fixture(scope="module")
def gateway() -> Bundle:
    """A gateway's bundle."""
    return make_bundle(
        "demo",
        {Role.GATEWAY_STREAM: SigningKey.generate(), Role.GATEWAY_LEDGER: SigningKey.generate()},
        {Role.GATEWAY_INGEST: KemKey.generate().public_key},
        certificate_request(new_tls_key()),
    )


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A partner with an agreement, a source, a guide; the first operator has the authority."""
    town = Town.found(tmp_path)
    # Certificates are judged by this machine's clock when a profile is checked.
    town.authority = Authority.create(TRUST_DOMAIN, datetime.now(UTC))
    town.operators[0].keep_authority(town.authority)
    root = root_digest(town.authority.root)
    for name in ("UKR.1", "USA.1"):
        town.apply(StatementKind.VOCABULARY, vocabulary_text(name))
    town.apply(StatementKind.GUIDE, guide_text("UAS-2026-2"))
    partner = a_bundle(tmp_path, PartyRole.PARTNER, "usa/arl")
    text = partner_text(partner, trust_domain=TRUST_DOMAIN, root=root, nation="USA", clearance=CLEARANCE)
    town.apply(StatementKind.PARTNER, text, partner.encoded)
    source = a_bundle(tmp_path, PartyRole.SOURCE, "src-3f07")
    scope = "telemetry,tactic//SIMULATED"
    town.apply(
        StatementKind.SOURCE, source_text(source, trust_domain=TRUST_DOMAIN, root=root, scope=scope), source.encoded
    )
    town.apply(StatementKind.AGREEMENT, AGREEMENT)
    town.operators[0].connect(roots_pem=town.authority.root_pem())
    return town


def test_a_directory_endorses_gateway_parties_and_vocabularies(town: Town, gateway: Bundle) -> None:
    """What the draft endorses is what the gateway's own check lets pass."""
    body, listed = directory_draft(town.chain(), gateway, days=7, now_ms=NOW_MS)
    town.apply(StatementKind.DIRECTORY, body, listed)

    roles = [one.role for one, _ in parse_endorsement_list(listed)]
    assert roles == [
        Role.GATEWAY_STREAM,
        Role.GATEWAY_LEDGER,
        Role.GATEWAY_INGEST,
        Role.SOURCE,
        Role.PARTNER_KEM,
        Role.PARTNER_SIGN,
        Role.VOCABULARY,
        Role.VOCABULARY,
    ]
    directory = parse_dir(body)
    assert (directory.dir_no, directory.expires_at_ms - directory.issued_at_ms) == (1, DIRECTORY_LIFE_MS)
    shown = render(town.entries[-1], town.control.roster)
    assert all(one.key_digest.hex()[:32] in shown for one, _ in parse_endorsement_list(listed))
    assert "telemetry,tactic//SIMULATED" in shown


def test_later_directories_take_the_gateways_keys_from_the_one_before(town: Town, gateway: Bundle) -> None:
    """The words of the gateway's bundle are compared once, not every week."""
    town.apply(StatementKind.DIRECTORY, *directory_draft(town.chain(), gateway, days=7, now_ms=NOW_MS))

    body, listed = directory_draft(town.chain(), None, days=1, now_ms=NOW_MS)
    town.apply(StatementKind.DIRECTORY, body, listed)

    brought = {one.role: material for one, material in parse_endorsement_list(listed) if material}
    assert brought == dict(gateway.keys)
    assert parse_dir(body).dir_no == 2


@pytest.mark.must("2.8.2")
def test_no_two_endorsements_share_a_salt(town: Town, gateway: Bundle) -> None:
    """A salt is what keeps the leaves of others unreadable."""
    first = directory_draft(town.chain(), gateway, days=7, now_ms=NOW_MS)[1]
    second = directory_draft(town.chain(), gateway, days=7, now_ms=NOW_MS)[1]

    salts = [one.salt for listed in (first, second) for one, _ in parse_endorsement_list(listed)]
    assert len(set(salts)) == len(salts)


def test_a_suspended_partys_keys_are_retired_in_the_next_directory(town: Town, gateway: Bundle) -> None:
    """What it signed before stays verifiable, nothing new is."""
    town.apply(StatementKind.SUSPEND, suspension_text(PartyKind.SOURCE, "src-3f07", "lost"))

    listed = parse_endorsement_list(directory_draft(town.chain(), gateway, days=7, now_ms=NOW_MS)[1])

    assert {one.state for one, _ in listed if one.role is Role.SOURCE} == {KeyState.RETIRED}
    assert {one.state for one, _ in listed if one.role is not Role.SOURCE} == {KeyState.ACTIVE}


def test_a_directory_is_drafted_on_what_is_pending_too(town: Town, gateway: Bundle) -> None:
    """Otherwise a party would be admitted and trusted by nobody until a second round."""
    entry = ControlEntry(
        town.signed(town.statement(StatementKind.VOCABULARY, vocabulary_text("GBR.1")), town.keys()[0]), (), NOW_MS
    )
    tip, _ = town.control.preview(entry)
    chain = Chain(tuple(town.entries), town.control, (), (), tip)

    listed = parse_endorsement_list(directory_draft(chain, gateway, days=7, now_ms=NOW_MS)[1])

    assert "GBR.1" in [one.subject_id for one, _ in listed]


def test_a_clock_behind_the_chain_counts_as_the_chains(town: Town, gateway: Bundle) -> None:
    """An operator's laptop may be some minutes late."""
    body, _ = directory_draft(town.chain(), gateway, days=7, now_ms=NOW_MS - DAY_MS)

    assert parse_dir(body).issued_at_ms == NOW_MS


def test_the_first_directory_must_be_told_the_gateway(town: Town) -> None:
    """There is nothing to take its keys from."""
    with pytest.raises(CallerError) as caught:
        directory_draft(town.chain(), None, days=7, now_ms=NOW_MS)
    assert caught.value.code == "gateway-needed"
    with pytest.raises(CallerError) as caught:
        redated_draft(town.chain(), days=7, now_ms=NOW_MS)
    assert caught.value.code == "directory-missing"


def test_a_redated_directory_repeats_the_tree(town: Town, gateway: Bundle) -> None:
    """One person may give it a new date, and nothing else."""
    town.apply(StatementKind.DIRECTORY, *directory_draft(town.chain(), gateway, days=7, now_ms=NOW_MS))
    before = town.control.directory
    assert before is not None

    body = redated_draft(town.chain(), days=2, now_ms=NOW_MS)
    town.apply(StatementKind.DIRECTORY_REDATE, body)

    assert parse_dir(body).root == before.newest.root
    assert (parse_dir(body).dir_no, parse_dir(body).base_no) == (2, 1)
    assert "directory 2 (base 1)" in render(town.entries[-1], town.control.roster)


@pytest.mark.must("12.2.5")
def test_a_profile_is_what_was_signed_and_a_fresh_certificate(town: Town) -> None:
    """The party reads its own admission, its agreement and its pins as operators signed them."""
    profile = profile_for(
        town.chain(), town.operators[0], PartyRole.PARTNER, "usa/arl", now=datetime.now(UTC), endpoint="gw.example:1"
    )

    assert profile.endpoint == "gw.example:1"
    assert profile.admission_text == next(town.chain().texts(StatementKind.PARTNER)).body
    assert [one.text for one in profile.agreements] == [AGREEMENT]
    assert [name for name, _ in profile.vocabularies] == ["UKR.1", "USA.1"]
    assert profile.identity().uri == "spiffe://sluice.example/partner/usa/arl"
    assert profile.guide_text is None
    admitted = parse_bundle(next(town.chain().texts(StatementKind.PARTNER)).attachments[0])
    requested = x509.load_der_x509_csr(admitted.certificate_request).public_key()
    assert leaf_of(profile.certificate_pem).public_key() == requested


def test_an_agreement_that_ended_is_not_in_a_profile(town: Town) -> None:
    """Asking under it would be refused."""
    town.apply(StatementKind.END, end_text("UA-US-2026-014", "over"))

    profile = profile_for(town.chain(), town.operators[0], PartyRole.PARTNER, "usa/arl", now=datetime.now(UTC))

    assert profile.agreements == ()


def test_a_sources_profile_has_the_guide_in_force(town: Town) -> None:
    """A source labels by it, also where there is no link."""
    profile = profile_for(town.chain(), town.operators[0], PartyRole.SOURCE, "src-3f07", now=datetime.now(UTC))

    assert profile.guide_text == guide_text("UAS-2026-2")
    assert profile.agreements == ()


def test_a_source_is_answered_before_there_is_a_guide(town: Town) -> None:
    """It can be told later."""
    chain = town.chain()
    without = replace(chain, entries=tuple(e for e in chain.entries if e.statement.kind is not StatementKind.GUIDE))

    profile = profile_for(without, town.operators[0], PartyRole.SOURCE, "src-3f07", now=datetime.now(UTC))

    assert profile.guide_text is None


def test_a_certificate_is_issued_under_the_admitted_root_only(town: Town) -> None:
    """Another authority's certificate would be refused by the gateway and by the profile."""
    second = town.operators[1]
    second.keep_authority(Authority.create(TRUST_DOMAIN, datetime.now(UTC)))

    with pytest.raises(Refused) as caught:
        profile_for(town.chain(), second, PartyRole.PARTNER, "usa/arl", now=datetime.now(UTC))

    assert caught.value.code == "root-other"


@pytest.mark.parametrize(("role", "party_id"), [(PartyRole.PARTNER, "src-3f07"), (PartyRole.SOURCE, "usa/arl")])
def test_only_who_was_admitted_in_this_role_is_answered(town: Town, role: PartyRole, party_id: str) -> None:
    """A pending or imagined party gets nothing that looks like an answer."""
    with pytest.raises(CallerError) as caught:
        profile_for(town.chain(), town.operators[0], role, party_id, now=datetime.now(UTC))

    assert caught.value.code == "party-unknown"
