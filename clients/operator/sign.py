"""Signing: the only place where an operator's key meets a statement, and only after the statement was shown.

`show` is called with the whole text of what is about to be signed and must raise to stop it. The signature is over the
bytes of the very entry that was rendered; there is no way to sign without showing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clients.operator.home import Home
from clients.operator.render import render
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


def sign_shown(home: Home, entry: ControlEntry, roster: Roster, show: Show) -> tuple[ControlEntry, Signature]:
    """The entry with this operator's signature added, and the signature alone.

    Refuses `not-an-operator` if the home's key is not in `roster`, and `own-approval` if it has signed already.
    """
    key = home.signing_key()
    if key.key_digest not in roster.operator_keys:
        raise Refused("not-an-operator", "the key of this home must be in the roster, it is not", at=home.operator_id)
    if key.key_digest in entry.signed.signers:
        raise Refused(
            "own-approval",
            "this operator has signed already; another person must",
            at=home.operator_id,
            do="ask another operator of the roster",
        )
    show(render(entry, roster), entry)
    signature = sign_statement(entry.statement, key)
    # Through the wire form, so that the order is the one everybody computes.
    signatures = parse_signatures(encode_signatures((*entry.signed.signatures, signature)))
    return replace(entry, signed=SignedStatement(entry.statement, signatures)), signature
