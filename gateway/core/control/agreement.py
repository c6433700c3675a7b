"""The agreement an officer reads: one partner, a time, and everything that may be released under it.

Permits come only from here, and only below the label lattice. So a text that contradicts itself is refused rather than
interpreted (`agreement-contradiction`): REAL beside another mode, an end before the start, a portion withheld without
which nothing could be shown, a fee for a design that is not in it. What may be left out (`designs`, `withhold`,
`recall_h`, `quota`, `fees`) is nothing, never everything; only `token` left out asks for none. Dates are days: the last
one is whole, UTC.

Keys that nothing acts on yet parse as strictly as all others and are named in `recorded_only`.
The digest is what streams, receipts and disclosures name. Source: SPEC.md section 2; decision room for what it means.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from gateway.core.control.partner import newest_of
from gateway.core.control.texts import Table, read_text
from gateway.core.errors import CallerError
from gateway.core.kinds.registry import KINDS
from gateway.core.labels.vocabulary import Vocabulary, is_code
from gateway.core.parties.names import AgreementId, PartnerId, SourceId
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.numbers import DataMode, RecordKind
from gateway.core.suite.octets import is_name

DAY_MS = 24 * 3600 * 1000
HOUR_MS = 3_600_000
MAX_DELAY_H = 24 * 366
MAX_BASIS_CHARACTERS = 256
MAX_RECORDS_PER_MONTH = 10**9
MAX_MINOR_UNITS = 10**12
MAX_FEES = 64
# The grades of the releasing authority; the ceiling is one of them.
CEILING_POLICY = "UKR"

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_ALWAYS = frozenset({"id", "from", "to", "basis", "starts", "ends", "kinds", "modes", "sources", "ceiling"})
_CHOICES = frozenset({"purpose", "onward", "origin", "delay_h", "accounts_shown_to_sources"})
_MAY_BE_LEFT_OUT = frozenset({"designs", "withhold", "recall_h", "quota", "fees", "token"})
# Chunks belong to the records that name them, so no agreement names them.
_KIND_NAMES = {kind.name.lower(): kind for kind in RecordKind if kind is not RecordKind.CHUNK}
_MODE_NAMES = {mode.name: mode for mode in DataMode}


class Purpose(StrEnum):
    """What the partner may do with what it gets."""

    EVALUATE = "EVALUATE"
    REPLICATE = "REPLICATE"
    MODIFY = "MODIFY"


class AccountsShown(StrEnum):
    """What a source's own account says of disclosures under the agreement."""

    NONE = "none"
    AMOUNTS = "amounts"
    AMOUNTS_AND_PARTNER = "amounts-and-partner"


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee, in minor units of a currency. due: of a FLAT fee; declared: how often a PER_UNIT count is declared."""

    design: str
    basis: str
    amount: int
    currency: str
    due: date | None
    declared: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """The parsed text. digest: 48 bytes, the text digest under the id; records_per_month: None is no quota.

    token: `required`, `ignored`, or None where the text does not say.
    """

    id: AgreementId
    authority: str
    partner_id: PartnerId
    basis: str
    starts: date
    ends: date
    kinds: frozenset[RecordKind]
    modes: frozenset[DataMode]
    sources: frozenset[SourceId] | Literal["all"]
    designs: frozenset[str]
    ceiling: str
    withhold: frozenset[str]
    purpose: Purpose
    onward: str
    origin_hidden: bool
    delay_ms: int
    recall_ms: int | None
    records_per_month: int | None
    accounts_shown: AccountsShown
    fees: tuple[Fee, ...]
    token: str | None
    recorded_only: tuple[str, ...]
    text: bytes
    digest: bytes

    @classmethod
    def parse(cls, text: bytes) -> Agreement:
        """The agreement in `text`; refuses `text-…` and `agreement-contradiction`."""
        table = read_text(text, "agreement", _ALWAYS | _CHOICES | _MAY_BE_LEFT_OUT)
        identifier = AgreementId(table.name("id"))
        kinds = frozenset(_KIND_NAMES[name] for name in table.choices("kinds", tuple(_KIND_NAMES)))
        designs = frozenset(
            table.listed("designs", is_design, "a list of design ids, each once") if table.has("designs") else ()
        )
        quota = table.table("quota", {"records_per_month"}) if table.has("quota") else None
        return cls(
            id=identifier,
            authority=table.name("from"),
            partner_id=PartnerId(table.name("to")),
            basis=table.string("basis", MAX_BASIS_CHARACTERS),
            starts=table.date("starts"),
            ends=_ends(table),
            kinds=kinds,
            modes=_modes(table),
            sources=_sources(table),
            designs=designs,
            ceiling=_ceiling(table),
            withhold=_withheld(table, kinds),
            purpose=Purpose(table.choice("purpose", tuple(Purpose))),
            onward=table.choice("onward", ("no", "ask-origin")),
            origin_hidden=table.choice("origin", ("hidden", "shown")) == "hidden",
            delay_ms=table.integer("delay_h", 0, MAX_DELAY_H) * HOUR_MS,
            recall_ms=table.integer("recall_h", 1, MAX_DELAY_H) * HOUR_MS if table.has("recall_h") else None,
            records_per_month=quota.integer("records_per_month", 1, MAX_RECORDS_PER_MONTH) if quota else None,
            accounts_shown=AccountsShown(table.choice("accounts_shown_to_sources", tuple(AccountsShown))),
            fees=_fees(table, designs),
            token=table.choice("token", ("required", "ignored")) if table.has("token") else None,
            recorded_only=tuple(key for key in ("onward", "recall_h", "fees") if table.has(key)),
            text=text,
            digest=text_digest(identifier, text),
        )

    @property
    def token_required(self) -> bool:
        """Whether a stream needs an access token; an agreement that does not say so asks for none."""
        return self.token == "required"  # noqa: S105 - a word of the text

    @property
    def starts_ms(self) -> int:
        """First millisecond in force."""
        return _day_start_ms(self.starts)

    @property
    def ends_ms(self) -> int:
        """First millisecond no longer in force: the one after the last day, UTC."""
        return _day_start_ms(self.ends) + DAY_MS

    def check_against(self, vocabularies: Iterable[Vocabulary]) -> None:
        """Refuses `text-value` unless the ceiling is a level of the newest UKR vocabulary in force."""
        newest = newest_of(CEILING_POLICY, vocabularies)
        if newest is None or self.ceiling not in newest.levels:
            raise CallerError(
                "text-value",
                f"`ceiling` must be a level of the {CEILING_POLICY} vocabulary in force, another came",
                at="agreement.ceiling",
            )


def is_design(text: str) -> bool:
    """Whether `text` may name a design: an identifier that a label can carry as a value."""
    return is_name(text) and "/" not in text


def _day_start_ms(day: date) -> int:
    return (day.toordinal() - _EPOCH_DAY) * DAY_MS


def _contradiction(table: Table, key: str, message: str) -> CallerError:
    return CallerError("agreement-contradiction", message, at=table.at(key))


def _ends(table: Table) -> date:
    ends = table.date("ends")
    if ends < table.date("starts"):
        raise _contradiction(table, "ends", "an agreement must end on the day it starts or later, an earlier day came")
    return ends


def _modes(table: Table) -> frozenset[DataMode]:
    modes = frozenset(_MODE_NAMES[name] for name in table.choices("modes", tuple(_MODE_NAMES)))
    if DataMode.REAL in modes and len(modes) > 1:
        raise _contradiction(table, "modes", "REAL is the only mode of its agreement, another came beside it")
    return modes


def _sources(table: Table) -> frozenset[SourceId] | Literal["all"]:
    if table.is_string("sources"):
        table.choice("sources", ("all",))
        return "all"
    return frozenset(map(SourceId, table.names("sources")))


def _ceiling(table: Table) -> str:
    ceiling = table.name("ceiling")
    if not is_code(ceiling):
        raise table.wrong("ceiling", "the code of a level: capital letters, digits and hyphens")
    return ceiling


def _withheld(table: Table, kinds: frozenset[RecordKind]) -> frozenset[str]:
    if not table.has("withhold"):
        return frozenset()
    portions = {f"{kind.name}.{slot}": kind for kind in KINDS.values() for slot in kind.slots}
    listed = table.choices("withhold", tuple(portions))
    for portion in listed:
        kind = portions[portion]
        if kind.number not in kinds:
            raise _contradiction(table, "withhold", f"`{portion}` is of a kind that the agreement does not have")
        if kind.must >> kind.slots.index(portion.partition(".")[2]) & 1:
            raise _contradiction(table, "withhold", f"`{portion}` must be in every view, so nothing could be released")
    return frozenset(listed)


def _fees(table: Table, designs: frozenset[str]) -> tuple[Fee, ...]:
    if not table.has("fees"):
        return ()
    keys = {"design", "basis", "amount", "currency", "due", "declared"}
    return tuple(_fee(row, designs) for row in table.tables("fees", keys, MAX_FEES))


def _fee(row: Table, designs: frozenset[str]) -> Fee:
    design = row.name("design")
    if design not in designs:
        raise _contradiction(row, "design", "a fee is for a design of the agreement, another came")
    flat = row.choice("basis", ("FLAT", "PER_UNIT")) == "FLAT"
    if row.has("declared") if flat else row.has("due"):
        raise _contradiction(row, "basis", "a FLAT fee has `due`, a PER_UNIT fee has `declared`, the other came")
    currency = row.name("currency")
    if len(currency) != 3 or not currency.isalpha() or not currency.isupper():
        raise row.wrong("currency", "three capital letters")
    return Fee(
        design=design,
        basis="FLAT" if flat else "PER_UNIT",
        amount=row.integer("amount", 1, MAX_MINOR_UNITS),
        currency=currency,
        due=row.date("due") if flat else None,
        declared="" if flat else row.choice("declared", ("monthly", "quarterly", "yearly")),
    )
