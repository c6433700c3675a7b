"""`sluicectl key`: the keys of parties and gateway, and stopping one that is in wrong hands.

One person stops a key; nothing but the quorum gives it back. A party that has new keys is admitted again under its id
(`source admit`, `partner admit`), and the gateway's new keys come with `directory issue --gateway`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import aligned, result
from clients.cli.report import report
from clients.operator.drafts import lift_of_text, revocation_text, taint_text
from gateway.core.control.fold import Control
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind

_SHORTEST = 8
_key_argument = click.argument("key_id", metavar="KEY")


@click.group(cls=Group)
def key() -> None:
    """Keys of parties and gateway: list, taint, revoke, lift."""


@key.command("list")
def list_keys() -> None:
    """List every key that was admitted or endorsed, with what a stop or a later key has made of it."""

    async def action(desk: Desk) -> None:
        control = desk.chain.control
        facts = [
            {
                "key": digest.hex(),
                "role": one.role.name,
                "subject": one.subject_id,
                "state": control.stop_of(digest).name,
                "former": control.is_former(digest),
            }
            for digest, one in sorted(control.keys.items(), key=lambda item: (item[1].role, item[1].subject_id))
        ]
        rows = [
            (
                f"{one['key']}"[:16],
                f"{one['role']}",
                f"{one['subject']}",
                f"{one['state']}",
                "former" * bool(one["former"]),
            )
            for one in facts
        ]
        result({"keys": facts}, aligned(rows) or [("none", "there is no key")])

    at_desk(action)


@key.command()
@_key_argument
@click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day on which others may have had the key; it is recorded.",
)
@reason_option
def taint(key_id: str, since: datetime, reason: str) -> None:
    """Stop KEY now, and whatever it ever signed: one person may. KEY is its digest or the beginning of it."""

    async def action(desk: Desk) -> Decided:
        body = taint_text(_named(key_id, desk.chain.control), since.replace(tzinfo=UTC).date(), reason)
        return await desk.propose(StatementKind.TAINT, body, (), reason=reason, yes=True)

    report([at_desk(action)])


@key.command()
@_key_argument
@reason_option
def revoke(key_id: str, reason: str) -> None:
    """Let KEY sign nothing new: one person may. What it signed before stays true."""

    async def action(desk: Desk) -> Decided:
        body = revocation_text(_named(key_id, desk.chain.control), reason)
        return await desk.propose(StatementKind.REVOKE, body, (), reason=reason, yes=True)

    report([at_desk(action)])


@key.command()
@_key_argument
@reason_option
@yes_option
@wait_option
def lift(key_id: str, reason: str, yes: bool) -> None:
    """Propose to give KEY back: it needs the quorum."""

    async def action(desk: Desk) -> Decided:
        body = lift_of_text(f"key/{_named(key_id, desk.chain.control)}", reason)
        return await desk.propose(StatementKind.LIFT, body, (), reason=reason, yes=yes)

    report([at_desk(action)])


def _named(typed: str, control: Control) -> str:
    """The whole digest of the one key that begins so; refuses `key-unknown` and `key-ambiguous`."""
    found = [digest.hex() for digest in control.keys if digest.hex().startswith(typed)]
    if len(typed) < _SHORTEST or len(found) > 1:
        raise CallerError(
            "key-ambiguous", f"a key is named by at least {_SHORTEST} digits that no other begins with", at=typed
        )
    if not found:
        raise Refused("key-unknown", "a key must have been admitted or endorsed, this one was not", at=typed)
    return found[0]
