"""Laws of keys that follow one another, as operators draft them; and of a change that nobody has signed yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.operator.carried import Carried
from clients.operator.drafts import readmission_text
from clients.operator.endorse import directory_draft
from gateway.core.control.endorsing import parse_endorsement_list
from gateway.core.control.enrolment import Bundle, make_bundle
from gateway.core.control.entry import ControlEntry
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import GatewayError
from gateway.core.suite.keys import key_digest
from gateway.core.suite.numbers import KeyState, Role, StatementKind
from gateway.core.suite.octets import lp32
from tests.unit.control.given import kem_key, signing_key
from tests.unit.control.world import gateway_bundle, partner_bundle, partner_text, source_bundle, source_text
from tests.unit.operator.gateways import Town
from tests.unit.operator.parties import NOW_MS

ACTIVE, RETIRED = KeyState.ACTIVE, KeyState.RETIRED


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Operators with nothing but a genesis."""
    return Town.found(tmp_path)


def following(gateway_id: str = "ua-gw") -> Bundle:
    """The gateway's next keys."""
    signing = {Role.GATEWAY_STREAM: signing_key("stream 2"), Role.GATEWAY_LEDGER: signing_key("ledger 2")}
    return make_bundle(gateway_id, signing, {Role.GATEWAY_INGEST: kem_key("ingest 2").public_key}, b"request")


def direct(town: Town, gateway: Bundle | None, successor: Bundle | None = None) -> dict[str, tuple[KeyState, int]]:
    """Signs the directory; state and begin of each key of the gateway, by the beginning of its digest."""
    body, listed = directory_draft(town.chain(), gateway, days=7, now_ms=NOW_MS, successor=successor)
    town.apply(StatementKind.DIRECTORY, body, listed)
    endorsed = [one for one, _ in parse_endorsement_list(listed)]
    return {one.key_digest.hex(): (one.state, one.valid_from_ms) for one in endorsed}


def of(bundle: Bundle, endorsed: dict[str, tuple[KeyState, int]]) -> set[tuple[KeyState, int]]:
    """State and begin of the bundle's keys."""
    return {endorsed[key_digest(key).hex()] for key in bundle.keys.values()}


def test_next_keys_stand_beside_the_present_until_a_directory_is_told_one_set(town: Town) -> None:
    """A directory that is issued in between, as every week, must not end what is not over."""
    direct(town, gateway_bundle())
    beside = direct(town, None, following())
    weekly = direct(town, None)
    alone = direct(town, following())
    later = direct(town, None)

    for both in (beside, weekly):
        assert of(gateway_bundle(), both) == {(ACTIVE, NOW_MS - 1)}
        assert of(following(), both) == {(ACTIVE, NOW_MS)}
    for one in (alone, later):
        assert of(gateway_bundle(), one) == {(RETIRED, NOW_MS)}
        assert of(following(), one) == {(ACTIVE, NOW_MS)}


@pytest.mark.parametrize("successor", [following("another"), source_bundle()], ids=["another gateway", "a party"])
def test_next_keys_are_those_of_the_same_gateway(town: Town, successor: Bundle) -> None:
    """A bundle that came by mistake, or was put in the place of the right one."""
    direct(town, gateway_bundle())

    with pytest.raises(GatewayError) as caught:
        directory_draft(town.chain(), None, days=7, now_ms=NOW_MS, successor=successor)

    assert caught.value.code == "bundle-role"


def test_a_party_that_is_admitted_again_keeps_all_but_its_keys() -> None:
    """What an operator would type again, an operator could mistype."""
    sign, kem = signing_key("usa/arl second"), kem_key("usa/arl second")
    partner = make_bundle("usa/arl", {Role.PARTNER_SIGN: sign}, {Role.PARTNER_KEM: kem.public_key}, b"")
    source = make_bundle("src-3f07", {Role.SOURCE: signing_key("src-3f07 second")}, {}, b"")

    again = readmission_text(partner_text(), partner)

    assert again == partner_text(sign_key=sign.key_digest.hex(), kem_key=kem.key_digest.hex())
    assert readmission_text(source_text(), source) == source_text(key="src-3f07 second")
    for text, bundle, code in (
        (source_text(), source_bundle(), "nothing-to-change"),
        (partner_text(), partner_bundle(), "nothing-to-change"),
        (partner_text(), gateway_bundle(), "bundle-role"),
    ):
        with pytest.raises(GatewayError) as caught:
            readmission_text(text, bundle)
        assert caught.value.code == code


def test_a_change_that_nobody_has_signed_travels_with_nothing_beside_it(town: Town) -> None:
    """A recovery is signed by keys that are all offline; until then the file holds a statement and no more."""
    statement = town.statement(StatementKind.LIFT, b'target = "gateway"\nreason = "a draft"\n')
    draft = ControlEntry(SignedStatement(statement, ()), (), 0)
    carried = Carried(tuple(town.entries), (draft,), {})

    encoded = carried.encode()

    assert Carried.parse(encoded) == carried
    unsigned = lp32(statement.encode()) + lp32(b"")
    crooked = encoded.replace(lp32(unsigned), lp32(unsigned + b"\x00"))
    assert crooked != encoded
    with pytest.raises(GatewayError) as caught:
        Carried.parse(crooked)
    assert caught.value.code == "malformed"
