"""How a SOURCE and a PARTNER change what stands: a party that comes, and one that comes again under its id.

Admitted again, a party keeps id, identity and (a partner) nation, and may have other keys, another root, scope or
clearance. A key it no longer names is a former one for ever: it may be endorsed as retired, so that what it signed
stays verifiable, and is never admitted again. Source: SPEC.md section 2.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from gateway.core.control.binding import Binding, check_unbound
from gateway.core.control.enrolment import parse_bundle
from gateway.core.control.entry import ControlEntry
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.source import SourceAdmission
from gateway.core.control.standing import AdmittedKey, AdmittedPartner, AdmittedSource, Standing
from gateway.core.control.stops import nothing_to_change
from gateway.core.errors import Refused
from gateway.core.suite.keys import key_digest
from gateway.core.suite.numbers import Role

S = TypeVar("S", bound=Standing)
Admission = SourceAdmission | PartnerAdmission


def admit_source(standing: S, entry: ControlEntry) -> S:
    """A SOURCE: the admission and, from the bundle beside it, the key."""
    admission = SourceAdmission.parse(entry.body)
    known = standing.sources.get(admission.id)
    _check_again(known.admission if known else None, admission)
    roots = _bind(standing, admission.binding, known)
    scope = admission.scope.text
    keys = _enrolled(standing, entry, admission.id, {Role.SOURCE: admission.key_digest}, scope)
    source = AdmittedSource(admission, keys[admission.key_digest].public_key)
    sources = {**standing.sources, admission.id: source}
    return replace(standing, sources=sources, keys={**standing.keys, **keys}, roots=roots)


def admit_partner(standing: S, entry: ControlEntry) -> S:
    """A PARTNER: the admission and, from the bundle beside it, the keys."""
    admission = PartnerAdmission.parse(entry.body)
    known = standing.partners.get(admission.id)
    _check_again(known.admission if known else None, admission)
    roots = _bind(standing, admission.binding, known)
    admission.check_against(standing.vocabularies.values())
    wanted = {Role.PARTNER_KEM: admission.kem_key_digest, Role.PARTNER_SIGN: admission.sign_key_digest}
    keys = _enrolled(standing, entry, admission.id, wanted, "")
    kem_key, sign_key = (keys[digest].public_key for digest in wanted.values())
    partner = AdmittedPartner(admission, sign_key, kem_key)
    partners = {**standing.partners, admission.id: partner}
    return replace(standing, partners=partners, keys={**standing.keys, **keys}, roots=roots)


def _check_again(known: Admission | None, admission: Admission) -> None:
    if known is None:
        return
    if known == admission:
        raise nothing_to_change("the party is admitted so already")
    if _who(known) != _who(admission):
        raise Refused(
            "id-reused", f"an id is never another party's, `{admission.id}` has another identity or nation", at="id"
        )


def _who(admission: Admission) -> tuple[str, str]:
    return admission.binding.uri, admission.nation if isinstance(admission, PartnerAdmission) else ""


def _bind(standing: Standing, binding: Binding, known: AdmittedSource | AdmittedPartner | None) -> Mapping[str, str]:
    """All roots that were ever bound, this one among them; refuses as `check_unbound`."""
    others = [source.admission.binding for source in standing.sources.values() if source is not known]
    others += [partner.admission.binding for partner in standing.partners.values() if partner is not known]
    check_unbound(binding, others, standing.roots)
    return {**standing.roots, binding.root: binding.trust_domain}


def _enrolled(
    standing: Standing, entry: ControlEntry, subject_id: str, wanted: Mapping[Role, bytes], scope: str
) -> dict[bytes, AdmittedKey]:
    """The keys of the bundle by digest; `wanted` gives the digests as operators signed them."""
    for role, digest in wanted.items():
        if digest in standing.roster_keys or not _is_free(standing, role, subject_id, digest):
            raise Refused("key-reused", "a key has one purpose, this one has another or had its time", at=subject_id)
    bundle = parse_bundle(entry.attachments[0])
    digests = {role: key_digest(key) for role, key in bundle.keys.items()}
    if bundle.subject_id != subject_id or digests != wanted:
        raise Refused(
            "bundle-mismatch", "the bundle beside an admission has its id and its keys, others came", at=subject_id
        )
    return {digest: AdmittedKey(role, subject_id, bundle.keys[role], scope) for role, digest in wanted.items()}


def _is_free(standing: Standing, role: Role, subject_id: str, digest: bytes) -> bool:
    known = standing.keys.get(digest)
    own = known is not None and (known.role, known.subject_id) == (role, subject_id)
    return known is None or (own and not standing.is_former(digest))
