"""The chain over a journal, and the one way a list of appends takes its places.

Both journal adapters link through here, so that the memory one refuses exactly what the durable one refuses. Nothing
here stores anything. Source: SPEC.md section 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.core.errors import CallerError, Fault
from gateway.core.suite.algorithms import SUITE_BYTE, ZERO_HASH, digest
from gateway.core.suite.octets import u8, u64
from gateway.ports.journal import Append, Head, Journal

MAX_ENTRY_BYTES = 16 * 1024 * 1024
EMPTY_HEADS: Mapping[Journal, Head] = {journal: Head(0, ZERO_HASH) for journal in Journal}


def chain_value(journal: Journal, position: int, kind: int, entry_digest: bytes, previous: bytes) -> bytes:
    """chain_i, 48 bytes. `entry_digest`: H of the chained bytes; `previous`: chain_{i-1}, zero at position 0."""
    return digest(
        b"SLUICE1/journal\x00" + SUITE_BYTE + u8(journal) + u64(position) + u8(kind) + entry_digest + previous
    )


@dataclass(frozen=True, slots=True)
class Link:
    """One append with its place. `chained_digest` is None when the entry itself is chained."""

    journal: Journal
    position: int
    kind: int
    entry: bytes
    chained_digest: bytes | None
    chain: bytes


def link(heads: Mapping[Journal, Head], appends: Sequence[Append]) -> tuple[list[Link], Mapping[Journal, Head]]:
    """The list in its places behind `heads`, and the heads after it; `heads` itself stays as it is.

    Raises `Fault("head-moved")` or `CallerError("append-malformed")` for the whole list.
    """
    after = dict(heads)
    links = []
    for append in appends:
        _check_bounds(append)
        head = after[append.journal]
        if append.expected_position != head.size:
            raise Fault(
                "head-moved",
                f"an append expected {append.expected_position} entries before it, the journal holds {head.size}",
                at=place(append.journal, append.expected_position),
            )
        chained_digest = None if append.chained is None else digest(append.chained)
        entry_digest = digest(append.entry) if chained_digest is None else chained_digest
        chain = chain_value(append.journal, head.size, append.kind, entry_digest, head.chain)
        links.append(Link(append.journal, head.size, append.kind, append.entry, chained_digest, chain))
        after[append.journal] = Head(head.size + 1, chain)
    return links, after


def _check_bounds(append: Append) -> None:
    at = place(append.journal, append.expected_position)
    if not 0 <= append.kind <= 255:
        raise CallerError("append-malformed", f"the kind of an entry is 0 to 255, {append.kind} came", at=at)
    if len(append.entry) > MAX_ENTRY_BYTES:
        raise CallerError(
            "append-malformed", f"an entry has at most {MAX_ENTRY_BYTES} bytes, {len(append.entry)} came", at=at
        )


def place(journal: Journal, position: int) -> str:
    """How errors name an entry: `ledger 57`."""
    return f"{journal.name.lower()} {position}"


class Damage(Fault):
    """`entry-damaged`: an entry was stored and is not whole any more."""


def entry_damaged(journal: Journal, position: int, came: str) -> Damage:
    """The error of `read` for one entry."""
    return Damage(
        "entry-damaged",
        f"the entry must open and match its chain, {came}",
        at=place(journal, position),
        do="keep the store as evidence, restore from a backup",
    )


def journal_damaged(damage: Damage) -> Fault:
    """The error of `verify` for the damage that it met."""
    return Fault("journal-damaged", damage.message, at=damage.at, do=damage.do)
