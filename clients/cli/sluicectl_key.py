"""`sluicectl key`: the keys of parties and gateway, and stopping one that is in wrong hands.

One person stops a key; nothing but the quorum gives it back. A party that has new keys is admitted again under its id,
with all else as it was (`rotate`), and the gateway's next keys come with `directory issue --next`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import aligned, result
from clients.cli.party import heard_bundle
from clients.cli.report import report
from clients.enrolment import PartyRole
from clients.operator.answer import admission_of
from clients.operator.drafts import lift_of_text, readmission_text, revocation_text, taint_text
from gateway.core.control.directory import GATEWAY_ROLES
from gateway.core.control.enrolment import SOURCE_ROLES
from gateway.core.control.fold import Control
from gateway.core.control.keystates import key_states
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import KeyState, StatementKind

_SHORTEST = 8
_key_argument = click.argument("key_id", metavar="KEY")


@click.group(cls=Group)
def key() -> None:
    """Keys of parties and gateway: list, rotate, taint, revoke, lift."""


@key.command("list")
def list_keys() -> None:
    """List every key that was admitted or endorsed, with what a stop or a later key has made of it."""

    async def action(desk: Desk) -> None:
        control = desk.chain.control
        # Of the gateway's keys only a directory says that they are retired.
        told = dict.fromkeys(control.keys, KeyState.RETIRED) | key_states(control)
        in_use = (await desk.governance.condition()).keys_in_use
        facts = [
            {
                "key": digest.hex(),
                "role": one.role.name,
                "subject": one.subject_id,
                "state": (told[digest] if one.role in GATEWAY_ROLES else control.stop_of(digest)).name,
                "former": control.is_former(digest),
                "in_use": digest in in_use,
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
                "in use" * bool(one["in_use"]),
            )
            for one in facts
        ]
        result({"keys": facts}, aligned(rows) or [("none", "there is no key")])

    at_desk(action)


@key.command()
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--id", "party_id", required=True, help="The party's id, as it enrolled.")
@click.option("--words", required=True, help="The four words that it read out.")
@reason_option
@yes_option
@wait_option
def rotate(bundle: Path, party_id: str, words: str, reason: str, yes: bool) -> None:
    """Propose to admit a source or partner again with the keys in BUNDLE; all else of its admission stays.

    Its former keys go on until the next directory: `sluicectl directory issue`.
    """
    enrolled = heard_bundle(bundle, party_id, words)
    is_source = enrolled.keys.keys() == SOURCE_ROLES

    async def action(desk: Desk) -> Decided:
        admission = admission_of(desk.chain, PartyRole.SOURCE if is_source else PartyRole.PARTNER, party_id)
        body, kind = readmission_text(admission.body, enrolled), admission.statement.kind
        return await desk.propose(kind, body, (enrolled.encoded,), reason=reason, yes=yes)

    report([at_desk(action)])


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
