"""Every recorded wrong is refused with the code of SPEC.md annex E, by its parser or the check that follows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clients.operator.card import parse_card
from clients.profile import Profile
from gateway.core.control.agreement import Agreement
from gateway.core.control.compromise import Revocation
from gateway.core.control.directory import parse_dir, parse_directory_message, parse_endorsement
from gateway.core.control.enrolment import parse_bundle
from gateway.core.control.guide import Guide
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.restore import Restore
from gateway.core.control.roster import Roster, check_signatures
from gateway.core.control.source import SourceAdmission
from gateway.core.control.statement import SignedStatement, parse_statement
from gateway.core.control.suspension import Suspension
from gateway.core.errors import GatewayError
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.ledger import evidence
from gateway.core.ledger.entries import MAX_ENTRY_BYTES, parse_source_entry, partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.receipt import parse_signed_receipt
from gateway.core.ledger.tick import parse_entries, parse_leaves, parse_tick_message
from gateway.core.records.batch import SignedBatch, parse_batch
from gateway.core.records.states import parse_batch_item
from gateway.core.records.view import View
from gateway.core.sealing import body, frame
from gateway.core.sealing.opening import parse_disclosure_opening
from gateway.core.sealing.parcel import ParcelReader, parse_parcel_header
from gateway.core.sealing.stream import SignedHello, StreamKeys, StreamOpening
from gateway.core.suite.algorithms import Cipherstate
from gateway.core.suite.keys import KemKey
from gateway.core.suite.octets import Reader, u64
from gateway.core.suite.tree import leaf_hash
from tests.reference import recorded

GENESIS = recorded.octets("control.genesis_link")
PARTNER = partner_account("usa/arl", "UA-US-2026-014", "main")
KEYS = StreamKeys(recorded.octets("stream.th"), Cipherstate(recorded.octets("stream.key_iv")))


def _signed_batch(octets: bytes) -> None:
    SignedBatch.parse(octets).check_signature(recorded.verify_key("source"))


def _portion(octets: bytes) -> None:
    commitments = [recorded.field("origin.record_0_0", f"C_{slot}") for slot in range(8)]
    View(0, bytes(16), 2, 3, 0b100, (*commitments[:2], octets, *commitments[3:])).portions()


def _item(octets: bytes) -> None:
    header = parse_parcel_header(recorded.octets("parcel.header"))
    ParcelReader(header, recorded.kem_key("gateway-ingest")).open(octets)


def _section(octets: bytes) -> None:
    reader = Reader(octets, "section")
    section = body.parse_section(reader)
    reader.done()
    section.check_proof([view.leaf() for view in section.views])


def _frame(octets: bytes) -> None:
    sealed = frame.SealedFrame.parse(octets)
    sealed.open_entry(KEYS)
    sealed.open_body(KEYS)


def _hello(octets: bytes) -> None:
    SignedHello.parse(octets).check_signature(recorded.verify_key("partner-sign"))


def _open(octets: bytes) -> None:
    opening = StreamOpening.parse(octets)
    opening.check_signature(recorded.verify_key("gateway-stream"))
    opening.derive(recorded.kem_key("partner-kem"), recorded.kem_key("ephemeral"))


def _tick(octets: bytes) -> None:
    """By the reader of the recorded tick message: it had verified tick 1 and held one leaf."""
    kept = recorded.octets("ledger.tick_1")
    place = b"\x01" + (2).to_bytes(4, "big")
    held = u64(1) + b"\x01" + leaf_hash(recorded.octets("frame.disclosure_held"))
    ledger = b"\x01" + leaf_hash(recorded.octets("ledger.tick_0"))
    state = len(kept).to_bytes(2, "big") + kept + ledger + place + held + bytes(4)
    reader = LedgerReader.decode(state, GENESIS, PARTNER)
    reader.accept(parse_tick_message(octets), [], recorded.verify_key("gateway-ledger"))


def _receipt(octets: bytes) -> None:
    parse_signed_receipt(octets).check(recorded.verify_key("partner-sign"))


def _signed_statement(octets: bytes) -> None:
    reader = Reader(octets, "signed statement")
    signed = SignedStatement.read(reader)
    reader.done()
    check_signatures(signed, Roster.parse(recorded.field("control.genesis_statement", "body")[4:]))


def _guide(octets: bytes) -> None:
    Guide.parse(octets, {"UKR.1": Vocabulary.parse(recorded.octets("rejected.vocabulary"))})


CHECKS: dict[str, Callable[[bytes], object]] = {
    "batch": parse_batch,
    "signed batch": _signed_batch,
    "portion in slot 2": _portion,
    "batch item": parse_batch_item,
    "first item of the parcel": _item,
    "section": _section,
    "body": body.parse_body,
    "disclosure": frame.parse_disclosure_entry,
    "frame": _frame,
    "old": lambda octets: frame.open_old(KEYS, octets),
    "notice": lambda octets: frame.open_notice(KEYS, octets),
    "end": lambda octets: frame.open_end(KEYS, octets),
    "hello": _hello,
    "open": _open,
    "tick message": _tick,
    "leaves": parse_leaves,
    "opening of a disclosure": parse_disclosure_opening,
    "tick item": evidence.parse_opened_tick,
    "account item": evidence.parse_shown_account,
    "entry item": evidence.parse_shown_entry,
    "skipped item": evidence.parse_skipped,
    "evidence batch": evidence.parse_shown_batch,
    "entries": lambda octets: parse_entries(octets, MAX_ENTRY_BYTES),
    "source entry": parse_source_entry,
    "receipt": _receipt,
    "statement": parse_statement,
    "signed statement": _signed_statement,
    "directory message": parse_directory_message,
    "directory": parse_dir,
    "endorsement": parse_endorsement,
    "bundle": parse_bundle,
    "card": parse_card,
    "roster text": Roster.parse,
    "disclosed entry": parse_source_entry,
    "ledger state": lambda octets: LedgerReader.decode(octets, GENESIS, PARTNER),
    "restore": Restore.parse,
    "source text": SourceAdmission.parse,
    "partner text": PartnerAdmission.parse,
    "partner text with an issuer": PartnerAdmission.parse,
    "agreement with a token": Agreement.parse,
    "suspension": Suspension.parse,
    "revocation": Revocation.parse,
    "agreement": Agreement.parse,
    "vocabulary": Vocabulary.parse,
    "guide": _guide,
    "profile": lambda octets: Profile.parse(octets, Path()),
    "kem key file": KemKey.from_pem,
}
REJECTED = [name for name in recorded.names() if name.startswith("rejected.") and ": " in name]


@pytest.mark.parametrize("structure", CHECKS)
def test_what_the_wrong_ones_were_made_from_is_right(structure: str) -> None:
    """A check that refuses everything proves nothing."""
    CHECKS[structure](recorded.octets(f"rejected.{structure}"))

    assert any(recorded.entry(name)["structure"] == structure for name in REJECTED)


@pytest.mark.must("5.6.2", "10.1")
@pytest.mark.parametrize("name", REJECTED)
def test_what_must_be_rejected_is_refused_by_name(name: str) -> None:
    """What one implementation lets through, another may act on; and a code says which check failed."""
    entry = recorded.entry(name)
    right = recorded.octets(f"rejected.{entry['structure']}")
    wrong = right[: entry["at"]] + bytes.fromhex(entry["insert"]) + right[entry["at"] + entry["cut"] :]

    with pytest.raises(GatewayError) as refusal:
        CHECKS[entry["structure"]](wrong)
    assert refusal.value.code == entry["code"]
    assert wrong != right


def test_every_code_of_the_wrongs_is_one_of_the_specification() -> None:
    """An implementation in another language finds the meaning of each in annex E."""
    annex = (recorded.FOLDER.parent / "SPEC.md").read_text().split("## Annex E.")[1]

    codes = {recorded.entry(name)["code"] for name in REJECTED}

    assert all(f"`{code}`" in annex for code in codes)
