"""`sluice-client renew`: the next certificate of this party, asked for now; or by way of files once it has expired.

A party that follows, or publishes for long, renews by itself. This is for the one that does neither, and for the hand.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click

from clients.certificates import der, leaf_of
from clients.cli.asking import ask_again_option
from clients.cli.boundary import Command, pending
from clients.cli.output import result
from clients.cli.profile_option import profile_option
from clients.keyfiles import read_as, write_public
from clients.link import Backoff, Patience
from clients.profile import Profile
from clients.renewal import install, renewal_of, renewed
from clients.times import utc
from gateway.core.errors import CallerError, GatewayError

_FILE = click.Path(path_type=Path, dir_okay=False)
_PATIENCE = Patience(first_wait_seconds=0.5, longest_wait_seconds=30.0)


@click.command(cls=Command, name="renew")
@profile_option("this party's")
@ask_again_option
@click.option("--request", type=_FILE, metavar="FILE", help="Write the signed request here instead, for the operator.")
@click.option("--certificate", type=_FILE, metavar="FILE", help="Take the certificate the operator gave instead, PEM.")
def renew_command(profile_path: Path, wait: float, request: Path | None, certificate: Path | None) -> None:
    """Renew this party's certificate through the gateway; with an expired one, through files."""
    if request and certificate:
        raise CallerError("usage", "a request is written or a certificate taken, both were said", at="--request")
    profile = Profile.load(profile_path)
    if request:
        write_public(request, renewal_of(profile).encoded)
        _say("written", profile, f"{request} (public, signed) to the operator: `sluicectl ca renew --file`")
        return
    if certificate:
        _say("renewed", install(profile_path, profile, der(read_as(certificate, leaf_of))))
        return
    fresh = asyncio.run(_asked(profile_path, profile, wait))
    if fresh is None:
        _say("asked", profile, "nobody has answered yet; the gateway keeps the request, ask again")
        pending()
    _say("renewed", fresh)


async def _asked(path: Path, profile: Profile, seconds: float) -> Profile | None:
    backoff, until = Backoff(_PATIENCE), time.monotonic() + seconds
    while True:
        fresh = None
        try:
            fresh = await renewed(path, profile)
        except GatewayError as error:
            # A link that is down for a moment is what waiting is for.
            if error.code != "gateway-unreachable" or time.monotonic() >= until:
                raise
        left = until - time.monotonic()
        if fresh is not None or left <= 0:
            return fresh
        await asyncio.sleep(min(backoff.next(), left))


def _say(state: str, profile: Profile, then: str = "") -> None:
    until = utc(profile.identity().not_after_ms)
    lines = [(state, f"certificate of {profile.id} until {until}")]
    result({"id": profile.id, "state": state, "certificate_until": until}, lines + [("next", then)] * bool(then))
