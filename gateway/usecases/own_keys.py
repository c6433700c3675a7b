"""The gateway's own keys, as CONTROL has them: which set is used, and what of former ones is destroyed.

A next set stands beside the present one in a directory before it is used, so every reader that could meet it knows it.
From the very statement that endorses it the gateway signs with it; streams end at a new directory and open again under
it, and what is in flight under the former keys is still good, for they are active beside it. Once a directory has
retired them, their signing halves are destroyed at once. A retired ingest key opens for 90 days what sources sealed to
it before they knew the next, and is destroyed then. Source: SPEC.md sections 2.8 and 3.6.
"""

from __future__ import annotations

import asyncio

import structlog

from gateway.core.control.directory import GATEWAY_ROLES
from gateway.core.errors import Fault, Refused
from gateway.core.suite.keys import KemKey
from gateway.core.suite.numbers import KeyState, Role
from gateway.usecases.running import Running

OPENS_MS = 90 * 24 * 3600 * 1000
LOOK_SECONDS = 3600.0
_log = structlog.get_logger("sluice.keys")


def look_at_keys(running: Running) -> None:
    """Uses the newest endorsed set, and destroys what had its time. A file that cannot be used changes nothing."""
    try:
        if running.keys.use(lambda role, key_id: _is_good(running, role, key_id)):
            _log.info("keys.in-use", ledger=running.keys.ledger().key_digest.hex())
        if running.time.is_timed():
            for digest in _over(running):
                if running.keys.destroy(digest):
                    _log.info("key.destroyed", key=digest.hex(), role=running.control.keys[digest].role.name)
    except (Fault, OSError) as error:
        # Whoever looks after the machine has to see to it; the gateway goes on with the keys it has.
        _log.warning("keys.unusable", at=error.at if isinstance(error, Fault) else str(error.filename))


async def keep_keys(running: Running) -> None:
    """Looks again every hour, until cancelled: 90 days end without a statement."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        look_at_keys(running)


def opener_of(running: Running, ingest_key_id: bytes) -> KemKey:
    """The key that a parcel is sealed to; refuses `parcel-key-destroyed`, `parcel-not-for-us` and a tainted key."""
    control = running.control
    digest = next(
        (
            one
            for one, key in control.keys.items()
            if key.role is Role.GATEWAY_INGEST and one[: len(ingest_key_id)] == ingest_key_id
        ),
        None,
    )
    if digest is not None and _state(running, digest) is KeyState.TAINTED:
        raise Refused("directory-due", "the key that opens the parcel was tainted", at="parcel.ingest key_id")
    key = running.keys.opener(ingest_key_id)
    if key is not None:
        return key
    if digest is not None:
        raise Refused(
            "parcel-key-destroyed",
            "the parcel must be sealed to a key that still opens, this one was retired 90 days ago",
            at="parcel.ingest key_id",
        )
    raise Refused("parcel-not-for-us", "the parcel is not sealed to a key of this gateway", at="parcel.ingest key_id")


def _is_good(running: Running, role: Role, key_id: bytes) -> bool:
    directory = running.control.directory
    found = directory.endorsed.get((role, key_id)) if directory else None
    return found is not None and _state(running, found.endorsement.key_digest) is KeyState.ACTIVE


def _state(running: Running, digest: bytes) -> KeyState:
    """What the directory and stops leave of one of the gateway's keys; RETIRED if the directory leaves it out."""
    control = running.control
    role = control.keys[digest].role
    found = control.directory.endorsed.get((role, digest[:16])) if control.directory else None
    return max(found.endorsement.state if found else KeyState.RETIRED, control.stop_of(digest))


def _over(running: Running) -> list[bytes]:
    """Digests of former keys of the gateway whose private halves have nothing left to do."""
    now_ms, control = running.now_ms(), running.control
    return [
        digest
        for digest, retired_ms in control.retired_at.items()
        if control.keys[digest].role in GATEWAY_ROLES
        and (control.keys[digest].role is not Role.GATEWAY_INGEST or now_ms >= retired_ms + OPENS_MS)
    ]
