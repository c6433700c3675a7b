"""Lies towards a source, about its batches and its account; signed as if they were true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.core.ledger.entries import Admitted, Applied, Disclosed, RefusedBatch, parse_source_entry
from gateway.core.suite.numbers import PublishMessage, RefusalCode
from gateway.core.suite.tree import Frontier, leaf_hash
from tests.mutation.lies import AUDIT, POLICY, RECORDS, STRANGE, TIME, WORDS, Outcome, Refused, Stream
from tests.mutation.resealed_source import ToldSource, word
from tests.mutation.resealed_ticks import Ticked, gateway_keys

# A connection on which a batch is admitted, and one that also tells what partners were shown.
ADMITTED, SHOWN = Stream("src-3f07.sluice", 1), Stream("src-3f07.sluice", 2)


@dataclass(frozen=True, slots=True)
class SourceLie:
    """A lie, told on a connection."""

    tell: Callable[[ToldSource], None]
    stream: Stream
    outcome: Outcome

    @property
    def name(self) -> str:
        """As its function is called."""
        return self.tell.__name__


LIES: list[SourceLie] = []
Tell = Callable[[ToldSource], None]


def lie(outcome: str | Outcome, stream: Stream = ADMITTED) -> Callable[[Tell], Tell]:
    """Registers a lie; a string is the code it is refused with."""

    def register(tell: Tell) -> Tell:
        LIES.append(SourceLie(tell, stream, Refused(outcome) if isinstance(outcome, str) else outcome))
        return tell

    return register


def _with(told: ToldSource, kind: type[Admitted | Disclosed]) -> tuple[Ticked, int]:
    """The first tick with an entry of that kind, and which it is."""
    for tick in told.ticks:
        for number, entry in enumerate(tick.entries):
            if isinstance(parse_source_entry(entry), kind):
                return tick, number
    raise LookupError(f"the connection has no {kind.__name__}")


def _replace(told: ToldSource, kind: type[Admitted | Disclosed], **changed: object) -> None:
    tick, number = _with(told, kind)
    tick.entries[number] = replace(parse_source_entry(tick.entries[number]), **changed).encode()


@lie("account-rewritten")
def entry_not_in_the_account(told: ToldSource) -> None:
    """An acknowledgement that the account does not have: a permit to delete what nobody stored."""
    tick, _ = _with(told, Admitted)
    tick.shown, tick.entries = tick.entries, []


@lie("account-rewritten")
def entry_not_sent(told: ToldSource) -> None:
    """An entry that the source is not shown."""
    tick, _ = _with(told, Admitted)
    tick.shown = []


@lie("account-rewritten")
def another_entry_sent(told: ToldSource) -> None:
    """The account says one batch, the entry another."""
    tick, number = _with(told, Admitted)
    tick.shown = list(tick.entries)
    tick.shown[number] = replace(parse_source_entry(tick.entries[number]), batch_digest=STRANGE).encode()


@lie("account-rewritten", SHOWN)
def entries_reordered(told: ToldSource) -> None:
    """The entries in another order than the account has them."""
    tick = next(tick for tick in told.ticks if len(tick.entries) > 1)
    tick.shown = tick.entries[::-1]


@lie("account-contradicts")
def admitted_twice(told: ToldSource) -> None:
    """One batch acknowledged twice."""
    tick, number = _with(told, Admitted)
    tick.entries.append(replace(parse_source_entry(tick.entries[number]), salt=bytes(32)).encode())


@lie("account-contradicts")
def admitted_and_refused(told: ToldSource) -> None:
    """One batch acknowledged and refused."""
    tick, number = _with(told, Admitted)
    said = parse_source_entry(tick.entries[number])
    refused = RefusedBatch(bytes(32), said.lane, said.batch_no, said.batch_digest, RefusalCode.CHAIN)
    tick.entries.append(refused.encode())


@lie("malformed")
def entry_of_the_house(told: ToldSource) -> None:
    """An entry of another account in this one."""
    told.ticks[-1].entries.append(Applied(0, STRANGE).encode())


@lie(POLICY)
def refused_for_nothing(told: ToldSource) -> None:
    """A batch refused that could have been taken: the gateway decides, and its word binds it."""
    tick, number = _with(told, Admitted)
    said = parse_source_entry(tick.entries[number])
    refused = RefusedBatch(said.salt, said.lane, said.batch_no, said.batch_digest, RefusalCode.CHAIN)
    tick.entries[number] = refused.encode()


@lie(RECORDS)
def admitted_withheld(told: ToldSource) -> None:
    """A batch that was stored and is not entered: it stays open."""
    tick, number = _with(told, Admitted)
    del tick.entries[number]


@lie(RECORDS, SHOWN)
def disclosure_withheld(told: ToldSource) -> None:
    """A partner was shown a record, and its source is not told."""
    tick, number = _with(told, Disclosed)
    del tick.entries[number]


@lie(RECORDS, SHOWN)
def disclosure_to_another(told: ToldSource) -> None:
    """A partner was shown a record, and its source is told of another."""
    _replace(told, Disclosed, partner_id="gbr/other")


@lie(RECORDS, SHOWN)
def disclosure_of_less(told: ToldSource) -> None:
    """Fewer portions than were shown."""
    _replace(told, Disclosed, mask=1)


@lie(WORDS)
def stored_by_word_only(told: ToldSource) -> None:
    """A word for a batch that was never stored."""
    told.steps.append(word(PublishMessage.STORED, STRANGE, told.steps[0]))


@lie(WORDS)
def refused_by_word_only(told: ToldSource) -> None:
    """A word against a batch; the account says nothing."""
    told.steps.insert(1, word(PublishMessage.WAITING, STRANGE + b"\x00\x0f", told.steps[0]))


@lie("stream-order")
def word_before_the_directory(told: ToldSource) -> None:
    """A word of nobody."""
    told.steps.insert(0, word(PublishMessage.STORED, STRANGE, told.steps[0]))


@lie("disclosure-missing")
def leaf_listed(told: ToldSource) -> None:
    """A leaf without its entry, as a partner is shown one."""
    tick = told.ticks[-1]
    tick.message = replace(tick.message, leaves=(STRANGE,))
    tick.account = [*(leaf_hash(entry) for one in told.ticks for entry in one.entries), STRANGE]


@lie("ledger-shrank", SHOWN)
def shrunk(told: ToldSource) -> None:
    """An account that forgets what it said."""
    told.ticks[0].held = Frontier()
    told.ticks[0].entries = []


@lie("account-moved", SHOWN)
def moved(told: ToldSource) -> None:
    """The account at another place."""
    told.ticks[0].head = {"place": told.ticks[0].message.place ^ 1}


@lie("ledger-incarnation", SHOWN)
def another_life(told: ToldSource) -> None:
    """A store that was put back, and nobody says so."""
    told.ticks[0].k = {"incarnation": STRANGE[:16]}


@lie("ledger-forked", SHOWN)
def forked(told: ToldSource) -> None:
    """Another past than was shown."""
    told.ticks[0].on = {"time_ms": 1}


@lie("tick-signature", SHOWN)
def signed_by_the_stream_key(told: ToldSource) -> None:
    """Another key than K names."""
    told.ticks[0].key = gateway_keys().stream()


@lie(TIME, SHOWN)
def time(told: ToldSource) -> None:
    """A moment that never was."""
    told.ticks[0].k = {"time_ms": 1}


@lie(AUDIT, SHOWN)
def control(told: ToldSource) -> None:
    """Other statements applied than there were."""
    told.ticks[0].k = {"control": STRANGE}
