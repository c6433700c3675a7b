"""Laws of endorsements, of the Dir over them and of the message that shows them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.control.directory import (
    Dir,
    DirectoryMessage,
    Endorsed,
    Endorsement,
    ShownEndorsement,
    build_directory,
    check_endorsements_differ,
    parse_dir,
    parse_directory_message,
    parse_endorsement,
    redate,
    show_endorsements,
)
from gateway.core.errors import GatewayError, Refused
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.numbers import DIRECTORY_LIFE_MS, KeyState, Role
from gateway.core.suite.octets import lp16, lp32, u8, u16, u32
from gateway.core.suite.tree import multiproof, root_from_path
from tests.unit.control.given import DAY, NOW, kem_key, octets, signed, signing_key, statement

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}", fullmatch=True)
KEY_ROLES = [role for role in Role if role is not Role.SOURCE]


def an_endorsement(role: Role = Role.SOURCE, scope: str = "telemetry//REAL", **changes: object) -> Endorsement:
    """An endorsement of a key that exists."""
    digest = {Role.PARTNER_KEM: kem_key("a").key_digest, Role.VOCABULARY: text_digest("UKR.1", b"text")}
    values: dict[str, object] = {
        "salt": octets("salt", 32),
        "role": role,
        "subject_id": "UKR.1" if role is Role.VOCABULARY else "src-3f07",
        "key_digest": digest.get(role, signing_key("a").key_digest),
        "valid_from_ms": NOW,
        "valid_to_ms": NOW + DAY,
        "scope": scope if role is Role.SOURCE else "",
        "state": KeyState.ACTIVE,
    }
    return Endorsement(**{**values, **changes})  # type: ignore[arg-type] - a test may write any field


@pytest.mark.must("1.2.1")
@settings(max_examples=50)
@given(
    st.binary(min_size=32, max_size=32),
    st.sampled_from(KEY_ROLES),
    NAMES,
    st.binary(min_size=48, max_size=48),
    st.integers(0, 2**63),
    st.integers(1, 2**62),
    st.sampled_from(KeyState),
)
def test_an_endorsement_has_one_encoding(
    salt: bytes, role: Role, subject: str, digest: bytes, start: int, life: int, state: KeyState
) -> None:
    """The leaf that operators signed is the one a reader rebuilds."""
    made = Endorsement(salt, role, subject, digest, start, start + life, "", state)

    assert parse_endorsement(made.encode()) == made
    assert parse_endorsement(made.encode()).encode() == made.encode()


MALFORMED = {
    "a spare byte": an_endorsement().encode() + b"\x00",
    "a byte less": an_endorsement().encode()[:-1],
    "another suite": an_endorsement().encode().replace(b"endorse\x00\x01", b"endorse\x00\x02"),
    "another tag": an_endorsement().encode().replace(b"SLUICE1/endorse", b"SLUICE1/endorsE"),
    "role 0": an_endorsement(role=0).encode(),
    "role 9": an_endorsement(role=9).encode(),
    "state 0": an_endorsement(state=0).encode(),
    "state 4": an_endorsement(state=4).encode(),
    "no name": an_endorsement(subject_id="").encode(),
    "no time": an_endorsement(valid_to_ms=NOW).encode(),
    "a scope for a partner": replace(an_endorsement(Role.PARTNER_SIGN), scope="telemetry//REAL").encode(),
    "a scope that is none": an_endorsement(scope="telemetry").encode(),
    "a scope not in ASCII": an_endorsement(scope="x").encode()[:-2] + b"\xff\x01",
    "a scope too long": an_endorsement().encode()[:-18] + lp16(b"a" * 129) + b"\x01",
}


@pytest.mark.must("1.2.4", "2.8.1", "2.8.4")
@pytest.mark.parametrize("why", MALFORMED)
def test_an_endorsement_that_is_not_understood_is_refused(why: str) -> None:
    """Unknown means no: a role, a state or a scope nobody knows endorses nothing."""
    with pytest.raises(GatewayError) as caught:
        parse_endorsement(MALFORMED[why])

    assert caught.value.code in {"malformed", "scope"}


def test_a_scope_in_whatever_letters_is_another_spelling() -> None:
    """Two readers of one directory name one fault: what is no ASCII is no other fault than what is misspelt."""
    with pytest.raises(GatewayError) as caught:
        parse_endorsement(MALFORMED["a scope not in ASCII"])

    assert caught.value.code == "scope"


@pytest.mark.must("2.9.12")
@pytest.mark.parametrize("role", [Role.SOURCE, Role.PARTNER_KEM, Role.VOCABULARY])
def test_material_that_is_not_the_endorsed_is_refused(role: Role) -> None:
    """An endorsement names one key or file by its digest; beside it may stand no other."""
    material = {
        Role.SOURCE: signing_key("a").public_key,
        Role.PARTNER_KEM: kem_key("a").public_key,
        Role.VOCABULARY: b"text",
    }
    other = {
        Role.SOURCE: signing_key("b").public_key,
        Role.PARTNER_KEM: signing_key("a").public_key,
        Role.VOCABULARY: b"other",
    }

    found = Endorsed.check(an_endorsement(role), material[role])
    with pytest.raises(Refused) as caught:
        Endorsed.check(an_endorsement(role), other[role])

    assert found.material == material[role]
    assert (found.verify_key is None) == (role is not Role.SOURCE)
    assert caught.value.code == "endorsement-mismatch"


@pytest.mark.must("2.9.12")
def test_a_key_of_the_right_digest_and_the_wrong_size_is_refused() -> None:
    """A sealing key cannot be passed off as a signing key."""
    digest = kem_key("a").key_digest

    with pytest.raises(Refused) as caught:
        Endorsed.check(an_endorsement(key_digest=digest), kem_key("a").public_key)

    assert caught.value.code == "endorsement-mismatch"


def test_only_a_signing_role_has_a_signing_key() -> None:
    """A role decides what a key may do."""
    source = Endorsed.check(an_endorsement(), signing_key("a").public_key)
    partner = Endorsed.check(an_endorsement(Role.PARTNER_KEM), kem_key("a").public_key)

    assert source.signing_key.public_key == signing_key("a").public_key
    with pytest.raises(Refused) as caught:
        _ = partner.signing_key

    assert caught.value.code == "key-cannot-sign"


@pytest.mark.must("2.8.3")
def test_each_key_is_endorsed_once() -> None:
    """One key under two roles would have two purposes."""
    check_endorsements_differ([an_endorsement(), an_endorsement(Role.PARTNER_KEM)])

    with pytest.raises(Refused) as caught:
        check_endorsements_differ([an_endorsement(), an_endorsement(Role.PARTNER_SIGN)])

    assert caught.value.code == "endorsement-doubled"


@given(st.integers(1, 2**48 - 1), st.integers(1, 4096), st.integers(0, 2**63), st.integers(1, DIRECTORY_LIFE_MS))
def test_a_dir_has_one_encoding(dir_no: int, size: int, issued: int, life: int) -> None:
    """A number, a tree and a time: nothing else can be in a Dir."""
    made = Dir(dir_no, dir_no, size, bytes(48), issued, issued + life)

    assert parse_dir(made.encode()) == made


@pytest.mark.must("2.8.9", "2.8.10")
@pytest.mark.parametrize(
    "changes",
    [
        {"dir_no": 0, "base_no": 0},
        {"base_no": 0},
        {"base_no": 8},
        {"dir_no": 7 + 2**16 + 1},
        {"dir_no": 2**64 - 1},
        {"dir_no": 2**48, "base_no": 2**48},
        {"dir_no": 2**64 - 1, "base_no": 2**64 - 1},
        {"size": 0},
        {"size": 4097},
        {"expires_at_ms": NOW},
        {"expires_at_ms": NOW + DIRECTORY_LIFE_MS + 1},
    ],
)
def test_a_dir_out_of_its_bounds_is_malformed(changes: dict[str, int]) -> None:
    """A directory that never expires would outlive every revocation."""
    good = Dir(7, 7, 1, bytes(48), NOW, NOW + DAY)

    with pytest.raises(Refused) as caught:
        parse_dir(replace(good, **changes).encode())

    assert parse_dir(good.encode()) == good
    assert caught.value.code == "malformed"


@pytest.mark.must("2.8.9")
@pytest.mark.parametrize(
    ("base_no", "dir_no"), [(7, 7 + 2**16), (2**48 - 1, 2**48 - 1), (2**48 - 1, 2**48 - 1 + 2**16)]
)
def test_a_dir_at_the_bound_of_its_numbers_is_one(base_no: int, dir_no: int) -> None:
    """Gateway and reader must draw the line at the same number."""
    last = Dir(dir_no, base_no, 1, bytes(48), NOW, NOW + DAY)

    assert parse_dir(last.encode()) == last


def test_a_redated_dir_repeats_its_base() -> None:
    """One operator may say the same again for longer, and nothing else."""
    base, _ = build_directory([an_endorsement()], dir_no=3, issued_at_ms=NOW, expires_at_ms=NOW + DAY)

    repeated = redate(base, dir_no=4, issued_at_ms=NOW + DAY, expires_at_ms=NOW + 2 * DAY)

    assert repeated.repeats(base)
    assert (repeated.dir_no, repeated.base_no) == (4, 3)
    assert not replace(repeated, root=octets("other", 48)).repeats(base)


@given(st.integers(1, 40))
def test_every_endorsement_is_shown_with_its_path(size: int) -> None:
    """A reader who needs one endorsement learns nothing of the others."""
    endorsed = [Endorsed(an_endorsement(salt=octets(f"{i}", 32)), b"", None) for i in range(size)]
    built, leaves = build_directory(
        [one.endorsement for one in endorsed], dir_no=1, issued_at_ms=NOW, expires_at_ms=NOW + 1
    )

    shown = show_endorsements(endorsed, leaves)

    for index, one in enumerate(shown):
        assert list(one.path) == multiproof(leaves, [index])
        assert root_from_path(one.endorsement.leaf, index, size, one.path) == built.root


def a_message() -> DirectoryMessage:
    """A message of two statements and two endorsements."""
    shown = [ShownEndorsement(index, an_endorsement(), b"key", (bytes(48),)) for index in (0, 2)]
    statements = [signed(statement(position=position), "officer-1") for position in (4, 9)]
    return DirectoryMessage(tuple(statements), tuple(shown))


@pytest.mark.must("1.2.1")
def test_a_directory_message_has_one_encoding() -> None:
    """What the gateway sends is what a reader takes apart."""
    encoded = a_message().encode()

    assert parse_directory_message(encoded) == a_message_like(encoded)
    assert parse_directory_message(encoded).encode() == encoded


def a_message_like(encoded: bytes) -> DirectoryMessage:
    """The parts that signatures, being random, leave comparable."""
    parsed = parse_directory_message(encoded)
    assert [one.statement for one in parsed.statements] == [one.statement for one in a_message().statements]
    assert parsed.shown == a_message().shown
    return parsed


SHOWN = lp16(an_endorsement().encode()) + lp32(b"") + u8(0)
BAD_MESSAGES = {
    "empty": b"",
    "trailing bytes": u16(0) + u16(0) + b"\x00",
    "too many statements": u16(257),
    "too many endorsements": u16(0) + u16(4097),
    "a path too long": u16(0) + u16(1) + u32(0) + SHOWN[:-1] + u8(33),
    "an index twice": u16(0) + u16(2) + (u32(5) + SHOWN) * 2,
    "indexes descending": u16(0) + u16(2) + u32(5) + SHOWN + u32(4) + SHOWN,
}


@pytest.mark.must("1.2.2", "2.8.14")
@pytest.mark.parametrize("why", BAD_MESSAGES)
def test_a_directory_message_out_of_bounds_is_malformed(why: str) -> None:
    """A reader allocates nothing that a stranger asks for."""
    with pytest.raises(Refused) as caught:
        parse_directory_message(BAD_MESSAGES[why])

    assert caught.value.code == "malformed"


@pytest.mark.must("2.8.14")
@pytest.mark.parametrize("positions", [(4, 4), (9, 4)])
def test_statements_out_of_order_are_malformed(positions: tuple[int, int]) -> None:
    """A reader follows the rosters in the order in which they came to be."""
    statements = tuple(signed(statement(position=position), "officer-1") for position in positions)

    with pytest.raises(Refused, match="ascending position"):
        parse_directory_message(DirectoryMessage(statements, ()).encode())
