"""The record checks of one agreement under a directory."""

from __future__ import annotations

from clients.partner.sections import Reader
from clients.profile import Profile
from clients.trust import vocabularies_of
from gateway.core.control.agreement import Agreement
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.trust import Trust
from gateway.core.errors import CallerError


def admission_of(profile: Profile) -> PartnerAdmission:
    """What a partner was admitted with; refuses `profile-role` for a source's profile."""
    if not isinstance(profile.admission, PartnerAdmission):
        raise CallerError("profile-role", "a partner's profile was expected, a source's came", at=profile.id)
    return profile.admission


def record_reader(profile: Profile, agreement: Agreement, trust: Trust) -> Reader:
    """The checks of records; refuses as `admission_of` and `vocabularies_of` do."""
    admission = admission_of(profile)
    vocabularies = vocabularies_of(profile, trust)
    return Reader(admission.nation, admission.clearances, agreement, vocabularies, trust.source_key)
