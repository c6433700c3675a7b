"""Entries, accounts, ticks and receipts: the recorded bytes are made, and verified, by the product."""

from __future__ import annotations

from gateway.core.ledger import entries, receipt, tick
from gateway.core.ledger.reader import LedgerReader
from gateway.core.suite.algorithms import digest, keystream
from gateway.core.suite.numbers import KeyState, RefusalCode
from gateway.core.suite.octets import u64
from gateway.core.suite.tree import leaf_hash, tree_root
from tests.reference import recorded

PARTNER = entries.partner_account("usa/arl", "UA-US-2026-014", "main")
HELD = ("frame.disclosure_held", "frame.disclosure_owed", "frame.disclosure")


def test_entries_are_the_recorded_ones() -> None:
    """What a source and the house read of the ledger."""
    lane = recorded.octets("origin.lane")
    first, second = recorded.octets("origin.batch_0_digest"), recorded.octets("origin.batch_1_digest")
    shown_salt = recorded.field("ledger.entry_disclosed", "salt")
    made: dict[str, entries.SourceEntry] = {
        "admitted": entries.Admitted(recorded.field("ledger.entry_admitted", "salt"), lane, 0, first),
        "refused": entries.RefusedBatch(
            recorded.field("ledger.entry_refused", "salt"), lane, 1, second, RefusalCode.TEXT
        ),
        "disclosed": entries.Disclosed(shown_salt, first, 2, 3, "usa/arl"),
        "disclosed_amounts": entries.Disclosed(shown_salt, first, 2, 3, ""),
    }

    for name, entry in made.items():
        assert entry.encode() == recorded.octets(f"ledger.entry_{name}")
        assert entries.parse_source_entry(entry.encode()) == entry
    assert leaf_hash(made["admitted"].encode()) == recorded.octets("ledger.entry_admitted_leaf")


def test_house_entries_are_the_recorded_ones() -> None:
    """The house notes statements that took effect and keys that changed."""
    applied = entries.Applied(4, recorded.octets("control.suspend_link"))
    event = entries.KeyEvent(recorded.octets("keys.source_digest"), KeyState.RETIRED)

    restored = entries.Restored(recorded.octets("control.restore_body"))

    assert restored.encode() == recorded.octets("ledger.entry_restore")
    assert applied.encode() == recorded.octets("ledger.entry_applied")
    assert event.encode() == recorded.octets("ledger.entry_key_event")


def test_heads_and_accounts_root_are_the_recorded_ones() -> None:
    """Salts and empty places come from the tick's seed, in place order."""
    stream = keystream(recorded.octets("ledger.tick_seed"), 4 * 48)
    ids = {"source": entries.source_account("src-3f07"), "partner": PARTNER, "house": entries.HOUSE}
    level = [stream[place * 48 : place * 48 + 48] for place in range(4)]

    for name, place in recorded.value("ledger.places").items():
        size = int.from_bytes(recorded.field(f"ledger.head_{name}", "size"), "big")
        level[place] = tick.account_head(level[place][:32], ids[name], size, recorded.octets(f"ledger.root_{name}"))

    assert level == recorded.fields("ledger.heads")
    assert tree_root(level) == recorded.octets("ledger.accounts_root")
    assert recorded.octets("ledger.root_partner") == tree_root([leaf_hash(recorded.octets(name)) for name in HELD])


def test_ticks_are_the_recorded_ones_and_the_signature_verifies() -> None:
    """Each tick covers every tick before it."""
    statements = [recorded.octets(f"ledger.tick_{number}") for number in range(7)]
    applied, link = 5, recorded.octets("control.suspend_link")

    for number, statement in enumerate(statements):
        salt = recorded.octets(f"ledger.control_salt_{number}")
        made = tick.Tick(
            genesis=recorded.octets("control.genesis_link"),
            key_id=recorded.signing_key("gateway-ledger").key_id,
            incarnation=recorded.field("stream.hello", "incarnation"),
            number=number,
            time_ms=int.from_bytes(recorded.field(f"ledger.tick_{number}", "time"), "big"),
            ledger=tree_root([leaf_hash(earlier) for earlier in statements[:number]]),
            control=tick.control_digest(salt, applied, link),
            accounts_root=recorded.field(f"ledger.tick_{number}", "accounts_root"),
        )
        assert made.encode() == statement
        assert tick.parse_tick(statement) == made
    recorded.verify_key("gateway-ledger").verify(
        tick.CONTEXT, statements[6], recorded.octets("ledger.tick_signature"), "tick"
    )


def test_tick_leaves_and_entries_messages_are_the_recorded_ones() -> None:
    """What is parsed is written back byte for byte."""
    for name in ("tick_message", "tick_message_first"):
        message = tick.parse_tick_message(recorded.octets(f"ledger.{name}"))
        assert message.encode() == recorded.octets(f"ledger.{name}")
        assert message.accounts_root(PARTNER) == recorded.octets("ledger.accounts_root")
        message.check_signature(recorded.verify_key("gateway-ledger"))
    leaves = tick.parse_leaves(recorded.octets("ledger.leaves_message"))
    assert tick.encode_leaves(leaves) == recorded.octets("ledger.leaves_message")
    told = tick.parse_entries(recorded.octets("ledger.entries_message"), entries.MAX_ENTRY_BYTES)
    assert told == [recorded.octets("ledger.entry_admitted"), recorded.octets("ledger.entry_refused")]
    assert tick.encode_entries(told) == recorded.octets("ledger.entries_message")


def test_a_reader_accepts_the_recorded_tick_and_settles_the_recorded_disclosures() -> None:
    """A fresh reader is shown the whole ledger before the tick, and its account from the first leaf."""
    reader = LedgerReader(recorded.octets("control.genesis_link"), PARTNER)
    message = tick.parse_tick_message(recorded.octets("ledger.tick_message_first"))
    before = leaf_hash(recorded.octets("frame.disclosure_held"))

    reader.accept(message, [before], recorded.verify_key("gateway-ledger"))
    for name in HELD:
        reader.settle(recorded.octets(name))

    assert reader.next_tick == 7
    assert reader.place == 2
    assert (reader.held.size, reader.held.root()) == (3, recorded.octets("ledger.root_partner"))


def test_a_reader_at_tick_one_accepts_the_recorded_tick_six() -> None:
    """It appends the tick it kept and then the nodes that came, and finds the same ledger."""
    kept = recorded.octets("ledger.tick_1")
    state = b"".join(
        (
            len(kept).to_bytes(2, "big") + kept,
            b"\x01" + leaf_hash(recorded.octets("ledger.tick_0")),
            b"\x01" + (2).to_bytes(4, "big"),
            u64(1) + b"\x01" + leaf_hash(recorded.octets("frame.disclosure_held")),
            bytes(4),
        )
    )
    reader = LedgerReader.decode(state, recorded.octets("control.genesis_link"), PARTNER)
    reader.begin_stream()

    accepted = reader.accept(
        tick.parse_tick_message(recorded.octets("ledger.tick_message")), [], recorded.verify_key("gateway-ledger")
    )

    assert accepted.number == 6
    assert reader.owed == [leaf_hash(recorded.octets(name)) for name in HELD[1:]]


def test_a_receipt_is_the_recorded_one_and_verifies() -> None:
    """The list of quarantined records is sent as it is hashed."""
    quarantined = (receipt.Quarantined(recorded.octets("origin.batch_0_digest"), 2, RefusalCode.CONTENT_NOT_CANONICAL),)
    made = receipt.Receipt(
        genesis=recorded.octets("control.genesis_link"),
        partner_id="usa/arl",
        agreement_id="UA-US-2026-014",
        subscription="main",
        key_id=recorded.signing_key("partner-sign").key_id,
        incarnation=recorded.field("stream.hello", "incarnation"),
        tick=6,
        size=3,
        root=recorded.octets("ledger.root_partner"),
        quarantine_digest=digest(receipt.encode_quarantine(quarantined)),
        time_ms=int.from_bytes(recorded.field("ledger.receipt", "time"), "big"),
    )

    signed = receipt.parse_signed_receipt(recorded.octets("ledger.send_receipt"))

    assert made.encode() == recorded.octets("ledger.receipt")
    assert receipt.encode_quarantine(quarantined) == recorded.octets("ledger.quarantine")
    assert made.quarantine_digest == recorded.octets("ledger.quarantine_digest")
    assert signed.encode() == recorded.octets("ledger.send_receipt")
    assert signed.quarantine == quarantined
    assert signed.check(recorded.verify_key("partner-sign")) == made
    assert recorded.octets("ledger.entry_receipt") == signed.statement + signed.signature
