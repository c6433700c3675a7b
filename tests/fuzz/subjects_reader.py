"""The second reader under the same inputs: refusals with a code and nothing else, and never another answer than ours.

`TWINS` pairs a parser of the second reader with the product's own: what one of them takes the other takes too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gateway.core.suite.numbers import Schema, StatementKind
from tests.fuzz import (
    subjects_accounts,
    subjects_clients,
    subjects_control,
    subjects_kinds,
    subjects_labels,
    subjects_ledger,
    subjects_records,
)
from tests.fuzz.engine import BrokenLawError, Subject, judged
from tests.fuzz.subject import Entry
from tests.reference.reader import (
    accounts,
    content,
    control,
    evidence,
    frame,
    labels,
    ledger,
    octets,
    origin,
    profile,
    receipt,
    source,
    statements,
    stream,
    suite,
    texts,
    trust,
)
from tests.reference.reader.octets import Cut, Refusal

_OURS: dict[str, Entry] = {
    **subjects_records.SUBJECTS,
    **subjects_ledger.SUBJECTS,
    **subjects_accounts.SUBJECTS,
    **subjects_control.SUBJECTS,
    **subjects_labels.SUBJECTS,
    **subjects_kinds.SUBJECTS,
    **subjects_clients.SUBJECTS,
}


def _whole(name: str, parse: Callable[[Cut], object]) -> Callable[[bytes], object]:
    """A parser that leaves a cut behind it, given nothing else."""

    def read(raw: bytes) -> object:
        cut = Cut(raw, name)
        value = parse(cut)
        cut.end()
        return value

    return read


def _signed_batch(raw: bytes) -> object:
    if len(raw) >= 1 << 16:
        raise Refusal("malformed", "batch")
    return origin.Batch.signed(Cut(octets.lp16(raw), "batch"))


def _portion(raw: bytes) -> object:
    return origin.Portion.parse(raw, raw[32] if len(raw) > 32 else 0)


def _content(schema: int, raw: bytes) -> None:
    if not raw or raw[0] > 7:
        raise Refusal("schema", "slot")
    content.check_content(schema, raw[0], raw[1:])


def _body(kind: StatementKind, raw: bytes) -> object:
    return texts.body_text(kind, raw, "text")


def _evidence(raw: bytes) -> list[tuple[int, bytes]]:
    return list(evidence.items(raw))


_MEMORY = suite.Memory()

TWINS: dict[str, Callable[[bytes], object]] = {
    "disclosure": _portion,
    "batch": origin.Batch.parse,
    "signed batch": _signed_batch,
    "batch item": origin.Unpacked.parse,
    "view": _whole("view", lambda cut: frame.View.parse(cut, 0, 255)),
    "section": _whole("section", frame.Section.parse),
    "body": frame.parse_body,
    "disclosure entry": frame.Disclosure.parse,
    "frame": partial(stream.parse_sealed, 5),
    "end under its seal": partial(stream.parse_words, name="end"),
    "hello": stream.Hello.parse,
    "open": stream.Terms.parse,
    "tick": ledger.Tick.parse,
    "tick message": ledger.TickMessage.parse,
    "leaves": ledger.parse_leaves,
    "entries": source.parse_entries,
    "source entry": source.parse_entry,
    "signed receipt": receipt.parse_receipt,
    "ledger state": ledger.Ledger.parse,
    "opening of a disclosure": accounts.Opening.parse,
    "tick item": accounts.parse_tick_item,
    "account item": accounts.Head.parse,
    "entry item": accounts.parse_entry_item,
    "skipped item": accounts.parse_skipped_item,
    "evidence batch": accounts.parse_batch_item,
    "statement": statements.Statement.parse,
    "signatures": statements.parse_signatures,
    "endorsement": statements.Endorsement.parse,
    "dir": statements.Dir.parse,
    "restore": statements.Restore.parse,
    "directory message": trust.parse_message,
    "endorsement list": control.parse_list,
    "control entry": control.Entry.parse,
    "enrolment bundle": lambda raw: control.Bundle.parse(raw, _MEMORY),
    "roster text": statements.Roster.parse,
    "source text": partial(_body, StatementKind.SOURCE),
    "partner text": partial(_body, StatementKind.PARTNER),
    "agreement text": profile.Agreement.parse,
    "suspension text": partial(_body, StatementKind.SUSPEND),
    "end text": partial(_body, StatementKind.END),
    "vocabulary": labels.Vocabulary.parse,
    "telemetry portion": partial(_content, Schema.TELEMETRY_1),
    "tactic portion": partial(_content, Schema.TACTIC_1),
    "KEM key file": suite.KemKey.parse,
    "profile": lambda raw: profile.Profile.parse(raw, _MEMORY),
    "recording": _evidence,
}


# Where the two may differ in what they take, and why that is no other reading of the format.
APART = {
    "tick message": "the product reads the tick inside it when it has the key",
    "signed receipt": "the product reads the receipt inside it when it has the key",
    "directory message": "the second reader reads the signatures inside it when it counts the statement",
    "control entry": "the second reader reads the signatures inside it when it counts the statement",
    "recording": "the second reader cuts the items of a file and reads them one by one",
}
# What the product judges beside the structure itself is left out where the two are compared.
_OURS_ALONE: dict[str, Callable[[bytes], object]] = {
    "telemetry portion": partial(subjects_kinds.alone, Schema.TELEMETRY_1),
    "tactic portion": partial(subjects_kinds.alone, Schema.TACTIC_1),
}


def _by_both(ours: Subject, theirs: Callable[[bytes], object], raw: bytes) -> object:
    """What the second reader makes of it; the law is broken if the product makes another thing of it."""
    taken = judged(ours, raw)
    try:
        value = theirs(raw)
    except Refusal as refusal:
        if not taken:
            why = f"`{refusal.code}` {refusal.at}"
            raise BrokenLawError(f"the second reader alone refuses, {why}: {raw.hex()}") from refusal
        raise
    if taken:
        raise BrokenLawError(f"the product alone refuses, `{taken}`: {raw.hex()}")
    return value


def twin(name: str) -> Subject:
    """The second reader's parser under the inputs of ours."""
    ours = _OURS[name].build()
    if name in APART:
        return replace(ours, read=TWINS[name], again=None, refusals=(Refusal,))
    alone = replace(ours, read=_OURS_ALONE.get(name, ours.read), again=None)
    return replace(alone, read=partial(_by_both, alone, TWINS[name]), refusals=(Refusal,))


SUBJECTS: dict[str, Entry] = {
    f"{'second reader' if name in APART else 'both readers'}: {name}": Entry((), partial(twin, name)) for name in TWINS
}
