"""A party makes its keys, and the one public file that goes to an operator.

    FOLDER/ (0700)  tls.key  sign.pem  and for a partner kem.pem (0600 each, never leave)
    FOLDER.enrol    the bundle: public keys, proof that they are held, a certificate request

`sign.pem` signs a source's batches or a partner's Hello and receipts; `kem.pem` opens what is sealed to a partner. The
bundle may be exchanged on its way, so its words are read out to the operator. What comes back is a profile, which is
kept beside FOLDER. Source: SPEC.md section 2, architecture section 6.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from clients.certificates import certificate_request, new_tls_key
from clients.keyfiles import make_private_directory, read_private_as, write_private, write_public
from gateway.core.control.enrolment import Bundle, make_bundle
from gateway.core.errors import CallerError
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import Role
from gateway.core.suite.octets import is_name

TLS_KEY = "tls.key"
SIGN_KEY = "sign.pem"
KEM_KEY = "kem.pem"


class PartyRole(Enum):
    """What enrols here."""

    SOURCE = "source"
    PARTNER = "partner"


def folder_name(party_id: str) -> str:
    """`usa-arl` of `usa/arl`: how a party's folder and files are named unless it says otherwise."""
    return party_id.replace("/", "-")


def make_keys(folder: Path, role: PartyRole) -> None:
    """Fresh keys in a new folder; `file-exists` if keys are there already."""
    make_private_directory(folder)
    write_private(folder / TLS_KEY, new_tls_key())
    write_private(folder / SIGN_KEY, SigningKey.generate().to_pem())
    if role is PartyRole.PARTNER:
        write_private(folder / KEM_KEY, KemKey.generate().to_pem())


def bundle_of(folder: Path, role: PartyRole, party_id: str) -> Bundle:
    """The bundle of the keys in `folder`, freshly signed."""
    signing_key = read_private_as(folder / SIGN_KEY, SigningKey.from_pem)
    request = read_private_as(folder / TLS_KEY, certificate_request)
    if role is PartyRole.SOURCE:
        return make_bundle(party_id, {Role.SOURCE: signing_key}, {}, request)
    kem_key = read_private_as(folder / KEM_KEY, KemKey.from_pem)
    return make_bundle(party_id, {Role.PARTNER_SIGN: signing_key}, {Role.PARTNER_KEM: kem_key.public_key}, request)


def enrol(folder: Path, role: PartyRole, party_id: str) -> tuple[Bundle, Path]:
    """Makes the keys and writes the bundle beside the folder: the bundle and where it is."""
    if not is_name(party_id):
        # Before a key is made: a folder with keys of no party would only be in the way.
        raise CallerError("party-id", "an id must be letters, digits and `._-/`", at=party_id)
    make_keys(folder, role)
    bundle = bundle_of(folder, role, party_id)
    path = folder.with_name(folder.name + ".enrol")
    write_public(path, bundle.encoded)
    return bundle, path
