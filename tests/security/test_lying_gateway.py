"""Threat: the gateway lies to an operator. It can hand out bytes; it cannot make an operator believe a statement."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from clients.operator.chain import Chain, read_chain
from clients.operator.govern import PendingChange
from clients.operator.home import SeenHead
from clients.operator.kept_chain import KeptChain
from clients.operator.shipped import vocabulary_text
from gateway.core.control.entry import ControlEntry
from gateway.core.control.restore import Restore
from gateway.core.errors import GatewayError, Refused
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import StatementKind
from tests.unit.operator.gateways import ScriptedGovernance, Town
from tests.unit.operator.parties import NOW_MS


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Operators with two vocabularies applied."""
    town = Town.found(tmp_path)
    town.apply(StatementKind.VOCABULARY, vocabulary_text("UKR.1"))
    town.apply(StatementKind.VOCABULARY, vocabulary_text("USA.1"))
    return town


def read(town: Town, entries: Sequence[bytes], pending: Sequence[PendingChange] = ()) -> Chain:
    """What the first operator makes of these bytes."""
    return asyncio.run(read_chain(ScriptedGovernance(entries, pending), town.operators[0], NOW_MS))


def refusal(town: Town, entries: Sequence[bytes]) -> str:
    """The code with which the first operator refuses them."""
    with pytest.raises(GatewayError) as caught:
        read(town, entries)
    return caught.value.code


def test_an_honest_chain_is_verified_to_its_head(town: Town) -> None:
    """And the head is kept for the next time."""
    chain = read(town, town.encoded())

    assert (chain.control.position, chain.control.head) == (3, town.control.head)
    assert town.operators[0].seen() == SeenHead(3, town.control.head)
    assert chain.tip == chain.control


def test_an_empty_chain_is_refused(town: Town) -> None:
    """Nothing signed is not the same as nothing there."""
    assert refusal(town, []) == "genesis-differs"


def test_another_founding_is_refused(town: Town, tmp_path: Path) -> None:
    """The gateway could have founded a world of its own."""
    other = Town.found(tmp_path / "other")

    assert refusal(town, other.encoded()) == "genesis-differs"


def test_an_invented_statement_is_refused(town: Town) -> None:
    """Signed by a key the gateway made, or by one operator who would need another."""
    statement = town.statement(StatementKind.VOCABULARY, vocabulary_text("GBR.1"))
    stranger = ControlEntry(town.signed(statement, SigningKey.generate()), (), NOW_MS)
    alone = ControlEntry(town.signed(statement, town.keys()[0]), (), NOW_MS)

    assert refusal(town, [*town.encoded(), stranger.encode()]) == "signer-unknown"
    assert refusal(town, [*town.encoded(), alone.encode()]) == "signatures-too-few"


def test_a_changed_statement_is_refused(town: Town) -> None:
    """One byte of the body, after the operators signed it."""
    entry = town.entries[2]
    changed = replace(entry.statement, body=entry.body.replace(b"UNCLASSIFIED", b"unclassified"))
    forged = replace(entry, signed=replace(entry.signed, statement=changed))

    assert refusal(town, [*town.encoded()[:2], forged.encode()]) == "statement-signature"


def test_a_statement_left_out_is_refused(town: Town) -> None:
    """Each names the one before it."""
    encoded = town.encoded()

    assert refusal(town, [encoded[0], encoded[2]]) == "stale-change"


def test_a_chain_shorter_than_seen_is_refused(town: Town) -> None:
    """A suspension could be taken back by forgetting it."""
    read(town, town.encoded())

    assert refusal(town, town.encoded()[:2]) == "control-shrank"


def test_another_chain_of_the_same_length_is_refused(town: Town) -> None:
    """Operators signed both branches, the gateway shows each of them another."""
    statement = town.statement(StatementKind.VOCABULARY, vocabulary_text("GBR.1"))
    head = town.control.head
    read(town, town.encoded())
    base = asyncio.run(read_chain(ScriptedGovernance(town.encoded()[:2]), town.operators[1], NOW_MS)).control
    branch = replace(statement, position=base.position, prev=base.head)
    forked = ControlEntry(town.signed(branch), (), NOW_MS)

    assert refusal(town, [*town.encoded()[:2], forked.encode()]) == "control-forked"
    assert town.operators[0].seen() == SeenHead(3, head)


def test_only_a_restore_that_was_agreed_to_leads_back_and_only_once(town: Town) -> None:
    """A past that is another than the seen one is an attack, or what this very operator has signed or accepted."""
    read(town, town.encoded())
    home, base = town.operators[0], town.encoded()[:2]
    control = asyncio.run(read_chain(ScriptedGovernance(base), town.operators[1], NOW_MS)).control
    body = Restore(b"the old life 16b", b"the new life 16b", 1, b"k" * 48).encode()
    statement = replace(town.statement(StatementKind.RESTORE, body), position=control.position, prev=control.head)
    restored = [*base, ControlEntry(town.signed(statement), (), NOW_MS).encode()]
    assert refusal(town, restored) == "control-forked"

    KeptChain(home.path).agree(statement.link)

    assert refusal(town, base) == "control-shrank"
    assert read(town, restored).control.position == 3
    assert home.seen() == SeenHead(3, statement.link)
    assert [len(past) for past in KeptChain(home.path).lost()] == [3]
    assert KeptChain(home.path).agreed() is None
    assert refusal(town, town.encoded()) == "control-forked"
    assert refusal(town, base) == "control-shrank"


def test_pending_changes_are_laid_on_top_in_order(town: Town) -> None:
    """A chain of proposals may build on what is not applied yet; it is shown as pending and nothing else."""
    first = town.signed(town.statement(StatementKind.VOCABULARY, vocabulary_text("GBR.1")), town.keys()[1])
    change = town.pending("C-3", first)
    tip = read(town, town.encoded(), [change]).tip
    second = town.signed(town.statement(StatementKind.VOCABULARY, vocabulary_text("DEU.1"), on=tip), town.keys()[1])

    chain = read(town, town.encoded(), [change, town.pending("C-4", second)])

    assert [one.change_id for one in chain.pending] == ["C-3", "C-4"]
    assert sorted(chain.control.vocabularies) == ["UKR.1", "USA.1"]
    assert sorted(chain.tip.vocabularies) == ["DEU.1", "GBR.1", "UKR.1", "USA.1"]
    assert (chain.change("C-4").progress.have, chain.change("C-4").progress.need) == (1, 2)


@pytest.mark.parametrize("broken", [b"", b"\x00" * 400])
def test_a_change_that_is_none_blocks_nobody(town: Town, broken: bytes) -> None:
    """A gateway that lists nonsense must not keep operators from proposing what is needed."""
    nonsense = PendingChange("C-9", broken, broken, (), "", 2)
    good = town.signed(town.statement(StatementKind.VOCABULARY, vocabulary_text("GBR.1")), town.keys()[1])

    chain = read(town, town.encoded(), [nonsense, town.pending("C-3", good)])

    assert [one.change_id for one in chain.pending] == ["C-3"]
    assert [one.change_id for one in chain.broken] == ["C-9"]
    with pytest.raises(Refused) as caught:
        chain.change("C-9")
    assert caught.value.code == "malformed"


def test_a_change_with_a_forged_signature_is_shown_as_broken(town: Town) -> None:
    """It must not look as if somebody had signed it."""
    statement = town.statement(StatementKind.VOCABULARY, vocabulary_text("GBR.1"))
    signed = town.signed(statement, town.keys()[1])
    damaged = signed.signatures[0].signature[:-1] + bytes([signed.signatures[0].signature[-1] ^ 1])
    forged = replace(signed, signatures=(signed.signatures[0]._replace(signature=damaged),))

    chain = read(town, town.encoded(), [town.pending("C-3", forged)])

    assert chain.pending == ()
    assert chain.broken[0].problem.code == "statement-signature"
