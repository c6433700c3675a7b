"""Threat: whatever else connects. One table of certificates and connections, one answer to all that are not taken.

The gateway is `sluice serve` as it is installed, started anew after everything was revoked. The client is one that
decides itself what it offers; where only TLS of the client library can offer something, the library is used.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from clients.certificates import der
from clients.enrolment import PartyRole
from clients.operator.ca import Authority, PartyKind, root_digest
from clients.operator.drafts import certificate_revocation_text, partner_text, serials_revocation_text
from clients.operator.revocation_list import read_revocation_list
from clients.testing.processes import wait_for
from clients.testing.served import Served
from gateway.core.parties.identity import fingerprint
from gateway.core.suite.numbers import StatementKind
from gateway.rpc.convert import wrap
from gateway.settings import FILE
from tests.hellos import a_hello
from tests.loopback import Loopback
from tests.security.raw_http2 import Agreed, ask
from tests.security.wire import FOLLOW, HEALTH, READ_CONTROL, Heard, Leaf, a_leaf, call, channel
from tests.stand import CLEARANCES, DOMAIN, agreement_text
from tests.unit.operator.lists import a_list

ARL, DSTL, WTD = "usa/arl", "gbr/dstl", "deu/wtd81"
OWN = f"spiffe://{DOMAIN}/partner/{{}}".format
ARLS = f"spiffe://usa.example/partner/{ARL}"
OFFICER = f"spiffe://{DOMAIN}/operator/officer-1"
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
HOUR = timedelta(hours=1)
DENIED = Heard("PERMISSION_DENIED", {"at": "", "code": "denied", "do": "give the operator: ", "message": "not allowed"})


class Port:
    """A gateway with three partners, and certificates that are revoked.

    usa/arl has an authority of its own, gbr/dstl asks for a hybrid key exchange, deu/wtd81 is suspended.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = Loopback(root)
        stand = self.world.stand
        self.own, self.other = stand.authority, Authority.create("usa.example", datetime.now(UTC))
        self.stranger = Authority.create("stranger.example", datetime.now(UTC))
        stand.settings.roots.write_bytes(self.own.root_pem() + self.other.root_pem())
        self.revoked = {name: a_leaf(self.other, ARLS) for name in ("by fingerprint", "by serial", "by list")}
        self.officer = a_leaf(self.own, OFFICER)
        self.world.start(WTD)
        self._admit(ARL, "usa.example", self.other)
        self._admit(DSTL, DOMAIN, self.own, key_exchange="X25519MLKEM768")
        self.world.run(stand.issue_directory())
        self.hello = wrap(a_hello(stand.profile(WTD)))
        self.world.run(stand.suspend(PartyKind.PARTNER, WTD))
        self._revoke()
        self.world.stop()
        # A new process: what was revoked is known from the store alone.
        (stand.settings.store.parent / FILE).write_text(stand.settings.to_toml())
        self.served = Served(stand.settings.store.parent, root / "gateway.log")
        self.served.start()

    def _admit(self, partner_id: str, domain: str, authority: Authority, key_exchange: str | None = None) -> None:
        stand = self.world.stand
        nation, clearance = CLEARANCES[partner_id]
        bundle = stand.enrol(partner_id, PartyRole.PARTNER)
        text = partner_text(
            bundle,
            trust_domain=domain,
            root=root_digest(authority.root),
            nation=nation,
            clearance=clearance.encode(),
            key_exchange=key_exchange,
        )
        self.world.run(stand.apply(StatementKind.PARTNER, text, bundle.encoded))
        self.world.run(stand.apply(StatementKind.AGREEMENT, agreement_text(partner_id)))

    def _revoke(self) -> None:
        now, root = datetime.now(UTC), root_digest(self.other.root)
        listed = a_list(self.other, _serial(self.revoked["by list"]), last=now - HOUR, until=now + HOUR)
        found = read_revocation_list(listed, [self.own.root, self.other.root], now)
        for body in (
            certificate_revocation_text(_print(self.revoked["by fingerprint"]), "a test"),
            certificate_revocation_text(_print(self.officer), "a test"),
            serials_revocation_text(root, [f"{_serial(self.revoked['by serial']):x}"], "a test"),
            serials_revocation_text(found.root, found.serials, "a test"),
        ):
            stand = self.world.stand
            self.world.run(stand.apply(StatementKind.REVOKE, body, signers=stand.operators[:1]))

    def ask(self, row: Row) -> Agreed:
        """What this client is told."""
        return ask(
            self.served.port,
            self.own.root_pem(),
            row.leaf(self),
            self.root,
            row.method,
            row.message(self),
            version=row.version,
            group=row.group,
        )

    def ask_by_library(self, row: Row) -> Heard:
        """What the client library is told with this certificate."""

        async def scenario() -> Heard:
            async with channel(self.served.port, self.own.root_pem(), row.leaf(self)) as opened:
                return await call(opened, row.method, row.message(self))

        return self.world.run(scenario())

    def why(self, heard: Heard) -> str:
        """The code that the gateway's log has under the reference that the client was told."""
        reference = heard.facts["do"].rpartition(" ")[2]
        found = re.search(rf'"code": "([a-z-]+)".*"reference": "{reference}"', self.served.tail())
        return found[1] if found else ""


@dataclass(frozen=True)
class Row:
    """A client. reason: a code of the gateway's log, or what TLS says in it of a handshake; empty if it is served."""

    leaf: Callable[[Port], Leaf | None]
    reason: str
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    group: str = ""
    method: str = HEALTH
    message: Callable[[Port], bytes] = lambda port: b""

    @property
    def is_handshake(self) -> bool:
        """Whether it fails before a byte of a request is read."""
        return " " in self.reason or self.reason.isupper()


def _print(leaf: Leaf) -> str:
    return fingerprint(der(x509.load_pem_x509_certificate(leaf.chain_pem)))


def _serial(leaf: Leaf) -> int:
    return x509.load_pem_x509_certificate(leaf.chain_pem).serial_number


def _arl(**changed: object) -> Callable[[Port], Leaf]:
    return lambda port: a_leaf(port.other, ARLS, **changed)  # type: ignore[arg-type]  # options by name


TABLE = {
    "a good one": Row(_arl(), ""),
    "a good one of the gateway's own authority, hybrid": Row(lambda port: a_leaf(port.own, OWN(DSTL)), ""),
    "no certificate": Row(lambda port: None, "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
    "of a root nobody accepts": Row(lambda port: a_leaf(port.stranger, ARLS), "unable to get local issuer certificate"),
    "expired": Row(_arl(starts=-2 * HOUR, ends=-HOUR), "certificate has expired"),
    "not yet valid": Row(_arl(starts=HOUR, ends=2 * HOUR), "certificate is not yet valid"),
    "for servers": Row(_arl(usage=SERVER), "unsupported certificate purpose"),
    "over TLS 1.2": Row(_arl(), "NO_SHARED_CIPHER", version=ssl.TLSVersion.TLSv1_2),
    "of the root of another party": Row(lambda port: a_leaf(port.own, ARLS), "certificate-other-root"),
    "of another party, of the own root": Row(lambda port: a_leaf(port.other, OWN(DSTL)), "certificate-other-root"),
    "revoked by fingerprint": Row(lambda port: port.revoked["by fingerprint"], "certificate-revoked"),
    "revoked by serial": Row(lambda port: port.revoked["by serial"], "certificate-revoked"),
    "revoked by an imported list": Row(lambda port: port.revoked["by list"], "certificate-revoked"),
    "of an operator, revoked": Row(lambda port: port.officer, "certificate-revoked", method=READ_CONTROL),
    "two identities": Row(lambda port: a_leaf(port.other, ARLS, OWN(DSTL)), "certificate-identity"),
    "a common name only": Row(lambda port: a_leaf(port.other, common_name=ARLS), "certificate-identity"),
    "an authority as a leaf": Row(_arl(is_authority=True), "certificate-identity"),
    "for nothing in particular": Row(_arl(usage=None), "certificate-use"),
    "a P-256 key": Row(
        lambda port: a_leaf(port.other, ARLS, key=ec.generate_private_key(ec.SECP256R1())), "certificate-key"
    ),
    "of a trust domain that is not its root's": Row(
        lambda port: a_leaf(port.other, f"spiffe://elsewhere.example/partner/{ARL}"), "peer-unknown"
    ),
    "of a party that is not there": Row(lambda port: a_leaf(port.other, f"{ARLS}-2"), "peer-unknown"),
    "of an operator, by a partner's authority": Row(
        lambda port: a_leaf(port.other, OFFICER), "certificate-other-root", method=READ_CONTROL
    ),
    "of an operator of another domain": Row(
        lambda port: a_leaf(port.other, "spiffe://usa.example/operator/officer-1"), "peer-unknown", method=READ_CONTROL
    ),
    "of a suspended party": Row(
        lambda port: a_leaf(port.own, OWN(WTD)), "denied", method=FOLLOW, message=lambda port: port.hello
    ),
    "over X25519, where the hybrid is asked for": Row(
        lambda port: a_leaf(port.own, OWN(DSTL)), "key-exchange", group="X25519"
    ),
    "over P-256, where the hybrid is asked for": Row(
        lambda port: a_leaf(port.own, OWN(DSTL)), "key-exchange", group="prime256v1"
    ),
}
# What this library offers by itself is right in these; what was wrong is what another client offers.
OFFERED = {name for name, row in TABLE.items() if row.group or row.version is not ssl.TLSVersion.TLSv1_3}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    """One gateway for the table."""
    port = Port(tmp_path_factory.mktemp("matrix"))
    yield port
    assert port.served.stop() == 0
    port.world.close()


@pytest.mark.must("2.5.1", "2.5.19", "2.7.14", "2.7.16", "12.4.2", "12.4.3", "12.4.8", "12.4.11", "12.5.1", "12.5.6")
@pytest.mark.parametrize("what", TABLE)
def test_who_connects_is_served_or_told_nothing_but_no(port: Port, what: str) -> None:
    """The same words of the same length, whatever was wrong; the log has the reason under the reference."""
    row = TABLE[what]
    before = port.served.logged()

    if what.endswith("hybrid"):
        # Python's own TLS offers no hybrid key exchange.
        heard, failure = port.ask_by_library(row), ""
    else:
        agreed = port.ask(row)
        heard, failure = agreed.heard, agreed.failure

    if not row.reason:
        assert (heard, failure) == (Heard("OK", {}, (b"\x08\x01",)), "")
    elif row.is_handshake:
        assert (heard, failure) == (Heard("UNAVAILABLE", {}), "closed")
        wait_for(lambda: row.reason in port.served.tail(before), "the reason in the log")
    else:
        assert _without_reference(heard) == DENIED
        assert port.why(heard) == row.reason


def _without_reference(heard: Heard) -> Heard:
    facts = {**heard.facts, "do": re.sub("[0-9a-f]{8}$", "", heard.facts.get("do", ""))}
    return Heard(heard.status, facts, heard.answers)


@pytest.mark.must("12.5.6")
@pytest.mark.parametrize("what", sorted(set(TABLE) - OFFERED))
def test_the_client_library_is_told_the_same(port: Port, what: str) -> None:
    """What a partner's own software shows its user is no more than what an attacker reads from the wire."""
    row = TABLE[what]

    heard = port.ask_by_library(row)

    if not row.reason:
        assert heard == Heard("OK", {}, (b"\x08\x01",))
    elif row.is_handshake:
        assert heard == Heard("UNAVAILABLE", {})
    else:
        assert _without_reference(heard) == DENIED


def test_the_table_has_a_row_for_every_reason_of_the_door() -> None:
    """A check that nobody tries is one nobody would miss."""
    reasons = {row.reason for row in TABLE.values()}

    assert reasons >= {
        "certificate-identity",
        "certificate-key",
        "certificate-other-root",
        "certificate-revoked",
        "certificate-use",
        "key-exchange",
        "peer-unknown",
    }
    assert len(TABLE) >= 20
