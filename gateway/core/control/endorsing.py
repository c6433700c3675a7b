"""Which keys and files a directory endorses, and that they are the ones operators admitted.

The endorsement list travels beside a DIRECTORY. Keys of sources and partners and the text of vocabularies are known
from their own statements, so the list leaves them out; the gateway's keys and schema files have no statement of their
own, so the list brings them and the quorum's signature over the root is what admits them.

    list = u16 count | (lp16(E) | lp32(key or file, empty where known))*
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    successor: Bundle | None = None,
) -> tuple[Listed, ...]:
    """What a new DIRECTORY should endorse: the gateway's keys, all parties, all vocabularies, the schemas.

    A stopped party's keys are retired: what a source signed before stays verifiable, nothing new is. Former and revoked
    keys are retired, tainted ones tainted. successor: keys that the gateway will have next, active beside the present;
    these begin a millisecond earlier, so that sources seal to the next.
    salts: fresh random 32 bytes each, as many as there are endorsements.
    """
    entries = [
        *_gateway_entries(standing, (gateway, successor) if successor else (gateway,)),
        *_party_entries(standing),
        *((Role.VOCABULARY, name, words.digest, "", b"") for name, words in sorted(standing.vocabularies.items())),
        *((Role.VOCABULARY, table.id, table.digest, "", b"") for table in [standing.equivalence] if table),
        *((Role.SCHEMA, name, text_digest(name, text), "", text) for name, text in sorted((schemas or {}).items())),
    ]
    earlier = {key_digest(key) for key in gateway.keys.values()} if successor else set()
    presented = {key_digest(key) for bundle in (gateway, successor) if bundle for key in bundle.keys.values()}
    listed = []
    fresh = iter(salts)
    for role, subject_id, digest, scope, material in entries:
        salt = next(fresh, b"")
        if len(salt) != SALT_BYTES:
            raise CallerError("salts-too-few", f"each of {len(entries)} endorsements needs {SALT_BYTES} random bytes")
        rests = _is_stopped(standing, role, subject_id) or (role in GATEWAY_ROLES and digest not in presented)
        state = max(KeyState.RETIRED if rests else KeyState.ACTIVE, _least_state(standing, digest))
        since_ms = valid_from_ms - (digest in earlier)
        endorsement = Endorsement(salt, role, subject_id, digest, since_ms, valid_to_ms, scope, state)
        listed.append((endorsement, material))
    return tuple(listed)


_Entry = tuple[Role, str, bytes, str, bytes]


def _gateway_entries(standing: Standing, bundles: Sequence[Bundle]) -> Iterator[_Entry]:
    presented = {}
    for bundle in bundles:
        for role in sorted(GATEWAY_ROLES):
            digest = key_digest(bundle.keys[role])
            presented[digest] = (role, bundle.subject_id, digest, "", bundle.keys[role])
    yield from presented.values()
    for digest, key in standing.keys.items():
        if key.role in GATEWAY_ROLES and digest not in presented:
            yield key.role, key.subject_id, digest, "", key.public_key


def _party_entries(standing: Standing) -> Iterator[_Entry]:
    """Sources, then partners, each by name, and of each role the present key before former ones."""
    order = (Role.SOURCE, Role.PARTNER_KEM, Role.PARTNER_SIGN)
    of_parties = [(digest, key) for digest, key in standing.keys.items() if key.role in order]
    of_parties.sort(
        key=lambda one: (one[1].role is not Role.SOURCE, one[1].subject_id, one[1].role, standing.is_former(one[0]))
    )
    for digest, key in of_parties:
        yield key.role, key.subject_id, digest, key.scope, b""


def _is_stopped(standing: Standing, role: Role, subject_id: str) -> bool:
    family = {Role.SOURCE: "source", Role.PARTNER_KEM: "partner", Role.PARTNER_SIGN: "partner"}.get(role)
    return standing.is_suspended(f"{family}/{subject_id}")


def _least_state(standing: Standing, digest: bytes) -> KeyState:
    return standing.least_state(digest) if digest in standing.keys else KeyState.ACTIVE


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
    role, digest = endorsement.role, endorsement.key_digest
    if endorsement.state < _least_state(standing, digest):
        raise Refused(
            "endorsement-state",
            f"a key that was stopped or followed by another is {standing.least_state(digest).name} at least",
            at=endorsement.subject_id,
        )
    if role in GATEWAY_ROLES or role is Role.SCHEMA:
        known = standing.keys.get(digest)
        if digest in standing.roster_keys or (known is not None and known.role is not role):
            raise Refused("key-reused", "a key has one purpose, this one has another", at=endorsement.subject_id)
        return brought
    if brought:
        raise _not_admitted("no key or file that its own statement brought, one came")
    admitted = _admitted(standing, endorsement)
    if admitted is None:
        raise _not_admitted(f"the admitted key or file of `{endorsement.subject_id}`, another came")
    material, scopes = admitted
    if endorsement.scope not in scopes:
        raise _not_admitted(f"the admitted scope or none for `{endorsement.subject_id}`, another came")
    return material


def _admitted(standing: Standing, endorsement: Endorsement) -> tuple[bytes, set[str]] | None:
    """The key or file as its statement brought it, and the scopes it may have; None if none brought it."""
    subject_id, role, digest = endorsement.subject_id, endorsement.role, endorsement.key_digest
    if role is Role.VOCABULARY:
        table = standing.equivalence
        in_force = {table.id: table.text} if table else {}
        text = {**standing.vocabulary_texts, **in_force}.get(subject_id)
        return (text, {""}) if text is not None and text_digest(subject_id, text) == digest else None
    key = standing.keys.get(digest)
    if key is None or (key.role, key.subject_id) != (role, subject_id):
        return None
    return key.public_key, {key.scope, ""}


def _not_admitted(expected: str) -> Refused:
    return Refused("endorsement-not-admitted", f"a directory endorses {expected}", at="directory")
