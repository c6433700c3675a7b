"""The files of a party: keys that nobody else may read, public files that are whole, the bundle that is sent."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.certificates import certificate_request, is_certified, leaf_of, load_certificates, new_tls_key
from clients.enrolment import KEM_KEY, SIGN_KEY, TLS_KEY, PartyRole, bundle_of, enrol, make_keys
from clients.keyfiles import make_private_directory, read_private, read_public, write_private, write_public
from clients.operator.ca import Authority, PartyKind
from clients.operator.proving import evidence_file
from gateway.core.control.enrolment import parse_bundle
from gateway.core.errors import CallerError, Fault, GatewayError
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import Role
from tests.unit.operator.parties import NOW


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


@pytest.mark.must("12.1.2")
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


@pytest.mark.must("12.1.3")
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


@pytest.mark.parametrize("name", [SIGN_KEY, TLS_KEY, KEM_KEY])
def test_a_key_file_that_holds_something_else_is_named(tmp_path: Path, name: str) -> None:
    """Three files lie in the folder, and one of them has to come from the copy."""
    folder = tmp_path / "usa-arl"
    make_keys(folder, PartyRole.PARTNER)
    (folder / name).write_bytes(b"junk")

    with pytest.raises(Fault) as caught:
        bundle_of(folder, PartyRole.PARTNER, "usa/arl")

    assert (caught.value.code, caught.value.at) == ("key-file-unreadable", str(folder / name))


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


def test_no_public_file_takes_the_place_of_a_key(tmp_path: Path) -> None:
    """`--out` is typed by people, and a certificate's default name is its request's with `.pem`."""
    path = tmp_path / "sign.pem"
    write_private(path, SigningKey.generate().to_pem())
    kept = read_private(path)

    with pytest.raises(CallerError) as caught:
        write_public(path, b"a card")

    assert (caught.value.code, read_private(path)) == ("file-exists", kept)
    assert [entry.name for entry in tmp_path.iterdir()] == ["sign.pem"]


def evidence(path: Path, content: bytes) -> None:
    """A file of evidence with one item."""
    with evidence_file(path) as file:
        file.write(6, content)


@pytest.mark.parametrize("write", [write_public, evidence])
@pytest.mark.parametrize("lay", [os.symlink, os.link])
def test_what_others_laid_in_a_shared_folder_is_not_written_into(
    tmp_path: Path, write: Callable[[Path, bytes], None], lay: Callable[[Path, Path], None]
) -> None:
    """The name of a file in the making can be guessed; a link there would lead to another file of the writer's."""
    own = tmp_path / "own"
    own.write_bytes(b"of the writer")
    shared = tmp_path / "shared"
    shared.mkdir()
    lay(own, shared / f".out.{os.getpid()}")

    write(shared / "out", b"content")

    assert own.read_bytes() == b"of the writer"
    assert b"content" in (shared / "out").read_bytes()
    assert [entry.name for entry in shared.iterdir()] == ["out"]


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


@pytest.mark.must("12.1.3")
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


def on_no_curve(pem: bytes) -> bytes:
    """The TLS key, on a curve that its file names and nobody knows."""
    begin, *body, end = pem.splitlines()
    octets = base64.b64decode(b"".join(body)).replace(bytes.fromhex("06052b81040022"), bytes.fromhex("06052b8104007f"))
    return b"\n".join((begin, base64.b64encode(octets), end, b""))


@pytest.mark.parametrize("pem", [b"", b"junk", SigningKey.generate().to_pem(), on_no_curve(new_tls_key())])
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
