"""`sluice-client doctor`: everything that must be right before anything is sent or followed.

Each check is made and printed, also after another has failed, so that one call to the operator is enough; the command
ends with the exit code of the first failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import grpc

from clients.certificates import is_certified, leaf_of
from clients.channel import secure_channel, server_certificate, translated
from clients.cli.boundary import Command
from clients.cli.exits import exit_code
from clients.cli.output import result
from clients.cli.profile_option import profile_option
from clients.enrolment import PartyRole
from clients.health import read_health
from clients.keyfiles import read_private
from clients.profile import Profile
from clients.renewal import is_due
from clients.times import now_ms, utc
from gateway.core.control.agreement import Agreement
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.source import SourceAdmission
from gateway.core.errors import CallerError, Fault, GatewayError

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, or what is wrong."""

    name: str
    found: str
    error: GatewayError | None = None


@click.command(cls=Command, name="doctor")
@profile_option("this party's")
def doctor_command(profile_path: Path) -> None:
    """Check profile, keys, certificate, clock, the gateway and the agreements."""
    profile = Profile.load(profile_path)
    checks = [
        _profile(profile),
        *(_tried(name, look, profile) for name, look in _OFFLINE),
        *asyncio.run(_reach(profile)),
    ]
    checks += _agreements(profile)
    failed = [check.error for check in checks if check.error]
    facts = [
        {"check": check.name, "ok": check.error is None, "found": check.found}
        | ({"error": check.error.to_json()} if check.error else {})
        for check in checks
    ]
    result({"ok": not failed, "id": profile.id, "checks": facts}, [line for check in checks for line in _lines(check)])
    if failed:
        raise click.exceptions.Exit(exit_code(failed[0]))


def _lines(check: Check) -> list[tuple[str, str]]:
    if check.error is None:
        return [(check.name, f"ok  {check.found}")]
    return [(check.name, f"FAILED [{check.error.code}] {check.error.message}")] + (
        [("", f"do: {check.error.do}")] if check.error.do else []
    )


def _profile(profile: Profile) -> Check:
    return Check("profile", f"{profile.role.value} {profile.id} of {profile.server}; words `{profile.words()}`")


def _tried(name: str, look: Callable[[Profile], str], profile: Profile) -> Check:
    try:
        return Check(name, look(profile))
    except GatewayError as error:
        return Check(name, "", error)


def _keys(profile: Profile) -> str:
    tls_key = read_private(profile.connection().key_path)
    if not is_certified(tls_key, leaf_of(profile.certificate_pem)):
        raise Fault("certificate-key", "the certificate must be of this party's TLS key", do="ask for a new profile")
    profile.signing_key()
    if profile.role is PartyRole.PARTNER:
        profile.kem_key()
    return f"{profile.key_folder()}/ (0600), as admitted"


def _identity(profile: Profile) -> str:
    identity = profile.identity()
    at_ms = now_ms()
    try:
        identity.check_valid(at_ms)
    except GatewayError as error:
        raise type(error)(
            error.code,
            error.message,
            at=utc(identity.not_after_ms),
            do="`sluice-client renew --request FILE` for the operator, or ask for a new profile",
        ) from error
    hours = (identity.not_after_ms - at_ms) // HOUR_MS
    # Only what runs renews: a follower, an outbox that is being sent, or the command.
    renewal = "is to be renewed: `sluice-client renew`" if is_due(profile) else "renews itself while it is used"
    return f"{identity.uri}, certificate {hours} h left, {renewal}; clock within its dates"


_OFFLINE: Sequence[tuple[str, Callable[[Profile], str]]] = (("keys", _keys), ("identity", _identity))


async def _reach(profile: Profile) -> list[Check]:
    connection = profile.connection()
    checks: list[Check] = []
    try:
        server = await server_certificate(connection)
        hours = (server.identity.not_after_ms - now_ms()) // HOUR_MS
        checks.append(Check("gateway", f"{connection.endpoint} is {server.identity.uri}, {server.tls}, {hours} h left"))
        channel = await secure_channel(connection)
        try:
            health = await read_health(channel)
        finally:
            await channel.close(None)
        if health != "SERVING":
            raise Fault(
                "not-serving", f"the gateway must be serving, it says {health}", do="wait, or call the operator"
            )
        checks.append(Check("health", health))
    except GatewayError as error:
        checks.append(Check("health" if checks else "gateway", "", error))
    except grpc.aio.AioRpcError as error:
        checks.append(Check("health", "", translated(error)))
    except OSError as error:
        missing = CallerError("file-unusable", "the TLS key must be usable, it is not", at=str(error.filename or ""))
        checks.append(Check("gateway", "", missing))
    return checks


def _agreements(profile: Profile) -> list[Check]:
    admission = profile.admission
    if isinstance(admission, SourceAdmission):
        return [Check("may send", admission.scope.text or "nothing")]
    clearance = ", ".join(f"{one.policy} {one.level}" for one in admission.clearances)
    checks = [Check("cleared", f"{admission.nation}: {clearance}")]
    if not profile.agreements:
        checks.append(Check("agreement", "none: nothing will be released"))
    for agreement in profile.agreements:
        checks.append(_tried("agreement", lambda _, one=agreement: _in_force(one), profile))  # type: ignore[misc]  # bound now
        if agreement.token_required:
            checks.append(_token(profile, agreement, admission))
    return checks


def _token(profile: Profile, agreement: Agreement, admission: PartnerAdmission) -> Check:
    """What whoever asks the issuer for a token must know."""
    issuer = admission.token
    if issuer is None:
        missing = CallerError("token-issuer-missing", "the admission must name an issuer of tokens", at=profile.id)
        return Check("token", "", missing)
    found = f"{agreement.id} requires one of {issuer.issuer} for {issuer.client_id}, audience {profile.server}"
    return Check("token", found)


def _in_force(agreement: Agreement) -> str:
    at_ms = now_ms()
    if at_ms >= agreement.ends_ms:
        raise CallerError(
            "agreement-ended", f"an agreement must be in force, this one ended {agreement.ends}", at=agreement.id
        )
    kinds = " ".join(kind.name.lower() for kind in sorted(agreement.kinds))
    modes = " ".join(mode.name for mode in sorted(agreement.modes))
    since = f"from {agreement.starts} " if at_ms < agreement.starts_ms else "in force "
    return f"{agreement.id} {since}to {agreement.ends}: {kinds}; {modes}; ceiling {agreement.ceiling}"
