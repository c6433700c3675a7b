"""`sluicectl change`: what waits for a second person.

A change is written on a place in the chain. When another is applied first it is overtaken and cannot be approved any
more: `rebase` proposes its text anew, and signatures start again, because what is signed includes the place.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from clients.cli.asking import asking, open_home, reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import aligned, result, signed_lines
from clients.cli.report import change_cells, change_facts, change_line, report
from clients.keyfiles import read_as, write_public
from clients.operator.carried import MAX_CARRIED_BYTES, Carried
from clients.operator.home import read_genesis
from clients.operator.render import render, signer_names, subject_of
from clients.operator.sign import sign_shown
from clients.times import now_ms
from gateway.core.errors import Refused

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group)
def change() -> None:
    """Pending changes: list, show, approve, reject, rebase; and offline: export, sign, import."""


@change.command("list")
def list_changes() -> None:
    """List what is pending, in the order in which it would be applied."""

    async def action(desk: Desk) -> None:
        chain = desk.chain
        broken = [{"change": one.change_id, "problem": one.problem.to_json()} for one in chain.broken]
        lines = aligned([change_cells(one, chain) for one in chain.pending])
        lines += [
            (one.change_id, f"cannot be applied: {one.problem.code}: {one.problem.message}") for one in chain.broken
        ]
        facts = [change_facts(one, chain) for one in chain.pending]
        result({"changes": facts, "broken": broken}, lines or [("none", "nothing is pending")])

    at_desk(action)


@change.command()
@click.argument("change_id", metavar="CHANGE")
def show(change_id: str) -> None:
    """Show the whole text of a pending change: what approving it signs."""

    async def action(desk: Desk) -> None:
        found = desk.chain.change(change_id)
        control = desk.chain.control
        text = render(found.entry, control.roster, control.proposals)
        facts = change_facts(found, desk.chain)
        lines = [change_line(found, desk.chain), ("reason", found.reason), *signed_lines(text)]
        result({**facts, "text": text}, lines)

    at_desk(action)


@change.command()
@click.argument("change_ids", nargs=-1, required=True, metavar="CHANGE...")
@reason_option
@yes_option
@wait_option
def approve(change_ids: tuple[str, ...], reason: str, yes: bool) -> None:
    """Sign pending changes that another operator proposed, in the order given."""

    async def action(desk: Desk) -> list[Decided]:
        return [await desk.approve(change_id, reason=reason, yes=yes) for change_id in change_ids]

    report(at_desk(action), as_list=True)


@change.command()
@click.argument("change_ids", nargs=-1, required=True, metavar="CHANGE...")
@reason_option
def reject(change_ids: tuple[str, ...], reason: str) -> None:
    """Take changes off the list, pending or overtaken: one person may, nothing is in force by them."""

    async def action(desk: Desk) -> dict[str, tuple[str, ...]]:
        for change_id in change_ids:
            desk.chain.listed(change_id)
        return {change_id: await desk.governance.reject(change_id, reason) for change_id in change_ids}

    rejected = at_desk(action)
    facts = [{"change": one, "state": "REJECTED", "overtaken": list(after)} for one, after in rejected.items()]
    lines = [("rejected", one) for one in rejected]
    lines += [
        ("overtaken", f"{one}: `sluicectl change rebase {shlex.quote(one)}`")
        for after in rejected.values()
        for one in after
    ]
    result({"changes": facts}, lines)


@change.command()
@click.argument("change_id", metavar="CHANGE")
@reason_option
@yes_option
@wait_option
def rebase(change_id: str, reason: str, yes: bool) -> None:
    """Propose the text of an overtaken change anew, on what stands now; approvals start again."""

    async def action(desk: Desk) -> Decided:
        return await desk.rebase(change_id, reason=reason, yes=yes)

    report([at_desk(action)])


@change.command("export")
@click.argument("change_id", metavar="CHANGE")
@click.option("--out", required=True, type=_FILE, metavar="FILE", help="Where the file goes.")
def export_change(change_id: str, out: Path) -> None:
    """Write a pending change to FILE, with everything that an operator without a link needs to judge it."""

    async def action(desk: Desk) -> None:
        found = desk.chain.change(change_id)
        write_public(out, Carried.of(desk.chain, found).encode())
        facts = change_facts(found, desk.chain)
        send = f"{out} (public) to another operator: `sluicectl change sign {out} --reason ...`"
        result({**facts, "file": str(out)}, [change_line(found, desk.chain), ("send", send)])

    at_desk(action)


@change.command()
@click.argument("file", type=_FILE)
@click.option("--genesis", type=_FILE, help="The genesis this operator trusts, in a home that never had a link.")
@reason_option
@yes_option
def sign(file: Path, genesis: Path | None, reason: str, yes: bool) -> None:
    """Sign the change in FILE, offline; everything in it is verified first, from this home's genesis."""
    home = open_home()
    carried = read_as(file, Carried.parse, MAX_CARRIED_BYTES)
    founding = read_as(genesis, read_genesis) if genesis else home.genesis()
    entry, control = carried.verified(home, founding.statement.link, now_ms())
    signed, _ = sign_shown(home, entry, control.roster, asking(yes), control.proposals)
    write_public(file, carried.signed(signed, home.operator_id, reason).encode())
    signers = signer_names(signed, control.roster)
    facts = {
        "kind": signed.statement.kind.name,
        "subject": subject_of(signed.statement)[1],
        "state": "SIGNED",
        "position": signed.statement.position,
        "link": signed.statement.link.hex(),
        "signed_by": list(signers),
        "file": str(file),
    }
    lines = [
        ("signed", f"{' '.join(subject_of(signed.statement))}  by {', '.join(signers)}; not handed in"),
        ("send", f"{file} (public) to whoever has a link: `sluicectl change import {file} --reason ...`"),
    ]
    result(facts, lines)


@change.command("import")
@click.argument("file", type=_FILE)
@reason_option
@wait_option
def import_change(file: Path, reason: str) -> None:
    """Hand in the change in FILE with the signatures that others put to it; this home's key is not used."""
    carried = read_as(file, Carried.parse, MAX_CARRIED_BYTES)

    async def action(desk: Desk) -> Decided:
        if carried.change.statement.genesis != desk.chain.control.genesis:
            raise Refused("genesis-differs", "the change must be for this gateway, it is for another", at=str(file))
        if not carried.change.signed.signatures:
            raise Refused("change-unsigned", "a change must be signed by somebody, it is a draft", at=str(file))
        return await desk.hand_in(carried.change, reason=carried.told(reason))

    report([at_desk(action)])
