"""The access token that a partner shows with each stream, where its agreement requires one.

It is asked for anew whenever a stream is opened: whoever renews tokens puts the next one into the file, or gives it
when called. The gateway denies without a reason, so what is wrong with a token is looked for here first, by the
gateway's own checks; only a signature cannot be judged. No token is part of an error. Source: SPEC.md section 12.6.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from clients.partner.reading import admission_of
from clients.profile import Profile
from clients.times import now_ms
from gateway.core.control.agreement import Agreement
from gateway.core.control.token import MAX_TOKEN_BYTES, Claims, token_parts
from gateway.core.errors import CallerError, Fault, Refused

TokenSource = Path | Callable[[], str]
Metadata = tuple[tuple[str, str], ...]


def check_wanted(agreement: Agreement, token: TokenSource | None) -> None:
    """Refuses `token-needed` where the agreement requires a token and there is nothing to get one from."""
    if agreement.token_required and token is None:
        raise CallerError(
            "token-needed",
            "the agreement requires an access token, none is given",
            at=agreement.id,
            do="get one bound to this party's certificate, and name its file with `--token-file`",
        )


def metadata_for(profile: Profile, agreement: Agreement, token: TokenSource | None) -> Metadata:
    """What goes with a Follow under the agreement; nothing where it requires no token.

    Faults `token-file-…`; refuses `token-needed`, and `token-…` for a token that the gateway would deny.
    """
    check_wanted(agreement, token)
    if not agreement.token_required or token is None:
        return ()
    text = token_in(token) if isinstance(token, Path) else token()
    try:
        _check(profile, text)
    except Refused as error:
        raise Refused(error.code, error.message, at=error.at, do="get a new one from the issuer") from error
    return (("authorization", f"Bearer {text}"),)


def _check(profile: Profile, text: str) -> None:
    claims = Claims.parse(token_parts(text)[1])
    issuer = admission_of(profile).token
    if issuer is None:
        raise Refused("token-issuer-missing", "the profile must name the issuer of tokens, it names none", at="profile")
    claims.check(issuer, profile.server, profile.identity().fingerprint, now_ms())


def token_in(path: Path) -> str:
    """The token in the file, a line end behind it left out; faults `token-file-…`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Fault("token-file-missing", "the file of the access token must be there", at=str(path)) from error
    try:
        # The open file is judged, not the name: what is read is what was looked at.
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise Fault("token-file-unreadable", "the file of the access token must be a regular file", at=str(path))
        if mode & 0o077:
            raise Fault(
                "token-file-open-to-others",
                f"an access token must be readable by its owner only, the mode is {stat.S_IMODE(mode):04o}",
                at=str(path),
                do=f"`chmod go= {path}`",
            )
        content = os.read(descriptor, MAX_TOKEN_BYTES + 2)
    finally:
        os.close(descriptor)
    return content.removesuffix(b"\n").decode("ascii", errors="replace")
