"""The profile: a party's trust anchor, from which everything it believes hangs. SPEC.md section 11."""

from __future__ import annotations

import base64
import re
import tomllib
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256

from . import statements as st
from . import texts
from .labels import Clearance, Cleared
from .octets import IDENTIFIER, Refusal, h, lp8, lp32, require, tag, u16
from .statements import Roster, Statement
from .suite import Memory, text_digest
from .trust import Trust

# What the library says of a certificate that cannot be read, or was not issued by that root.
_UNREADABLE = (
    *(ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, InternalError),
    *(x509.InvalidVersion, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)


@dataclass(frozen=True)
class Agreement:
    """What a reader checks of its agreement: numbers of kinds and modes, and the sources, or None for all."""

    id: str
    text: bytes
    kinds: frozenset[int]
    modes: frozenset[int]
    sources: frozenset[str] | None
    designs: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, raw: bytes) -> Agreement:
        """The agreement of a text (2.5)."""
        read = texts.body_text(st.AGREEMENT, raw, "agreement")
        texts.check_agreement(read, "agreement")
        sources = read["sources"]
        return cls(
            str(read["id"]),
            raw,
            frozenset(texts.KINDS[one] for one in texts.strings(read["kinds"])),
            frozenset(texts.MODES[one] for one in texts.strings(read["modes"])),
            None if sources == "all" else frozenset(texts.strings(sources)),
            frozenset(texts.strings(read.get("designs", ()))),
        )

    @property
    def digest(self) -> bytes:
        """The text digest, which Hello, T and G carry."""
        return text_digest(self.id, self.text)


@dataclass(frozen=True)
class Party:
    """Who reads a stream: its id, the genesis, its clearances, and the vocabularies that its profile pins.

    `agreements` are by id. `vocabularies` is None for a reader that pins none and takes what is endorsed.
    """

    id: str
    genesis: bytes
    nation: str
    clearances: dict[str, Clearance]
    agreements: dict[str, Agreement]
    vocabularies: dict[str, bytes] | None = None

    def cleared(self, agreement: Agreement) -> Cleared:
        """The party as labels see it under this agreement."""
        return Cleared(self.nation, self.clearances, agreement.designs)


_KEYS = {
    **dict.fromkeys(("format", "role", "id", "keys", "endpoint", "server", "roots", "certificate", "admission"), str),
    "agreements": list,
    "genesis_statement": str,
    "genesis_signatures": str,
    "roster_link": str,
    "roster_text": str,
    "vocabularies": dict,
}
# What is written in one way, and what are texts of one or more lines.
_HOST = r"([A-Za-z0-9.-]+|\[[A-Za-z0-9.-]*:[A-Za-z0-9.:-]*\])"
_FORMS = {
    "id": IDENTIFIER,
    "keys": re.compile(r"(?!(.*/)?\.\.?(/|$))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*"),
    "endpoint": re.compile(_HOST + ":[1-9][0-9]{0,4}"),
    "server": texts.IDENTITY,
}
_LINES = ("roots", "certificate", "admission", "genesis_statement", "genesis_signatures", "roster_text", "guide")


@dataclass(frozen=True)
class Profile:
    """A profile whose parts belong together. `fields` are its keys as they stand in the file."""

    fields: dict[str, object]
    genesis: bytes
    genesis_statement: bytes
    genesis_signatures: bytes
    roster_link: bytes
    party: Party

    @classmethod
    def parse(cls, raw: bytes, memory: Memory) -> Profile:
        """The profile of a file, or a refusal of what in it does not belong together."""
        fields = _read(raw)
        statement_raw, sigs = _base64(fields, "genesis_statement"), _base64(fields, "genesis_signatures")
        statement = Statement.parse(statement_raw)
        # 1. The genesis is signed by every operator it names, and by nobody else.
        require(statement.kind == st.GENESIS, "profile-inconsistent", "profile.genesis_statement")
        st.check_signed(statement, sigs, Roster.parse(statement.body), memory)
        # 2.
        link = _hex(fields, "roster_link")
        roster_text = str(fields["roster_text"]).encode()
        Roster.parse(roster_text)
        same = link != statement.link or roster_text == statement.body
        require(same, "profile-inconsistent", "profile.roster_text")
        # 3. and 4.
        is_source = fields["role"] == "source"
        admission = texts.body_text(
            st.SOURCE if is_source else st.PARTNER, str(fields["admission"]).encode(), "profile.admission"
        )
        require(admission["id"] == fields["id"], "profile-inconsistent", "profile.admission")
        agreements = [Agreement.parse(str(one).encode()) for one in _list(fields["agreements"])]
        for one in agreements:
            to = texts.read_text(one.text, "profile.agreements")["to"]
            require(to == fields["id"] and not is_source, "profile-inconsistent", "profile.agreements")
        require(len({one.id for one in agreements}) == len(agreements), "profile-inconsistent", "profile.agreements")
        _check_certificate(fields, admission)
        pinned = {name: _hex(_dict(fields["vocabularies"]), name) for name in _dict(fields["vocabularies"])}
        party = Party(
            str(fields["id"]),
            statement.link,
            str(admission.get("nation", "")),
            {name: _clearance(one) for name, one in _dict(admission.get("clearance", {})).items()},
            {one.id: one for one in agreements},
            pinned,
        )
        return cls(fields, statement.link, statement_raw, sigs, link, party)

    def trust(self, memory: Memory) -> Trust:
        """A fresh reader's trust: the genesis and the roster that the profile names."""
        return Trust(self.genesis, memory, self.roster_link, str(self.fields["roster_text"]).encode())

    def hashed(self) -> bytes:
        """What the words of the profile are over."""
        fields = self.fields
        agreements = [str(one).encode() for one in _list(fields["agreements"])]
        pinned = sorted(_dict(fields["vocabularies"]))
        return b"".join(
            [
                tag("profile"),
                *(lp8(str(fields[name]).encode()) for name in ("role", "id", "keys", "endpoint", "server")),
                lp32(str(fields["roots"]).encode()),
                lp32(self.genesis_statement),
                lp32(self.genesis_signatures),
                self.roster_link,
                *(lp32(str(fields[name]).encode()) for name in ("roster_text", "admission")),
                u16(len(agreements)),
                *map(lp32, agreements),
                lp32(str(fields.get("guide", "")).encode()),
                u16(len(pinned)),
                *(lp8(name.encode()) + _hex(_dict(fields["vocabularies"]), name) for name in pinned),
            ]
        )

    @property
    def digest(self) -> bytes:
        """The digest that is read by voice as four words."""
        return h(self.hashed())


def _read(raw: bytes) -> dict[str, object]:
    short = len(raw) <= 1 << 20 and all(len(line) <= 2048 for line in raw.split(b"\n"))
    require(short, "profile-malformed", "profile")
    try:
        fields: dict[str, object] = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refusal("profile-malformed", "profile") from error
    for name, value in fields.items():
        require(name in _KEYS or name == "guide", "text-unknown-key", f"profile.{name}")
        require(type(value) is _KEYS.get(name, str), "text-value", f"profile.{name}")
    for name in _KEYS:
        require(name in fields, "text-missing-key", f"profile.{name}")
    require(fields["format"] == "SLUICE1/profile", "text-value", "profile.format")
    require(fields["role"] in {"source", "partner"}, "text-value", "profile.role")
    for name, written in _FORMS.items():
        texts.form(written)(fields[name], f"profile.{name}")
        require(len(str(fields[name])) <= 255, "text-value", f"profile.{name}")
    require(int(str(fields["endpoint"]).rpartition(":")[2]) <= 65_535, "text-value", "profile.endpoint")
    for one in [*_list(fields["agreements"]), *(fields[name] for name in _LINES if name in fields)]:
        require(isinstance(one, str) and one and "\r" not in one, "text-value", "profile")
    return fields


def _check_certificate(fields: dict[str, object], admission: dict[str, object]) -> None:
    """The certificate has the admitted identity as its one URI and was issued by the admitted root (11, point 4)."""
    at = "profile.certificate"
    try:
        own = x509.load_pem_x509_certificates(str(fields["certificate"]).encode())[0]
        roots = x509.load_pem_x509_certificates(str(fields["roots"]).encode())
        found = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [(type(one), one.value) for one in found]
    except _UNREADABLE as error:
        raise Refusal("certificate-malformed", at) from error
    root = [one for one in roots if one.fingerprint(SHA256()).hex() == admission["root"]]
    admitted = names == [(x509.UniformResourceIdentifier, admission["identity"])] and root
    require(admitted, "profile-inconsistent", at)
    try:
        own.verify_directly_issued_by(root[0])
    except _UNREADABLE as error:
        raise Refusal("certificate-other-root", at) from error


def _base64(fields: dict[str, object], name: str) -> bytes:
    try:
        return base64.b64decode("".join(str(fields[name]).split("\n")), validate=True)
    except ValueError as error:
        raise Refusal("text-value", f"profile.{name}") from error


def _hex(fields: dict[str, object], name: str) -> bytes:
    return bytes.fromhex(str(texts.KEY(fields[name], f"profile.{name}")))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _clearance(value: object) -> Clearance:
    rows = _dict(value)
    held = {name: frozenset(texts.strings(one)) for name, one in rows.items() if name != "level"}
    return Clearance(str(rows["level"]), held)
