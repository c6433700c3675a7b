"""A whole day of one gateway, good and bad: what every watcher of a process lets it go through."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from clients.operator.ca import PartyKind
from clients.partner.events import CaughtUp, Suspended
from clients.partner.follow import follow
from clients.source.upload import Upload
from gateway.core.suite.numbers import RecordKind
from gateway.rpc.convert import wrap
from tests.loopback import SOURCE, Loopback, a_segment, a_tactic, quiet
from tests.security.wire import FOLLOW, HEALTH, PUBLISH, READ_CONTROL, Leaf, a_leaf, call, channel, converse
from tests.stand import DOMAIN
from tests.unit.kinds.given import tactic_tables

CANARY = "Щиглик-7-canary"


def a_whole_day(world: Loopback, look: Callable[[], None] = lambda: None) -> None:
    """Records in and out, refusals of every kind, a suspension; `look` is called between the steps."""
    title = {"uk": f"Обхід {CANARY}", "en": f"Round {CANARY}"}
    stand = world.stand
    with world.outbox() as outbox:
        upload = Upload(stand.profile(SOURCE), outbox, quiet)
        world.run(upload.fetch_directory())
        look()
        about = _about(title)
        world.seal(upload, outbox, RecordKind.TACTIC, a_tactic(about=about))
        world.seal(upload, outbox, RecordKind.TELEMETRY, a_segment())
        world.seal(upload, outbox, RecordKind.TACTIC, a_tactic(about=about, observation=_marked()))
        world.run(upload.run())
    look()
    for partner in ("usa/arl", "gbr/dstl", "deu/wtd81"):
        assert world.receive(stand.profile(partner), world.root / f"{partner.replace('/', '-')}.state")
    look()
    world.run(_badly(world))
    look()
    world.run(_suspended(world))
    look()


def _about(title: dict[str, str]) -> dict[str, object]:
    about: dict[str, object] = tactic_tables()["about"] | {"title": title}
    return about


def _marked() -> dict[str, object]:
    """A text that carries a marking above its portion's label: the guard refuses it by name."""
    return {"uk": f"ЦІЛКОМ ТАЄМНО {CANARY}", "en": f"TOP SECRET//NOFORN {CANARY}"}


async def _badly(world: Loopback) -> None:
    """Strangers, nonsense, and one party in the name of another."""
    stand = world.stand
    roots = stand.authority.root_pem()
    stranger = a_leaf(stand.authority, f"spiffe://{DOMAIN}/partner/{CANARY.encode().hex()}")
    source = stand.profile(SOURCE).connection()
    leaf = Leaf(source.key_path.read_bytes(), source.certificate_pem)
    for who in (stranger, leaf):
        async with channel(stand.port, roots, who) as opened:
            for method in (HEALTH, FOLLOW, READ_CONTROL):
                await call(opened, method, wrap(CANARY.encode() + secrets.token_bytes(20)))
            await converse(opened, PUBLISH, wrap(b"\x00" + CANARY.encode()))
    async with channel(stand.port, roots, None) as opened:
        await call(opened, HEALTH)


async def _suspended(world: Loopback) -> None:
    """One operator stops a partner that follows."""
    stand = world.stand
    profile = stand.profile("usa/arl")
    async with follow(profile, kinds=("tactic",), state=world.root / "s.state", subscription="s") as events:
        async for event in events:
            if isinstance(event, CaughtUp):
                await stand.suspend(PartyKind.PARTNER, "usa/arl")
            if isinstance(event, Suspended):
                return
    raise AssertionError("the partner was not told")
