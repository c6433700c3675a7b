"""What a reader starts from: the trust a profile gives, and the record checks of one agreement under a directory."""

from __future__ import annotations

from clients.partner.sections import Reader
from clients.profile import Profile
from gateway.core.control.agreement import Agreement
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.trust import Trust
from gateway.core.errors import CallerError, Refused
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.numbers import Role


def trust_from(profile: Profile) -> Trust:
    """What a reader believes before it has seen a directory: the profile's genesis and roster."""
    return Trust.begin(profile.genesis_link, profile.roster_link, profile.roster_text)


def record_reader(profile: Profile, agreement: Agreement, trust: Trust) -> Reader:
    """The checks of records; refuses `vocabulary-pinned` where a directory brings another text than the profile's."""
    admission = profile.admission
    if not isinstance(admission, PartnerAdmission):
        raise CallerError("profile-role", "a partner's profile was expected, a source's came", at=profile.id)
    vocabularies = {}
    for name, pin in profile.vocabularies:
        text = trust.file(Role.VOCABULARY, name)
        if text_digest(name, text) != pin:
            raise Refused("vocabulary-pinned", f"the vocabulary `{name}` is not the one of the profile", at=name)
        vocabularies[name] = Vocabulary.parse(text)
    return Reader(admission.nation, admission.clearances, agreement, vocabularies, trust.source_key)
