"""The next directory: which keys and files are endorsed, drafted from what stands.

The gateway's own keys are the only thing a directory brings by itself. They come from its enrolment bundle, whose words
were compared by voice, the first time and whenever they change; later directories take them from the one before. Next
keys stand beside the present ones until a directory is told the gateway's bundle alone: then the others are retired.
"""

from __future__ import annotations

import secrets

from clients.operator.chain import Chain
from gateway.core.control.directory import GATEWAY_ROLES, build_directory, redate
from gateway.core.control.endorsing import encode_endorsement_list, endorsements_due
from gateway.core.control.enrolment import Bundle
from gateway.core.control.fold import Control
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import DIRECTORY_LIFE_MS, SALT_BYTES, KeyState, Role

ENDORSEMENT_LIFE_MS = 400 * 24 * 3600 * 1000
DAY_MS = 24 * 3600 * 1000


def directory_draft(
    chain: Chain, gateway: Bundle | None, *, days: int, now_ms: int, successor: Bundle | None = None
) -> tuple[bytes, bytes]:
    """Body and attachment of the DIRECTORY that would follow everything applied and pending.

    gateway: its bundle, and whatever else it had is retired; None takes the keys of the directory that stands.
    successor: the bundle of its next keys, beside them. days: 1 to 7.
    """
    life_ms = _life_ms(days)
    standing = chain.tip
    bundle, following = (gateway, None) if gateway else _standing_gateway(standing)
    following = successor or following
    for one in (bundle, following):
        if one is not None and one.keys.keys() != GATEWAY_ROLES:
            raise Refused("bundle-role", "the bundle must be that of a gateway, a party made it", at="bundle")
    if following is not None and following.subject_id != bundle.subject_id:
        raise Refused("bundle-role", "next keys must be of the same gateway, another made them", at="bundle")
    issued_at_ms = max(now_ms, standing.clock_ms)
    listed = endorsements_due(
        standing,
        bundle,
        iter(lambda: secrets.token_bytes(SALT_BYTES), b""),
        issued_at_ms,
        issued_at_ms + ENDORSEMENT_LIFE_MS,
        successor=following,
    )
    directory, _ = build_directory(
        [endorsement for endorsement, _ in listed],
        dir_no=standing.directory.newest.dir_no + 1 if standing.directory else 1,
        issued_at_ms=issued_at_ms,
        expires_at_ms=issued_at_ms + life_ms,
    )
    return directory.encode(), encode_endorsement_list(listed)


def redated_draft(chain: Chain, *, days: int, now_ms: int) -> bytes:
    """Body of the DIRECTORY-REDATE that repeats the directory that stands."""
    life_ms = _life_ms(days)
    standing = chain.control
    if standing.directory is None:
        raise CallerError("directory-missing", "a directory must stand to be repeated, none does")
    newest = standing.directory.newest
    issued_at_ms = max(now_ms, standing.clock_ms)
    return redate(
        newest, dir_no=newest.dir_no + 1, issued_at_ms=issued_at_ms, expires_at_ms=issued_at_ms + life_ms
    ).encode()


def _life_ms(days: int) -> int:
    if not 1 <= days <= DIRECTORY_LIFE_MS // DAY_MS:
        raise CallerError(
            "days", f"a directory lives 1 to {DIRECTORY_LIFE_MS // DAY_MS} days, {days} came", at="--days"
        )
    return days * DAY_MS


def _standing_gateway(standing: Control) -> tuple[Bundle, Bundle | None]:
    """The active keys, the present set and the next one if it stands beside it."""
    if standing.directory is None:
        raise CallerError(
            "gateway-needed",
            "the first directory must be told the gateway's bundle",
            do="`--gateway gateway.enrol --words ...`",
        )
    # Retired keys stand beside the present ones.
    own = [
        one
        for one in standing.directory.endorsed.values()
        if one.endorsement.role in GATEWAY_ROLES and one.endorsement.state is KeyState.ACTIVE
    ]
    present: dict[Role, bytes] = {}
    following: dict[Role, bytes] = {}
    # The list has them in the order in which they come into use, set by set.
    for one in own:
        (following if one.endorsement.role in present else present)[one.endorsement.role] = one.material
    name = own[0].endorsement.subject_id
    return Bundle(name, present, b"", b""), Bundle(name, following, b"", b"") if following else None
