"""Names of parties and papers, as types the checker tells apart.

Every name but a nation is an identifier of the format: `[A-Za-z0-9][A-Za-z0-9._/-]{0,63}`. A nation is an
ISO 3166-1 alpha-3 code. Anything else is a CallerError `name`.
"""

from __future__ import annotations

import re
from typing import NewType

from gateway.core.errors import CallerError
from gateway.core.suite.octets import is_name

PartnerId = NewType("PartnerId", str)
SourceId = NewType("SourceId", str)
AgreementId = NewType("AgreementId", str)
Nation = NewType("Nation", str)

_NATION = re.compile(r"[A-Z]{3}")


def partner_id(text: str) -> PartnerId:
    """`usa/arl`."""
    return PartnerId(_identifier(text, "partner"))


def source_id(text: str) -> SourceId:
    """`src-3f07`: a pseudonym, never the unit's name."""
    return SourceId(_identifier(text, "source"))


def agreement_id(text: str) -> AgreementId:
    """`UA-US-2026-014`: never reused."""
    return AgreementId(_identifier(text, "agreement"))


def nation(text: str) -> Nation:
    """`USA`: three capital letters."""
    if _NATION.fullmatch(text) is None:
        raise CallerError("name", "a nation is named by three capital letters, something else came", at="nation")
    return Nation(text)


def _identifier(text: str, of: str) -> str:
    if not is_name(text):
        raise CallerError(
            "name", f"a name of a {of} has 1 to 64 letters, digits and `._/-`, something else came", at=of
        )
    return text
