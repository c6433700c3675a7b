"""An operator's home and the files of a party: keys that nobody else may read, public files that are whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clients.certificates import certificate_request, is_certified, leaf_of, load_certificates, new_tls_key
from clients.connection import Connection
from clients.enrolment import PartyRole, bundle_of, enrol
from clients.keyfiles import make_private_directory, read_private, read_public, write_private, write_public
from clients.operator.ca import Authority, PartyKind
from clients.operator.card import OperatorCard, is_card, make_card, parse_card
from clients.operator.home import Home, SeenHead, read_genesis
from gateway.core.control.enrolment import parse_bundle
from gateway.core.errors import CallerError, Fault, GatewayError, Refused
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import Role
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


def test_every_private_key_of_a_party_is_its_owners_alone(tmp_path: Path) -> None:
    """The folder a partner makes holds all that is worth stealing."""
    enrol(tmp_path / "usa-arl", PartyRole.PARTNER, "usa/arl")
    enrol(tmp_path / "src", PartyRole.SOURCE, "src-3f07")

    assert private_files(tmp_path) == {
        "usa-arl/tls.key": 0o600,
        "usa-arl/sign.pem": 0o600,
        "usa-arl/kem.pem": 0o600,
        "src/tls.key": 0o600,
        "src/sign.pem": 0o600,
    }


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_file_open_to_others_is_not_read(tmp_path: Path, mode: int) -> None:
    """Whoever could read it may have; going on as if nothing happened would hide that."""
    path = tmp_path / "sign.pem"
    write_private(path, b"secret-material")
    path.chmod(mode)

    with pytest.raises(Fault) as caught:
        read_private(path)

    assert caught.value.code == "key-file-open-to-others"
    assert "secret-material" not in str(caught.value)


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    """A second `init` by mistake must not destroy the only key there is."""
    path = tmp_path / "sign.pem"
    write_private(path, b"first")

    with pytest.raises(CallerError) as caught:
        write_private(path, b"second")

    assert (caught.value.code, read_private(path)) == ("file-exists", b"first")


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    """The usual mistake is the wrong folder."""
    with pytest.raises(Fault) as caught:
        read_private(tmp_path / "sign.pem")

    assert (caught.value.code, caught.value.at) == ("key-missing", str(tmp_path / "sign.pem"))


def test_the_file_behind_a_link_is_judged(tmp_path: Path) -> None:
    """Mounted secrets are links; what counts is who may read the file itself."""
    write_private(tmp_path / "real.pem", b"key")
    (tmp_path / "link.pem").symlink_to(tmp_path / "real.pem")

    read = read_private(tmp_path / "link.pem")

    assert read == b"key"
    (tmp_path / "real.pem").chmod(0o644)
    with pytest.raises(Fault) as caught:
        read_private(tmp_path / "link.pem")
    assert caught.value.code == "key-file-open-to-others"


def test_a_key_that_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    """A pipe would wait for ever for somebody to write a key into it."""
    (tmp_path / "folder.pem").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe.pem", 0o600)

    for name in ("folder.pem", "pipe.pem"):
        with pytest.raises(Fault) as caught:
            read_private(tmp_path / name)
        assert caught.value.code == "key-file-unreadable"


def test_a_folder_open_to_others_is_no_place_for_keys(tmp_path: Path) -> None:
    """Others could put their own files there."""
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)

    with pytest.raises(Fault) as caught:
        make_private_directory(folder)

    assert caught.value.code == "key-file-open-to-others"


def test_a_public_file_is_replaced_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A reader sees the old file or the new one."""
    path = tmp_path / "usa-arl.profile"

    write_public(path, b"old")
    write_public(path, b"new")

    assert read_public(path) == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["usa-arl.profile"]


def test_a_public_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """A failed write must not look like a file of somebody's."""
    target = tmp_path / "taken"
    target.mkdir()

    with pytest.raises(OSError, match="taken"):
        write_public(target, b"content")

    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


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


def test_a_bundle_carries_the_public_keys_of_the_folder(tmp_path: Path) -> None:
    """What the operator admits is what the party will sign with."""
    bundle, path = enrol(tmp_path / "usa-arl", PartyRole.PARTNER, "usa/arl")

    signing_key = SigningKey.from_pem(read_private(tmp_path / "usa-arl" / "sign.pem"))
    kem_key = KemKey.from_pem(read_private(tmp_path / "usa-arl" / "kem.pem"))
    assert path == tmp_path / "usa-arl.enrol"
    assert parse_bundle(read_public(path)).keys == {
        Role.PARTNER_SIGN: signing_key.public_key,
        Role.PARTNER_KEM: kem_key.public_key,
    }
    assert b"PRIVATE" not in bundle.encoded


def test_the_keys_of_a_folder_make_a_bundle_again(tmp_path: Path) -> None:
    """A bundle that was lost is made anew without new keys."""
    first, _ = enrol(tmp_path / "src", PartyRole.SOURCE, "src-3f07")

    second = bundle_of(tmp_path / "src", PartyRole.SOURCE, "src-3f07")

    assert second.keys == first.keys


def test_enrolling_twice_in_one_folder_is_refused(tmp_path: Path) -> None:
    """The keys that are there may be admitted already."""
    enrol(tmp_path / "src", PartyRole.SOURCE, "src-3f07")

    with pytest.raises(CallerError) as caught:
        enrol(tmp_path / "src", PartyRole.SOURCE, "src-3f07")

    assert caught.value.code == "file-exists"


def test_no_key_is_made_for_a_name_that_is_none(tmp_path: Path) -> None:
    """A folder of keys of no party would only be in the way."""
    with pytest.raises(CallerError) as caught:
        enrol(tmp_path / "x", PartyRole.SOURCE, "src 3f07")

    assert caught.value.code == "party-id"
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("pem", [b"", b"junk", SigningKey.generate().to_pem()])
def test_a_tls_key_file_that_holds_something_else_is_a_fault(pem: bytes) -> None:
    """Keys have one purpose, and one curve."""
    with pytest.raises(Fault) as caught:
        certificate_request(pem)

    assert caught.value.code == "key-file-unreadable"


def test_a_certificate_is_matched_with_its_key() -> None:
    """Mixed-up files are found before a handshake fails."""
    mine, other = new_tls_key(), new_tls_key()
    authority = Authority.create("sluice.example", NOW)
    leaf = leaf_of(authority.issue(certificate_request(mine), PartyKind.PARTNER, "usa/arl", now=NOW))

    assert is_certified(mine, leaf)
    assert not is_certified(other, leaf)


@pytest.mark.parametrize("pem", [b"", b"junk", Authority.create("sluice.example", NOW).root_pem() * 17])
def test_a_text_that_is_not_a_few_certificates_is_refused(pem: bytes) -> None:
    """Roots decide who may answer as the gateway."""
    with pytest.raises(GatewayError) as caught:
        load_certificates(pem, "roots")

    assert caught.value.code == "certificate-malformed"
