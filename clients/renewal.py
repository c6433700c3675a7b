"""The next certificate: asked for before the one in use ends, and taken only if it may follow it.

A third of its life before the end a client signs a renewal with the key that operators admitted, and asks the gateway
until somebody who has the authority has answered. What comes back is believed as little as the gateway: it must be of
the own TLS key, the own identity and the pinned root, in its dates, and good for longer than the one before. It takes
the old one's place in the profile, whose words stay what they were. Source: SPEC.md section 12.7.

    profile = await renewed(path, Profile.load(path))     # None while nobody has answered

Whose certificate has expired cannot ask: the gateway's side of the handshake would just be cut. `renewal_of` then goes
to the operator as a file, and `install` takes the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
from sluice.v1 import identity_pb2

from clients.certificates import certificate_request, der, leaf_of, pem_of
from clients.channel import secure_channel, translated
from clients.connection import unreachable
from clients.enrolment import TLS_KEY, PartyRole
from clients.keyfiles import read_private_as
from clients.link import Backoff, Patience
from clients.profile import Profile
from clients.times import now_ms, utc
from gateway.core.control.renewal import Renewal, make_renewal
from gateway.core.errors import GatewayError
from gateway.core.parties.renewed import check_next, renewal_due_ms
from gateway.core.suite.numbers import Holder

CALL_SECONDS = 30.0
# A laptop sleeps, a clock is set, a file is put in place by hand: whether it is time is looked at this often.
LOOK_SECONDS = 60.0
_RENEW = "/sluice.v1.CertificateService/Renew"
_PATIENCE = Patience(first_wait_seconds=1.0, longest_wait_seconds=300.0)
_HOLDERS = {PartyRole.SOURCE: Holder.SOURCE, PartyRole.PARTNER: Holder.PARTNER}

Told = Callable[[str], None]


def is_due(profile: Profile) -> bool:
    """Whether less than a third of the certificate's life is left."""
    return now_ms() >= renewal_due_ms(profile.identity())


def renewal_of(profile: Profile) -> Renewal:
    """The party's request for its next certificate, signed now."""
    return make_renewal(
        profile.signing_key(),
        genesis=profile.genesis_link,
        holder=_HOLDERS[profile.role],
        holder_id=profile.id,
        time_ms=now_ms(),
        certificate_request=read_private_as(profile.key_folder() / TLS_KEY, certificate_request),
        certificate=der(leaf_of(profile.certificate_pem)),
    )


async def asked(channel: grpc.aio.Channel, endpoint: str, renewal: Renewal) -> bytes:
    """The certificate that answers it, DER and not looked at; empty while there is none. Raises errors of our tree."""
    call = channel.unary_unary(
        _RENEW,
        request_serializer=identity_pb2.RenewRequest.SerializeToString,
        response_deserializer=identity_pb2.RenewResponse.FromString,
    )
    try:
        response = await call(identity_pb2.RenewRequest(renewal=renewal.encoded), timeout=CALL_SECONDS)
    except grpc.aio.AioRpcError as error:
        ours = translated(error)
        raise (unreachable(endpoint) if ours.code == "gateway-unreachable" else ours) from error
    certificate: bytes = response.certificate
    return certificate


def install(path: Path, profile: Profile, certificate: bytes) -> Profile:
    """The profile with the certificate, DER, in its place and in its file; refuses as `check_next`.

    Also for a profile whose certificate has expired. Refuses `profile-other` if another profile lies there by now.
    """
    check_next(der(leaf_of(profile.certificate_pem)), certificate, profile.admitted_root(), now_ms())
    fresh = replace(profile, certificate_pem=pem_of(certificate))
    Profile.load(path).check_follows(profile)
    fresh.write(path)
    return fresh


async def renewed(path: Path, profile: Profile) -> Profile | None:
    """The profile with its next certificate, also in its file; None while nobody has answered."""
    connection = profile.connection()
    channel = await secure_channel(connection)
    try:
        certificate = await asked(channel, connection.endpoint, renewal_of(profile))
    finally:
        await channel.close(None)
    return install(path, profile, certificate) if certificate else None


@asynccontextmanager
async def keeping_renewed(
    path: Path, profile: Profile, take: Callable[[Profile], None], tell: Told, *, patience: Patience = _PATIENCE
) -> AsyncIterator[None]:
    """While the block runs, the certificate in the profile's file is renewed in time, and `take` told the profile.

    take: is also told a certificate that another process or a person put into the file. tell: what a person may want to
    know; a renewal that fails ends nothing, it is tried again.
    """
    keeping = asyncio.create_task(_keep(path, profile, take, tell, patience), name="renewal")
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def _keep(path: Path, profile: Profile, take: Callable[[Profile], None], tell: Told, patience: Patience) -> None:
    backoff, last = Backoff(patience), ""
    while True:
        said = ""
        try:
            present = Profile.load(path)
            present.check_follows(profile)
            if is_due(present):
                present = await renewed(path, present) or present
                said = "asked for the next certificate" if is_due(present) else ""
            if present.certificate_pem != profile.certificate_pem:
                profile, last = present, ""
                take(profile)
                tell(f"certificate renewed, until {utc(profile.identity().not_after_ms)}")
        except GatewayError as error:
            said = f"certificate not renewed ({error.code})"
        except OSError:
            # The file may be gone for the moment in which somebody exchanges it.
            said = "certificate not renewed (file-unusable)"
        if said and said != last:
            tell(said)
        last = said or last
        if said:
            await asyncio.sleep(backoff.next())
        else:
            backoff.reset()
            await asyncio.sleep(LOOK_SECONDS)
