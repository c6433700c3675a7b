"""Threat: a TLS session that is resumed shows no certificate again, and its ticket outlives what operators decide."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from pathlib import Path

from clients.certificates import der, leaf_of
from clients.enrolment import TLS_KEY
from clients.operator.drafts import certificate_revocation_text
from gateway.core.parties.identity import fingerprint
from gateway.core.suite.numbers import StatementKind
from tests.loopback import Loopback
from tests.security.raw_http2 import exchange
from tests.security.wire import HEALTH

PARTNER = "usa/arl"


def test_a_resumed_session_is_asked_for_its_certificate_on_every_call(tmp_path: Path) -> None:
    """Who resumes is who shook hands, and is denied from the statement on that takes the certificate back."""
    world = Loopback(tmp_path / "world")
    try:
        world.start(PARTNER)
        stand = world.stand
        profile = stand.profile(PARTNER)
        (tmp_path / "leaf.pem").write_bytes(profile.certificate_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=stand.authority.root_pem().decode())
        context.set_alpn_protocols(["h2"])
        context.load_cert_chain(tmp_path / "leaf.pem", profile.key_folder() / TLS_KEY)

        first = world.run(asyncio.to_thread(exchange, context, stand.port, HEALTH))
        call = partial(exchange, context, stand.port, HEALTH, session=first.session)
        again = world.run(asyncio.to_thread(call))
        revoked = certificate_revocation_text(fingerprint(der(leaf_of(profile.certificate_pem))), "a test")
        world.run(stand.apply(StatementKind.REVOKE, revoked, signers=stand.operators[:1]))
        denied = world.run(asyncio.to_thread(call))
    finally:
        world.close()

    assert (first.resumed, first.agreed.heard.status) == (False, "OK")
    assert (again.resumed, again.agreed.heard.status) == (True, "OK")
    assert (denied.resumed, denied.agreed.heard.status) == (True, "PERMISSION_DENIED")
