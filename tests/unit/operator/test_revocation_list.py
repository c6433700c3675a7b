"""Laws of imported lists: only a present, whole list of the right root is read, and it is read for all it names."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from clients.operator.ca import Authority, root_digest
from clients.operator.revocation_list import MAX_LIST_BYTES, read_revocation_list
from gateway.core.errors import Refused
from tests.unit.operator.lists import DAY, NOW, a_list, as_pem, key_of, point

AUTHORITY = Authority.create("usa.example", NOW - DAY)
OTHER = Authority.create("gbr.example", NOW - DAY)
# Another authority of the very same name: a name is nobody's property.
NAMESAKE = Authority.create("usa.example", NOW - DAY)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")


def refusal(content: bytes, *roots: Authority) -> str:
    """The code with which a list is refused."""
    with pytest.raises(Refused) as caught:
        read_revocation_list(content, [one.root for one in roots or (AUTHORITY,)], NOW)
    return caught.value.code


@pytest.mark.must("12.4.10")
def test_a_list_is_read_for_the_root_that_signed_it() -> None:
    """DER or PEM, with what it says beside its entries."""
    number = [(x509.CRLNumber(17), False), (point(only_contains_user_certs=True), True)]
    reason = [(x509.CRLReason(x509.ReasonFlags.key_compromise), False)]
    der = a_list(AUTHORITY, 0x7B, 0x1F2E, (1 << 159) - 1, extensions=number, of_entries=reason)

    for content in (der, as_pem(der)):
        found = read_revocation_list(content, [OTHER.root, NAMESAKE.root, AUTHORITY.root], NOW)
        assert (found.root, found.number, found.until) == (root_digest(AUTHORITY.root), 17, NOW + DAY)
        assert found.serials == ("7b", "1f2e", f"{(1 << 159) - 1:x}")
    assert read_revocation_list(a_list(AUTHORITY), [AUTHORITY.root], NOW).serials == ()


@pytest.mark.must("12.4.10")
def test_a_list_of_another_root_revokes_nothing() -> None:
    """Whoever could bring one would cut off whom they like; a name alone proves nothing."""
    assert refusal(a_list(OTHER, 1)) == "crl-root"
    assert refusal(a_list(AUTHORITY, 1, key=key_of(OTHER))) == "crl-root"
    assert refusal(a_list(NAMESAKE, 1)) == "crl-root"
    with pytest.raises(Refused) as nobody:
        read_revocation_list(a_list(AUTHORITY, 1), [], NOW)
    assert nobody.value.code == "crl-root"


@pytest.mark.must("12.4.10")
def test_a_root_that_may_not_sign_lists_signs_none() -> None:
    """Its own certificate says what its key is for; one that says nothing of it may."""
    plain, sealed = _root_for(None), _root_for(crl_sign=False)

    assert read_revocation_list(a_list(plain, 1), [plain.root], NOW).serials == ("1",)
    assert refusal(a_list(sealed, 1), sealed) == "crl-root"


def _root_for(crl_sign: bool | None) -> Authority:
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a partner's own")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    if crl_sign is not None:
        off = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
        )
        usage = x509.KeyUsage(
            digital_signature=False, key_cert_sign=True, crl_sign=crl_sign, decipher_only=False, **off
        )
        builder = builder.add_extension(usage, critical=True)
    return Authority("usa.example", builder.sign(key, hashes.SHA384()), key)


@pytest.mark.must("12.4.10")
def test_a_list_is_in_its_time() -> None:
    """Whoever imports an old one believes to have imported the present one."""
    second = timedelta(seconds=1)

    assert refusal(a_list(AUTHORITY, 1, until=NOW)) == "crl-expired"
    assert read_revocation_list(a_list(AUTHORITY, 1, until=NOW + second), [AUTHORITY.root], NOW).serials == ("1",)
    assert refusal(a_list(AUTHORITY, 1, last=NOW + timedelta(minutes=6))) == "crl-early"
    assert refusal(_promising_nothing()) == "crl-expired"
    with pytest.raises(Refused, match="2026-06-01T12:00:00Z"):
        read_revocation_list(a_list(AUTHORITY, 1, until=NOW), [AUTHORITY.root], NOW)


KINDS = {
    "a delta": {"extensions": [(x509.DeltaCRLIndicator(1), True)]},
    "an indirect one": {"extensions": [(point(indirect_crl=True), True)]},
    "one of attributes": {
        "extensions": [(point(only_contains_attribute_certs=True), True)],
    },
    "one of some reasons": {
        "extensions": [(point(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})), True)],
    },
    "an entry of another authority": {
        "of_entries": [(x509.CertificateIssuer([x509.DirectoryName(OTHER.root.subject)]), True)],
    },
    "an entry that takes back": {
        "of_entries": [(x509.CRLReason(x509.ReasonFlags.remove_from_crl), False)],
    },
}


@pytest.mark.must("12.4.10")
@pytest.mark.parametrize("what", KINDS)
def test_a_list_that_means_something_else_is_refused(what: str) -> None:
    """Its serial numbers would be read as those of this root, or as all of them."""
    assert refusal(a_list(AUTHORITY, 1, **KINDS[what])) == "crl-kind"  # type: ignore[arg-type]  # options by name


@pytest.mark.must("12.4.10")
def test_what_is_critical_and_not_understood_is_refused() -> None:
    """Of the list and of an entry; what is not critical may say what it likes."""
    assert refusal(a_list(AUTHORITY, 1, extensions=[(UNKNOWN, True)])) == "crl-extension"
    assert refusal(a_list(AUTHORITY, 1, of_entries=[(UNKNOWN, True)])) == "crl-extension"
    harmless = a_list(AUTHORITY, 1, extensions=[(UNKNOWN, False)], of_entries=[(UNKNOWN, False)])
    assert read_revocation_list(harmless, [AUTHORITY.root], NOW).serials == ("1",)


@pytest.mark.must("12.4.10")
def test_what_is_no_list_or_too_long_is_refused_by_name() -> None:
    """The length before anything is parsed."""
    der = a_list(AUTHORITY, 1)

    assert refusal(bytes(MAX_LIST_BYTES + 1)) == "crl-size"
    for broken in (b"", b"nothing", der[:-1], der + b"\x00", as_pem(der)[:-40], AUTHORITY.root_pem()):
        assert refusal(broken) == "crl-malformed"


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_no_damaged_byte_of_a_list_names_another_certificate() -> None:
    """Everything a list says is under its signature."""
    der = a_list(AUTHORITY, 0x7B, 0x1F2E, extensions=[(x509.CRLNumber(17), False)])
    right = read_revocation_list(der, [AUTHORITY.root], NOW)
    for at, mask in product(range(len(der)), (0x01, 0x80)):
        damaged = der[:at] + bytes([der[at] ^ mask]) + der[at + 1 :]
        try:
            assert read_revocation_list(damaged, [AUTHORITY.root], NOW) == right
        except Refused as refused:
            assert refused.code in {"crl-malformed", "crl-root"}  # noqa: PT017 - either of two outcomes is right


def _promising_nothing() -> bytes:
    """A list that does not say when the next one comes, signed by its authority."""
    whole = a_list(AUTHORITY, 1)
    signed = x509.load_der_x509_crl(whole).tbs_certlist_bytes
    second = signed.index(b"\x17\x0d", signed.index(b"\x17\x0d") + 15)
    tbs = _der(0x30, signed[_header(signed) : second] + signed[second + 15 :])
    algorithm = whole[_header(whole) + len(signed) :]
    signature = key_of(AUTHORITY).sign(tbs, ec.ECDSA(hashes.SHA384()))
    return _der(0x30, tbs + algorithm[: 2 + algorithm[1]] + _der(0x03, b"\x00" + signature))


def _header(der: bytes) -> int:
    """How many bytes stand before the content."""
    return 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
