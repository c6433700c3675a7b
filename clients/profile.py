"""The profile: the one file an operator answers an enrolment with, and the trust anchor of a source or partner.

It is strict TOML with public parts only: where the gateway is and who it must be, the genesis with every signature,
the roster in force, what this party was admitted with, its agreements, and which vocabularies it reads labels by. Keys
stay in the folder beside it (`keys`, a relative path), each file readable by its owner only.

A profile is refused (`profile-…`, or the code of the part that is wrong) if a key is unknown, a part is missing, or
the parts do not belong together: the genesis must be signed by every operator it names, the certificate must be the
admitted identity's under the admitted root, agreements must be with this party. What no check can find is a whole
other profile. So its words are read out on receipt; they are over everything but the certificate, which is renewed
daily and proves itself by the root. Source: SPEC.md, the profile.

    profile = Profile.load(Path("usa-arl.profile"))
    channel = await secure_channel(profile.connection())
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clients.certificates import der, leaf_of, load_certificates
from clients.connection import Connection, split_endpoint
from clients.enrolment import KEM_KEY, SIGN_KEY, TLS_KEY, PartyRole
from clients.keyfiles import read_as, read_private_as, write_public
from clients.profile_page import FORMAT, literal, read_page, wrapped
from gateway.core.control.agreement import Agreement
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.roster import Roster, check_signatures
from gateway.core.control.source import SourceAdmission
from gateway.core.control.statement import SignedStatement, encode_signatures, parse_signatures, parse_statement
from gateway.core.control.words import spoken_words
from gateway.core.errors import CallerError, Fault, Refused
from gateway.core.parties.identity import Identity, check_issued_by, fingerprint
from gateway.core.suite.algorithms import SUITE_BYTE, digest
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import StatementKind
from gateway.core.suite.octets import lp8, lp32, u16

MAX_PROFILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile whose parts belong together.

    folder: where the file is, and where `keys` is relative to.
    roster_link: 48 bytes; roster_text: the roster in force when the profile was written.
    admission_text, agreements, guide_text: as operators signed them; the guide is for sources, None where none is.
    vocabularies: name and text digest (48 bytes), ascending by name.
    admission: what `admission_text` says.
    """

    folder: Path
    role: PartyRole
    id: str
    keys: str
    endpoint: str
    server: str
    roots_pem: bytes
    certificate_pem: bytes
    genesis: SignedStatement
    roster_link: bytes
    roster_text: bytes
    admission_text: bytes
    agreements: tuple[Agreement, ...]
    guide_text: bytes | None
    vocabularies: tuple[tuple[str, bytes], ...]
    admission: SourceAdmission | PartnerAdmission = field(init=False)

    def __post_init__(self) -> None:
        admitted = SourceAdmission if self.role is PartyRole.SOURCE else PartnerAdmission
        object.__setattr__(self, "admission", admitted.parse(self.admission_text))

    @classmethod
    def load(cls, path: Path) -> Profile:
        """The profile in `path`, checked whole; reads no key."""
        return read_as(path, lambda text: cls.parse(text, path.parent), MAX_PROFILE_BYTES)

    @classmethod
    def parse(cls, text: bytes, folder: Path) -> Profile:
        """The profile of a file's bytes; see the module for what it refuses."""
        page = read_page(text)
        profile = cls(
            folder=folder,
            role=PartyRole(page.choice("role", tuple(role.value for role in PartyRole))),
            id=page.name("id"),
            keys=page.relative("keys"),
            endpoint=page.endpoint("endpoint"),
            server=page.spiffe("server"),
            roots_pem=page.text("roots"),
            certificate_pem=page.text("certificate"),
            genesis=SignedStatement(
                parse_statement(page.base64("genesis_statement")), parse_signatures(page.base64("genesis_signatures"))
            ),
            roster_link=page.hex_bytes("roster_link"),
            roster_text=page.text("roster_text"),
            admission_text=page.text("admission"),
            agreements=tuple(Agreement.parse(text) for text in page.texts("agreements")),
            guide_text=page.text("guide") if page.has("guide") else None,
            vocabularies=page.digests("vocabularies"),
        )
        profile.check()
        return profile

    def check(self) -> None:
        """Refuses a profile whose parts do not belong together; needs no network, no clock and no key."""
        split_endpoint(self.endpoint)
        if self.genesis.statement.kind is not StatementKind.GENESIS:
            raise _odd("genesis_statement", "the founding statement")
        check_signatures(self.genesis, Roster.parse(self.genesis.statement.body))
        Roster.parse(self.roster_text)
        if self.roster_link == self.genesis_link and self.roster_text != self.genesis.statement.body:
            raise _odd("roster_text", "the text of the statement that `roster_link` names")
        admission = self.admission
        if admission.id != self.id:
            raise _odd("admission", "this party's own")
        if any(agreement.partner_id != self.id for agreement in self.agreements):
            raise _odd("agreements", "with this party")
        if len({agreement.id for agreement in self.agreements}) != len(self.agreements):
            raise _odd("agreements", "each another")
        identity = self.identity()
        if identity.uri != admission.binding.uri:
            raise _odd("certificate", f"that of `{admission.binding.uri}`")
        check_issued_by(der(leaf_of(self.certificate_pem)), self.admitted_root())

    @property
    def genesis_link(self) -> bytes:
        """48 bytes: the name of the gateway's founding, in everything that is signed for it."""
        return self.genesis.statement.link

    def agreement(self, agreement_id: str) -> Agreement:
        """The agreement with this id; `agreement-unknown` if the profile has none."""
        for agreement in self.agreements:
            if agreement.id == agreement_id:
                return agreement
        raise CallerError("agreement-unknown", "the agreement must be in the profile, it is not", at=agreement_id)

    def identity(self) -> Identity:
        """Who the certificate says this is, and for how long."""
        return Identity.from_certificate(der(leaf_of(self.certificate_pem)))

    def words(self) -> str:
        """The four words to compare by voice; the same after the certificate is renewed. About a tenth of a second."""
        return "-".join(spoken_words(self.digest))

    @property
    def digest(self) -> bytes:
        """48 bytes over everything but the certificate."""
        return digest(
            b"SLUICE1/profile\x00"
            + SUITE_BYTE
            + b"".join(lp8(text.encode()) for text in (self.role.value, self.id, self.keys, self.endpoint, self.server))
            + lp32(self.roots_pem)
            + self.genesis.encode()
            + self.roster_link
            + lp32(self.roster_text)
            + lp32(self.admission_text)
            + u16(len(self.agreements))
            + b"".join(lp32(agreement.text) for agreement in self.agreements)
            + lp32(self.guide_text or b"")
            + u16(len(self.vocabularies))
            + b"".join(lp8(name.encode()) + pin for name, pin in self.vocabularies)
        )

    def key_folder(self) -> Path:
        """Where the private keys are."""
        return self.folder / self.keys

    def connection(self) -> Connection:
        """How to reach the gateway as this party."""
        return Connection(self.endpoint, self.server, self.roots_pem, self.certificate_pem, self.key_folder() / TLS_KEY)

    def signing_key(self) -> SigningKey:
        """The source's or partner's signing key, read now; `key-not-admitted` if it is another than the admitted."""
        key = read_private_as(self.key_folder() / SIGN_KEY, SigningKey.from_pem)
        admission = self.admission
        admitted = admission.key_digest if isinstance(admission, SourceAdmission) else admission.sign_key_digest
        self._expect_admitted(SIGN_KEY, key.key_digest, admitted)
        return key

    def kem_key(self) -> KemKey:
        """The partner's decryption key, read now; as `signing_key`. A source has none."""
        admission = self.admission
        if isinstance(admission, SourceAdmission):
            raise CallerError("profile-role", "a decryption key belongs to a partner, this is a source", at=self.id)
        key = read_private_as(self.key_folder() / KEM_KEY, KemKey.from_pem)
        self._expect_admitted(KEM_KEY, key.key_digest, admission.kem_key_digest)
        return key

    def check_follows(self, other: Profile) -> None:
        """Refuses `profile-other` unless the two differ in nothing but the certificate."""
        if self.digest != other.digest:
            raise CallerError("profile-other", "the profile must be the same but for its certificate", at=self.id)

    def write(self, path: Path) -> None:
        """Writes the file; reading it gives this profile again."""
        write_public(path, self.to_text())

    def to_text(self) -> bytes:
        """The bytes of the file."""
        title = (
            f"# Profile of the {self.role.value} {self.id}. Public; read its words to the operator before you use it."
        )
        parts = [
            title,
            f'format = "{FORMAT}"',
            f'role = "{self.role.value}"',
            f'id = "{self.id}"',
            f'keys = "{self.keys}"',
            f'endpoint = "{self.endpoint}"',
            f'server = "{self.server}"',
            f"roots = {literal(self.roots_pem)}",
            f"certificate = {literal(self.certificate_pem)}",
            f"admission = {literal(self.admission_text)}",
            f"agreements = [{''.join(literal(agreement.text) + ', ' for agreement in self.agreements)}]",
            f"genesis_statement = {wrapped(self.genesis.statement.encode())}",
            f"genesis_signatures = {wrapped(encode_signatures(self.genesis.signatures))}",
            f'roster_link = "{self.roster_link.hex()}"',
            f"roster_text = {literal(self.roster_text)}",
            *([] if self.guide_text is None else [f"guide = {literal(self.guide_text)}"]),
            "",
            "[vocabularies]",
            *(f'"{name}" = "{pin.hex()}"' for name, pin in self.vocabularies),
        ]
        return ("\n".join(parts) + "\n").encode("utf-8")

    def admitted_root(self) -> bytes:
        """DER of the root that this party's certificates come from."""
        for root in load_certificates(self.roots_pem, "roots"):
            if fingerprint(der(root)) == self.admission.binding.root:
                return der(root)
        raise _odd("roots", "with the root that the admission names")

    def _expect_admitted(self, name: str, found: bytes, admitted: bytes) -> None:
        if found != admitted:
            raise Fault(
                "key-not-admitted",
                "the key must be the one that was admitted, another is there",
                at=str(self.key_folder() / name),
                do="put back the key that was enrolled, or enrol again",
            )


def _odd(key: str, expected: str) -> Refused:
    return Refused(
        "profile-inconsistent",
        f"`{key}` of a profile must be {expected}, something else came",
        at=f"profile.{key}",
        do="ask the operator for the profile again",
    )
