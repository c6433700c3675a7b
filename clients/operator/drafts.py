"""The texts an operator proposes, drafted from what a bundle proves and what the operator decides.

Each draft is parsed by the very code that the gateway parses it with before anyone is asked to sign it, so a mistake is
found at the desk. What is drafted is what is shown, signed and sent: the same bytes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime

from clients.operator.ca import PartyKind, spiffe_id
from clients.operator.card import OperatorCard
from clients.operator.rosters import write_roster
from gateway.core.control.compromise import Revocation, Taint
from gateway.core.control.enrolment import PARTNER_ROLES, SOURCE_ROLES, Bundle
from gateway.core.control.hold import Hold, Lockdown
from gateway.core.control.moment import TrueTime
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.roster import Operator, RecoveryKey
from gateway.core.control.source import SourceAdmission
from gateway.core.control.stops import EVERYTHING
from gateway.core.control.succession import named_proposal
from gateway.core.control.suspension import AgreementEnd, Lift, Objection, Suspension
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.keys import key_digest
from gateway.core.suite.numbers import Role

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def roster_text(
    operators: Sequence[tuple[OperatorCard, str]],
    recovery: Sequence[OperatorCard],
    *,
    quorum: int,
    wait_hours: int,
    recovery_quorum: int,
) -> bytes:
    """The first roster: operators with the person who holds each key, and the recovery keys."""
    for card, _ in operators:
        if not card.certificate_request:
            raise CallerError("card", "an operator must have a TLS key, a recovery key came", at=card.operator_id)
    return write_roster(
        [Operator(card.operator_id, person, card.key_digest) for card, person in operators],
        [RecoveryKey(card.operator_id, card.key_digest) for card in recovery],
        quorum=quorum,
        wait_hours=wait_hours,
        recovery_quorum=recovery_quorum,
    )


def adoption_text(proposal: bytes) -> bytes:
    """Puts an open proposal in force; those who proposed it sign. proposal: its link."""
    text = _text([f'proposal = "{proposal.hex()}"'])
    named_proposal(text)
    return text


def objection_text(proposal: bytes, reason: str) -> bytes:
    """Stops an open proposal; one operator may, of a recovery their quorum. proposal: its link."""
    text = _text([f'proposal = "{proposal.hex()}"', f'reason = "{_quoted(reason)}"'])
    Objection.parse(text)
    return text


def source_text(bundle: Bundle, *, trust_domain: str, root: str, scope: str) -> bytes:
    """The admission of the source of `bundle`. root: hex SHA-256 of the root that issues its certificates."""
    _expect_roles(bundle, SOURCE_ROLES, "a source")
    text = _text(
        [
            f'id       = "{bundle.subject_id}"',
            f'identity = "{spiffe_id(trust_domain, PartyKind.SOURCE, bundle.subject_id)}"',
            f'root     = "{root}"',
            f'key      = "{key_digest(bundle.keys[Role.SOURCE]).hex()}"',
            f'scope    = "{_quoted(scope)}"',
        ]
    )
    SourceAdmission.parse(text)
    return text


def partner_text(
    bundle: Bundle,
    *,
    trust_domain: str,
    root: str,
    nation: str,
    clearance: bytes,
    key_exchange: str | None = None,
    token: bytes | None = None,
) -> bytes:
    """The admission of the partner of `bundle`.

    key_exchange: what its connections must agree on, None for any group of TLS 1.3.
    clearance: TOML of `[clearance.POLICY]` tables, or of `[POLICY]` tables: a file written by hand.
    token: TOML of the table `[token]`, or of what stands in it; None where nobody issues the partner tokens.
    """
    _expect_roles(bundle, PARTNER_ROLES, "a partner")
    lines = [
        f'id       = "{bundle.subject_id}"',
        f'nation   = "{_quoted(nation)}"',
        f'identity = "{spiffe_id(trust_domain, PartyKind.PARTNER, bundle.subject_id)}"',
        f'root     = "{root}"',
        f'sign_key = "{key_digest(bundle.keys[Role.PARTNER_SIGN]).hex()}"',
        f'kem_key  = "{key_digest(bundle.keys[Role.PARTNER_KEM]).hex()}"',
    ]
    if key_exchange is not None:
        lines.append(f'key_exchange = "{_quoted(key_exchange)}"')
    for policy, table in sorted(_clearances(clearance).items()):
        lines += ["", f"[clearance.{policy}]"]
        lines += [f"{tag} = {_value(table[tag])}" for tag in sorted(table, key=lambda tag: (tag != "level", tag))]
    if token is not None:
        lines += ["", "[token]", *(f"{key} = {_value(value, 'token-file')}" for key, value in _token(token).items())]
    text = _text(lines)
    PartnerAdmission.parse(text)
    return text


def readmission_text(admission: bytes, bundle: Bundle) -> bytes:
    """The admission of a party that is there, with the keys of `bundle` in the place of those it has; all else stays.

    Refuses a bundle of another kind of party, and `nothing-to-change` for the keys that it has.
    """
    text = admission.decode()
    if bundle.keys.keys() == SOURCE_ROLES:
        source = SourceAdmission.parse(admission)
        exchanged = {source.key_digest: Role.SOURCE}
    else:
        _expect_roles(bundle, PARTNER_ROLES, "a party")
        partner = PartnerAdmission.parse(admission)
        exchanged = {partner.sign_key_digest: Role.PARTNER_SIGN, partner.kem_key_digest: Role.PARTNER_KEM}
    for before, role in exchanged.items():
        text = text.replace(f'"{before.hex()}"', f'"{key_digest(bundle.keys[role]).hex()}"')
    if text.encode() == admission:
        raise Refused("nothing-to-change", "the bundle must bring other keys, it has those of the party", at="bundle")
    return text.encode()


def suspension_text(kind: PartyKind, party_id: str, reason: str) -> bytes:
    """Stops a party; one operator may."""
    return suspend_text(f"{kind.value}/{party_id}", reason)


def suspend_text(target: str, reason: str) -> bytes:
    """Stops `source/…` or `partner/…`; one operator may."""
    text = _stop_text(target, reason)
    Suspension.parse(text)
    return text


def lift_text(kind: PartyKind, party_id: str, reason: str) -> bytes:
    """Takes a party up again; it needs the quorum."""
    return lift_of_text(f"{kind.value}/{party_id}", reason)


def lift_of_text(target: str, reason: str) -> bytes:
    """Takes back whatever was stopped under this name; it needs the quorum."""
    text = _stop_text(target, reason)
    Lift.parse(text)
    return text


def hold_text(target: str, reason: str) -> bytes:
    """Keeps `record/…`, `batch/…` or `agreement/…` from going out; one operator may."""
    text = _stop_text(target, reason)
    Hold.parse(text)
    return text


def lockdown_text(reason: str) -> bytes:
    """Stops everything; one operator may."""
    text = _stop_text(EVERYTHING, reason)
    Lockdown.parse(text)
    return text


def taint_text(key: str, since: date, reason: str) -> bytes:
    """A key that others may have had. key: its digest in hex; since: the first day; one operator may."""
    text = _text([f'target = "key/{_quoted(key)}"', f"since = {since.isoformat()}", f'reason = "{_quoted(reason)}"'])
    Taint.parse(text)
    return text


def revocation_text(key: str, reason: str) -> bytes:
    """A key that signs nothing new. key: its digest in hex; one operator may."""
    text = _stop_text(f"key/{key}", reason)
    Revocation.parse(text)
    return text


def certificate_revocation_text(fingerprint: str, reason: str) -> bytes:
    """A certificate that is answered to no more. fingerprint: hex SHA-256 of its DER; one operator may."""
    text = _stop_text(f"certificate/{fingerprint}", reason)
    Revocation.parse(text)
    return text


def serials_revocation_text(root: str, serials: Sequence[str], reason: str) -> bytes:
    """Certificates of one root. root: hex SHA-256 of its DER; serials: 1 to 1,024, in hex; one operator may."""
    listed = [f'  "{_quoted(serial)}",' for serial in serials]
    lines = [f'target  = "root/{_quoted(root)}"', "serials = [", *listed, "]", f'reason  = "{_quoted(reason)}"']
    text = _text(lines)
    Revocation.parse(text)
    return text


def time_text(begin: datetime, end: datetime, reason: str) -> bytes:
    """The gateway's wall clock is right if it shows a time of this span; it needs the quorum. Both in UTC."""
    moments = [f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for moment in (begin, end)]
    text = _text([f"from = {moments[0]}", f"until = {moments[1]}", f'reason = "{_quoted(reason)}"'])
    TrueTime.parse(text)
    return text


def end_text(agreement_id: str, reason: str) -> bytes:
    """Ends an agreement for ever; one operator may."""
    text = _text([f'agreement = "{_quoted(agreement_id)}"', f'reason = "{_quoted(reason)}"'])
    AgreementEnd.parse(text)
    return text


def _stop_text(target: str, reason: str) -> bytes:
    return _text([f'target = "{_quoted(target)}"', f'reason = "{_quoted(reason)}"'])


def _expect_roles(bundle: Bundle, roles: frozenset[Role], whose: str) -> None:
    if bundle.keys.keys() != roles:
        raise Refused("bundle-role", f"the bundle must be that of {whose}, another kind of party made it", at="bundle")


def _clearances(text: bytes) -> dict[str, dict[str, object]]:
    try:
        tables = tomllib.loads(text.decode("utf-8"))
    except ValueError as error:
        raise CallerError("clearance", "a clearance file must be TOML in UTF-8", at="clearance") from error
    if tables.keys() == {"clearance"} and isinstance(tables["clearance"], dict):
        tables = tables["clearance"]
    # Names are written into the draft without quotes, so they must need none.
    names = [*tables, *(tag for table in tables.values() if isinstance(table, dict) for tag in table)]
    if (
        not tables
        or not all(isinstance(table, dict) for table in tables.values())
        or not all(map(_BARE.fullmatch, names))
    ):
        raise CallerError("clearance", "a clearance file has one table per policy, like `[UKR]`", at="clearance")
    return tables


def _token(text: bytes) -> dict[str, object]:
    try:
        table = tomllib.loads(text.decode("utf-8"))
    except ValueError as error:
        raise CallerError("token-file", "a file of a token's issuer must be TOML in UTF-8", at="token") from error
    inner = table.get("token") if len(table) == 1 else None
    found = inner if isinstance(inner, dict) else table
    if not all(map(_BARE.fullmatch, found)):
        raise CallerError("token-file", "a file of a token's issuer has the keys of `[token]`, others came", at="token")
    return found


def _value(value: object, code: str = "clearance") -> str:
    if isinstance(value, str):
        return f'"{_quoted(value)}"'
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "[" + ", ".join(f'"{_quoted(one)}"' for one in value) + "]"
    raise CallerError(code, "a file for an admission holds texts and lists of texts, something else came", at=code)


def _quoted(text: str) -> str:
    # Only what a basic string of TOML needs; characters that cannot be seen are refused by the parser of the draft.
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _text(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode("utf-8")
