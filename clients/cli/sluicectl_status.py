"""`sluicectl status`: what stands at the gateway, from the chain this home has verified."""

from __future__ import annotations

import click

from clients.cli.boundary import Command
from clients.cli.desk import Desk, at_desk
from clients.cli.output import result
from clients.times import now_ms, utc


@click.command(cls=Command)
def status() -> None:
    """Show the gateway's health and what operators have signed, verified from this home's genesis."""

    async def action(desk: Desk) -> None:
        health, condition = await desk.governance.health(), await desk.governance.condition()
        control, chain = desk.chain.control, desk.chain
        connection = desk.home.connection()
        roster = control.roster
        newest = control.directory.newest if control.directory else None
        # Readers hear of a roster together with a directory under it.
        is_due = control.directory is not None and control.directory.base.statement.roster != control.roster_link
        facts = {
            "gateway": connection.endpoint,
            "server": connection.server,
            "health": health,
            "genesis": control.genesis.hex(),
            "position": control.position,
            "head": control.head.hex(),
            "operators": [one.id for one in roster.operators],
            "quorum": roster.quorum,
            "pending": len(chain.pending),
            "broken": len(chain.broken),
            "directory": newest
            and {
                "number": newest.dir_no,
                "expires_at": utc(newest.expires_at_ms),
                "expired": newest.expires_at_ms <= now_ms(),
            },
            "guide": control.guide.id if control.guide else None,
            "vocabularies": sorted(control.vocabularies),
            "sources": sorted(control.sources),
            "partners": sorted(control.partners),
            "agreements": sorted(control.agreements.keys() - control.ended),
            "suspended": sorted(control.suspended),
            "held": sorted(control.held),
            "locked": control.is_locked,
            "timed": condition.is_timed,
            "forks": [one.target for one in condition.forks],
            "proposals": [link.hex() for link in control.proposals],
            "directory_due": is_due,
        }
        under = "  under an older roster: `sluicectl directory issue`" if is_due else ""
        life = f"{newest.dir_no} until {utc(newest.expires_at_ms)}" if newest else "none: no stream opens"
        expired = "  EXPIRED: no stream opens" if newest and newest.expires_at_ms <= now_ms() else ""
        lines = [
            ("gateway", f"{connection.endpoint}  {health}  {connection.server}"),
            ("control", f"{control.position} statements verified, head {control.head.hex()[:16]}"),
            ("roster", f"{', '.join(one.id for one in roster.operators)}; quorum {roster.quorum}"),
            ("directory", life + expired + under),
            ("guide", control.guide.id if control.guide else "none: nothing is taken"),
            ("parties", f"{len(control.sources)} sources, {len(control.partners)} partners"),
            ("pending", f"{len(chain.pending)} changes" + (f", {len(chain.broken)} broken" if chain.broken else "")),
        ]
        lines += [("proposed", f"roster {link.hex()[:16]}: `sluicectl operator list`") for link in control.proposals]
        lines += [("suspended", ", ".join(sorted(control.suspended)))] * bool(control.suspended)
        lines += [("held", ", ".join(sorted(control.held)))] * bool(control.held)
        lines += [("LOCKED", "nothing is sent and nothing is taken: `sluicectl lockdown off`")] * control.is_locked
        lines += [("forked", f"{one.source_id} is held: `sluicectl source fork list`") for one in condition.forks]
        if not condition.is_timed:
            lines.append(("UNTIMED", "the clock is not trusted, nothing is released: `sluicectl time show`"))
        result(facts, lines)

    at_desk(action)
