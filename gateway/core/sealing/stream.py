"""Opening a stream: the partner's signed Hello, the gateway's signed answer, and the key both derive.

Fresh by the partner's nonce, forward secret by its ephemeral key, readable only with its long-term key, bound to
agreement and subscription by everything hashed. The Hello's signature over the agreement's digest is the partner's
countersignature. Source: SPEC.md section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE, Cipherstate, digest, hkdf_expand, hkdf_extract
from gateway.core.suite.keys import KEM_KEY_BYTES, SEAL_BYTES, SIGNATURE_BYTES, KemKey, SigningKey, VerifyKey, seal_to
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES, RecordKind
from gateway.core.suite.octets import Reader, lp8, lp16, u16, u64

HELLO_CONTEXT = b"SLUICE1/hello"
STREAM_CONTEXT = b"SLUICE1/stream-sig"
_HELLO_TAG = HELLO_CONTEXT + b"\x00"
_STREAM_TAG = b"SLUICE1/stream\x00"
MAX_HELLO_BYTES = 4096 + SIGNATURE_BYTES


def kinds_mask(kinds: tuple[RecordKind, ...]) -> int:
    """Bit j set for record kind j."""
    mask = 0
    for kind in kinds:
        mask |= 1 << kind
    return mask


@dataclass(frozen=True, slots=True)
class Hello:
    """What a partner asks for. nonce: 32 bytes; next_tick: last seen + 1, 0 = none; cursor: opaque, empty = start."""

    genesis: bytes
    partner_id: str
    agreement_id: str
    subscription: str
    agreement_digest: bytes
    sign_key_id: bytes
    nonce: bytes
    time_ms: int
    kinds: int
    dir_no: int
    incarnation: bytes
    next_tick: int
    account_size: int
    cursor: bytes
    ephemeral_key: bytes

    def encode(self) -> bytes:
        """The bytes the partner signs."""
        return b"".join(
            (
                _HELLO_TAG,
                SUITE_BYTE,
                self.genesis,
                lp8(self.partner_id.encode("ascii")),
                lp8(self.agreement_id.encode("ascii")),
                lp8(self.subscription.encode("ascii")),
                self.agreement_digest,
                self.sign_key_id,
                self.nonce,
                u64(self.time_ms),
                u16(self.kinds),
                u64(self.dir_no),
                self.incarnation,
                u64(self.next_tick),
                u64(self.account_size),
                lp8(self.cursor),
                lp16(self.ephemeral_key),
            )
        )


@dataclass(frozen=True, slots=True)
class SignedHello:
    """A Hello with its signature; `digest` is H(Hello), without the signature."""

    hello: Hello
    statement: bytes
    signature: bytes
    digest: bytes

    @classmethod
    def sign(cls, hello: Hello, key: SigningKey) -> SignedHello:
        """The Hello under the partner's own signing key."""
        statement = hello.encode()
        return cls(hello, statement, key.sign(HELLO_CONTEXT, statement), digest(statement))

    @classmethod
    def parse(cls, signed: bytes) -> SignedHello:
        """Refuses `malformed`; the signature is not yet verified."""
        if not SIGNATURE_BYTES < len(signed) <= MAX_HELLO_BYTES:
            raise Refused("malformed", "a hello is a statement and a signature", at="hello")
        statement, signature = signed[:-SIGNATURE_BYTES], signed[-SIGNATURE_BYTES:]
        reader = Reader(statement, "hello")
        reader.tag(_HELLO_TAG)
        reader.suite()
        hello = Hello(
            genesis=reader.take(HASH_BYTES, "genesis"),
            partner_id=reader.name("partner_id"),
            agreement_id=reader.name("agreement_id"),
            subscription=reader.name("subscription"),
            agreement_digest=reader.take(HASH_BYTES, "agreement_digest"),
            sign_key_id=reader.take(ID_BYTES, "key_id"),
            nonce=reader.take(32, "nonce"),
            time_ms=reader.u64("time"),
            kinds=reader.u16("kinds"),
            dir_no=reader.u64("dir_no"),
            incarnation=reader.take(ID_BYTES, "incarnation"),
            next_tick=reader.u64("next_tick"),
            account_size=reader.u64("account_size"),
            cursor=reader.lp8("cursor"),
            ephemeral_key=reader.lp16("ephemeral key", KEM_KEY_BYTES),
        )
        if len(hello.ephemeral_key) != KEM_KEY_BYTES:
            raise reader.refuse("ephemeral key", f"{KEM_KEY_BYTES} bytes")
        reader.done()
        return cls(hello, statement, signature, digest(statement))

    def encode(self) -> bytes:
        """Hello and signature as sent."""
        return self.statement + self.signature

    def check_signature(self, key: VerifyKey) -> None:
        """Refuses `hello-signature`."""
        key.verify(HELLO_CONTEXT, self.statement, self.signature, "hello")


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """T: what this stream is. stream_id: 16 bytes; not_after_ms: when it must have ended."""

    genesis: bytes
    partner_id: str
    agreement_id: str
    subscription: str
    stream_id: bytes
    hello_digest: bytes
    kem_key_id: bytes
    stream_key_id: bytes
    agreement_digest: bytes
    not_after_ms: int

    def encode(self) -> bytes:
        """The info both seals and the secret are bound to."""
        return b"".join(
            (
                _STREAM_TAG,
                SUITE_BYTE,
                self.genesis,
                lp8(self.partner_id.encode("ascii")),
                lp8(self.agreement_id.encode("ascii")),
                lp8(self.subscription.encode("ascii")),
                self.stream_id,
                self.hello_digest,
                self.kem_key_id,
                self.stream_key_id,
                self.agreement_digest,
                u64(self.not_after_ms),
            )
        )


def parse_stream_terms(terms: bytes) -> StreamTerms:
    """Refuses `malformed`."""
    reader = Reader(terms, "stream")
    reader.tag(_STREAM_TAG)
    reader.suite()
    parsed = StreamTerms(
        genesis=reader.take(HASH_BYTES, "genesis"),
        partner_id=reader.name("partner_id"),
        agreement_id=reader.name("agreement_id"),
        subscription=reader.name("subscription"),
        stream_id=reader.take(ID_BYTES, "stream_id"),
        hello_digest=reader.take(HASH_BYTES, "hello digest"),
        kem_key_id=reader.take(ID_BYTES, "kem key_id"),
        stream_key_id=reader.take(ID_BYTES, "stream key_id"),
        agreement_digest=reader.take(HASH_BYTES, "agreement_digest"),
        not_after_ms=reader.u64("not_after"),
    )
    reader.done()
    return parsed


@dataclass(frozen=True, slots=True)
class StreamKeys:
    """What both ends share: `th` (48 bytes) names the stream in every associated data."""

    th: bytes
    cipher: Cipherstate


def _transcript(unsigned: bytes) -> bytes:
    return digest(b"SLUICE1/th\x00" + SUITE_BYTE + unsigned)


def _derive(terms: bytes, secrets: bytes, th: bytes) -> StreamKeys:
    secret = hkdf_extract(digest(terms), secrets)
    return StreamKeys(th, Cipherstate(hkdf_expand(secret, b"SLUICE1/keys\x00" + SUITE_BYTE + th, 44)))


def open_stream(
    terms: StreamTerms, kem_key: bytes, ephemeral_key: bytes, key: SigningKey, secrets: bytes
) -> tuple[bytes, StreamKeys]:
    """The open message (without its type byte) and the keys; `secrets`: 96 fresh random bytes, s1 then s2."""
    encoded = terms.encode()
    unsigned = b"".join(
        (
            lp16(encoded),
            lp16(seal_to(kem_key, encoded, secrets[:48])),
            lp16(seal_to(ephemeral_key, encoded, secrets[48:])),
        )
    )
    th = _transcript(unsigned)
    signature = key.sign(STREAM_CONTEXT, STREAM_CONTEXT + b"\x00" + SUITE_BYTE + th)
    return unsigned + signature, _derive(encoded, secrets, th)


@dataclass(frozen=True, slots=True)
class StreamOpening:
    """An open message, parsed but not yet verified."""

    terms: StreamTerms
    encoded_terms: bytes
    seal_to_partner: bytes
    seal_to_ephemeral: bytes
    th: bytes
    signature: bytes

    @classmethod
    def parse(cls, message: bytes) -> StreamOpening:
        """Refuses `malformed`."""
        reader = Reader(message, "open")
        encoded = reader.lp16("terms", 2048)
        first = reader.lp16("seal", SEAL_BYTES)
        second = reader.lp16("seal", SEAL_BYTES)
        if len(first) != SEAL_BYTES or len(second) != SEAL_BYTES:
            raise reader.refuse("seal", f"{SEAL_BYTES} bytes: a secret of 48, sealed")
        unsigned = message[: reader.offset]
        signature = reader.take(SIGNATURE_BYTES, "signature")
        reader.done()
        return cls(parse_stream_terms(encoded), encoded, first, second, _transcript(unsigned), signature)

    def check_signature(self, key: VerifyKey) -> None:
        """Refuses `open-signature`."""
        signed = STREAM_CONTEXT + b"\x00" + SUITE_BYTE + self.th
        key.verify(STREAM_CONTEXT, signed, self.signature, "open")

    def derive(self, kem_key: KemKey, ephemeral_key: KemKey) -> StreamKeys:
        """The stream's keys; refuses `open-not-for-us`."""
        secrets = kem_key.open(self.seal_to_partner, self.encoded_terms, "open") + ephemeral_key.open(
            self.seal_to_ephemeral, self.encoded_terms, "open"
        )
        return _derive(self.encoded_terms, secrets, self.th)
