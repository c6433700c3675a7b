"""What `sluicectl ca list` does: the certificates that the gateway met, judged by this home, one line for each."""

from __future__ import annotations

from clients.certificates import der, load_certificates
from clients.cli import output
from clients.cli.desk import Desk, at_desk
from clients.operator.answers import ShownCertificate
from clients.operator.ca import root_digest
from clients.operator.in_force import MAX_CERTIFICATES, InForce, Known
from clients.times import now_ms, utc
from gateway.core.errors import Refused

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


def show_certificates() -> None:
    """Prints every certificate of the list, and what the list is made of."""

    async def action(desk: Desk) -> None:
        shown: list[ShownCertificate] = []
        async for one in desk.governance.certificates():
            shown.append(one)
            if len(shown) > MAX_CERTIFICATES:
                raise Refused("too-many-certificates", f"at most {MAX_CERTIFICATES} may be listed", at="gateway")
        roots = {root_digest(root): der(root) for root in load_certificates(desk.home.roots_pem(), "roots")}
        known = Known(desk.chain.control, desk.home.connection().server, roots)
        at_ms = now_ms()
        found = [known.judged(one, at_ms) for one in shown]
        since, forgotten = (shown[0].since_ms, shown[0].forgotten) if shown else (at_ms, 0)
        facts = {
            "since": utc(since),
            "forgotten": forgotten,
            "certificates": [_facts(one, at_ms) for one in found],
        }
        lines = output.aligned([_row(one, at_ms) for one in found]) if found else []
        lines.append(("list", f"what came with a call since {utc(since)}, when the gateway started, or was handed on"))
        lines.append(("", "by it; a certificate that it did not meet is not here, and may be good all the same"))
        if forgotten:
            lines.append(("", f"{forgotten} more found no room in it"))
        output.result(facts, lines)

    at_desk(action)


def _facts(one: InForce, at_ms: int) -> dict[str, object]:
    shown, identity = one.shown, one.identity
    return {
        "state": one.state,
        "holder": one.holder,
        "identity": identity.uri,
        "serial": identity.serial,
        "fingerprint": identity.fingerprint,
        "root": one.root or None,
        "valid_from": utc(identity.not_before_ms),
        "until": utc(identity.not_after_ms),
        "seconds_left": max(0, identity.not_after_ms - at_ms) // 1000,
        "first_used": utc(shown.first_used_ms) if shown.first_used_ms else None,
        "last_used": utc(shown.last_used_ms) if shown.last_used_ms else None,
        "issued": utc(shown.issued_ms) if shown.issued_ms else None,
        "follows": shown.follows.hex() or None,
    }


def _row(one: InForce, at_ms: int) -> list[str]:
    shown, identity = one.shown, one.identity
    left_ms = max(0, identity.not_after_ms - at_ms)
    left = f"{left_ms // HOUR_MS} h" if left_ms >= HOUR_MS else f"{left_ms // MINUTE_MS} min"
    return [
        one.state,
        one.holder,
        f"until {utc(identity.not_after_ms)}, {left} left",
        f"used {utc(shown.last_used_ms)}" if shown.last_used_ms else "not used yet",
        f"serial {identity.serial}",
        f"root {one.root[:16] or 'unknown'}",
        f"fingerprint {identity.fingerprint}",
        f"follows {shown.follows.hex()[:16]}" if shown.follows else "",
    ]
