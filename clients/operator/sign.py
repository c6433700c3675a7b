"""Signing: the only place where an operator's key meets a statement, and only after the statement was shown.

`show` is called with the whole text of what is about to be signed and must raise to stop it. The signature is over the
bytes of the very entry that was rendered; there is no way to sign without showing.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace

from clients.operator.home import Home
from clients.operator.render import render
from clients.operator.rosters import NO_PROPOSALS, Proposals, members_of
from gateway.core.control.entry import ControlEntry
from gateway.core.control.roster import Roster
from gateway.core.control.statement import (
    Signature,
    SignedStatement,
    encode_signatures,
    parse_signatures,
    sign_statement,
)
from gateway.core.errors import Refused

Show = Callable[[str, ControlEntry], None]


def sign_shown(
    home: Home, entry: ControlEntry, roster: Roster, show: Show, proposals: Proposals = NO_PROPOSALS
) -> tuple[ControlEntry, Signature]:
    """The entry with this operator's signature added, and the signature alone.

    proposals: the open ones, which a roster's statements are about.
    Refuses `not-an-operator` if the home's key may not sign it, and `own-approval` if it has signed already.
    """
    key = home.signing_key()
    members = members_of(entry, roster, proposals)
    if key.key_digest not in members:
        raise Refused(
            "not-an-operator",
            "the key of this home must be one of those who may sign this, it is not",
            at=home.operator_id,
        )
    if key.key_digest in entry.signed.signers:
        raise Refused(
            "own-approval",
            "this operator has signed already; another person must",
            at=home.operator_id,
            do=_whom_to_ask(entry, roster, members),
        )
    show(render(entry, roster, proposals), entry)
    signature = sign_statement(entry.statement, key)
    # Through the wire form, so that the order is the one everybody computes.
    signatures = parse_signatures(encode_signatures((*entry.signed.signatures, signature)))
    return replace(entry, signed=SignedStatement(entry.statement, signatures)), signature


def _whom_to_ask(entry: ControlEntry, roster: Roster, members: Container[bytes]) -> str:
    left = [
        one.id for one in roster.operators if one.key_digest in members and one.key_digest not in entry.signed.signers
    ]
    return f"ask {' or '.join(left)}" if left else "ask another person who may sign it"
