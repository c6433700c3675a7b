"""Laws of the statement and of the signatures under it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.control.statement import (
    SignedStatement,
    Statement,
    encode_signatures,
    first_statement,
    parse_signatures,
    parse_statement,
    sign_statement,
)
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE, ZERO_HASH, digest
from gateway.core.suite.keys import SIGN_KEY_BYTES
from gateway.core.suite.numbers import MAX_TEXT_BYTES, StatementKind
from gateway.core.suite.octets import Reader, u8
from tests.unit.control.given import NOW, roster_text, signed, signing_key, statement

LINKS = st.binary(min_size=48, max_size=48).filter(lambda link: link != ZERO_HASH)
TIMES = st.integers(0, 2**64 - 1)


@pytest.mark.must("1.2.1")
@settings(max_examples=50)
@given(
    LINKS,
    LINKS,
    LINKS,
    st.integers(1, 2**64 - 1),
    st.sampled_from([kind for kind in StatementKind if kind != StatementKind.GENESIS]),
    st.binary(max_size=300),
    TIMES,
    TIMES,
)
def test_a_statement_has_one_encoding(
    genesis: bytes, prev: bytes, roster: bytes, position: int, kind: StatementKind, body: bytes, at: int, until: int
) -> None:
    """What was signed and what is parsed are the same bytes, so nothing is re-serialised to verify it."""
    made = Statement(genesis, position, prev, roster, kind, body, at, until)

    parsed = parse_statement(made.encode())

    assert parsed == made
    assert parsed.encode() == made.encode()


def test_the_link_is_the_hash_of_the_tagged_statement() -> None:
    """Another client must compute the same name for the same statement."""
    made = statement()

    assert made.link == digest(b"SLUICE1/statement-link\x00" + SUITE_BYTE + made.encode())


def test_the_first_statement_has_zero_links() -> None:
    """The genesis is the link of the first statement, so that statement cannot name it."""
    first = first_statement(roster_text(), NOW, NOW + 1)

    parsed = parse_statement(first.encode())

    assert (parsed.genesis, parsed.prev, parsed.roster, parsed.position) == (ZERO_HASH, ZERO_HASH, ZERO_HASH, 0)
    assert parsed.kind is StatementKind.GENESIS


OFFSETS = {"suite": 18, "kind": 18 + 1 + 48 + 8 + 48 + 48}


@pytest.mark.must("1.2.4", "1.4.1", "2.1.1")
@pytest.mark.parametrize(("field", "value"), [("suite", 2), ("kind", 0), ("kind", 24), ("kind", 1)])
def test_a_statement_of_an_unknown_suite_or_kind_is_malformed(field: str, value: int) -> None:
    """Unknown means no: a number that is not in the tables cannot be followed."""
    encoded = bytearray(statement().encode())
    encoded[OFFSETS[field]] = value

    with pytest.raises(Refused, match=field) as caught:
        parse_statement(bytes(encoded))

    assert caught.value.code == "malformed"


@pytest.mark.parametrize("change", [b"", b"trailing"])
def test_a_statement_cut_or_with_trailing_bytes_is_malformed(change: bytes) -> None:
    """A second encoding of one statement would be a second link for one decision."""
    encoded = statement().encode()

    with pytest.raises(Refused, match="statement"):
        parse_statement(encoded + change if change else encoded[:-1])


@pytest.mark.must("2.1.1")
@pytest.mark.parametrize("link", ["genesis", "prev", "roster"])
def test_only_the_first_statement_has_zero_links(link: str) -> None:
    """A statement that names no genesis could be carried to any gateway."""
    made = statement()
    links = {"genesis": made.genesis, "prev": made.prev, "roster": made.roster} | {link: ZERO_HASH}
    zero = Statement(
        links["genesis"],
        made.position,
        links["prev"],
        links["roster"],
        made.kind,
        made.body,
        made.proposed_at_ms,
        made.expires_at_ms,
    )

    with pytest.raises(Refused, match=f"`{link}`"):
        parse_statement(zero.encode())


@pytest.mark.must("2.1.1")
def test_a_genesis_beyond_the_first_position_is_malformed() -> None:
    """A second founding would replace every operator."""
    first = first_statement(roster_text(), NOW, NOW + 1)
    moved = Statement(b"g" * 48, 3, b"p" * 48, b"r" * 48, first.kind, first.body, NOW, NOW + 1)

    with pytest.raises(Refused, match="GENESIS"):
        parse_statement(moved.encode())


@pytest.mark.must("1.2.2")
def test_a_body_over_its_limit_is_malformed() -> None:
    """A statement is read by a person; what nobody reads must not be stored for ever."""
    with pytest.raises(Refused, match="body"):
        parse_statement(statement(body=bytes(MAX_TEXT_BYTES + 1)).encode())


def test_signatures_are_written_in_ascending_order_of_key_id() -> None:
    """One set of signatures has one encoding, whoever signed first."""
    made = statement()
    one, two = (sign_statement(made, signing_key(name)) for name in ("officer-1", "officer-2"))

    assert encode_signatures([one, two]) == encode_signatures([two, one])
    assert set(parse_signatures(encode_signatures([two, one]))) == {one, two}


@pytest.mark.must("2.1.2")
def test_one_key_signs_a_statement_once() -> None:
    """Two signatures of one person must not look like two persons."""
    made = statement()
    twice = [sign_statement(made, signing_key("officer-1")) for _ in range(2)]

    with pytest.raises(Refused) as caught:
        encode_signatures(twice)
    doubled = u8(2) + encode_signatures(twice[:1])[1:] + encode_signatures(twice[1:])[1:]
    with pytest.raises(Refused) as parsed:
        parse_signatures(doubled)

    assert caught.value.code == "signed-twice"
    assert parsed.value.code == "malformed"


@pytest.mark.must("2.1.2")
def test_signatures_out_of_order_are_malformed() -> None:
    """A second order of the same signatures would be a second encoding."""
    made = statement()
    lists = [encode_signatures([sign_statement(made, signing_key(f"officer-{i}"))])[1:] for i in (1, 2)]
    ordered = encode_signatures([sign_statement(made, signing_key(f"officer-{i}")) for i in (1, 2)])
    first_key = ordered[3 : 3 + SIGN_KEY_BYTES]
    descending = lists if lists[0][2 : 2 + SIGN_KEY_BYTES] != first_key else lists[::-1]

    with pytest.raises(Refused, match="above the one before"):
        parse_signatures(u8(2) + b"".join(descending))


@pytest.mark.must("2.1.2")
@pytest.mark.parametrize("encoded", [b"\x00", b"\xff", b"\x01\x00\x10" + bytes(5000), b""])
def test_a_signature_list_without_whole_keys_is_malformed(encoded: bytes) -> None:
    """No signature at all is not a set of signatures."""
    with pytest.raises(Refused) as caught:
        parse_signatures(encoded)

    assert caught.value.code == "malformed"


@pytest.mark.must("1.4.2")
@pytest.mark.parametrize("flipped", [0, 4626, 4627, 4690])
def test_a_signature_counts_only_if_both_halves_verify(flipped: int) -> None:
    """Breaking one algorithm must not be enough to speak for an operator."""
    genuine = signed(statement(), "officer-1")
    key, signature = genuine.signatures[0]
    broken = bytearray(signature)
    broken[flipped] ^= 1
    forged = SignedStatement(genuine.statement, (type(genuine.signatures[0])(key, bytes(broken)),))

    with pytest.raises(Refused) as caught:
        forged.verify()

    assert caught.value.code == "statement-signature"


def test_a_signature_does_not_carry_over_to_another_statement() -> None:
    """An approval is of one text, in one place, under one roster."""
    genuine = signed(statement(), "officer-1")
    other = SignedStatement(statement(position=2), genuine.signatures)

    genuine.verify()
    with pytest.raises(Refused) as caught:
        other.verify()

    assert caught.value.code == "statement-signature"


def test_a_signed_statement_travels_whole() -> None:
    """The gateway and every reader verify the same bytes."""
    sent = signed(statement(), "officer-1", "officer-2")
    reader = Reader(sent.encode(), "message")

    received = SignedStatement.read(reader)

    reader.done()
    assert received.statement == sent.statement
    assert received.signers == sent.signers
    received.verify()
