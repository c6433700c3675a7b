"""Laws of the list of certificates that a gateway met: what is in it was met, and nobody fills it for others."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity
from gateway.usecases.certificates import KnownCertificates
from tests.unit.control.given import NOW
from tests.unit.usecases.test_renewal_mailbox import a_post
from tests.unit.usecases.town import operator_peer, partner_peer, source_peer

HOUR = 3_600_000


def a_certificate(number: int, party: str = "usa/arl", until_ms: int = NOW + 24 * HOUR) -> Identity:
    """What one says; every number is another certificate."""
    identity = partner_peer(party, until_ms).identity
    return replace(identity, fingerprint=f"{number:064x}", serial=f"{number + 1:x}")


def prints(known: KnownCertificates, now_ms: int = NOW) -> list[int]:
    """The numbers of the certificates in the list."""
    return [int(one.identity.fingerprint, 16) for one in known.listed(now_ms)]


def test_a_certificate_is_listed_with_its_first_and_its_last_call() -> None:
    """Who asks wants to know whether the stolen one is in use now."""
    known, one = KnownCertificates(), a_certificate(1)

    for at_ms in (NOW, NOW + 1, NOW + 2):
        known.used(b"der", one, at_ms)

    (listed,) = known.listed(NOW + 3)
    assert (listed.certificate, listed.identity) == (b"der", one)
    assert (listed.first_used_ms, listed.last_used_ms, listed.issued_ms, listed.follows) == (NOW, NOW + 2, 0, "")


def test_a_certificate_that_was_handed_on_is_listed_before_its_first_call_and_behind_it() -> None:
    """Which one it followed stays with it."""
    known, one = KnownCertificates(), a_certificate(2)

    known.issued(b"der", one, "11" * 32, NOW)
    (before,) = [(each.first_used_ms, each.issued_ms) for each in known.listed(NOW)]
    known.used(b"der", one, NOW + 5)

    (behind,) = known.listed(NOW + 5)
    assert before == (0, NOW)
    assert (behind.first_used_ms, behind.issued_ms, behind.follows) == (NOW + 5, NOW, "11" * 32)


def test_what_has_expired_is_not_listed() -> None:
    """Nobody can come with it any more."""
    known = KnownCertificates()
    known.used(b"", a_certificate(1, until_ms=NOW + HOUR), NOW)
    known.used(b"", a_certificate(2, until_ms=NOW + 2 * HOUR), NOW)

    assert prints(known, NOW + HOUR - 1) == [1, 2]
    assert prints(known, NOW + HOUR) == [2]
    assert known.forgotten == 0


def test_a_party_pushes_out_its_own_and_no_other() -> None:
    """An authority issues as many as it likes; pushed out is the one not heard of for longest, and it is counted."""
    known = KnownCertificates(each=3)
    known.used(b"", a_certificate(100, "gbr/dstl"), NOW)
    for number in (1, 2, 3):
        known.used(b"", a_certificate(number), NOW + number)
    known.used(b"", a_certificate(1), NOW + 10)

    known.used(b"", a_certificate(4), NOW + 11)
    known.issued(b"", a_certificate(5), "", NOW + 12)

    assert sorted(prints(known)) == [1, 4, 5, 100]
    assert known.forgotten == 2


def test_the_list_is_bounded_over_all_parties() -> None:
    """Memory is the gateway's, and names are the parties'."""
    known = KnownCertificates(limit=4)

    for number, party in enumerate(("usa/arl", "gbr/dstl", "usa/a", "usa/b", "usa/c", "usa/d")):
        known.used(b"", a_certificate(number, party), NOW + number)

    assert sorted(prints(known)) == [2, 3, 4, 5]
    assert known.forgotten == 2


@pytest.mark.parametrize("limits", [{"each": 2}, {"limit": 2}], ids=str)
def test_what_has_expired_makes_room_before_anything_is_forgotten(limits: dict[str, int]) -> None:
    """A party that renews every day must not lose count of what is good."""
    known = KnownCertificates(**limits)
    known.used(b"", a_certificate(1, until_ms=NOW + HOUR), NOW)
    known.used(b"", a_certificate(2), NOW + 1)

    known.used(b"", a_certificate(3), NOW + HOUR)

    assert (prints(known), known.forgotten) == ([2, 3], 0)


@pytest.mark.must("12.7.16")
def test_the_list_is_for_operators() -> None:
    """It says who is here and when each was."""

    async def scenario() -> None:
        async with a_post() as post:
            post.house.running.certificates.used(b"", a_certificate(1), post.house.now_ms)

            for peer in (partner_peer(), source_peer()):
                with pytest.raises(Refused) as caught:
                    post.mailbox.known(peer)
                assert caught.value.code == "denied"
            assert len(post.mailbox.known(operator_peer())) == 1

    asyncio.run(scenario())


def test_an_answered_renewal_is_in_the_list_with_what_it_follows() -> None:
    """Before its holder has fetched it; one that was refused is not."""

    async def scenario() -> None:
        async with a_post() as post:
            name = "source/src-3f07"
            present = post.certificate(name)
            post.ask(name, present)
            with pytest.raises(Refused):
                post.answer(present)
            following = post.certificate(name, later_hours=10)

            post.answer(following)

            (listed,) = post.mailbox.known(operator_peer())
            assert (listed.certificate, listed.issued_ms) == (following, post.house.now_ms)
            assert listed.follows == Identity.from_certificate(present).fingerprint
            assert post.mailbox.of_the_list() == (post.house.running.time.started_at_ms, 0)

    asyncio.run(scenario())
