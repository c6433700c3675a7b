"""An operator's home and the files of a party: keys that nobody else may read, public files that are whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clients.certificates import certificate_request, new_tls_key
from clients.connection import Connection
from clients.enrolment import PartyRole, enrol
from clients.operator.ca import Authority, PartyKind
from clients.operator.card import OperatorCard, is_card, make_card, parse_card
from clients.operator.home import Home, SeenHead, read_genesis
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.keys import SigningKey
from tests.unit.operator.parties import NOW, SERVER, a_genesis, homes


def mode_of(path: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def private_files(folder: Path) -> dict[str, int]:
    """Every file below `folder` that holds a private key, with its mode."""
    return {
        str(path.relative_to(folder)): mode_of(path)
        for path in folder.rglob("*")
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes()
    }


@pytest.mark.must("12.1.1")
def test_every_private_key_of_a_home_is_its_owners_alone(tmp_path: Path) -> None:
    """Also under a umask that would let everybody read."""
    before = os.umask(0)
    try:
        home = Home.create(tmp_path / "home", "officer-1")
        home.keep_authority(Authority.create("sluice.example", NOW))
    finally:
        os.umask(before)

    assert private_files(home.path) == {"sign.pem": 0o600, "tls.key": 0o600, "ca/root.key": 0o600}
    assert mode_of(home.path) == mode_of(home.path / "ca") == 0o700


def test_a_home_comes_back_as_it_was_made(tmp_path: Path) -> None:
    """Id, role and the very key."""
    made = Home.create(tmp_path / "home", "officer-1")

    opened = Home.open(tmp_path / "home")

    assert opened == made
    assert opened.signing_key().key_digest == opened.card().key_digest == made.signing_key().key_digest


@pytest.mark.parametrize("operator_id", ["", "officer 1", 'o"', "о1"])
def test_a_home_is_made_for_an_identifier_only(tmp_path: Path, operator_id: str) -> None:
    """The id goes into texts that people sign."""
    with pytest.raises(CallerError) as caught:
        Home.create(tmp_path / "home", operator_id)

    assert caught.value.code == "operator-id"
    assert not (tmp_path / "home").exists()


def test_a_home_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    """The first command of every newcomer."""
    with pytest.raises(CallerError) as caught:
        Home.open(tmp_path / "none")

    assert (caught.value.code, caught.value.do) == ("home-missing", "`sluicectl operator init ID`")


def test_a_home_without_authority_or_gateway_says_what_to_do(tmp_path: Path) -> None:
    """Both come later, and in only some homes."""
    home = Home.create(tmp_path / "home", "officer-1")

    for wanted, code in (
        (home.authority, "ca-missing"),
        (home.connection, "not-connected"),
        (home.genesis, "not-connected"),
    ):
        with pytest.raises(CallerError) as caught:
            wanted()
        assert caught.value.code == code


def test_an_authority_is_kept_and_never_replaced(tmp_path: Path) -> None:
    """A second root would leave every party bound to the first one outside."""
    home = Home.create(tmp_path / "home", "officer-1")
    authority = Authority.create("sluice.example", NOW)

    home.keep_authority(authority)

    assert home.authority().root_pem() == authority.root_pem()
    with pytest.raises(CallerError) as caught:
        home.keep_authority(Authority.create("sluice.example", NOW))
    assert caught.value.code == "file-exists"


def connected(tmp_path: Path) -> tuple[Home, Authority, bytes]:
    """An operator's home with a certificate, an authority and a genesis file."""
    operators = homes(tmp_path)
    authority = Authority.create("sluice.example", NOW)
    home = operators[0]
    certificate = authority.issue(home.card().certificate_request, PartyKind.OPERATOR, "officer-1", now=NOW)
    home.connect(
        endpoint="gw.example.ua:8443",
        server=SERVER,
        roots_pem=authority.root_pem(),
        certificate_pem=certificate,
        genesis=a_genesis(operators).encode(),
    )
    return home, authority, certificate


def test_a_connected_home_knows_its_gateway(tmp_path: Path) -> None:
    """What was told once is used by every command."""
    home, authority, certificate = connected(tmp_path)

    assert home.connection() == Connection(
        "gw.example.ua:8443", SERVER, authority.root_pem(), certificate, home.path / "tls.key"
    )
    assert home.genesis().statement.position == 0
    assert home.roots_pem() == authority.root_pem()


def test_a_certificate_of_another_key_connects_nothing(tmp_path: Path) -> None:
    """It would fail much later, in a handshake that says nothing."""
    home, authority, _ = connected(tmp_path)
    other = Home.create(tmp_path / "other", "officer-2")
    stolen = authority.issue(other.card().certificate_request, PartyKind.OPERATOR, "officer-1", now=NOW)

    with pytest.raises(CallerError) as caught:
        home.connect(
            endpoint="gw:1",
            server=SERVER,
            roots_pem=authority.root_pem(),
            certificate_pem=stolen,
            genesis=home.genesis().encode(),
        )

    assert caught.value.code == "certificate-key"
    assert home.connection().endpoint == "gw.example.ua:8443"


def test_the_head_that_was_verified_is_remembered(tmp_path: Path) -> None:
    """So that an older or another chain is noticed the next time."""
    home, _, _ = connected(tmp_path)
    before = home.seen()

    home.remember(SeenHead(7, bytes([3]) * 48))

    assert (before, home.seen()) == (None, SeenHead(7, bytes([3]) * 48))


@pytest.mark.must("12.3.4")
def test_only_a_founding_statement_is_a_genesis_file(tmp_path: Path) -> None:
    """Bytes after it, or another statement, would be another trust anchor."""
    encoded = a_genesis(homes(tmp_path)).encode()

    assert read_genesis(encoded).encode() == encoded
    with pytest.raises(Refused):
        read_genesis(encoded + b"\x00")
    with pytest.raises(Refused):
        read_genesis(encoded[:-1])


def test_a_recovery_key_has_a_card_without_a_request_and_no_tls_key(tmp_path: Path) -> None:
    """It lies offline and never opens a connection."""
    home = Home.create(tmp_path / "usb", "recovery-1", offline=True)

    assert Home.open(tmp_path / "usb").card().certificate_request == b""
    assert private_files(home.path) == {"sign.pem": 0o600}


def a_card() -> OperatorCard:
    """A card of a fresh key."""
    return make_card("officer-1", SigningKey.generate(), certificate_request(new_tls_key()))


def test_a_card_is_read_as_it_was_made() -> None:
    """Id, key and request, and the same four words at both ends."""
    card = a_card()

    again = parse_card(card.encoded)

    assert again == card
    assert is_card(card.encoded)
    assert again.words() == card.words()
    assert len(card.words().split("-")) == 4


@pytest.mark.must("12.3.1")
@pytest.mark.parametrize("cut", [0, 1, 100, 2700, -1])
def test_a_damaged_card_is_refused(cut: int) -> None:
    """Its key would enter a roster."""
    encoded = bytearray(a_card().encoded)

    with pytest.raises(Refused):
        parse_card(bytes(encoded[:cut]))
    encoded[cut] ^= 1
    with pytest.raises(Refused):
        parse_card(bytes(encoded))


def test_a_card_too_long_is_refused_before_it_is_read() -> None:
    """It comes by mail."""
    with pytest.raises(Refused) as caught:
        parse_card(bytes(40_000))

    assert caught.value.code == "malformed"


def test_a_bundle_is_no_card(tmp_path: Path) -> None:
    """A party must not end up among the operators."""
    bundle, _ = enrol(tmp_path / "usa-arl", PartyRole.PARTNER, "usa/arl")

    assert not is_card(bundle.encoded)
    with pytest.raises(Refused):
        parse_card(bundle.encoded)
