"""Threat: the list of certificates says what is not so, because somebody wrote into it who was never let in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clients.certificates import certificate_request, der, leaf_of
from clients.keyfiles import read_private
from clients.operator.answers import ShownCertificate
from clients.operator.ca import Authority, PartyKind
from clients.operator.govern import open_governance
from gateway.core.parties.identity import Identity
from tests.security.test_renewal import PARTNER, Post
from tests.security.wire import HEALTH
from tests.stand import DOMAIN


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """One gateway for the whole file."""
    post = Post(tmp_path_factory.mktemp("listed"))
    yield post
    post.world.close()


@pytest.mark.must("12.7.16")
def test_a_certificate_is_in_the_operators_list_once_it_was_let_in_and_not_before(post: Post) -> None:
    """Whoever is turned away must not be able to write into it."""
    profile = post.profile(PARTNER)
    stranger = Authority.create(DOMAIN, datetime.now(UTC) - timedelta(hours=1))
    request = certificate_request(read_private(profile.connection().key_path))
    forged = stranger.issue(request, PartyKind.PARTNER, PARTNER, now=datetime.now(UTC))
    nobody = post.authority.issue(request, PartyKind.PARTNER, "usa/nobody", now=datetime.now(UTC))

    async def listed() -> dict[str, ShownCertificate]:
        async with open_governance(post.world.stand.connection()) as governance:
            shown = [one async for one in governance.certificates()]
        return {Identity.from_certificate(one.certificate).fingerprint: one for one in shown}

    own = profile.identity().fingerprint
    before = post.world.run(listed())
    began_ms = time.time_ns() // 1_000_000
    for chain in (forged, nobody, profile.certificate_pem):
        post.ask(replace(profile, certificate_pem=chain), HEALTH, b"")
    after = post.world.run(listed())
    server = Identity.from_certificate(der(leaf_of(post.world.stand.settings.certificate.read_bytes())))

    turned_away = {Identity.from_certificate(der(leaf_of(chain))).fingerprint for chain in (forged, nobody)}
    assert own not in before
    assert began_ms <= after[own].first_used_ms <= after[own].last_used_ms
    assert after[own].since_ms < began_ms
    assert server.fingerprint in after
    assert not turned_away & after.keys()
