"""A gateway's CONTROL for tests: operators, two sources, two partners, an agreement, a directory.

`World` is mutable and holds the present `Control`; each method proposes one statement as the operators' tool would,
applies it, and keeps the entry.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import gateway.core.control
import gateway.core.labels
from gateway.core.control.directory import Dir, DirectoryMessage, build_directory, redate
from gateway.core.control.endorsing import Listed, encode_endorsement_list, endorsements_due
from gateway.core.control.enrolment import Bundle, make_bundle
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.standing import needed_by_partner
from gateway.core.control.statement import SignedStatement, Statement
from gateway.core.control.trust import Trust
from gateway.core.suite.numbers import Role, StatementKind
from tests.unit.control.given import DAY, HOUR, NOW, ROOT_OF, digest_of, genesis, kem_key, octets, signed, signing_key

VOCABULARIES = Path(gateway.core.labels.__file__).parent / "vocabularies"
GUIDES = Path(gateway.core.control.__file__).parent / "guides"
UKR = (VOCABULARIES / "UKR.1.toml").read_bytes()
UKR_2 = re.sub(rb"version += 1", b"version = 2", UKR)
GUIDE = (GUIDES / "UAS-2026-2.toml").read_bytes()
BOTH = ("officer-1", "officer-2")


def agreement_text(**changes: str) -> bytes:
    """The agreement of the documentation, with keys changed; `None` as a value leaves the key out."""
    values = {
        "id": '"UA-US-2026-014"',
        "from": '"ua/mod"',
        "to": '"usa/arl"',
        "basis": '"MoU 2026-05-11, annex B"',
        "starts": "2026-06-01",
        "ends": "2027-06-30",
        "kinds": '["telemetry", "tactic", "design"]',
        "modes": '["REAL"]',
        "sources": '["src-3f07"]',
        "designs": '["FPV-7"]',
        "ceiling": '"T"',
        "withhold": '["telemetry.gnss"]',
        "purpose": '"EVALUATE"',
        "onward": '"no"',
        "origin": '"hidden"',
        "delay_h": "24",
        "recall_h": "72",
        "quota": "{ records_per_month = 500_000 }",
        "accounts_shown_to_sources": '"amounts"',
        "fees": "[\n"
        '  { design = "FPV-7", basis = "FLAT",     amount = 12_000_000, currency = "USD", due = 2026-12-15 },\n'
        '  { design = "FPV-7", basis = "PER_UNIT", amount = 1_850,      currency = "USD", declared = "quarterly" },\n'
        "]",
    } | changes
    return "".join(f"{key} = {value}\n" for key, value in values.items() if value != "None").encode()


def source_text(
    source_id: str = "src-3f07", key: str = "", scope: str = "telemetry,tactic//REAL", **other: str
) -> bytes:
    """A SOURCE body; its key is the signing key of its own name unless told."""
    values = {
        "id": source_id,
        "identity": f"spiffe://ua.example/source/{source_id}",
        "root": ROOT_OF["ua.example"],
        "key": digest_of(key or source_id),
        "scope": scope,
    } | other
    return "".join(f'{name} = "{value}"\n' for name, value in values.items()).encode()


def partner_text(partner_id: str = "usa/arl", nation: str = "USA", clearance: str = "", **other: str) -> bytes:
    """A PARTNER body; its keys are the signing and sealing keys of its own name unless told."""
    values = {
        "id": partner_id,
        "nation": nation,
        "identity": f"spiffe://{nation.lower()}.example/partner/{partner_id.partition('/')[2]}",
        "root": ROOT_OF[f"{nation.lower()}.example"],
        "sign_key": digest_of(partner_id),
        "kem_key": kem_key(partner_id).key_digest.hex(),
    } | other
    text = "".join(f'{name} = "{value}"\n' for name, value in values.items())
    return (text + (clearance or f'[clearance.UKR]\nlevel = "T"\nREL = ["{nation}"]\n')).encode()


def taint_text(digest: str, since: str = "2026-05-30") -> bytes:
    """A TAINT body of the key of that digest."""
    return f'target = "key/{digest}"\nsince = {since}\nreason = "laptop captured"\n'.encode()


@cache
def source_bundle(source_id: str = "src-3f07", key: str = "") -> Bundle:
    """What a source enrols with."""
    return make_bundle(source_id, {Role.SOURCE: signing_key(key or source_id)}, {}, b"request")


@cache
def partner_bundle(partner_id: str = "usa/arl") -> Bundle:
    """What a partner enrols with."""
    sealing = {Role.PARTNER_KEM: kem_key(partner_id).public_key}
    return make_bundle(partner_id, {Role.PARTNER_SIGN: signing_key(partner_id)}, sealing, b"request")


@cache
def gateway_bundle() -> Bundle:
    """What the gateway enrols with."""
    signing = {Role.GATEWAY_STREAM: signing_key("stream"), Role.GATEWAY_LEDGER: signing_key("ledger")}
    return make_bundle("ua-gw", signing, {Role.GATEWAY_INGEST: kem_key("ingest").public_key}, b"request")


class World:
    """The operators of one gateway, its CONTROL and the entries so far."""

    def __init__(self) -> None:
        self.now = NOW
        self.entries = [ControlEntry(genesis(), (), NOW)]
        self.control = Control.begin(self.entries[0])

    def copy(self) -> World:
        """The same state, to go another way from here."""
        other = World.__new__(World)
        other.now, other.entries, other.control = self.now, list(self.entries), self.control
        return other

    @property
    def genesis(self) -> bytes:
        """What profiles name."""
        return self.control.genesis

    def statement(self, kind: StatementKind, body: bytes, **changes: object) -> Statement:
        """The statement the operators' tool would write now, with fields changed."""
        values: dict[str, object] = {
            "genesis": self.control.genesis,
            "position": self.control.position,
            "prev": self.control.head,
            "roster": self.control.roster_link,
            "kind": kind,
            "body": body,
            "proposed_at_ms": self.now,
            "expires_at_ms": self.now + DAY,
        }
        return Statement(**{**values, **changes})  # type: ignore[arg-type] - a test may write any field

    def entry(
        self, kind: StatementKind, body: bytes, *attachments: bytes, by: tuple[str, ...] = BOTH, **changes: object
    ) -> ControlEntry:
        """The entry of that statement, signed and applied now."""
        return ControlEntry(signed(self.statement(kind, body, **changes), *by), attachments, self.now)

    def apply(self, kind: StatementKind, body: bytes, *attachments: bytes, by: tuple[str, ...] = BOTH) -> ControlEntry:
        """Applies the statement."""
        return self.take(self.entry(kind, body, *attachments, by=by))

    def take(self, entry: ControlEntry) -> ControlEntry:
        """Applies the entry."""
        self.control = self.control.apply(entry)
        self.entries.append(entry)
        return entry

    def source(self, source_id: str = "src-3f07", **text: str) -> ControlEntry:
        """Admits a source."""
        return self.apply(StatementKind.SOURCE, source_text(source_id, **text), source_bundle(source_id).encoded)

    def partner(self, partner_id: str = "usa/arl", nation: str = "USA") -> ControlEntry:
        """Admits a partner."""
        return self.apply(StatementKind.PARTNER, partner_text(partner_id, nation), partner_bundle(partner_id).encoded)

    def suspend(self, target: str = "partner/usa/arl", by: tuple[str, ...] = ("officer-2",)) -> ControlEntry:
        """Suspends a party."""
        return self.apply(StatementKind.SUSPEND, f'target = "{target}"\nreason = "a test"\n'.encode(), by=by)

    def taint(self, digest: str, by: tuple[str, ...] = ("officer-2",)) -> ControlEntry:
        """Taints a key, given by its digest."""
        return self.apply(StatementKind.TAINT, taint_text(digest), by=by)

    def revoke(self, digest: str, by: tuple[str, ...] = ("officer-2",)) -> ControlEntry:
        """Revokes a key, given by its digest."""
        return self.apply(StatementKind.REVOKE, f'target = "key/{digest}"\nreason = "a test"\n'.encode(), by=by)

    def hold(self, target: str, by: tuple[str, ...] = ("officer-2",)) -> ControlEntry:
        """Holds a record, a batch or an agreement."""
        return self.apply(StatementKind.HOLD, f'target = "{target}"\nreason = "a test"\n'.encode(), by=by)

    def lock(self, by: tuple[str, ...] = ("officer-2",)) -> ControlEntry:
        """Stops everything."""
        return self.apply(StatementKind.LOCKDOWN, b'target = "gateway"\nreason = "a test"\n', by=by)

    def rotate(self, source_id: str = "src-3f07", key: str = "src-3f07 second", **text: str) -> ControlEntry:
        """Admits a source again, with another key."""
        body = source_text(source_id, key=key, **text)
        return self.apply(StatementKind.SOURCE, body, source_bundle(source_id, key).encoded)

    def lift(self, target: str = "partner/usa/arl") -> ControlEntry:
        """Lifts what was stopped."""
        return self.apply(StatementKind.LIFT, f'target = "{target}"\nreason = "a test"\n'.encode())

    def listed(self) -> tuple[Listed, ...]:
        """The endorsements due now."""
        salts = (octets(f"salt {self.control.position} {number}", 32) for number in range(64))
        return endorsements_due(self.control, gateway_bundle(), salts, NOW - HOUR, NOW + 365 * DAY)

    def dir_of(self, listed: tuple[Listed, ...], dir_no: int) -> Dir:
        """The Dir over that list, issued now."""
        endorsements = [endorsement for endorsement, _ in listed]
        return build_directory(endorsements, dir_no=dir_no, issued_at_ms=self.now, expires_at_ms=self.now + 7 * DAY)[0]

    def direct(self, listed: tuple[Listed, ...] = (), by: tuple[str, ...] = BOTH) -> ControlEntry:
        """Signs a directory over what is due, under the next number."""
        listed = listed or self.listed()
        body = self.dir_of(listed, self.dir_no + 1).encode()
        return self.apply(StatementKind.DIRECTORY, body, encode_endorsement_list(listed), by=by)

    def redate(self, by: tuple[str, ...] = ("officer-3",)) -> ControlEntry:
        """Re-dates the directory."""
        return self.apply(StatementKind.DIRECTORY_REDATE, self.redated().encode(), by=by)

    def redated(self) -> Dir:
        """The newest Dir, repeated under the next number."""
        return redate(self.newest, dir_no=self.dir_no + 1, issued_at_ms=self.now, expires_at_ms=self.now + 7 * DAY)

    @property
    def newest(self) -> Dir:
        """The newest Dir; there must be one."""
        assert self.control.directory is not None
        return self.control.directory.newest

    @property
    def dir_no(self) -> int:
        """Its number, 0 without one."""
        return self.control.directory.newest.dir_no if self.control.directory else 0

    def change_roster(
        self, text: bytes, by: tuple[str, ...] = BOTH, proposed_by: tuple[str, ...] = BOTH
    ) -> tuple[ControlEntry, ControlEntry]:
        """Proposes a roster, waits, and puts it in force."""
        proposed = self.apply(StatementKind.ROSTER_PROPOSE, text, by=proposed_by)
        self.now += DAY
        return proposed, self.apply(StatementKind.ROSTER, naming(proposed.signed), by=by)

    def message(self, known_dir_no: int = 0, partner_id: str = "usa/arl") -> DirectoryMessage:
        """What a partner is sent."""
        return self.control.directory_message(known_dir_no, needed_by_partner(partner_id, "all"))

    def trust(self) -> Trust:
        """A fresh reader who has taken the newest message."""
        return Trust.begin(self.genesis).accept(self.message().encode(), self.now)


def naming(proposal: SignedStatement) -> bytes:
    """The body of a ROSTER that names the proposal."""
    return f'proposal = "{proposal.statement.link.hex()}"\n'.encode()


def a_world() -> World:
    """Operators, a vocabulary, a guide, two sources, two partners, one agreement, one directory: the caller's own."""
    return _built().copy()


@cache
def _built() -> World:
    world = World()
    world.apply(StatementKind.VOCABULARY, UKR)
    world.apply(StatementKind.GUIDE, GUIDE)
    world.source("src-3f07")
    world.source("src-91c2", scope="tactic//REAL,SIMULATED")
    world.partner("usa/arl", "USA")
    world.partner("gbr/dstl", "GBR")
    world.apply(StatementKind.AGREEMENT, agreement_text())
    world.direct()
    return world
