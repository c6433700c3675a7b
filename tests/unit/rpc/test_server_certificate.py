"""What is put in the place of the server's files counts from the next handshake on if it is good, and only then."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from structlog.testing import capture_logs

from clients.certificates import certificate_request, der, new_tls_key
from clients.operator.ca import Authority, PartyKind, root_digest
from gateway.core.errors import Fault
from gateway.rpc.peer import AcceptedRoots
from gateway.rpc.server_certificate import ServerCertificate, ServerIdentity
from tests.security.wire import a_leaf

NOW = datetime.now(UTC)
NOW_MS = round(NOW.timestamp() * 1000)
KEY = new_tls_key()
OWN, OTHER = (Authority.create("sluice.example", NOW - timedelta(days=1)) for _ in range(2))


def chain(authority: Authority = OWN, *, key: bytes = KEY, now: datetime = NOW, hours: int = 24) -> bytes:
    """A certificate of the server."""
    request = certificate_request(key)
    return authority.issue(request, PartyKind.GATEWAY, "demo", now=now, hosts=["127.0.0.1"], hours=hours)


FIRST = ServerIdentity(KEY, chain(), OWN.root_pem())


@dataclass
class Files:
    """The three files, and what was told of their changes."""

    present: ServerIdentity = FIRST
    missing: bool = False
    told: list[AcceptedRoots] = field(default_factory=list)

    def read(self) -> ServerIdentity:
        """As they are now."""
        if self.missing:
            raise FileNotFoundError(2, "gone", "certificate.pem")
        return self.present

    def certificate(self) -> ServerCertificate:
        """In force, and watched."""
        made = ServerCertificate(self.read, lambda: NOW_MS)
        made.tell(self.told.append)
        return made


@pytest.mark.must("12.5.7")
def test_a_new_certificate_is_in_force_at_the_next_look() -> None:
    """A gateway that has to be restarted once a day ends every stream once a day."""
    files = Files()
    certificate = files.certificate()
    later = chain(now=NOW + timedelta(minutes=1))

    files.present = replace(FIRST, chain_pem=later)
    with capture_logs() as logs:
        certificate.look()

    assert certificate.identity.chain_pem == later
    assert [one["event"] for one in logs] == ["certificate.in-force"]


@pytest.mark.must("12.5.7")
def test_new_roots_are_told_to_whoever_tells_callers_apart() -> None:
    """TLS and the doorkeeper must go by the same roots, or one of them lets in what the other does not know."""
    files = Files()
    certificate = files.certificate()

    files.present = replace(FIRST, roots_pem=OWN.root_pem() + OTHER.root_pem())
    certificate.look()
    files.present = ServerIdentity(KEY, chain(OTHER), OTHER.root_pem())
    certificate.look()
    certificate.look()

    both, only = files.told
    assert set(both.by_fingerprint) == {root_digest(OWN.root), root_digest(OTHER.root)}
    assert set(only.by_fingerprint) == {root_digest(OTHER.root)}
    assert certificate.roots is only


BOTH = replace(FIRST, roots_pem=OWN.root_pem() + OTHER.root_pem())


@pytest.mark.must("12.5.11")
def test_a_root_goes_out_at_the_second_look_that_misses_it() -> None:
    """A file that is being written may end behind the first of its roots, and would cut off the parties of the next."""
    files = Files(BOTH)
    certificate = files.certificate()

    files.present = FIRST
    certificate.look()
    at_first = certificate.roots.by_fingerprint.keys()
    certificate.look()

    assert at_first == {root_digest(OWN.root), root_digest(OTHER.root)}
    assert certificate.roots.by_fingerprint.keys() == {root_digest(OWN.root)}
    assert [set(one.by_fingerprint) for one in files.told] == [{root_digest(OWN.root)}]


@pytest.mark.must("12.5.11")
@pytest.mark.parametrize(
    "between", [BOTH, replace(FIRST, roots_pem=b""), None], ids=["whole again", "empty", "unreadable"]
)
def test_roots_that_are_missing_for_a_moment_only_cut_nobody_off(between: ServerIdentity | None) -> None:
    """Two looks, with another thing between them, are no wish of anybody."""
    files = Files(BOTH)
    certificate = files.certificate()

    for present in (FIRST, between, FIRST, BOTH):
        files.missing, files.present = present is None, present or BOTH
        certificate.look()

    assert files.told == []
    assert certificate.identity == BOTH


@pytest.mark.must("12.5.11")
def test_a_file_that_is_still_growing_cuts_nobody_off() -> None:
    """Each look meets it a little longer, in the middle of a certificate or between two."""
    files = Files(BOTH)
    certificate = files.certificate()
    text, end = BOTH.roots_pem, len(OWN.root_pem())

    with capture_logs() as logs:
        for cut in (0, 200, end - 1, end, end + 1, end + 30, len(text) - 1, len(text)):
            files.present = replace(BOTH, roots_pem=text[:cut])
            certificate.look()

    assert all(len(one.by_fingerprint) == 2 for one in files.told)
    assert certificate.identity == BOTH
    assert "certificate.refused" in {one["event"] for one in logs}


def test_what_cannot_be_read_is_named_with_its_place() -> None:
    """Whoever looks after the machine must see which file it is."""
    files = Files()
    certificate = files.certificate()

    files.missing = True
    with capture_logs() as logs:
        certificate.look()

    assert [(one["event"], one["at"], one["in_force"]) for one in logs] == [
        ("certificate.refused", "certificate.pem", "the one before")
    ]


def of_no_version() -> bytes:
    """A root whose version is one that there is not; the library has an error of its own for that."""
    octets = der(OWN.root)
    at = octets.index(bytes.fromhex("a003020102")) + 4
    return base64_pem(octets[:at] + b"\x07" + octets[at + 1 :])


def base64_pem(octets: bytes) -> bytes:
    """A certificate's text around any bytes."""
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(octets) + b"-----END CERTIFICATE-----\n"


OF_NO_VERSION = of_no_version()
REFUSED: dict[str, Callable[[], ServerIdentity]] = {
    "another key": lambda: replace(FIRST, key_pem=new_tls_key()),
    "a certificate of another key": lambda: replace(FIRST, chain_pem=chain(key=new_tls_key())),
    "an expired one": lambda: replace(FIRST, chain_pem=chain(now=NOW - timedelta(hours=3), hours=1)),
    "one of the future": lambda: replace(FIRST, chain_pem=chain(now=NOW + timedelta(hours=3))),
    "one of no root that is there": lambda: replace(FIRST, chain_pem=chain(OTHER)),
    "roots that issued it not": lambda: replace(FIRST, roots_pem=OTHER.root_pem()),
    "no roots": lambda: replace(FIRST, roots_pem=b""),
    "a root and a piece of another": lambda: replace(FIRST, roots_pem=OWN.root_pem() + OTHER.root_pem()[:300]),
    "a root and another without its end": lambda: replace(FIRST, roots_pem=OWN.root_pem() + OTHER.root_pem()[:-10]),
    "half a file": lambda: replace(FIRST, chain_pem=FIRST.chain_pem[:300]),
    "a root of no version that there is": lambda: replace(FIRST, roots_pem=FIRST.roots_pem + OF_NO_VERSION),
    "no key": lambda: replace(FIRST, key_pem=b"nonsense"),
}


@pytest.mark.must("12.5.8")
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_good_is_named_once_and_what_was_in_force_stays(what: str) -> None:
    """A slip of a hand must not close the port; and it must be seen."""
    files = Files()
    certificate = files.certificate()

    files.present = REFUSED[what]()
    with capture_logs() as logs:
        certificate.look()
        certificate.look()

    assert certificate.identity == FIRST
    assert files.told == []
    assert [(one["event"], one["log_level"], one["code"]) for one in logs] == [
        ("certificate.refused", "error", "server-certificate")
    ]


def test_a_certificate_for_clients_is_no_servers() -> None:
    """Nobody would connect to it."""
    leaf = a_leaf(OWN, "spiffe://sluice.example/gateway/demo", usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    files = Files(ServerIdentity(leaf.key_pem, leaf.chain_pem, OWN.root_pem()))

    with pytest.raises(Fault) as caught:
        files.certificate()

    assert caught.value.code == "server-certificate"


def test_a_file_that_is_gone_for_a_moment_changes_nothing() -> None:
    """Whoever replaces it by hand may do so in two steps."""
    files = Files()
    certificate = files.certificate()

    files.missing = True
    with capture_logs() as logs:
        certificate.look()
        certificate.look()
    files.missing, files.present = False, replace(FIRST, chain_pem=chain(now=NOW + timedelta(minutes=1)))
    certificate.look()

    assert [one["event"] for one in logs] == ["certificate.refused"]
    assert certificate.identity == files.present


def test_the_private_key_is_in_no_text_of_it() -> None:
    """It is compared, and what is compared gets printed."""
    assert KEY.decode() not in repr(FIRST)
    assert "PRIVATE" not in repr(FIRST)
