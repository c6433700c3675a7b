"""What a party starts from: the trust its profile gives, and the vocabularies it reads labels by."""

from __future__ import annotations

from clients.profile import Profile
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.numbers import Role


def trust_from(profile: Profile) -> Trust:
    """What a reader believes before it has seen a directory: the profile's genesis and roster."""
    return Trust.begin(profile.genesis_link, profile.roster_link, profile.roster_text)


def vocabularies_of(profile: Profile, trust: Trust) -> dict[str, Vocabulary]:
    """The profile's vocabularies by name, with the texts that the directory brings.

    Refuses `vocabulary-pinned` where a text is another than the profile's, `vocabulary`, and `file-not-endorsed`.
    """
    vocabularies = {}
    for name, pin in profile.vocabularies:
        text = trust.file(Role.VOCABULARY, name)
        if text_digest(name, text) != pin:
            raise Refused("vocabulary-pinned", f"the vocabulary `{name}` is not the one of the profile", at=name)
        vocabularies[name] = Vocabulary.parse(text)
        if vocabularies[name].name != name:
            raise Refused("vocabulary", f"the vocabulary that is endorsed as `{name}` has another name", at=name)
    return vocabularies
