"""`sluicectl time`: the quorum says that the gateway's wall clock is right, after it jumped and is not believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result
from clients.cli.report import report
from clients.operator.drafts import time_text
from clients.times import now_ms, utc
from gateway.core.errors import Refused
from gateway.core.suite.numbers import StatementKind

# Operators' clocks differ by minutes, and signatures take time to collect.
_BEFORE = timedelta(minutes=5)


@click.group(cls=Group)
def time() -> None:
    """The gateway's clock: show, confirm."""


@time.command()
def show() -> None:
    """Show the gateway's clocks beside this machine's."""

    async def action(desk: Desk) -> None:
        found, own_ms = await desk.governance.condition(), now_ms()
        ahead = (found.wall_ms - own_ms) / 1000
        facts = {
            "timed": found.is_timed,
            "wall": utc(found.wall_ms),
            "now": utc(found.now_ms),
            "here": utc(own_ms),
            "ahead_seconds": round(ahead, 1),
        }
        trusted = "trusted" if found.is_timed else "NOT TRUSTED: nothing is released; `sluicectl time confirm`"
        lines = [
            ("gateway", f"{utc(found.wall_ms)}  {trusted}"),
            ("goes by", utc(found.now_ms)),
            ("here", f"{utc(own_ms)}  the gateway's clock is {ahead:+.1f} s from this one"),
        ]
        result(facts, lines)

    at_desk(action)


@time.command()
@click.option("--minutes", type=click.IntRange(1, 1435), default=60, show_default=True, help="How long it may take.")
@reason_option
@yes_option
@wait_option
def confirm(minutes: int, reason: str, yes: bool) -> None:
    """Propose to believe the gateway's wall clock again: it needs the quorum.

    It counts if that clock shows a time between five minutes ago and --minutes from now, by this machine's clock, once
    all have signed. So compare this machine's clock first.
    """

    async def action(desk: Desk) -> Decided:
        if (await desk.governance.condition()).is_timed:
            raise Refused(
                "clock-trusted", "the gateway's clock must be doubted to be confirmed, it is trusted", at="time"
            )
        here = datetime.fromtimestamp(now_ms() // 1000, UTC)
        body = time_text(here - _BEFORE, here + timedelta(minutes=minutes), reason)
        return await desk.propose(StatementKind.TIME, body, (), reason=reason, yes=yes)

    report([at_desk(action)])
