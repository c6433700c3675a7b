"""What the commands that renew certificates do: an operator's own, and as the authority everybody's.

An operator's own certificate is renewed beside whatever else is done, when it is due: by the authority of the same home
at once, else by the gateway's mailbox. It never stops what was asked for; what went wrong is a note on standard error.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from clients.certificates import pem_of
from clients.cli import output
from clients.keyfiles import read_public, write_public
from clients.link import Backoff, Patience
from clients.operator.chain import Chain, read_chain
from clients.operator.govern import Governance, open_governance
from clients.operator.home import Home
from clients.operator.renewing import is_own_due, issue_next, issue_own, own_identity
from clients.times import now_ms, utc
from gateway.core.control.renewal import Renewal, parse_renewal
from gateway.core.errors import GatewayError, Refused
from gateway.core.parties.identity import Identity
from gateway.core.suite.numbers import MAX_RENEWAL_BYTES

MAX_RENEWALS = 4096
_ELSEWHERE = "root-other"
_PATIENCE = Patience(first_wait_seconds=0.5, longest_wait_seconds=30.0)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request. error: why it was refused; None if `until_ms` is the new certificate's end."""

    holder: str
    until_ms: int = 0
    error: GatewayError | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether another authority has to answer."""
        return self.error is not None and self.error.code == _ELSEWHERE

    def facts(self) -> dict[str, object]:
        """The same for `--json`."""
        if self.error is None:
            return {"holder": self.holder, "state": "issued", "certificate_until": utc(self.until_ms)}
        state = "elsewhere" if self.is_elsewhere else "refused"
        return {"holder": self.holder, "state": state, "error": self.error.to_json()}

    def line(self) -> tuple[str, str]:
        """The same for a person."""
        if self.error is None:
            return "issued", f"{self.holder} until {utc(self.until_ms)}"
        if self.is_elsewhere:
            return "left", f"{self.holder}: another authority's"
        return "refused", f"{self.holder} [{self.error.code}] {self.error.message}"


def renew_if_due(home: Home) -> None:
    """An operator's own certificate, where the authority is in the same home; also one that has expired."""
    now = datetime.now(UTC)
    if not home.is_connected() or not is_own_due(home, now):
        return
    try:
        certificate = issue_own(home, now=now)
        if certificate is not None:
            _tell(home.install(certificate, now_ms()))
    except GatewayError as error:
        _tell_not(error)


def check_own(home: Home) -> None:
    """Refuses `certificate-expired` and `certificate-not-yet-valid`: the gateway would just cut the handshake."""
    identity = own_identity(home)
    try:
        identity.check_valid(now_ms())
    except Refused as error:
        raise Refused(
            error.code,
            error.message,
            at=f"certificate of {home.operator_id}, until {utc(identity.not_after_ms)}",
            do="`sluicectl operator renew --request FILE` for the operator who has the authority",
        ) from error


async def ask_if_due(home: Home, governance: Governance) -> None:
    """An operator's own certificate, through the mailbox; what goes wrong is told and stops nothing."""
    if not is_own_due(home, datetime.now(UTC)):
        return
    try:
        certificate = await governance.renew(home.renewal(now_ms()))
        if certificate:
            _tell(home.install(certificate, now_ms()))
        else:
            until = utc(own_identity(home).not_after_ms)
            output.said(f"note: this certificate ends {until}; the next one is asked for, nobody has answered yet")
    except GatewayError as error:
        _tell_not(error)


def _tell_not(error: GatewayError) -> None:
    output.said(f"note: this certificate was not renewed ({error.code}): {error.message}")


def _tell(identity: Identity) -> None:
    output.said(f"note: this certificate is renewed, until {utc(identity.not_after_ms)}")


async def asked_for_own(home: Home, seconds: float) -> Identity | None:
    """The identity of the next certificate once it is installed; None if nobody has answered within `seconds`."""
    certificate = issue_own(home, now=datetime.now(UTC))
    if certificate is not None:
        return home.install(certificate, now_ms())
    backoff, until = Backoff(_PATIENCE), time.monotonic() + seconds
    while True:
        async with open_governance(home.connection()) as governance:
            certificate = await governance.renew(home.renewal(now_ms()))
        if certificate:
            return home.install(certificate, now_ms())
        left = until - time.monotonic()
        if left <= 0:
            return None
        await asyncio.sleep(min(backoff.next(), left))


async def answer_all(home: Home, hours: int) -> list[Answer]:
    """Everything that waits at the gateway, answered or refused, by the chain as it is verified now."""
    async with open_governance(home.connection()) as governance:
        await ask_if_due(home, governance)
        waiting: list[bytes] = []
        async for encoded in governance.renewals():
            waiting.append(encoded)
            if len(waiting) > MAX_RENEWALS:
                raise Refused("too-many-renewals", f"at most {MAX_RENEWALS} requests may wait", at="gateway")
        if not waiting:
            return []
        chain = await read_chain(governance, home, now_ms())
        return [await _answer(governance, chain, home, encoded, hours) for encoded in waiting]


async def _answer(governance: Governance, chain: Chain, home: Home, encoded: bytes, hours: int) -> Answer:
    holder = "a request that cannot be read"
    try:
        renewal = parse_renewal(encoded)
        holder = renewal.name
        certificate, until_ms = _issued(chain, home, renewal, hours)
        await governance.answer_renewal(renewal.digest, certificate)
    except GatewayError as error:
        return Answer(holder, error=error)
    return Answer(holder, until_ms)


def answer_file(home: Home, request: Path, out: Path, hours: int) -> Answer:
    """The same for one request that came as a file; the certificate goes into `out`. Refuses as `issue_next`."""
    renewal = parse_renewal(read_public(request, MAX_RENEWAL_BYTES))

    async def run() -> Chain:
        async with open_governance(home.connection()) as governance:
            return await read_chain(governance, home, now_ms())

    certificate, until_ms = _issued(asyncio.run(run()), home, renewal, hours)
    write_public(out, pem_of(certificate))
    return Answer(renewal.name, until_ms)


def _issued(chain: Chain, home: Home, renewal: Renewal, hours: int) -> tuple[bytes, int]:
    certificate = issue_next(chain, home, renewal, now=datetime.now(UTC), hours=hours)
    return certificate, Identity.from_certificate(certificate).not_after_ms


def for_ever(work: Callable[[], Awaitable[T]], report: Callable[[T], None], every_seconds: float) -> None:
    """Works and reports again and again; an error is told, and the work is tried again after the same time."""
    while True:
        try:
            report(asyncio.run(_once(work)))
        except (GatewayError, OSError) as error:
            failure = error if isinstance(error, GatewayError) else None
            code = failure.code if failure else "file-unusable"
            told = failure.to_json() if failure else {"code": code}
            output.said(json.dumps(told, ensure_ascii=False) if output.wants_json() else f"note: {code}, tried again")
        # Between two looks nothing here could be woken.
        time.sleep(every_seconds)


async def _once(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
