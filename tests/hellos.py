"""The Hello with which a party's first stream begins, put together by hand: a client that looks at nothing itself."""

from __future__ import annotations

import secrets

from clients.profile import Profile
from clients.times import now_ms
from gateway.core.sealing.stream import Hello, SignedHello
from gateway.core.suite.keys import KemKey


def a_hello(profile: Profile, *, subscription: str = "default", kinds: int = 0b110) -> bytes:
    """One that is right, signed with the profile's key, for its first agreement."""
    agreement, key = profile.agreements[0], profile.signing_key()
    hello = Hello(
        genesis=profile.genesis_link,
        partner_id=profile.id,
        agreement_id=agreement.id,
        subscription=subscription,
        agreement_digest=agreement.digest,
        sign_key_id=key.key_id,
        nonce=secrets.token_bytes(32),
        time_ms=now_ms(),
        kinds=kinds,
        dir_no=0,
        incarnation=bytes(16),
        next_tick=0,
        account_size=0,
        cursor=b"",
        ephemeral_key=KemKey.generate().public_key,
    )
    return SignedHello.sign(hello, key).encode()
