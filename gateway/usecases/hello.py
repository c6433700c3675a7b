"""The Hello: every check before a stream is opened, and the opening itself.

Order: who asks, whether the gateway may work, who signed, freshness, agreement, directory, cursor, token. A peer hears
`denied` for all that concerns identity and policy, and the few codes an honest client must tell apart.
Source: SPEC.md section 4.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from gateway.core.control.standing import StandingDirectory
from gateway.core.errors import Refused
from gateway.core.ledger.entries import partner_account
from gateway.core.sealing.cursor import CursorBinding, Place
from gateway.core.sealing.stream import Hello, SignedHello, StreamKeys, StreamTerms, open_stream
from gateway.core.suite.numbers import HELLO_SKEW_MS, STREAM_LIFE_MS, EndReason, Role
from gateway.ports.journal import Journal
from gateway.usecases.peer import Peer
from gateway.usecases.ready import check_ready
from gateway.usecases.rights import rights_of
from gateway.usecases.running import Running
from gateway.usecases.subscription import Subscription


def admit_hello(running: Running, peer: Peer, signed: SignedHello) -> Subscription:
    """The subscription a Hello asks for; refuses it otherwise."""
    hello, control, now_ms = signed.hello, running.control, running.now_ms()
    if peer.role != "partner" or hello.partner_id != peer.party_id or hello.genesis != control.genesis:
        raise Refused("denied", "the hello is not the peer's own", at="hello")
    if control.is_stopped(f"partner/{hello.partner_id}"):
        raise Refused("denied", "the partner is suspended", at="hello")
    directory = _check_ready(running, now_ms)
    key = control.endorsed(Role.PARTNER_SIGN, hello.partner_id, hello.sign_key_id, now_ms)
    signed.check_signature(key.signing_key)
    _check_fresh(running, hello, now_ms)
    rights = rights_of(control, peer, hello.agreement_id)
    control.endorsed(Role.PARTNER_KEM, hello.partner_id, rights.kem_key_id, now_ms)
    if hello.agreement_digest != rights.agreement_digest:
        raise Refused("agreement-changed", "the agreement's text is not the one in force", at="hello.agreement")
    rights.check_in_force(now_ms)
    if hello.dir_no > directory.newest.dir_no:
        raise Refused("directory-due", "the directory is older than the one the partner has seen", at="hello.dir_no")
    binding = CursorBinding(
        hello.partner_id, hello.agreement_id, hello.subscription, hello.kinds, running.book.incarnation
    )
    # A stream stands on the key that signed its Hello and on the gateway's own as much as on those in its rights.
    standing_on = (key, *(directory.endorsed[one] for one in _own_keys(running).items()))
    keys_until_ms = min(one.endorsement.valid_to_ms for one in standing_on)
    until_ms, until_reason = min(rights.first_end(), (keys_until_ms, EndReason.DIRECTORY_EXPIRED))
    lifetime_ms = now_ms + STREAM_LIFE_MS
    return Subscription(
        partner_id=hello.partner_id,
        agreement_id=hello.agreement_id,
        name=hello.subscription,
        account_id=partner_account(hello.partner_id, hello.agreement_id, hello.subscription),
        stream_id=secrets.token_bytes(16),
        rights=rights,
        binding=binding,
        place=_place(running, binding, hello.cursor),
        not_after_ms=min(lifetime_ms, until_ms),
        end_reason=EndReason.LIFETIME if lifetime_ms < until_ms else until_reason,
    )


async def show_token(running: Running, subscription: Subscription, presented: Sequence[object]) -> None:
    """Narrows the subscription to what the token of its call leaves, where its agreement requires one; else refuses.

    The issuer may have to be asked for its keys meanwhile: whether CONTROL still says the same is looked at when the
    stream is registered, as for everything else that the Hello was checked against.
    """
    control, rights = running.control, subscription.rights
    if rights.issuer is None:
        return
    if running.tokens is None:
        raise Refused("token-roots-missing", "the settings must say how issuers are known, they do not", at="settings")
    identity = rights.peer.identity
    grant = await running.tokens.grant(rights.issuer, presented, identity.fingerprint, running.now_ms())
    kinds = grant.facts.kinds & rights.basis.agreement.kinds
    if not any(subscription.binding.kinds >> kind & 1 for kind in kinds):
        raise Refused(
            "token-scope", "its scope must have a kind that the hello asks for and the agreement has", at="token"
        )
    subscription.rights = rights_of(control, rights.peer, subscription.agreement_id, grant)
    until = (subscription.not_after_ms, subscription.end_reason)
    subscription.not_after_ms, subscription.end_reason = min(until, subscription.rights.first_end())


def _check_ready(running: Running, now_ms: int) -> StandingDirectory:
    directory = check_ready(running.control, _own_keys(running), now_ms)
    if not running.time.is_timed():
        raise Refused("directory-due", "the gateway's clock is not trusted", at="clock")
    return directory


def _own_keys(running: Running) -> dict[Role, bytes]:
    return {Role.GATEWAY_STREAM: running.keys.stream().key_id, Role.GATEWAY_LEDGER: running.keys.ledger().key_id}


def _check_fresh(running: Running, hello: Hello, now_ms: int) -> None:
    if abs(hello.time_ms - now_ms) > HELLO_SKEW_MS:
        raise Refused("hello-late", "the hello's time is too far off", at="hello.time")
    # What was seen before a start is forgotten, so what was signed before it is not taken.
    if hello.time_ms < running.time.started_at_ms:
        raise Refused("starting", "the hello was signed before the gateway started", at="hello.time")
    running.nonces.remember(hello.partner_id, hello.nonce, now_ms)


def _place(running: Running, binding: CursorBinding, cursor: bytes) -> Place:
    """Where the cursor stands; one of an earlier incarnation behind no record that its store did not have."""
    key = running.keys.cursor()
    for incarnation, end in running.lanes.ends.items() if cursor else ():
        try:
            return min(replace(binding, incarnation=incarnation).open(key, cursor), Place(end))
        except Refused:
            continue
    place = binding.open(key, cursor)
    if place.position > running.journals.head(Journal.RECORDS).size:
        raise Refused("cursor-invalid", "the cursor stands behind the last record", at="hello.cursor")
    return place


def open_for(running: Running, signed: SignedHello, subscription: Subscription) -> tuple[bytes, StreamKeys]:
    """The `open` message without its type byte, and the stream's keys; refuses an ephemeral key that is none."""
    hello, rights, key = signed.hello, subscription.rights, running.keys.stream()
    terms = StreamTerms(
        genesis=hello.genesis,
        partner_id=hello.partner_id,
        agreement_id=hello.agreement_id,
        subscription=hello.subscription,
        stream_id=subscription.stream_id,
        hello_digest=signed.digest,
        kem_key_id=rights.kem_key_id,
        stream_key_id=key.key_id,
        agreement_digest=rights.agreement_digest,
        not_after_ms=subscription.not_after_ms,
    )
    try:
        return open_stream(terms, rights.kem_key, hello.ephemeral_key, key, secrets.token_bytes(96))
    except Refused as error:
        # The long-term key was checked when it was admitted.
        raise Refused("malformed", error.message, at="hello.ephemeral key") from error
