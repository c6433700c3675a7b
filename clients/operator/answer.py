"""The answer to an enrolment: the profile, put together from the verified chain and a fresh certificate.

Everything in it is what operators signed, or this home's own connection. The certificate is issued for the request in
the bundle that was admitted with the party: a request that came by another way is never looked at.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from clients.enrolment import PartyRole, folder_name
from clients.operator.ca import LEAF_HOURS, PartyKind, root_digest
from clients.operator.chain import Chain
from clients.operator.home import Home
from clients.profile import Profile
from gateway.core.control.enrolment import parse_bundle
from gateway.core.control.entry import ControlEntry
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.source import SourceAdmission
from gateway.core.errors import CallerError, Refused
from gateway.core.parties.names import AgreementId
from gateway.core.suite.numbers import StatementKind

_KINDS = {PartyRole.SOURCE: StatementKind.SOURCE, PartyRole.PARTNER: StatementKind.PARTNER}


def admission_of(chain: Chain, role: PartyRole, party_id: str) -> ControlEntry:
    """The applied admission of the party; refuses `party-unknown`."""
    for entry in chain.texts(_KINDS[role]):
        if _parsed(role, entry).id == party_id:
            return entry
    raise CallerError(
        "party-unknown",
        f"the {role.value} must be admitted and applied, it is not",
        at=party_id,
        do=f"`sluicectl {role.value} list`",
    )


def profile_for(
    chain: Chain,
    home: Home,
    role: PartyRole,
    party_id: str,
    *,
    now: datetime,
    hours: int = LEAF_HOURS,
    endpoint: str = "",
    keys: str = "",
    certificate_pem: bytes = b"",
) -> Profile:
    """The party's profile under what is applied now.

    keys: the folder of the party's keys beside the profile, if it is not named after its id.
    endpoint: how the party reaches the gateway, if it is another way than this home's.
    certificate_pem: the party's chain, if it was issued elsewhere; empty issues one here for `hours`.
    """
    admission = admission_of(chain, role, party_id)
    connection = home.connection()
    control = chain.control
    profile = Profile(
        folder=Path(),
        role=role,
        id=party_id,
        keys=keys or folder_name(party_id),
        endpoint=endpoint or connection.endpoint,
        server=connection.server,
        roots_pem=connection.roots_pem,
        certificate_pem=certificate_pem or _certificate(home, admission, role, party_id, now, hours),
        genesis=home.genesis(),
        roster_link=control.roster_link,
        roster_text=control.roster.text,
        admission_text=admission.body,
        agreements=tuple(
            agreement
            for agreement in control.agreements.values()
            if agreement.partner_id == party_id and AgreementId(agreement.id) not in control.ended
        )
        if role is PartyRole.PARTNER
        else (),
        guide_text=_guide(chain) if role is PartyRole.SOURCE else None,
        vocabularies=tuple(sorted((name, one.digest) for name, one in control.vocabularies.items())),
    )
    profile.check()
    return profile


def _guide(chain: Chain) -> bytes | None:
    newest = next(chain.texts(StatementKind.GUIDE), None)
    return newest.body if newest else None


def _certificate(
    home: Home, admission: ControlEntry, role: PartyRole, party_id: str, now: datetime, hours: int
) -> bytes:
    authority = home.authority()
    if _parsed(role, admission).binding.root != root_digest(authority.root):
        raise Refused(
            "root-other",
            "the party is bound to another root than this home's, so its certificate comes from there",
            at=party_id,
            do="`--certificate FILE`",
        )
    request = parse_bundle(admission.attachments[0]).certificate_request
    return authority.issue(request, PartyKind(role.value), party_id, now=now, hours=hours)


def _parsed(role: PartyRole, admission: ControlEntry) -> SourceAdmission | PartnerAdmission:
    if role is PartyRole.SOURCE:
        return SourceAdmission.parse(admission.body)
    return PartnerAdmission.parse(admission.body)
