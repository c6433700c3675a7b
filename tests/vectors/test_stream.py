"""A stream and its frames: the recorded bytes are made, and opened, by the product."""

from __future__ import annotations

from gateway.core.records.batch import SignedBatch
from gateway.core.records.view import View, parse_view
from gateway.core.sealing import body, frame, stream
from gateway.core.sealing.cursor import CursorBinding, Place
from gateway.core.suite.algorithms import Cipherstate, digest, hkdf_expand, hkdf_extract
from gateway.core.suite.numbers import EndReason, RecordKind
from gateway.core.suite.octets import Reader
from gateway.core.suite.tree import leaf_hash
from tests.reference import recorded

SHOWN = {0: (0, 2), 1: (0,)}


def _keys() -> stream.StreamKeys:
    return stream.StreamKeys(recorded.octets("stream.th"), Cipherstate(recorded.octets("stream.key_iv")))


def test_a_hello_is_the_recorded_one_and_its_signature_verifies() -> None:
    """H(Hello) covers the statement alone, as H(B) does."""
    name = "stream.hello"
    hello = stream.Hello(
        genesis=recorded.octets("control.genesis_link"),
        partner_id="usa/arl",
        agreement_id="UA-US-2026-014",
        subscription="main",
        agreement_digest=recorded.octets("control.agreement_digest"),
        sign_key_id=recorded.signing_key("partner-sign").key_id,
        nonce=recorded.field(name, "nonce"),
        time_ms=int.from_bytes(recorded.field(name, "time"), "big"),
        kinds=stream.kinds_mask((RecordKind.TACTIC,)),
        dir_no=0,
        incarnation=recorded.field(name, "incarnation"),
        next_tick=2,
        account_size=1,
        cursor=recorded.octets("stream.cursor"),
        ephemeral_key=recorded.octets("keys.ephemeral"),
    )

    signed = stream.SignedHello.parse(recorded.octets(name) + recorded.octets("stream.hello_signature"))

    assert hello.encode() == recorded.octets(name)
    assert signed.hello == hello
    assert signed.encode() == recorded.octets(name) + recorded.octets("stream.hello_signature")
    assert signed.digest == recorded.octets("stream.hello_digest")
    signed.check_signature(recorded.verify_key("partner-sign"))


def test_a_cursor_is_the_recorded_one() -> None:
    """Under a fixed key and nonce the note is determined, and opens to where the subscription stands."""
    incarnation = recorded.field("stream.cursor_aad", "incarnation")
    binding = CursorBinding("usa/arl", "UA-US-2026-014", "main", 1 << RecordKind.TACTIC, incarnation)
    key = recorded.octets("stream.cursor_key")

    made = binding.seal(key, Place(1795, 2), recorded.field("stream.cursor", "nonce"))

    assert made == recorded.octets("stream.cursor")
    assert binding.open(key, made) == Place(1795, 2)


def test_the_recorded_open_message_verifies_and_gives_the_recorded_keys() -> None:
    """Both seals open, the transcript is signed, and both ends derive the same key and iv."""
    opening = stream.StreamOpening.parse(recorded.octets("stream.open"))
    terms = stream.StreamTerms(
        genesis=recorded.octets("control.genesis_link"),
        partner_id="usa/arl",
        agreement_id="UA-US-2026-014",
        subscription="main",
        stream_id=recorded.field("stream.t", "stream_id"),
        hello_digest=recorded.octets("stream.hello_digest"),
        kem_key_id=recorded.kem_key("partner-kem").key_id,
        stream_key_id=recorded.signing_key("gateway-stream").key_id,
        agreement_digest=recorded.octets("control.agreement_digest"),
        not_after_ms=int.from_bytes(recorded.field("stream.t", "not_after"), "big"),
    )

    opening.check_signature(recorded.verify_key("gateway-stream"))
    keys = opening.derive(recorded.kem_key("partner-kem"), recorded.kem_key("ephemeral"))

    assert opening.terms == terms
    assert terms.encode() == recorded.octets("stream.t")
    assert opening.th == keys.th == recorded.octets("stream.th")
    assert keys.cipher.seal(9, b"same key", b"") == _keys().cipher.seal(9, b"same key", b"")


def test_the_key_schedule_gives_the_recorded_secret_key_and_iv() -> None:
    """The salt is H(T); the context is the transcript."""
    secrets = recorded.octets("stream.s1") + recorded.octets("stream.s2")

    secret = hkdf_extract(digest(recorded.octets("stream.t")), secrets)

    assert secret == recorded.octets("stream.secret")
    info = b"SLUICE1/keys\x00\x01" + recorded.octets("stream.th")
    assert hkdf_expand(secret, info, 44) == recorded.octets("stream.key_iv")
    assert recorded.octets("stream.signed") == b"SLUICE1/stream-sig\x00\x01" + recorded.octets("stream.th")


def _sections() -> list[body.Section]:
    sections = []
    for number, indexes in SHOWN.items():
        name = f"origin.batch_{number}"
        signed = SignedBatch.parse(recorded.octets(name) + recorded.octets(f"{name}_signature"))
        views = [parse_view(Reader(recorded.octets(f"frame.view_{number}_{i}"), "view")) for i in indexes]
        proof = recorded.fields(f"frame.multiproof_{number}")[1:]
        sections.append(body.Section(signed, tuple(views), tuple(proof)))
    return sections


def test_views_sections_and_body_are_the_recorded_ones() -> None:
    """Withheld slots stand as commitments, a multiproof leads to the signed root, zero bytes fill the body."""
    sections = _sections()

    for number, section in enumerate(sections):
        assert section.encode() == recorded.octets(f"frame.section_{number}")
        section.check_proof([view.leaf() for view in section.views])
        for view in section.views:
            assert view.leaf() == recorded.octets(f"origin.leaf_{number}_{view.idx}")
    assert body.encode_body([section.encode() for section in sections]) == recorded.octets("frame.body")
    assert body.parse_body(recorded.octets("frame.body")) == sections


def test_a_view_is_narrowed_from_the_whole_record() -> None:
    """Withholding is choosing a mask: the recorded view of record 0 shows slots 0, 1 and 2 of its four."""
    name = "origin.record_0_0"
    slots = [recorded.field(name, f"C_{slot}") for slot in range(8)]
    for slot in (0, 1, 2, 4):
        slots[slot] = recorded.octets(f"origin.disclosure_0_0_{slot}")
    whole = View(0, recorded.field(name, "record_id"), 2, 0b11, 0b10111, tuple(slots))

    narrowed = whole.narrowed(0b111, whole.commitments())

    assert narrowed.encode() == recorded.octets("frame.view_0_0")


def test_the_view_digest_is_the_recorded_one() -> None:
    """It binds exactly the records and masks of the frame."""
    shown = [
        (section.signed.digest, [(view.idx, view.leaf(), view.mask) for view in section.views])
        for section in _sections()
    ]

    assert body.view_digest(shown) == recorded.octets("frame.view_digest")
    assert digest(recorded.octets("frame.view_digested")) == recorded.octets("frame.view_digest")


def test_a_disclosure_is_the_recorded_one() -> None:
    """G binds partner, agreement, stream, order, rules in force, and the view."""
    salt, rules = recorded.octets("frame.audit_salt"), recorded.octets("frame.rules_digest")
    entry = frame.Disclosure(
        partner_id="usa/arl",
        agreement_id="UA-US-2026-014",
        subscription="main",
        stream_id=recorded.field("stream.t", "stream_id"),
        seq=0,
        agreement_digest=recorded.octets("control.agreement_digest"),
        audit=frame.audit_digest(salt, 3, rules, recorded.field("control.dir", "root")),
        records=3,
        cursor=recorded.field("frame.disclosure", "cursor")[1:],
        view_digest=recorded.octets("frame.view_digest"),
    )

    assert entry.encode() == recorded.octets("frame.disclosure")
    assert frame.parse_disclosure_entry(entry.encode()) == entry
    assert leaf_hash(entry.encode()) == recorded.octets("frame.disclosure_leaf")


def test_sealed_messages_are_the_recorded_ones_and_open() -> None:
    """Old, frame, notice and end take the sequence numbers 0 to 3 of one stream."""
    keys = _keys()
    owed, shown = recorded.octets("frame.disclosure_owed"), recorded.octets("frame.disclosure")

    assert frame.seal_old(keys, 0, owed) == recorded.octets("frame.old")
    assert frame.open_old(keys, recorded.octets("frame.old")) == (0, owed)
    assert frame.seal_frame(keys, 1, shown, recorded.octets("frame.body")) == recorded.octets("frame.frame")
    sealed = frame.SealedFrame.parse(recorded.octets("frame.frame"))
    assert (sealed.seq, sealed.open_entry(keys), sealed.open_body(keys)) == (1, shown, recorded.octets("frame.body"))
    assert frame.seal_notice(keys, 2, EndReason.CAUGHT_UP, "caught up") == recorded.octets("frame.notice")
    assert frame.open_notice(keys, recorded.octets("frame.notice")) == (2, EndReason.CAUGHT_UP, "caught up")
    assert frame.seal_end(keys, 3, EndReason.LIFETIME, "fifteen minutes") == recorded.octets("frame.end")
    assert frame.open_end(keys, recorded.octets("frame.end")) == (3, EndReason.LIFETIME, "fifteen minutes")
