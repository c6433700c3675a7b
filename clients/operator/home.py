"""An operator's home: the one place where an operator's private keys and the authority's root key are.

    HOME/ (0700)
      operator.toml   id, and whether this is a recovery key that lies offline
      sign.pem        the key that signs statements (0600)
      tls.key         the key of the operator's certificate (0600); none for a recovery key
      ca/             root.pem, root.key (0600): only in the home of whoever issues certificates
      gateway/        public: gateway.toml (endpoint, server), roots.pem, certificate.pem, genesis.sluice, seen.toml,
                      seen-tick

A key is read at the moment it signs. `seen.toml` is the newest head of the chain of statements that was verified from
here and `seen-tick` the newest tick of the ledger, so that a gateway that shows older or other ones is noticed. No
gateway process is ever given this path.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clients.certificates import (
    certificate_request,
    der,
    is_certified,
    leaf_of,
    load_certificates,
    new_tls_key,
    pem_of,
)
from clients.connection import Connection, split_endpoint
from clients.keyfiles import (
    make_private_directory,
    read_private,
    read_private_as,
    read_public,
    write_private,
    write_public,
)
from clients.operator.ca import Authority
from clients.operator.card import OperatorCard, make_card
from gateway.core.control.renewal import Renewal, make_renewal
from gateway.core.control.roster import Roster, check_signatures
from gateway.core.control.statement import SignedStatement
from gateway.core.control.texts import read_text
from gateway.core.errors import CallerError, Refused
from gateway.core.parties.identity import Identity, check_issued_by
from gateway.core.parties.renewed import check_next
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import Holder, StatementKind
from gateway.core.suite.octets import Reader, is_name

_MAX_PUBLIC_BYTES = 1024 * 1024
_GATEWAY_KEYS = frozenset({"endpoint", "server"})


@dataclass(frozen=True, slots=True)
class SeenHead:
    """The head last verified: how many statements, and the link of the last."""

    position: int
    link: bytes


@dataclass(frozen=True, slots=True)
class Home:
    """An opened home. offline: a recovery key's."""

    path: Path
    operator_id: str
    offline: bool

    @classmethod
    def create(cls, path: Path, operator_id: str, *, offline: bool = False) -> Home:
        """A new home with fresh keys; `file-exists` if there is one here already."""
        if not is_name(operator_id):
            raise CallerError("operator-id", "an id must be letters, digits and `._/-`", at=operator_id)
        make_private_directory(path)
        write_private(path / "sign.pem", SigningKey.generate().to_pem())
        if not offline:
            write_private(path / "tls.key", new_tls_key())
        text = f'id = "{operator_id}"\nrole = "{"recovery" if offline else "operator"}"\n'
        write_public(path / "operator.toml", text.encode("ascii"))
        return cls(path, operator_id, offline)

    @classmethod
    def open(cls, path: Path) -> Home:
        """The home at `path`; `home-missing` if there is none."""
        try:
            text = read_public(path / "operator.toml")
        except FileNotFoundError as error:
            raise CallerError(
                "home-missing",
                "an operator's home must be there, none is",
                at=str(path),
                do="`sluicectl operator init ID`",
            ) from error
        table = read_text(text, "operator.toml", {"id", "role"})
        role = table.choice("role", ("operator", "recovery"))
        make_private_directory(path)
        return cls(path, table.name("id"), role == "recovery")

    def signing_key(self) -> SigningKey:
        """The key that signs statements, read now."""
        return read_private_as(self.path / "sign.pem", SigningKey.from_pem)

    def card(self) -> OperatorCard:
        """The public half, freshly signed: its words differ from those of a card made before."""
        request = b"" if self.offline else read_private_as(self.path / "tls.key", certificate_request)
        return make_card(self.operator_id, self.signing_key(), request)

    def keep_authority(self, authority: Authority) -> None:
        """Puts a new authority into this home; `file-exists` if it has one."""
        make_private_directory(self.path / "ca")
        write_private(self.path / "ca" / "root.key", authority.key_pem())
        write_public(self.path / "ca" / "root.pem", authority.root_pem())

    def renewal(self, now_ms: int) -> Renewal:
        """The operator's request for its next certificate, signed now."""
        return make_renewal(
            self.signing_key(),
            genesis=self.genesis().statement.link,
            holder=Holder.OPERATOR,
            holder_id=self.operator_id,
            time_ms=now_ms,
            certificate_request=read_private_as(self.path / "tls.key", certificate_request),
            certificate=der(leaf_of(self._connected("certificate.pem"))),
        )

    def install(self, certificate: bytes, now_ms: int) -> Identity:
        """Puts this operator's next certificate, DER, in the place of the one in use; refuses as `check_next`."""
        present = der(leaf_of(self._connected("certificate.pem")))
        identity = check_next(present, certificate, self._root_of(present), now_ms)
        write_public(self._gateway / "certificate.pem", pem_of(certificate))
        return identity

    def _root_of(self, certificate: bytes) -> bytes:
        for root in load_certificates(self.roots_pem(), "roots"):
            with suppress(Refused):
                check_issued_by(certificate, der(root))
                return der(root)
        raise Refused("certificate-other-root", "a root of this home must have issued its certificate", at="roots")

    def has_authority(self) -> bool:
        """Whether certificates are issued from here."""
        return (self.path / "ca" / "root.pem").exists()

    def authority(self) -> Authority:
        """The authority of this home; `ca-missing` if there is none."""
        if not self.has_authority():
            raise CallerError(
                "ca-missing",
                "this home must have an authority, it has none",
                at=str(self.path),
                do="`sluicectl ca init`",
            )
        return Authority.load(read_public(self.path / "ca" / "root.pem"), read_private(self.path / "ca" / "root.key"))

    def connect(
        self,
        *,
        endpoint: str | None = None,
        server: str | None = None,
        roots_pem: bytes | None = None,
        certificate_pem: bytes | None = None,
        genesis: bytes | None = None,
    ) -> None:
        """Keeps how to reach the gateway and the genesis it is held to; None keeps what is known already.

        All of it is public, and checked before any of it is kept.
        """
        endpoint = self.connection().endpoint if endpoint is None else endpoint
        server = self.connection().server if server is None else server
        roots_pem = self._connected("roots.pem") if roots_pem is None else roots_pem
        certificate_pem = self._connected("certificate.pem") if certificate_pem is None else certificate_pem
        genesis = self._connected("genesis.sluice") if genesis is None else genesis
        split_endpoint(endpoint)
        load_certificates(roots_pem, "roots")
        founding = read_genesis(genesis)
        check_signatures(founding, Roster.parse(founding.statement.body))
        if not is_certified(read_private(self.path / "tls.key"), leaf_of(certificate_pem)):
            raise CallerError("certificate-key", "the certificate must be of this home's TLS key", at="certificate")
        text = f'endpoint = "{endpoint}"\nserver = "{server}"\n'.encode()
        read_text(text, "gateway.toml", _GATEWAY_KEYS)
        make_private_directory(self._gateway)
        write_public(self._gateway / "roots.pem", roots_pem)
        write_public(self._gateway / "certificate.pem", certificate_pem)
        write_public(self._gateway / "genesis.sluice", genesis)
        write_public(self._gateway / "gateway.toml", text)

    def is_connected(self) -> bool:
        """Whether this home was told its gateway."""
        return (self._gateway / "gateway.toml").exists()

    def connection(self) -> Connection:
        """How to reach the gateway as this operator; `not-connected` before `connect`."""
        table = read_text(self._connected("gateway.toml"), "gateway.toml", _GATEWAY_KEYS)
        return Connection(
            table.string("endpoint", 256),
            table.string("server", 256),
            self._connected("roots.pem"),
            self._connected("certificate.pem"),
            self.path / "tls.key",
        )

    def genesis(self) -> SignedStatement:
        """The statement the gateway is held to, with every signature; `not-connected` before `connect`."""
        return read_genesis(self._connected("genesis.sluice"))

    def roots_pem(self) -> bytes:
        """The roots whose certificates the gateway accepts, as this operator knows them."""
        return self._connected("roots.pem")

    def seen(self) -> SeenHead | None:
        """The head last verified from here; None if none was yet."""
        path = self._gateway / "seen.toml"
        if not path.exists():
            return None
        table = read_text(read_public(path), "seen.toml", {"position", "link"})
        return SeenHead(table.integer("position", 1, 2**63), table.hex_bytes("link"))

    def remember(self, head: SeenHead) -> None:
        """Keeps a head that was verified."""
        text = f'position = {head.position}\nlink = "{head.link.hex()}"\n'
        write_public(self._gateway / "seen.toml", text.encode("ascii"))

    def seen_tick(self) -> bytes:
        """The newest tick verified from here, as `SeenLedger` keeps it; empty if none was yet."""
        path = self._gateway / "seen-tick"
        return read_public(path) if path.exists() else b""

    def remember_tick(self, seen: bytes) -> None:
        """Keeps a tick that was verified."""
        write_public(self._gateway / "seen-tick", seen)

    @property
    def _gateway(self) -> Path:
        return self.path / "gateway"

    def _connected(self, name: str) -> bytes:
        try:
            return read_public(self._gateway / name, _MAX_PUBLIC_BYTES)
        except FileNotFoundError as error:
            raise CallerError(
                "not-connected",
                "this home must know its gateway, it knows none",
                at=str(self.path),
                do="`sluicectl operator connect` with every option",
            ) from error


def read_genesis(encoded: bytes) -> SignedStatement:
    """The founding statement of a genesis file; refuses `malformed`. Verifies no signature: some may be missing."""
    reader = Reader(encoded, "genesis")
    signed = SignedStatement.read(reader)
    reader.done()
    if signed.statement.kind is not StatementKind.GENESIS:
        raise reader.refuse("kind", "GENESIS")
    return signed
