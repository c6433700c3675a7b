"""The four parties of the day: who they are, what they are admitted with, and the profile each is answered with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from clients.certificates import der, leaf_of
from clients.enrolment import PartyRole, bundle_of
from clients.operator.ca import Authority, PartyKind, root_digest
from clients.operator.drafts import partner_text, source_text
from clients.profile import Profile
from gateway.core.control import guides
from gateway.core.control.agreement import Agreement
from gateway.core.control.enrolment import Bundle
from gateway.core.control.statement import SignedStatement
from gateway.core.labels import vocabularies
from gateway.core.parties.identity import Identity
from gateway.core.suite.algorithms import text_digest
from gateway.usecases.peer import Peer
from tests import stand
from tests.day.keys import write_party_keys

DOMAIN = "day.example"
ENDPOINT = "gw-1.day.example:8443"
SERVER = f"spiffe://{DOMAIN}/gateway/gw-1"
VOCABULARY = "UKR.1"
GUIDE_TEXT = files(guides).joinpath("UAS-2026-2.toml").read_bytes()
VOCABULARY_TEXT = files(vocabularies).joinpath(f"{VOCABULARY}.toml").read_bytes()

TRACKS = "src-3f07"
TACTICS = "src-91c2"
ARL = "usa/arl"
DSTL = "gbr/dstl"
SCOPES = {TRACKS: "telemetry//SIMULATED", TACTICS: "telemetry,tactic//SIMULATED"}
CLEARANCES = {
    ARL: ("USA", b'[UKR]\nlevel = "T"\nREL = ["USA"]\n'),
    DSTL: ("GBR", b'[UKR]\nlevel = "T"\nREL = ["GBR"]\n'),
}
NARROW = "UA-US-2026-014"
WIDE = "UA-US-2026-022"
BRITISH = "UA-GB-2026-007"


def agreement_text(agreement_id: str, partner_id: str, **changed: str) -> bytes:
    """An agreement of the day; `changed` adds or replaces lines by key, with TOML values."""
    return stand.agreement_text(partner_id, **({"id": f'"{agreement_id}"', "ends": "2027-06-30"} | changed))


AGREEMENTS = {
    NARROW: agreement_text(
        NARROW, ARL, withhold='["telemetry.position", "telemetry.gnss", "tactic.observation", "tactic.evidence"]'
    ),
    WIDE: agreement_text(WIDE, ARL, sources=f'["{TRACKS}", "{TACTICS}"]'),
    BRITISH: agreement_text(BRITISH, DSTL, accounts_shown_to_sources='"amounts"'),
}


def folder_of(party_id: str) -> str:
    """How a party's files are named."""
    return party_id.replace("/", "-")


def peer_of(role: str, party_id: str, certificate_pem: bytes, roots_pem: bytes) -> Peer:
    """A party at the other end of a connection, as its certificate says."""
    identity = Identity.from_certificate(der(leaf_of(certificate_pem)))
    return Peer(role, party_id, identity, root_digest(leaf_of(roots_pem)), "X25519MLKEM768")


class Party:
    """One of them, with its keys below `root/keys`."""

    def __init__(self, root: Path, party_id: str, authority: Authority) -> None:
        self.root = root
        self.id = party_id
        self._authority = authority
        self.is_source = party_id in SCOPES
        self.role = PartyRole.SOURCE if self.is_source else PartyRole.PARTNER
        self.folder = f"keys/{folder_of(party_id)}"
        write_party_keys(root / self.folder, party_id, self.role)
        self.bundle: Bundle = bundle_of(root / self.folder, self.role, party_id)
        self.admission = self._admission()

    def _admission(self) -> bytes:
        root = root_digest(self._authority.root)
        if self.is_source:
            return source_text(self.bundle, trust_domain=DOMAIN, root=root, scope=SCOPES[self.id])
        nation, clearance = CLEARANCES[self.id]
        return partner_text(self.bundle, trust_domain=DOMAIN, root=root, nation=nation, clearance=clearance)

    def profile(self, genesis: SignedStatement, agreements: Sequence[str], now: datetime) -> Profile:
        """The profile with which an operator answers now, written and read back."""
        kind = PartyKind.SOURCE if self.is_source else PartyKind.PARTNER
        request = self.bundle.certificate_request
        profile = Profile(
            folder=self.root,
            role=self.role,
            id=self.id,
            keys=self.folder,
            endpoint=ENDPOINT,
            server=SERVER,
            roots_pem=self._authority.root_pem(),
            certificate_pem=self._authority.issue(request, kind, self.id, now=now),
            genesis=genesis,
            roster_link=genesis.statement.link,
            roster_text=genesis.statement.body,
            admission_text=self.admission,
            agreements=tuple(Agreement.parse(AGREEMENTS[name]) for name in agreements),
            guide_text=GUIDE_TEXT if self.is_source else None,
            vocabularies=((VOCABULARY, text_digest(VOCABULARY, VOCABULARY_TEXT)),),
        )
        profile.write(self._path)
        return self.read_profile()

    def read_profile(self) -> Profile:
        """The newest profile."""
        return Profile.load(self._path)

    @property
    def profile_name(self) -> str:
        """The file of its profile."""
        return f"{folder_of(self.id)}.profile"

    @property
    def _path(self) -> Path:
        return self.root / self.profile_name
