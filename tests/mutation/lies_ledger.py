"""Lies about the ledger, the account and what was lost; signed as if they were true."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.suite.numbers import StreamMessage
from gateway.core.suite.tree import Frontier, leaf_hash
from tests.mutation.lies import AUDIT, GAPS, INVENTED_OLD, LATER, OLDS, STRANGE, TIME, Owed, lie
from tests.mutation.lies_disclosures import both_first, copy_of
from tests.mutation.resealed import Sealed, Told
from tests.mutation.resealed_ticks import Ticked, gateway_keys, with_one_more

# K.


@lie("tick-genesis")
def k_genesis(told: Told) -> None:
    """Another gateway's ledger."""
    told.ticks[0].k = {"genesis": STRANGE}


@lie("key-not-endorsed")
def k_key(told: Told) -> None:
    """A key that nobody endorsed."""
    told.ticks[0].k = {"key_id": bytes(16)}


@lie("key-not-endorsed")
def k_by_the_stream_key(told: Told) -> None:
    """A key that is endorsed, for openings."""
    told.ticks[0].key = gateway_keys().stream()
    told.ticks[0].k = {"key_id": gateway_keys().stream().key_id}


@lie("tick-signature")
def k_signature(told: Told) -> None:
    """Another key than K names."""
    told.ticks[0].key = gateway_keys().stream()


@lie("ledger-incarnation")
def k_incarnation(told: Told) -> None:
    """Another life of the store, without a RESTORE."""
    told.ticks[1].k = {"incarnation": STRANGE[:16]}


@lie("ledger-incarnation", LATER)
def k_incarnation_of_a_reader_that_knows_one(told: Told) -> None:
    """The same to a reader that begins a stream, in a ledger that begins at 0."""
    first = told.ticks[0]
    nodes = tuple(first.message.ledger_nodes[:0])
    first.tick = replace(first.tick, incarnation=STRANGE[:16], number=0)
    first.message = replace(first.message, ledger_nodes=nodes)


@lie("ledger-shrank")
def k_number_again(told: Told) -> None:
    """Another tick of the number that was shown."""
    told.ticks[1].k = {"number": told.ticks[0].tick.number}


@lie("ledger-forked")
def k_number(told: Told) -> None:
    """A number that the nodes do not lead to."""
    told.ticks[1].k = {"number": told.ticks[1].tick.number + 1}


@lie(GAPS)
def k_left_out(told: Told) -> None:
    """A tick in between that is not shown, nor was it to anybody."""
    before, last = told.ticks[-2:]
    start, number = before.tick.number + 1, last.tick.number
    nodes = with_one_more(start, number, last.message.ledger_nodes, leaf_hash(b"a tick that nobody saw"))
    last.tick, last.message = replace(last.tick, number=number + 1), replace(last.message, ledger_nodes=nodes)


@lie(TIME)
def k_time(told: Told) -> None:
    """A moment that never was."""
    told.ticks[1].k = {"time_ms": 1}


@lie("ledger-forked")
def k_ledger(told: Told) -> None:
    """Another past."""
    told.ticks[1].k = {"ledger": STRANGE}


@lie("ledger-forked")
def k_of_a_fork(told: Told) -> None:
    """The second tick stands on another first one than was shown."""
    told.ticks[1].on = {"time_ms": 1}


@lie(AUDIT)
def k_control(told: Told) -> None:
    """Other statements applied than there were."""
    told.ticks[1].k = {"control": STRANGE}


@lie("account-not-covered")
def k_accounts_root(told: Told) -> None:
    """Accounts that this one is not under."""
    told.ticks[1].k = {"accounts_root": STRANGE}


# The account.


@lie("account-not-covered")
def salt_of_the_head(told: Told) -> None:
    """A head that the tick does not cover."""
    told.ticks[1].head = {"salt": STRANGE[:32]}


@lie("account-moved")
def moved(told: Told) -> None:
    """The account at another place of the tree."""
    told.ticks[1].head = {"place": told.ticks[1].message.place ^ 1}


@lie("malformed")
def moved_away(told: Told) -> None:
    """A place that the tree does not have."""
    told.ticks[1].head = {"place": 1 << len(told.ticks[1].message.path)}


@lie("ledger-shrank", LATER)
def shrunk(told: Told) -> None:
    """An account without what was shown earlier."""
    told.ticks[0].held = Frontier()


@lie("ledger-shrank")
def shrunk_behind_a_frame(told: Told) -> None:
    """An account that forgets the frame that came."""
    told.ticks[2].account = []
    told.ticks[2].message = replace(told.ticks[2].message, leaves=())


@lie("account-rewritten", LATER)
def rewritten(told: Told) -> None:
    """As many entries as were held, and others."""
    other = Frontier()
    for _ in range(told.ledger.held.size):
        other.append(STRANGE)
    told.ticks[0].held = other


@lie("account-rewritten", LATER)
def owed_leaf_replaced(told: Told) -> None:
    """Another disclosure stands where one was listed, before it came."""
    both_first(told)
    second = told.ticks[2]
    second.account = [STRANGE, *second.message.leaves]


@lie("account-rewritten")
def leaf_unlisted(told: Told) -> None:
    """The account has a disclosure that the tick does not list."""
    told.ticks[1].account = list(told.ticks[1].message.leaves)
    told.ticks[1].message = replace(told.ticks[1].message, leaves=())


@lie("account-rewritten")
def leaf_listed_only(told: Told) -> None:
    """The tick lists what the account does not have."""
    told.ticks[1].account = list(told.ticks[1].message.leaves)
    told.ticks[1].message = replace(told.ticks[1].message, leaves=(*told.ticks[1].message.leaves, STRANGE))


def _two_leaves(told: Told) -> Ticked:
    """The first tick of a stream that owes two, both in its own message."""
    first = told.ticks[0]
    first.message = replace(
        first.message, leaves=tuple(leaf for some in first.leaves for leaf in some) + first.message.leaves
    )
    first.leaves = []
    return first


@lie("account-rewritten", OLDS)
def leaves_reordered(told: Told) -> None:
    """What is owed in another order than the account has it."""
    first = _two_leaves(told)
    first.account = list(first.message.leaves)
    first.message = replace(first.message, leaves=first.message.leaves[::-1])


@lie("disclosure-not-owed", OLDS)
def account_reordered(told: Told) -> None:
    """What is owed in another order, in the account too; it comes in the order in which it was."""
    first = _two_leaves(told)
    first.message = replace(first.message, leaves=first.message.leaves[::-1])


@lie(Owed())
def invented_leaf(told: Told) -> None:
    """A disclosure in the account that never comes."""
    last = told.ticks[-1]
    last.message = replace(last.message, leaves=(*last.message.leaves, STRANGE))


@lie("disclosure-missing")
def invented_leaf_for_long(told: Told) -> None:
    """The same, and the stream goes on for two minutes."""
    invented_leaf(told)
    told.steps.insert(len(told.steps) - 1, replace(told.ticks[-1], message=told.ticks[-1].message))
    word = next(step for step in told.steps if isinstance(step, Sealed) and step.entry is None)
    told.steps[-2] = replace(word, now_ms=told.frames[-1].now_ms, waited_ms=120_001)


@lie("disclosure-not-owed")
def frame_before_its_tick(told: Told) -> None:
    """A frame whose disclosure no tick covers yet."""
    frame = told.frames[0]
    told.steps.remove(frame)
    told.steps.insert(told.steps.index(told.ticks[1]), frame)


@lie("disclosure-not-owed")
def frame_not_entered(told: Told) -> None:
    """A frame that the account does not have."""
    told.ticks[1].message = replace(told.ticks[1].message, leaves=())


@lie("disclosure-not-owed", LATER)
def frame_withheld(told: Told) -> None:
    """A frame is left out, and the next one comes."""
    told.steps.remove(told.frames[0])
    for frame in told.frames:
        frame.g["seq"] = frame.entry.seq - 1


# Ledger nodes.


@lie("ledger-forked", LATER)
def node_changed(told: Told) -> None:
    """Ticks in between that never were, under a root that was."""
    first = told.ticks[0]
    first.k = {"ledger": first.tick.ledger}
    first.message = replace(first.message, ledger_nodes=(STRANGE, *first.message.ledger_nodes[1:]))


@lie("ledger-forked", LATER)
def node_missing(told: Told) -> None:
    """A tick in between left out."""
    first = told.ticks[0]
    first.message = replace(first.message, ledger_nodes=first.message.ledger_nodes[:-1])


@lie("ledger-forked", LATER)
def node_spare(told: Told) -> None:
    """One tick more than there were."""
    first = told.ticks[0]
    first.message = replace(first.message, ledger_nodes=(*first.message.ledger_nodes, STRANGE))


# What was lost.


@lie("disclosure-repeated", OLDS)
def old_again(told: Told) -> None:
    """The same `old` twice."""
    told.steps.insert(told.steps.index(told.olds[1]), copy_of(told.olds[0]))


@lie("disclosure-repeated", OLDS)
def old_entered_again(told: Told) -> None:
    """The same `old` twice, and twice in the account."""
    first = _two_leaves(told)
    first.message = replace(first.message, leaves=(first.message.leaves[0], *first.message.leaves))
    told.steps.insert(told.steps.index(told.olds[1]), copy_of(told.olds[0]))


@lie("old-of-this-stream", OLDS)
def old_of_this_stream(told: Told) -> None:
    """A frame that should come, passed off as one that was lost."""
    told.olds[0].g = {"stream_id": told.opening.terms.stream_id}


@lie(INVENTED_OLD, OLDS)
def old_changed(told: Told) -> None:
    """What was lost before any tick showed it is another disclosure now."""
    told.olds[0].g = {"records": 7}


@lie(INVENTED_OLD)
def old_invented(told: Told) -> None:
    """A disclosure of a stream that never was."""
    frame = told.frames[0]
    old = replace(
        frame, kind=StreamMessage.OLD, sections=[], g={"stream_id": bytes(16)}, was=STRANGE, now_ms=told.ticks[0].now_ms
    )
    first = told.ticks[0]
    first.message = replace(first.message, leaves=(STRANGE,))
    told.steps.insert(told.steps.index(first) + 1, old)


@lie("disclosure-not-owed")
def old_not_entered(told: Told) -> None:
    """The same, and the account does not have it."""
    old_invented(told)
    told.ticks[0].message = replace(told.ticks[0].message, leaves=())


@lie("disclosure-not-owed", OLDS)
def old_withheld(told: Told) -> None:
    """What is owed does not come, and what is behind it does."""
    told.steps.remove(told.olds[0])


@lie("stream-order", OLDS)
def old_behind_a_frame(told: Told) -> None:
    """What was lost is told last."""
    old = told.olds[1]
    told.steps.remove(old)
    told.steps.insert(told.steps.index(told.frames[0]) + 1, old)
    tick = told.ticks[0]
    tick.message = replace(tick.message, leaves=())
    told.ticks[1].message = replace(told.ticks[1].message, leaves=(*told.ticks[1].message.leaves, old.was))
