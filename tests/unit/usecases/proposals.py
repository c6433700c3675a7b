"""Proposals as operators of the tests make them: an agreement, signed by some."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.entry import ControlEntry
from gateway.core.control.statement import SignedStatement, sign_statement
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.given import signing_key
from tests.unit.usecases.house import House
from tests.unit.usecases.town import operator_peer, terms

AGREEMENT = StatementKind.AGREEMENT


def draft(house: House, number: int = 2, by: tuple[str, ...] = ("officer-1",), **changed: object) -> ControlEntry:
    """An agreement, signed by some; `changed` are fields of the statement."""
    statement = replace(house.entry(AGREEMENT, terms(agreement_id=f"UA-US-{number}"), by=by).statement, **changed)
    signatures = tuple(sign_statement(statement, signing_key(name)) for name in by)
    return ControlEntry(SignedStatement(statement, signatures), (), 0)


def signatures(entry: ControlEntry, *by: str) -> tuple[object, ...]:
    """More signatures for the same statement."""
    return tuple(sign_statement(entry.statement, signing_key(name)) for name in by)


async def refused(house: House, entry: ControlEntry, name: str = "officer-1") -> str:
    """The code with which a proposal is refused."""
    with pytest.raises(GatewayError) as caught:
        await house.government.propose(operator_peer(name), entry, "a test")
    return caught.value.code
