"""What an officer asks and reads: names of records, filters, rows, what a home remembers of the ledger, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clients.operator.accounts import VerifiedDisclosure
from clients.operator.disclosed import COLUMNS, Filter, RecordName, Row, named_rows, portion_names
from clients.operator.history import Approval, History
from clients.operator.proving import evidence_file, read_evidence
from clients.operator.seen_ledger import SeenLedger
from gateway.core.control.agreement import Agreement
from gateway.core.control.restore import Restore
from gateway.core.errors import CallerError, Refused
from gateway.core.ledger.evidence import FILE_TAG, SKIPPED
from gateway.core.ledger.tick import parse_tick
from gateway.core.sealing.frame import Disclosure
from gateway.core.sealing.opening import DisclosureOpening, Kept, ShownBatch
from gateway.core.suite.algorithms import digest
from gateway.core.suite.numbers import RecordKind
from gateway.core.suite.tree import Frontier, GrowingTree, leaf_hash
from tests.reference import recorded
from tests.stand import agreement_text
from tests.unit.operator.gateways import Town

BATCH, OTHER = bytes.fromhex("9d0c11e2" + "00" * 44), bytes.fromhex("9d0c22ff" + "00" * 44)
DAY_MS = 24 * 3600 * 1000


def found(time_ms: int | None = 1_780_000_000_000, *, partner: str = "usa/arl") -> VerifiedDisclosure:
    """A verified disclosure; without a time one of a store that kept no records."""
    entry = Disclosure(partner, "UA-1", "main", bytes(16), 0, bytes(48), bytes(48), 2, b"", bytes(48))
    kept = None if time_ms is None else Kept(time_ms, (ShownBatch(BATCH, ((0, 1), (4, 0b110))),))
    opening = DisclosureOpening(bytes(32), 9, bytes(48), bytes(48), kept)
    agreement = Agreement.parse(agreement_text("usa/arl", id='"UA-1"'))
    return VerifiedDisclosure(b"", 3, entry, opening, Approval(agreement, 7, ("officer-1", "officer-2")))


def a_row(batch: bytes = BATCH, idx: int = 4) -> Row:
    """One record."""
    return Row(found(), batch.hex(), idx, ("position", "position_coarse"), "src-3f07", RecordKind.TELEMETRY)


@pytest.mark.parametrize(("text", "idx"), [("9d0c", None), ("9d0c11e2", None), ("9d0c11e2.4", 4), ("9d0c.0", 0)])
def test_a_record_is_named_by_digits_and_an_index(text: str, idx: int | None) -> None:
    """As it is printed, or shorter."""
    name = RecordName.parse(text)

    assert name.idx == idx
    assert name.names(BATCH, 0 if idx is None else idx)
    assert name.is_in(found().opening) == (idx in {None, 0, 4})
    assert not name.is_in(found(None).opening)


@pytest.mark.parametrize("text", ["", "9d0", "9D0C", "9d0c.", "9d0c.1.1", "9d0c 4", "g" * 8, "0" * 97, "9d0c.1000"])
def test_anything_else_is_no_name(text: str) -> None:
    """A slip is said and not searched for."""
    with pytest.raises(CallerError, match="record-name"):
        RecordName.parse(text)


def test_digits_that_begin_two_batches_are_refused_with_more_of_each() -> None:
    """The wrong record answered for is worse than no answer."""
    rows = [a_row(), a_row(OTHER)]

    with pytest.raises(Refused, match="record-ambiguous") as refused:
        named_rows(RecordName.parse("9d0c"), rows)

    assert "9d0c11e20000" in refused.value.do
    assert "9d0c22ff0000" in refused.value.do
    assert named_rows(RecordName.parse("9d0c2"), rows) == rows[1:]
    assert named_rows(RecordName.parse("9d0c1"), [Row(found(None), "", 0, (), "", None)]) == []


def test_filters_narrow_and_let_through_what_may_be_one() -> None:
    """What a store did not keep is shown whatever the days are: leaving it out would be an answer."""
    time_ms = 1_780_000_000_000
    one, unknown = found(), found(None)

    def wants(chosen: Filter, which: VerifiedDisclosure = one) -> bool:
        return chosen.wants(which.entry, which.opening)

    assert wants(Filter())
    assert wants(Filter(since_ms=time_ms, until_ms=time_ms + 1))
    assert not wants(Filter(since_ms=time_ms + 1))
    assert not wants(Filter(until_ms=time_ms))
    assert not wants(Filter(partner_id="gbr/dstl"))
    assert not wants(Filter(agreement_id="UA-2"))
    assert wants(Filter(since_ms=time_ms + 1), unknown)
    assert Filter(source_id="src-3f07", kind=RecordKind.TELEMETRY).wants_row(a_row())
    assert not Filter(kind=RecordKind.TACTIC).wants_row(a_row())
    assert not Filter(source_id="src-91c2").wants_row(a_row())
    assert Filter(kind=RecordKind.TACTIC).wants_row(Row(unknown, "", 0, (), "", None))


def test_a_row_says_the_same_in_three_forms() -> None:
    """For a person, a spreadsheet and a script."""
    row, unknown = a_row(), Row(found(None), "", 0, (), "", None)
    cells = dict(zip(COLUMNS, row.cells(), strict=True))

    assert row.sentence(with_record=True) == (
        "9d0c11e2.4  2026-05-28T20:26:40Z  position position_coarse  agreement UA-1  "
        "approved by officer-1, officer-2 (control 7)  receipt no  proof ok"
    )
    assert (cells["record"], cells["portions"], cells["receipt"]) == ("9d0c11e2.4", "position position_coarse", "no")
    assert row.facts()["approved_by"] == ["officer-1", "officer-2"]
    assert "time not kept  2 records, not kept" in unknown.sentence(with_record=True)
    assert (unknown.facts()["record"], unknown.facts()["proof"]) == (None, "records-not-kept")


def test_portions_of_a_kind_that_is_not_known_are_numbers() -> None:
    """A kind that came later is shown all the same."""
    assert portion_names(RecordKind.TELEMETRY, 0b101) == ("about", "position_coarse")
    assert portion_names(RecordKind.CHUNK, 0b10) == ("slot-1",)


def seen_at(number: int) -> SeenLedger:
    """A home that verified that tick of the story."""
    ledger = Frontier()
    for earlier in range(number):
        ledger.append(leaf_hash(recorded.octets(f"ledger.tick_{earlier}")))
    return SeenLedger(recorded.octets(f"ledger.tick_{number}"), ledger)


def nodes_between(start: int, stop: int) -> list[bytes]:
    """Single leaves would not do: the subtrees that lead from one size to the other."""
    tree = GrowingTree()
    for number in range(stop):
        tree.append(leaf_hash(recorded.octets(f"ledger.tick_{number}")))
    return tree.range_nodes(start, stop)


@pytest.mark.must("13.1.3")
@pytest.mark.parametrize("number", range(7))
def test_a_home_follows_the_ledger_and_keeps_where_it_stands(number: int) -> None:
    """From nothing, or from a tick it has verified, to a later one; what it keeps is read back."""
    last = recorded.octets("ledger.tick_6")
    seen = seen_at(number)

    first = SeenLedger.decode(b"").followed_by(last, nodes_between(0, 6), [])
    after = seen.followed_by(last, nodes_between(number + 1, 6) if number < 6 else [], [])

    assert SeenLedger.decode(seen.encode()).encode() == seen.encode()
    assert after.encode() == first.encode() == seen_at(6).encode()


def test_a_ledger_that_does_not_continue_the_one_seen_is_refused() -> None:
    """Older, forked, with nodes that lead elsewhere, and one of another life."""
    last, seen = recorded.octets("ledger.tick_6"), seen_at(6)
    other = replace(parse_tick(last), accounts_root=bytes(48)).encode()
    another_life = replace(parse_tick(last), incarnation=bytes(16), number=0, ledger=Frontier().root()).encode()

    def code(kept: SeenLedger, statement: bytes, nodes: list[bytes], restores: list[Restore]) -> str:
        with pytest.raises(Refused) as refused:
            kept.followed_by(statement, nodes, restores)
        return refused.value.code

    assert code(seen, recorded.octets("ledger.tick_5"), [], []) == "ledger-shrank"
    assert code(seen, other, [], []) == "ledger-forked"
    assert code(seen_at(2), last, nodes_between(0, 6), []) == "ledger-forked"
    assert code(seen_at(2), last, [bytes(48)] * len(nodes_between(3, 6)), []) == "ledger-forked"
    assert code(seen, another_life, [], []) == "ledger-incarnation"


def test_another_life_of_the_store_is_taken_where_a_restore_leads_to_it() -> None:
    """And not where the RESTORE keeps another tick than the one that was seen."""
    seen, tick = seen_at(6), parse_tick(recorded.octets("ledger.tick_6"))
    new = b"another life 16b"
    first = replace(tick, incarnation=new, number=0, ledger=Frontier().root()).encode()

    def restore(kept: bytes) -> Restore:
        return Restore(tick.incarnation, new, 6, kept)

    followed = seen.followed_by(first, [], [restore(digest(seen.statement))])

    assert followed.statement == first
    with pytest.raises(Refused, match="restore-contradicts"):
        seen.followed_by(first, [], [restore(b"x" * 48)])


def test_a_file_of_evidence_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """A reading that was cut off must not look like one that found nothing more."""
    path = tmp_path / "proof"
    with pytest.raises(RuntimeError):
        _cut_off(path)
    left = list(tmp_path.iterdir())

    with evidence_file(path) as file:
        file.write(SKIPPED, b"item")

    assert left == []
    assert list(tmp_path.iterdir()) == [path]
    assert list(read_evidence(path)) == [(SKIPPED, b"item")]
    with pytest.raises(CallerError, match="file-exists"), evidence_file(path):
        pass


def _cut_off(path: Path) -> None:
    with evidence_file(path) as file:
        file.write(SKIPPED, b"item")
        raise RuntimeError


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"SLUICE1/recording\x01",
        FILE_TAG + b"\x09\x00",
        FILE_TAG + b"\x09\x00\x00\x00\x02x",
        FILE_TAG + b"\x09" + b"\xff" * 9,
    ],
)
def test_a_file_that_was_cut_or_is_another_is_refused(tmp_path: Path, octets: bytes) -> None:
    """Evidence that ends in the middle proves nothing about its end."""
    path = tmp_path / "proof"
    path.write_bytes(octets)

    with pytest.raises(Refused, match="malformed"):
        list(read_evidence(path))


def test_the_history_of_a_chain_says_who_agreed_and_when(tmp_path: Path) -> None:
    """Signers by name, at the position of the statement; nothing is approved before it was signed."""
    town = Town.found(tmp_path)
    history = History()
    history.take(town.entries[0], town.control)

    assert (history.position, history.links[1]) == (1, town.control.head)
    assert history.standing() is town.control
    with pytest.raises(Refused, match="agreement-not-signed"):
        history.approval_of("UA-1", bytes(48), 1)
    with pytest.raises(Refused, match="genesis-differs"):
        History().standing()
