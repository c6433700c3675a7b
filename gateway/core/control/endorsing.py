"""Which keys and files a directory endorses, and that they are the ones operators admitted.

The endorsement list travels beside a DIRECTORY. Keys of sources and partners and the text of vocabularies are known
from their own statements, so the list leaves them out; the gateway's keys and schema files have no statement of their
own, so the list brings them and the quorum's signature over the root is what admits them.

    list = u16 count | (lp16(E) | lp32(key or file, empty where known))*
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway.core.control.directory import (
    GATEWAY_ROLES,
    MAX_ENDORSEMENT_BYTES,
    Endorsed,
    Endorsement,
    check_endorsements_differ,
    parse_endorsement,
)
from gateway.core.control.enrolment import Bundle
from gateway.core.control.standing import Standing
from gateway.core.errors import CallerError, Refused
from gateway.core.parties.names import PartnerId, SourceId
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.keys import key_digest
from gateway.core.suite.numbers import MAX_ENDORSEMENTS, MAX_TEXT_BYTES, SALT_BYTES, KeyState, Role
from gateway.core.suite.octets import Reader, lp16, lp32, u16

Listed = tuple[Endorsement, bytes]


def encode_endorsement_list(listed: Sequence[Listed]) -> bytes:
    """The attachment of a DIRECTORY."""
    parts = [u16(len(listed))]
    for endorsement, material in listed:
        parts += [lp16(endorsement.encode()), lp32(material)]
    return b"".join(parts)


def parse_endorsement_list(encoded: bytes) -> tuple[Listed, ...]:
    """The list from its bytes; refuses `malformed`."""
    reader = Reader(encoded, "endorsement list")
    count = reader.u16("count")
    if not 1 <= count <= MAX_ENDORSEMENTS:
        raise reader.refuse("count", f"1 to {MAX_ENDORSEMENTS}")
    listed = tuple(
        (
            parse_endorsement(reader.lp16("endorsement", MAX_ENDORSEMENT_BYTES)),
            reader.lp32("key or file", MAX_TEXT_BYTES),
        )
        for _ in range(count)
    )
    reader.done()
    return listed


def endorsements_due(
    standing: Standing,
    gateway: Bundle,
    salts: Iterable[bytes],
    valid_from_ms: int,
    valid_to_ms: int,
    *,
    schemas: Mapping[str, bytes] | None = None,
) -> tuple[Listed, ...]:
    """What a new DIRECTORY should endorse: the gateway's keys, all parties, all vocabularies, the schemas.

    A stopped party's keys are retired: what a source signed before stays verifiable, nothing new is.
    salts: fresh random 32 bytes each, as many as there are endorsements.
    """
    entries: list[tuple[Role, str, bytes, str, bytes]] = []
    for role in sorted(GATEWAY_ROLES):
        entries.append((role, gateway.subject_id, key_digest(gateway.keys[role]), "", gateway.keys[role]))
    for source_id, source in sorted(standing.sources.items()):
        admitted = source.admission
        entries.append((Role.SOURCE, source_id, admitted.key_digest, admitted.scope.text, b""))
    for partner_id, partner in sorted(standing.partners.items()):
        entries.append((Role.PARTNER_KEM, partner_id, partner.admission.kem_key_digest, "", b""))
        entries.append((Role.PARTNER_SIGN, partner_id, partner.admission.sign_key_digest, "", b""))
    for name, vocabulary in sorted(standing.vocabularies.items()):
        entries.append((Role.VOCABULARY, name, vocabulary.digest, "", b""))
    for name, schema in sorted((schemas or {}).items()):
        entries.append((Role.SCHEMA, name, text_digest(name, schema), "", schema))
    listed = []
    fresh = iter(salts)
    for role, subject_id, digest_of_key, scope, material in entries:
        salt = next(fresh, b"")
        if len(salt) != SALT_BYTES:
            raise CallerError("salts-too-few", f"each of {len(entries)} endorsements needs {SALT_BYTES} random bytes")
        state = KeyState.RETIRED if _is_stopped(standing, role, subject_id) else KeyState.ACTIVE
        endorsement = Endorsement(salt, role, subject_id, digest_of_key, valid_from_ms, valid_to_ms, scope, state)
        listed.append((endorsement, material))
    return tuple(listed)


def _is_stopped(standing: Standing, role: Role, subject_id: str) -> bool:
    family = {Role.SOURCE: "source", Role.PARTNER_KEM: "partner", Role.PARTNER_SIGN: "partner"}.get(role)
    return standing.is_suspended(f"{family}/{subject_id}")


def check_endorsement_list(standing: Standing, listed: Sequence[Listed]) -> tuple[Endorsed, ...]:
    """Every endorsement with its key or file.

    Refuses `endorsement-not-admitted` unless each is of an admitted party, an applied vocabulary, a schema file or the
    one gateway, `endorsement-doubled`, `endorsement-mismatch` and `key-malformed`.
    """
    check_endorsements_differ([endorsement for endorsement, _ in listed])
    gateways = {endorsement.subject_id for endorsement, _ in listed if endorsement.role in GATEWAY_ROLES}
    if len(gateways) > 1:
        raise _not_admitted("one gateway, more came")
    return tuple(
        Endorsed.check(endorsement, _material(standing, endorsement, brought)) for endorsement, brought in listed
    )


def _material(standing: Standing, endorsement: Endorsement, brought: bytes) -> bytes:
    if endorsement.role in GATEWAY_ROLES or endorsement.role is Role.SCHEMA:
        if endorsement.key_digest in keys_in_use(standing):
            raise Refused("key-reused", "a key has one purpose, this one has another", at=endorsement.subject_id)
        return brought
    if brought:
        raise _not_admitted("no key or file that its own statement brought, one came")
    admitted = _admitted(standing, endorsement.role, endorsement.subject_id)
    if admitted is None or admitted.digest != endorsement.key_digest:
        raise _not_admitted(f"the admitted key or file of `{endorsement.subject_id}`, another came")
    if endorsement.scope not in admitted.scopes:
        raise _not_admitted(f"the admitted scope or none for `{endorsement.subject_id}`, another came")
    return admitted.material


class _Admitted(NamedTuple):
    digest: bytes
    material: bytes
    scopes: frozenset[str]


_NO_SCOPE = frozenset({""})


def _admitted(standing: Standing, role: Role, subject_id: str) -> _Admitted | None:
    """What a statement brought for the role under that name; None if there was none."""
    vocabulary, source = standing.vocabularies.get(subject_id), standing.sources.get(SourceId(subject_id))
    partner = standing.partners.get(PartnerId(subject_id))
    if role is Role.VOCABULARY and vocabulary:
        return _Admitted(vocabulary.digest, standing.vocabulary_texts[subject_id], _NO_SCOPE)
    if role is Role.SOURCE and source:
        admission = source.admission
        return _Admitted(admission.key_digest, source.public_key, _NO_SCOPE | {admission.scope.text})
    if role is Role.PARTNER_KEM and partner:
        return _Admitted(partner.admission.kem_key_digest, partner.kem_key, _NO_SCOPE)
    if role is Role.PARTNER_SIGN and partner:
        return _Admitted(partner.admission.sign_key_digest, partner.sign_key, _NO_SCOPE)
    return None


def gateway_keys(standing: Standing) -> frozenset[bytes]:
    """Digests of the keys that the newest directory endorses for the gateway itself."""
    endorsed = standing.directory.endorsed.values() if standing.directory else ()
    return frozenset(one.endorsement.key_digest for one in endorsed if one.endorsement.role in GATEWAY_ROLES)


def keys_in_use(standing: Standing) -> frozenset[bytes]:
    """Digests of all keys of operators, recovery, sources and partners: one key, one purpose."""
    parties = [source.admission.key_digest for source in standing.sources.values()]
    for partner in standing.partners.values():
        parties += [partner.admission.sign_key_digest, partner.admission.kem_key_digest]
    return standing.roster.operator_keys | standing.roster.recovery_keys | frozenset(parties)


def _not_admitted(expected: str) -> Refused:
    return Refused("endorsement-not-admitted", f"a directory endorses {expected}", at="directory")
