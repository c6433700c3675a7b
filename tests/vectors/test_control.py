"""Statements, endorsements, directories and bundles: the recorded bytes are made, and verified, by the product."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.enrolment import PartyRole
from clients.operator.card import parse_card
from clients.profile import Profile
from gateway.core.control.directory import (
    Dir,
    Endorsed,
    Endorsement,
    build_directory,
    parse_dir,
    parse_directory_message,
    parse_endorsement,
    redate,
    show_endorsements,
)
from gateway.core.control.endorsing import encode_endorsement_list, parse_endorsement_list
from gateway.core.control.enrolment import CONTEXT, parse_bundle
from gateway.core.control.entry import parse_entry
from gateway.core.control.roster import Roster, check_signatures
from gateway.core.control.source import SourceAdmission
from gateway.core.control.statement import (
    Signature,
    SignedStatement,
    Statement,
    encode_signatures,
    first_statement,
    parse_signatures,
    parse_statement,
)
from gateway.core.control.succession import weigh_proposal, weigh_roster
from gateway.core.control.suspension import Suspension
from gateway.core.control.trust import Trust
from gateway.core.control.words import spoken_words
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import digest
from gateway.core.suite.numbers import DataMode, KeyState, RecordKind, Role, StatementKind
from tests.reference import recorded

STATEMENTS = {
    "genesis": (StatementKind.GENESIS, ("officer-1", "officer-2")),
    "directory": (StatementKind.DIRECTORY, ("officer-1", "officer-2")),
    "redate": (StatementKind.DIRECTORY_REDATE, ("officer-2",)),
    "source": (StatementKind.SOURCE, ("officer-1", "officer-2")),
    "suspend": (StatementKind.SUSPEND, ("officer-1",)),
    "restore": (StatementKind.RESTORE, ("officer-1", "officer-2")),
    "roster_proposal": (StatementKind.ROSTER_PROPOSE, ("officer-1", "officer-2", "officer-3")),
    "roster": (StatementKind.ROSTER, ("officer-1", "officer-2")),
}
ENDORSED = {
    "source": (Role.SOURCE, "src-3f07", "tactic//SIMULATED"),
    "gateway-stream": (Role.GATEWAY_STREAM, "gateway", ""),
    "gateway-ledger": (Role.GATEWAY_LEDGER, "gateway", ""),
    "gateway-ingest": (Role.GATEWAY_INGEST, "gateway", ""),
    "partner-kem": (Role.PARTNER_KEM, "usa/arl", ""),
    "partner-sign": (Role.PARTNER_SIGN, "usa/arl", ""),
}
NOW = 1_780_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR


def _body(name: str) -> bytes:
    return recorded.field(f"control.{name}_statement", "body")[4:]


def _time(name: str, field: str) -> int:
    return int.from_bytes(recorded.field(name, field), "big")


def _signed(name: str) -> SignedStatement:
    statement = parse_statement(recorded.octets(f"control.{name}_statement"))
    return SignedStatement(statement, parse_signatures(recorded.octets(f"control.{name}_signatures")))


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_its_link_and_its_signatures_are_the_recorded_ones(name: str) -> None:
    """A statement names the one before and the roster in force; its link names it."""
    position = list(STATEMENTS).index(name)
    genesis = recorded.octets("control.genesis_link") if position else bytes(48)
    previous = recorded.octets(f"control.{list(STATEMENTS)[position - 1]}_link") if position else bytes(48)
    kind, signers = STATEMENTS[name]
    proposed_at = NOW + position * HOUR + (DAY if name == "roster" else 0)
    made = Statement(genesis, position, previous, genesis, kind, _body(name), proposed_at, proposed_at + 72 * HOUR)

    signed = _signed(name)

    assert made.encode() == recorded.octets(f"control.{name}_statement")
    assert signed.statement == made
    assert made.link == recorded.octets(f"control.{name}_link")
    signatures = [
        Signature(recorded.octets(f"keys.{who}"), recorded.octets(f"control.{name}_signature_{who}")) for who in signers
    ]
    assert encode_signatures(signatures) == recorded.octets(f"control.{name}_signatures")
    signed.verify()
    present = Roster.parse(_body("genesis"))
    if kind is StatementKind.ROSTER_PROPOSE:
        weigh_proposal(signed, present)[1].check_complete()
    else:
        check_signatures(signed, present)


def test_the_genesis_is_the_link_of_the_first_statement() -> None:
    """Its own links are zero; everything else hangs from it."""
    made = first_statement(_body("genesis"), NOW, NOW + 72 * HOUR)

    assert made.link == recorded.octets("control.genesis_link")


def test_the_recorded_texts_are_what_they_say() -> None:
    """Operators read these very bytes before they sign."""
    roster = Roster.parse(_body("genesis"))
    source = SourceAdmission.parse(_body("source"))
    suspension = Suspension.parse(_body("suspend"))

    assert [operator.id for operator in roster.operators] == ["officer-1", "officer-2"]
    assert (roster.quorum, roster.wait_ms, roster.recovery_quorum) == (2, DAY, 1)
    assert source.key_digest == recorded.octets("keys.source_digest")
    assert source.scope.covers(RecordKind.TACTIC, DataMode.SIMULATED)
    assert suspension.target == "partner/usa/arl"


def test_a_roster_names_its_proposal_and_comes_after_its_wait() -> None:
    """Two statements, a day apart: nobody becomes an operator unasked, and a stolen quorum is seen."""
    present = Roster.parse(_body("genesis"))
    proposal, _ = weigh_proposal(_signed("roster_proposal"), present)

    weigh_roster(_signed("roster"), proposal, present).check_complete()

    assert [operator.id for operator in proposal.roster.operators] == ["officer-1", "officer-3"]


def _endorsements() -> list[Endorsement]:
    return [
        Endorsement(
            salt=recorded.field(f"control.endorsement_{name}", "salt"),
            role=role,
            subject_id=subject,
            key_digest=recorded.octets(f"keys.{name}_digest"),
            valid_from_ms=NOW - HOUR,
            valid_to_ms=NOW + 365 * DAY,
            scope=scope,
            state=KeyState.ACTIVE,
        )
        for name, (role, subject, scope) in ENDORSED.items()
    ]


def test_endorsements_are_the_recorded_ones() -> None:
    """Each key or file has one leaf that says what it is for."""
    for name, made in zip(ENDORSED, _endorsements(), strict=True):
        assert made.encode() == recorded.octets(f"control.endorsement_{name}")
        assert parse_endorsement(made.encode()) == made
        made.check_material(recorded.octets(f"keys.{name}"))


def test_directories_are_the_recorded_ones() -> None:
    """A re-date has the same tree under another number and date."""
    made, _ = build_directory(_endorsements(), dir_no=1, issued_at_ms=NOW, expires_at_ms=NOW + 7 * DAY)
    redated = redate(made, dir_no=2, issued_at_ms=NOW + DAY, expires_at_ms=NOW + 8 * DAY)

    assert made.encode() == recorded.octets("control.dir") == _body("directory")
    assert redated.encode() == recorded.octets("control.dir_redated") == _body("redate")
    assert parse_dir(redated.encode()) == redated == Dir(2, 1, 6, made.root, NOW + DAY, NOW + 8 * DAY)


def test_the_directory_message_is_the_recorded_one() -> None:
    """The statements a fresh reader misses, and each endorsement with its key and its path."""
    message = parse_directory_message(recorded.octets("control.directory_message"))
    endorsements = _endorsements()
    endorsed = [
        Endorsed.check(one, recorded.octets(f"keys.{name}")) for name, one in zip(ENDORSED, endorsements, strict=True)
    ]

    assert message.encode() == recorded.octets("control.directory_message")
    assert list(message.statements) == [_signed(name) for name in ("genesis", "directory", "redate")]
    assert message.shown == show_endorsements(endorsed, [one.leaf for one in endorsements])


def test_a_reader_that_has_the_genesis_only_accepts_the_recorded_directory() -> None:
    """From 48 bytes out of band to every key it needs."""
    trust = Trust.begin(recorded.octets("control.genesis_link"))

    trust = trust.accept(recorded.octets("control.directory_message"), NOW + 30 * HOUR)

    assert trust.directory == parse_dir(recorded.octets("control.dir_redated"))
    for name in ENDORSED.keys() - {"source"}:
        assert trust.key(ENDORSED[name][0], recorded.octets(f"keys.{name}_digest")[:16]).material == recorded.octets(
            f"keys.{name}"
        )
    key_id = recorded.octets("keys.source_digest")[:16]
    source = trust.source_key("src-3f07", key_id, RecordKind.TACTIC, DataMode.SIMULATED)
    assert source.public_key == recorded.octets("keys.source")


def test_the_enrolment_bundle_is_the_recorded_one_and_verifies() -> None:
    """The keys prove that their holder has them."""
    bundle = parse_bundle(recorded.octets("control.enrolment_bundle"))

    assert bundle.encoded == recorded.octets("control.enrolment_signed") + recorded.octets(
        "control.enrolment_signature"
    )
    assert bundle.subject_id == "usa/arl"
    assert bundle.keys == {
        Role.PARTNER_KEM: recorded.octets("keys.partner-kem"),
        Role.PARTNER_SIGN: recorded.octets("keys.partner-sign"),
    }
    recorded.verify_key("partner-sign").verify(
        CONTEXT, recorded.octets("control.enrolment_signed"), recorded.octets("control.enrolment_signature"), "bundle"
    )


def test_an_operators_card_is_the_recorded_one_and_verifies() -> None:
    """A card proves that its operator holds the key, and is no bundle."""
    card = parse_card(recorded.octets("control.card"))

    assert (card.operator_id, card.public_key) == ("officer-1", recorded.octets("keys.officer-1"))
    assert card.key_digest == recorded.octets("keys.officer-1_digest")
    assert card.encoded == recorded.octets("control.card")
    with pytest.raises(Refused):
        parse_bundle(recorded.octets("control.card"))


def test_the_words_of_a_profile_are_over_the_recorded_bytes() -> None:
    """Everything but the certificate, which is renewed and proves itself by the root."""
    name = "profile.hashed"
    profile = Profile(
        folder=Path(),
        role=PartyRole.SOURCE,
        id="src-3f07",
        keys="src-3f07",
        endpoint="gw.example:8443",
        server="spiffe://gw.example/gateway",
        roots_pem=recorded.field(name, "roots")[4:],
        certificate_pem=b"another every day",
        genesis=_signed("genesis"),
        roster_link=recorded.octets("control.genesis_link"),
        roster_text=_body("genesis"),
        admission_text=_body("source"),
        agreements=(),
        guide_text=None,
        vocabularies=(("UKR.1", recorded.field(name, "vocabulary digest")),),
    )

    assert profile.digest == recorded.octets("profile.digest") == digest(recorded.octets(name))
    assert profile.words() == "-".join(spoken_words(recorded.octets("profile.digest")))


def test_an_entry_and_an_endorsement_list_are_the_recorded_ones() -> None:
    """What lies beside a statement in CONTROL, and beside a DIRECTORY."""
    entry = parse_entry(recorded.octets("control.entry_suspend"))
    listed = parse_endorsement_list(recorded.octets("control.endorsement_list"))

    assert entry.encode() == recorded.octets("control.entry_suspend")
    assert (entry.signed, entry.attachments, entry.applied_at_ms) == (_signed("suspend"), (), NOW + 4 * HOUR + 60_000)
    assert encode_endorsement_list(listed) == recorded.octets("control.endorsement_list")
    assert [one.role for one, brought in listed if brought] == [
        Role.GATEWAY_STREAM,
        Role.GATEWAY_LEDGER,
        Role.GATEWAY_INGEST,
    ]


def test_a_restore_names_both_lives_and_the_last_tick_kept() -> None:
    """Its body is of fixed layout: old, new, tick, H(K)."""
    assert _body("restore") == recorded.octets("control.restore_body")
    assert recorded.field("control.restore_body", "old incarnation") == recorded.field("stream.hello", "incarnation")
    assert _time("control.restore_body", "last tick kept") == 6
    assert recorded.field("control.restore_body", "H(K of that tick)") == digest(recorded.octets("ledger.tick_6"))
