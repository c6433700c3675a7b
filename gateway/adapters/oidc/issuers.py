"""`HttpsIssuers`: the port `TokenIssuers` by key sets that are fetched over https, off the loop, and kept for a while.

* Five minutes old, a set is asked for again in the background, and used meanwhile; an hour old, it is no set any more.
* A `kid` that is not in the set makes it be asked for at once: issuers change their keys. But whoever sends such tokens
  must not turn this gateway against an issuer, so no set is asked for twice in half a minute, whatever came of it.
* Many who wait for one set wait for the same request. Ages are of the boot clock: a wrong hour keeps no key alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import structlog

from gateway.adapters.oidc.fetch import fetch, tls_context
from gateway.adapters.oidc.keyset import IssuerKey, parse_key_set
from gateway.adapters.oidc.signature import SignedToken
from gateway.core.control.issuer import TokenIssuer
from gateway.core.errors import GatewayError, Refused
from gateway.ports.clock import Clock

REFRESH_MS = 300_000
STALE_MS = 3_600_000
COOLDOWN_MS = 30_000
MAX_FETCHES = 4

_log = structlog.get_logger("sluice.tokens")

Fetch = Callable[[str], bytes]


@dataclass(slots=True)
class _KeySet:
    """Of one address. asked_at_ms, fetched_at_ms: of the boot clock; None is never."""

    keys: Mapping[str, IssuerKey] = field(default_factory=dict)
    asked_at_ms: int | None = None
    fetched_at_ms: int | None = None
    asking: asyncio.Task[None] | None = None


class HttpsIssuers:
    """See the module. One for a gateway; `close` when it stops."""

    def __init__(self, fetch_set: Fetch, clock: Clock) -> None:
        self._fetch = fetch_set
        self._clock = clock
        self._sets: dict[str, _KeySet] = {}
        self._pool = ThreadPoolExecutor(max_workers=MAX_FETCHES, thread_name_prefix="issuer")

    @classmethod
    def under_roots(cls, roots_pem: bytes, clock: Clock) -> HttpsIssuers:
        """Key sets from servers whose certificates come from these roots; `Fault("token-roots")` for none."""
        return cls(partial(fetch, context=tls_context(roots_pem)), clock)

    async def payload_of(self, issuer: TokenIssuer, token: str) -> bytes:
        """As the port says."""
        signed = SignedToken.parse(token, issuer)
        return signed.payload_under(await self._keys(issuer.keys, signed.key_id))

    async def _keys(self, url: str, key_id: str) -> Mapping[str, IssuerKey]:
        kept = self._sets.setdefault(url, _KeySet())
        age = self._age(kept.fetched_at_ms)
        is_due = age is None or age >= REFRESH_MS or key_id not in kept.keys
        asking = self._ask(url, kept) if is_due else None
        if asking is not None and (age is None or age >= STALE_MS or key_id not in kept.keys):
            # Not awaited itself: whoever is cancelled here must not take the answer from the others.
            await asyncio.wait({asking})
        age = self._age(kept.fetched_at_ms)
        if age is None or age >= STALE_MS:
            raise Refused("token-keys", "the issuer's key set must be at hand, it is not", at="token.keys")
        return kept.keys

    def _age(self, at_ms: int | None) -> int | None:
        return None if at_ms is None else self._clock.boot_ms() - at_ms

    def _ask(self, url: str, kept: _KeySet) -> asyncio.Task[None] | None:
        """The one request that is under way for the set; None while it is too soon for another."""
        if kept.asking is None:
            age = self._age(kept.asked_at_ms)
            if age is not None and age < COOLDOWN_MS:
                return None
            kept.asked_at_ms = self._clock.boot_ms()
            kept.asking = asyncio.create_task(self._fetch_into(url, kept), name="key set")
        return kept.asking

    async def _fetch_into(self, url: str, kept: _KeySet) -> None:
        asked_at_ms = self._clock.boot_ms()
        try:
            kept.keys = await asyncio.get_running_loop().run_in_executor(self._pool, self._fetched, url)
            kept.fetched_at_ms = asked_at_ms
            _log.info("token.keys", url=url, keys=len(kept.keys))
        except GatewayError as error:
            # The set at hand goes on until it is an hour old.
            _log.warning("token.keys-not-fetched", url=url, code=error.code, message=error.message)
        finally:
            kept.asking = None

    def _fetched(self, url: str) -> Mapping[str, IssuerKey]:
        return parse_key_set(self._fetch(url))

    async def close(self) -> None:
        """Nothing is asked for any more."""
        tasks = [kept.asking for kept in self._sets.values() if kept.asking is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)
