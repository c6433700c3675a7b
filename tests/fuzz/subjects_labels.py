"""Parsers of labels, vocabularies, clearances, names, keys and certificates."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import gateway.core.labels
from clients.certificates import certificate_request, der, leaf_of, load_certificates, new_tls_key
from clients.operator.ca import Authority, PartyKind
from gateway.core.errors import CallerError, Fault, Refused
from gateway.core.labels.label import Label
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.clearance import Clearance, parse_clearances
from gateway.core.parties.identity import Identity, check_issued_by
from gateway.core.parties.names import agreement_id, nation, partner_id, source_id
from gateway.core.parties.request import checked_request
from gateway.core.suite.keys import KemKey, SigningKey, VerifyKey, parse_kem_key
from tests.fuzz.engine import Subject
from tests.fuzz.mutation import Octets
from tests.fuzz.mutation_texts import Pem, Text
from tests.fuzz.subject import Entry, octets_of, vectors, worded
from tests.reference import recorded

SHIPPED = Path(gateway.core.labels.__file__).parent / "vocabularies"
LABELS = (b"UKR.1 DSK//REL DEU,GBR,USA", b"UKR.1 T", b"UKR.1 T//REL USA", b"USA.1 S//REL GBR,UKR", b"NATO.1 NS")
SHORT = (b"DSK//REL DEU,GBR,USA", b"T", b"T//REL USA")
WORDS = ("DSK", "T", "OV", "UKR.1", "USA.1", "NATO.1", "UKR.2", "REL", "//", "GBR", "USA", "POL", "EYES", ",", "FPV-7")
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@cache
def vocabularies() -> dict[str, Vocabulary]:
    """The shipped ones by name."""
    parsed = [Vocabulary.parse(text) for text in _texts()]
    return {vocabulary.name: vocabulary for vocabulary in parsed}


def _texts() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(SHIPPED.glob("*.toml")))


def _label(octets: bytes) -> Label:
    return Label.parse(octets, vocabularies())


def _short(octets: bytes) -> Label:
    return Label.expand(worded(octets), vocabularies()["UKR.1"])


def _taken(labels: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(label for label in labels if label.split(b" ")[0].decode() in vocabularies())


def _toml(octets: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(octets.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CallerError("text-malformed", "what is no TOML never comes to a clearance") from error


def _clearances(octets: bytes) -> tuple[Clearance, ...]:
    return parse_clearances(_toml(octets))


def _clearance(octets: bytes) -> tuple[Clearance, ...]:
    return tuple(Clearance.parse(policy, table) for policy, table in _toml(octets).items())


@cache
def _authority() -> Authority:
    return Authority.create("sluice.example", NOW)


@cache
def _leaf(kind: PartyKind, party_id: str, *hosts: str) -> bytes:
    request = certificate_request(new_tls_key())
    return _authority().issue(request, kind, party_id, now=NOW, hosts=hosts)


def _chain() -> bytes:
    return _leaf(PartyKind.PARTNER, "usa/arl") + _authority().root_pem()


def _leaves() -> tuple[bytes, ...]:
    pems = (_leaf(PartyKind.PARTNER, "usa/arl"), _leaf(PartyKind.GATEWAY, "demo", "gw.example", "127.0.0.1"))
    return tuple(der(leaf_of(pem)) for pem in pems)


def _root() -> bytes:
    return _authority().root.public_bytes(Encoding.DER)


def _issued_by_root(octets: bytes) -> None:
    check_issued_by(octets, _root())


def _issued(octets: bytes) -> None:
    check_issued_by(_leaves()[0], octets)


def _loaded_root(octets: bytes) -> Authority:
    return Authority.load(octets, _authority().key_pem())


def _loaded_key(octets: bytes) -> Authority:
    return Authority.load(_authority().root_pem(), octets)


def _certificates(octets: bytes) -> list[x509.Certificate]:
    return load_certificates(octets, "roots")


def _pem(*keys: str, kem: bool = False) -> tuple[bytes, ...]:
    return tuple((recorded.kem_key(key) if kem else recorded.signing_key(key)).to_pem() for key in keys)


SUBJECTS: dict[str, Entry] = {
    "label": Entry(
        (Label.parse,),
        lambda: Subject(
            _taken(LABELS), _label, lambda value, _: value.text.encode("ascii"), grammar=partial(Text, words=WORDS * 4)
        ),
    ),
    "short label": Entry((Label.expand,), lambda: Subject(SHORT, _short, grammar=partial(Text, words=WORDS * 4))),
    "vocabulary": Entry((Vocabulary.parse,), lambda: Subject(_texts(), Vocabulary.parse, grammar=Text)),
    "clearances": Entry(
        (parse_clearances,),
        lambda: Subject(
            (b'[UKR]\nlevel = "T"\nREL = ["USA"]\n[USA]\nlevel = "S"\n', b'[UKR]\nlevel = "T"\n'),
            _clearances,
            grammar=Text,
        ),
    ),
    "clearance": Entry(
        (Clearance.parse,),
        lambda: Subject((b'[UKR]\nlevel = "T"\nREL = ["USA", "GBR"]\n',), _clearance, grammar=Text),
    ),
    **{
        f"name of a {what}": Entry(
            (parse,),
            lambda parse=parse, good=good: Subject(
                good,
                lambda octets: parse(worded(octets)),
                lambda value, _: octets_of(value),
                grammar=Text,
            ),
        )
        for what, parse, good in (
            ("partner", partner_id, (b"usa/arl", b"gbr/dstl.2")),
            ("source", source_id, (b"src-3f07",)),
            ("agreement", agreement_id, (b"UA-US-2026-014",)),
            ("nation", nation, (b"USA", b"UKR")),
        )
    },
    "signing key": Entry(
        (VerifyKey.parse,),
        lambda: Subject(vectors("keys.source", "keys.officer-1"), VerifyKey.parse, lambda value, _: value.public_key),
    ),
    "signing key file": Entry(
        (SigningKey.from_pem,),
        lambda: Subject(_pem("source", "officer-1"), SigningKey.from_pem, refusals=(Fault,), grammar=Pem),
    ),
    "KEM key": Entry(
        (parse_kem_key,), lambda: Subject(vectors("keys.partner-kem", "keys.gateway-ingest"), parse_kem_key)
    ),
    "KEM key file": Entry(
        (KemKey.from_pem,),
        lambda: Subject(_pem("ephemeral", "partner-kem", kem=True), KemKey.from_pem, refusals=(Fault,), grammar=Pem),
    ),
    "certificate of a party": Entry(
        (Identity.from_certificate,), lambda: Subject(_leaves(), Identity.from_certificate)
    ),
    "leaf under a root": Entry((check_issued_by,), lambda: Subject(_leaves(), _issued_by_root)),
    "root of a leaf": Entry((check_issued_by,), lambda: Subject((_root(),), _issued)),
    "certificate chain": Entry(
        (load_certificates, leaf_of), lambda: Subject((_chain(), _authority().root_pem()), _certificates, grammar=Pem)
    ),
    "certificate request": Entry(
        (checked_request,),
        lambda: Subject((certificate_request(new_tls_key()),), checked_request, grammar=Octets),
    ),
    "root of an authority": Entry(
        (Authority.load,),
        lambda: Subject((_authority().root_pem(),), _loaded_root, refusals=(Fault, Refused), grammar=Pem),
    ),
    "key of an authority": Entry(
        (Authority.load,),
        lambda: Subject((_authority().key_pem(),), _loaded_key, refusals=(Fault,), grammar=Pem),
    ),
    "TLS key file": Entry(
        (certificate_request,), lambda: Subject((new_tls_key(),), certificate_request, refusals=(Fault,), grammar=Pem)
    ),
}
