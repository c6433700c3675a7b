"""Verified disclosures as an officer reads them: one line a record, with portions by name.

A record is named by the first hex digits of H(B) and its index, `9d0c11e2.4`; digits alone name a batch, whatever of it
was shown. Fewer digits do, if no other batch begins so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clients.operator.accounts import Accounts, VerifiedDisclosure
from clients.times import utc
from gateway.core.errors import CallerError, Refused
from gateway.core.kinds.registry import KINDS
from gateway.core.sealing.frame import Disclosure
from gateway.core.sealing.opening import DisclosureOpening
from gateway.core.suite.numbers import RecordKind

SHOWN_DIGITS = 8
_NAME = re.compile(r"([0-9a-f]{4,96})(?:\.(\d{1,3}))?")
_MOST_NAMED = 5
COLUMNS = (
    "time",
    "partner",
    "record",
    "batch",
    "source",
    "kind",
    "portions",
    "agreement",
    "subscription",
    "approved_by",
    "agreement_control",
    "decided_control",
    "receipt",
    "proof",
)


@dataclass(frozen=True, slots=True)
class RecordName:
    """What an officer typed. idx: None for every record of the batch."""

    digits: str
    idx: int | None

    @classmethod
    def parse(cls, text: str) -> RecordName:
        """Raises `record-name`."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise CallerError(
                "record-name",
                "a record must be named by 4 to 96 hex digits of its batch, and `.index`, it is not",
                at=text[:100],
                do="`sluicectl ledger find`",
            )
        return cls(found[1], int(found[2]) if found[2] else None)

    def names(self, batch_digest: bytes, idx: int) -> bool:
        """Whether the record is meant."""
        return batch_digest.hex().startswith(self.digits) and self.idx in {None, idx}

    def is_in(self, opening: DisclosureOpening) -> bool:
        """Whether a disclosure shows a record that is meant."""
        shown = opening.kept.shown if opening.kept else ()
        return any(self.names(batch.batch_digest, idx) for batch in shown for idx, _ in batch.records)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which disclosures are asked for; empty asks for all. since_ms, until_ms: the first moment, the first behind."""

    partner_id: str = ""
    agreement_id: str = ""
    source_id: str = ""
    kind: RecordKind | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def wants(self, disclosure: Disclosure, opening: DisclosureOpening) -> bool:
        """Whether any record of it can be one. One whose store kept no time and no records may always be."""
        if self.partner_id not in {"", disclosure.partner_id} or self.agreement_id not in {"", disclosure.agreement_id}:
            return False
        if opening.kept is None:
            return True
        time_ms = opening.kept.time_ms
        return (self.since_ms is None or self.since_ms <= time_ms) and (
            self.until_ms is None or time_ms < self.until_ms
        )

    def wants_row(self, row: Row) -> bool:
        """Whether the record is one."""
        if row.kind is None:
            return True
        return self.source_id in {"", row.source_id} and self.kind in {None, row.kind}


@dataclass(frozen=True, slots=True)
class Row:
    """One record that one partner was sent. batch: H(B) in hex; at_ms, source_id, kind: empty where it was not kept."""

    found: VerifiedDisclosure
    batch: str
    idx: int
    portions: tuple[str, ...]
    source_id: str
    kind: RecordKind | None

    @property
    def record(self) -> str:
        """Its short name; empty where it was not kept."""
        return f"{self.batch[:SHOWN_DIGITS]}.{self.idx}" if self.batch else ""

    @property
    def time(self) -> str:
        """When it was entered, by the gateway's clock; empty where it was not kept."""
        return utc(self.found.opening.kept.time_ms) if self.found.opening.kept else ""

    @property
    def proof(self) -> str:
        """`ok`, or that the store did not keep which records went: that something went is proven all the same."""
        return "ok" if self.batch else "records-not-kept"

    def facts(self) -> dict[str, object]:
        """As JSON; the columns of CSV are the same."""
        found = self.found
        receipt = found.receipt
        return {
            "time": self.time or None,
            "partner": found.entry.partner_id,
            "record": self.record or None,
            "batch": self.batch or None,
            "source": self.source_id or None,
            "kind": self.kind.name.lower() if self.kind is not None else None,
            "portions": list(self.portions),
            "agreement": found.entry.agreement_id,
            "subscription": found.entry.subscription,
            "approved_by": list(found.approval.signers),
            "agreement_control": found.approval.position,
            "decided_control": found.opening.control_position,
            "receipt": {"tick": receipt.receipt.tick, "time": utc(receipt.receipt.time_ms)} if receipt else None,
            "proof": self.proof,
            "entry": found.index,
            "records_in_frame": found.entry.records,
        }

    def cells(self) -> list[str]:
        """One line of CSV, in the order of `COLUMNS`."""
        facts = self.facts() | {"receipt": "yes" if self.found.receipt else "no"}
        return [_cell(facts[name]) for name in COLUMNS]

    def sentence(self, *, with_record: bool) -> str:
        """For a person, behind the partner's name."""
        found = self.found
        parts = [self.record] if with_record and self.record else []
        parts += [self.time or "time not kept", " ".join(self.portions) or f"{found.entry.records} records, not kept"]
        signers = ", ".join(found.approval.signers)
        parts.append(f"agreement {found.entry.agreement_id}")
        parts.append(f"approved by {signers} (control {found.approval.position})")
        parts += [f"receipt {'yes' if found.receipt else 'no'}", f"proof {self.proof}"]
        return "  ".join(parts)


def _cell(fact: object) -> str:
    if isinstance(fact, list):
        return " ".join(map(str, fact))
    return "" if fact is None else str(fact)


def rows_of(accounts: Accounts) -> Iterator[Row]:
    """Every record of every disclosure that was kept, account by account in their order."""
    for found in accounts.disclosures:
        if found.opening.kept is None:
            yield Row(found, "", 0, (), "", None)
            continue
        for batch in found.opening.kept.shown:
            known = accounts.batches[batch.batch_digest]
            for idx, mask in batch.records:
                yield Row(
                    found,
                    batch.batch_digest.hex(),
                    idx,
                    portion_names(known.kind, mask),
                    known.source_id,
                    known.kind,
                )


def portion_names(kind: RecordKind, mask: int) -> tuple[str, ...]:
    """The slots of a mask by name, by number where this version does not know the kind."""
    slots = KINDS[kind].slots if kind in KINDS else ()
    return tuple(slots[j] if j < len(slots) else f"slot-{j}" for j in range(16) if mask >> j & 1)


def named_rows(name: RecordName, rows: Iterable[Row]) -> list[Row]:
    """The rows of the records that are meant; refuses `record-ambiguous` where batches differ."""
    found = [row for row in rows if row.batch and name.names(bytes.fromhex(row.batch), row.idx)]
    batches = sorted({row.batch for row in found})
    if len(batches) > 1:
        named = ", ".join(batch[: len(name.digits) + SHOWN_DIGITS] for batch in batches[:_MOST_NAMED])
        raise Refused(
            "record-ambiguous",
            f"the digits must begin one batch, {len(batches)} that were disclosed begin so",
            at=name.digits,
            do=f"more digits: {named}",
        )
    return found
