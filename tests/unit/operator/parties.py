"""Factories of these tests: operators with homes, a genesis, enrolled parties and their profiles; all keys are real."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from clients.enrolment import PartyRole, enrol, folder_name
from clients.operator.ca import Authority, PartyKind, root_digest, spiffe_id
from clients.operator.drafts import partner_text, roster_text, source_text
from clients.operator.home import Home
from clients.profile import Profile
from gateway.core.control.agreement import Agreement
from gateway.core.control.enrolment import Bundle
from gateway.core.control.statement import SignedStatement, first_statement, sign_statement
from gateway.core.suite.keys import key_id

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 24 * 3600 * 1000
TRUST_DOMAIN = "sluice.example"
SERVER = spiffe_id(TRUST_DOMAIN, PartyKind.GATEWAY, "demo")
CLEARANCE = b'[UKR]\nlevel = "T"\nREL = ["USA"]\n'
AGREEMENT = b"""id = "UA-US-2026-014"
from = "ua/mod"
to = "usa/arl"
basis = "MoU 2026-05-11"
starts = 2026-06-01
ends = 2027-06-30
kinds = ["telemetry", "tactic"]
modes = ["SIMULATED"]
sources = "all"
ceiling = "T"
purpose = "EVALUATE"
onward = "no"
origin = "hidden"
delay_h = 0
accounts_shown_to_sources = "amounts"
"""


def homes(folder: Path) -> tuple[Home, Home, Home, Home]:
    """Two operators and two recovery keys."""
    return (
        Home.create(folder / "officer-1", "officer-1"),
        Home.create(folder / "officer-2", "officer-2"),
        Home.create(folder / "recovery-1", "recovery-1", offline=True),
        Home.create(folder / "recovery-2", "recovery-2", offline=True),
    )


def a_genesis(operators: tuple[Home, Home, Home, Home]) -> SignedStatement:
    """The founding statement, signed by both operators."""
    first, second, *recovery = operators
    text = roster_text(
        [(first.card(), "kovalenko"), (second.card(), "shevchuk")],
        [home.card() for home in recovery],
        quorum=2,
        wait_hours=24,
        recovery_quorum=2,
    )
    statement = first_statement(text, NOW_MS, NOW_MS + DAY_MS)
    signatures = sorted((sign_statement(statement, home.signing_key()) for home in (first, second)), key=_by_key_id)
    return SignedStatement(statement, tuple(signatures))


def _by_key_id(signature: tuple[bytes, bytes]) -> bytes:
    return key_id(signature[0])


def a_bundle(folder: Path, role: PartyRole, party_id: str) -> Bundle:
    """The bundle of a party whose keys are in a folder beside the profile to come."""
    return enrol(folder / folder_name(party_id), role, party_id)[0]


def a_profile(
    folder: Path,
    genesis: SignedStatement,
    role: PartyRole = PartyRole.PARTNER,
    party_id: str = "usa/arl",
    authority: Authority | None = None,
) -> Profile:
    """The profile of a freshly enrolled party, valid now."""
    authority = authority or Authority.create(TRUST_DOMAIN, datetime.now(UTC))
    bundle = a_bundle(folder, role, party_id)
    root = root_digest(authority.root)
    if role is PartyRole.PARTNER:
        text = partner_text(bundle, trust_domain=TRUST_DOMAIN, root=root, nation="USA", clearance=CLEARANCE)
    else:
        text = source_text(bundle, trust_domain=TRUST_DOMAIN, root=root, scope="telemetry,tactic//SIMULATED")
    certificate = authority.issue(bundle.certificate_request, PartyKind(role.value), party_id, now=datetime.now(UTC))
    return Profile(
        folder=folder,
        role=role,
        id=party_id,
        keys=folder_name(party_id),
        endpoint="127.0.0.1:8443",
        server=SERVER,
        roots_pem=authority.root_pem(),
        certificate_pem=certificate,
        genesis=genesis,
        roster_link=genesis.statement.link,
        roster_text=genesis.statement.body,
        admission_text=text,
        agreements=(Agreement.parse(AGREEMENT),) if role is PartyRole.PARTNER else (),
        guide_text=b'id = "G"\n' if role is PartyRole.SOURCE else None,
        vocabularies=(("UKR.1", bytes(48)), ("USA.1", bytes([1]) * 48)),
    )
