"""Section 10 of the format, statements and directories: bytes that must be rejected, one change from right ones."""

from __future__ import annotations

from tests.reference.writer_octets import SUITE, Fields, SigningKey, Vectors, h, lp16, lp32, tag, u8, u16, u32, u64
from tests.reference.writer_wrongs import Cases, altered, flip


def control_cases(vectors: Vectors) -> Cases:
    """Statements, directories and what lies beside them."""
    statement, signatures = vectors.made("control.directory_statement"), vectors.parts("control.directory_signatures")
    own, twice = signatures[1][1] + signatures[2][1], signatures[3][1] + signatures[4][1]
    encoded, message = vectors.made("control.directory_signatures"), vectors.made("control.directory_message")
    bundle, card, made = (
        vectors.made("control.enrolment_bundle"),
        vectors.made("control.card"),
        vectors.made("control.dir"),
    )
    sent = [octets for _, octets in vectors.parts("control.directory_message")]

    def signed(code: str, signatures: bytes, statement: bytes = statement) -> tuple[str, bytes]:
        return code, lp32(statement) + lp32(signatures)

    def stated(**fields: bytes) -> bytes:
        return altered(vectors, "control.directory_statement", **fields)

    def endorsed(**fields: bytes) -> bytes:
        return altered(vectors, "control.endorsement_source", **fields)

    return {
        "statement": {
            "another tag": stated(tag=b"SLUICE1/statements\x00"),
            "suite 2": stated(suite=u8(2)),
            "kind 0": stated(kind=u8(0)),
            "kind 24": stated(kind=u8(24)),
            "a GENESIS behind the first": stated(kind=u8(1)),
            "no genesis": stated(genesis=bytes(48)),
            "no statement before it": stated(prev=bytes(48)),
            "no roster": stated(roster=bytes(48)),
            "the first place": stated(position=u64(0)),
            "a body of 65,537 bytes": stated(body=u32(65_537)),
        },
        "signed statement": {
            "one bit of the body": signed("statement-signature", encoded, flip(statement, -20)),
            "no signature": signed("malformed", u8(0)),
            "49 signatures": signed("malformed", u8(49) + encoded[1:]),
            "one signature of two": signed("signatures-too-few", u8(1) + own),
            "signed twice by one": signed("malformed", u8(2) + own + own),
            "signatures in another order": signed("malformed", u8(2) + twice + own),
            "one bit of an ML-DSA-87 half": signed("statement-signature", flip(encoded, 1 + 2626)),
            "one bit of an Ed25519 half": signed("statement-signature", flip(encoded, -1)),
            "a third signature, of no operator": signed("signer-unknown", _with_third(vectors, signatures)),
        },
        "directory message": {
            "a statement twice": sent[0] + sent[1] + sent[2] + sent[2] + b"".join(sent[4:]),
            "statements descending": sent[0] + sent[1] + sent[3] + sent[2] + b"".join(sent[4:]),
            "257 statements": u16(257) + message[2:],
            "endorsements descending": b"".join([*sent[:5], sent[6], sent[5], *sent[7:]]),
            "4,097 endorsements": b"".join([*sent[:4], u16(4097), *sent[5:]]),
        },
        "directory": {
            "base above its number": u64(1) + u64(2) + made[16:],
            "number 0": u64(0) + u64(0) + made[16:],
            "a base of 2^48": u64(1 << 48) + u64(1 << 48) + made[16:],
            "65,537 above its base": u64(65_538) + made[8:],
            "eight days": made[:-8] + u64(1_780_000_000_000 + 8 * 24 * 3_600_000),
            "expired when issued": made[:-8] + u64(1_780_000_000_000),
            "no endorsement": altered(vectors, "control.dir", size=u32(0)),
            "4,097 endorsements": altered(vectors, "control.dir", size=u32(4097)),
        },
        "endorsement": {
            "role 0": endorsed(role=u8(0)),
            "role 9": endorsed(role=u8(9)),
            "state 0": endorsed(state=u8(0)),
            "state 4": endorsed(state=u8(4)),
            "no time": endorsed(valid_to=u64(1_779_996_400_000)),
            "a scope of another role": endorsed(role=u8(2)),
            "another spelling of its scope": ("scope", endorsed(scope=lp16(b"tactic,telemetry//SIMULATED"))),
            "a scope of 129 bytes": endorsed(scope=lp16(b"t" * 129)),
        },
        "bundle": {
            "a KEM key that is none": ("key-malformed", _with_no_kem_key(vectors, bundle)),
            "a source beside a key to sign with": bundle.replace(u8(5) + u16(1665), u8(1) + u16(1665), 1),
            "a gateway's key alone": _alone(bundle),
            "one bit of a key": ("bundle-signature", flip(bundle, 100)),
            "one bit of its ML-DSA-87 half": ("bundle-signature", flip(bundle, len(bundle) - 4691)),
            "one bit of its Ed25519 half": ("bundle-signature", flip(bundle, -1)),
            "a role twice": bundle.replace(u8(6) + lp16(b"")[:0] + u16(2624), u8(5) + u16(2624), 1),
            "no key": bundle[:23] + u8(0) + bundle[24:],
        },
        "card": {
            "one bit of its key": ("card-signature", flip(card, 100)),
            "one bit of its signature": ("card-signature", flip(card, -1)),
            "the tag of a bundle": altered(vectors, "control.card", tag=b"SLUICE1/enrol\x00"),
        },
    }


def _with_no_kem_key(vectors: Vectors, bundle: bytes) -> bytes:
    """A partner's bundle whose KEM key has the right length, and is no key; its signing key signed it all the same."""
    place = bundle.index(vectors.made("keys.partner-kem"))
    unsigned = bundle[:place] + b"\xff" * 1568 + bundle[place + 1568 : -4691]
    key = SigningKey("partner-sign")
    return unsigned + vectors.sign("materials.bundle_of_no_kem_key", key, "enrol", unsigned)


def _alone(bundle: bytes) -> bytes:
    """The signing key of a partner's bundle alone, as the key of ticks."""
    place = bundle.index(u8(6) + u16(2624))
    return bundle[:23] + u8(1) + u8(3) + bundle[place + 1 :]


def _with_third(vectors: Vectors, signatures: Fields) -> bytes:
    """Both operators' signatures and one of the source over the same statement, in order of key id."""
    statement = vectors.made("control.directory_statement")
    source = SigningKey("source")
    third = vectors.sign("materials.directory_signature_source", source, "statement", statement)
    pairs = [(octets, signatures[place + 1][1]) for place, (_, octets) in enumerate(signatures) if place % 2]
    pairs.append((lp16(source.public), third))
    ordered = sorted(pairs, key=lambda pair: h(tag("key") + SUITE + pair[0][2:]))
    return u8(len(ordered)) + b"".join(key + signature for key, signature in ordered)


def roster_cases(text: bytes) -> Cases:
    """Section 2.2 and 2.3: what a text may not hold, and what a roster may not say."""

    def but(old: bytes, new: bytes, code: str) -> tuple[str, bytes]:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} stands {text.count(old)} times in the roster")
        return code, text.replace(old, new)

    hidden = "\u202e".encode()
    return {
        "roster text": {
            "a carriage return": but(b"quorum = 2\nwait", b"quorum = 2\r\nwait", "text-malformed"),
            "a byte order mark": ("text-malformed", b"\xef\xbb\xbf" + text),
            "bytes that are no UTF-8": but(b'"person-1"', b'"person-\xff"', "text-malformed"),
            "a character that turns the reading": ("text-malformed", text + b"# " + hidden + b"\n"),
            "the same, escaped": but(b'"person-1"', b'"person-\\u202e"', "text-value"),
            "a line of 1,025 bytes": ("text-malformed", text + b"#" * 1025 + b"\n"),
            "a key twice": ("text-malformed", b"quorum = 2\n" + text),
            "a key that it does not have": ("text-unknown-key", b"colour = 2\n" + text),
            "a key that is missing": but(b"wait_hours = 24\n", b"", "text-missing-key"),
            "a number in quotes": but(b"wait_hours = 24", b'wait_hours = "24"', "text-value"),
            "a fraction": but(b"wait_hours = 24", b"wait_hours = 24.0", "text-value"),
            "true for 1": but(b"recovery_quorum = 1", b"recovery_quorum = true", "text-value"),
            "no wait": but(b"wait_hours = 24", b"wait_hours = 0", "text-value"),
            "a key in capitals": ("text-value", text[:-20] + text[-20:].upper()),
            "a quorum of one": but(b"\nquorum = 2"[1:] + b"\nwait", b"quorum = 1\nwait", "roster-unsafe"),
            "a quorum above its operators": but(b"quorum = 2\nwait", b"quorum = 3\nwait", "roster-unsafe"),
            "a recovery quorum above its keys": but(b"recovery_quorum = 1", b"recovery_quorum = 2", "roster-unsafe"),
            "one person twice": but(b'"person-2"', b'"Person-1"', "roster-unsafe"),
            "one id twice": but(b'"officer-2"', b'"OFFICER-1"', "roster-unsafe"),
        }
    }
