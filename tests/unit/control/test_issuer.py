"""Laws of who issues tokens: the operators' text says it all, in one spelling, and a forgotten key opens nothing."""

from __future__ import annotations

import pytest

from gateway.core.control.agreement import Agreement
from gateway.core.control.issuer import TokenIssuer, https_parts
from gateway.core.control.partner import PartnerAdmission
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.world import a_world, agreement_text, partner_bundle, partner_text

TOKEN = {
    "issuer": '"https://idp.usa.example"',
    "keys": '"https://idp.usa.example:8443/oidc/jwks"',
    "client_id": '"arl-sluice"',
    "subject": '"service|arl"',
    "algorithms": '["ES256", "PS256"]',
}

REQUIRED = {"token": '"required"'}


def token_text(**changes: str) -> str:
    """A table `[token]`; `None` as a value leaves the key out."""
    lines = [f"{key} = {value}\n" for key, value in (TOKEN | changes).items() if value != "None"]
    return "[token]\n" + "".join(lines)


def admitted(token: str) -> PartnerAdmission:
    """The usual partner with this behind its clearance."""
    return PartnerAdmission.parse(partner_text() + token.encode())


def test_an_admission_says_who_issues_its_tokens() -> None:
    """Nothing that a token says of itself is needed to judge it."""
    assert admitted(token_text()).token == TokenIssuer(
        issuer="https://idp.usa.example",
        keys="https://idp.usa.example:8443/oidc/jwks",
        client_id="arl-sluice",
        subject="service|arl",
        algorithms=frozenset({"ES256", "PS256"}),
    )
    assert PartnerAdmission.parse(partner_text()).token is None


@pytest.mark.must("2.5.15")
@pytest.mark.parametrize(
    "change",
    [
        *({key: "None"} for key in TOKEN),
        {"colour": '"blue"'},
        {"issuer": '"http://idp.usa.example"'},
        {"issuer": '"https://"'},
        {"issuer": '"https://IDP.usa.example"'},
        {"issuer": '"https://user@idp.usa.example"'},
        {"issuer": '"https://idp.usa.example?x"'},
        {"issuer": '"https://idp.usa.example/a#b"'},
        {"issuer": '"https://idp.usa.example/%2e"'},
        {"issuer": '"https://idp.usa.example:0"'},
        {"issuer": '"https://idp.usa.example:0443"'},
        {"issuer": '"https://idp.usa.example:65536"'},
        {"issuer": '"https://-idp.usa.example"'},
        {"keys": '"https://idp.usa.example."'},
        {"keys": f'"https://idp.usa.example/{"a" * 233}"'},
        {"keys": "7"},
        {"client_id": '""'},
        {"client_id": '"two words"'},
        {"subject": '"über"'},
        {"subject": f'"{"s" * 129}"'},
        {"algorithms": "[]"},
        {"algorithms": '["ES256", "ES256"]'},
        {"algorithms": '["HS256"]'},
        {"algorithms": '["none"]'},
        {"algorithms": '["RS256"]'},
        {"algorithms": '"ES256"'},
    ],
    ids=str,
)
def test_an_issuer_that_is_not_understood_is_refused(change: dict[str, str]) -> None:
    """A shared secret, or an address with a user in it, must never reach a gateway."""
    with pytest.raises(CallerError) as caught:
        admitted(token_text(**change))

    assert caught.value.code in {"text-value", "text-missing-key", "text-unknown-key"}
    assert caught.value.at.startswith("partner.token.")


def test_an_issuer_that_is_no_table_is_refused() -> None:
    """A word in place of the table would be nobody's issuer."""
    with pytest.raises(CallerError, match="token"):
        PartnerAdmission.parse(b'token = "https://idp.usa.example"\n' + partner_text())


def test_an_address_has_a_host_a_port_and_a_path() -> None:
    """What is asked for the keys is what the operators read."""
    assert https_parts("https://idp.usa.example") == ("idp.usa.example", 443, "/")
    assert https_parts("https://10.0.0.1:8443/a/jwks.json") == ("10.0.0.1", 8443, "/a/jwks.json")
    assert https_parts("https://i/") == ("i", 443, "/")


@pytest.mark.parametrize(("token", "required"), [('"required"', True), ('"ignored"', False), ("None", False)])
def test_an_agreement_says_whether_a_token_is_needed(token: str, required: bool) -> None:
    """One that was signed before there were tokens asks for none."""
    assert Agreement.parse(agreement_text(token=token)).token_required is required


@pytest.mark.must("2.5.4")
@pytest.mark.parametrize("token", ['"yes"', "true", '"Required"', "[]"])
def test_an_agreement_that_says_something_else_of_tokens_is_refused(token: str) -> None:
    """A misspelt `required` must not be read as `ignored`."""
    with pytest.raises(CallerError, match="token"):
        Agreement.parse(agreement_text(token=token))


@pytest.mark.must("2.5.5")
def test_an_agreement_that_requires_a_token_needs_an_issuer() -> None:
    """Nothing could ever be released under it, and nobody would know why."""
    world, required = a_world(), agreement_text(id='"UA-T"', **REQUIRED)

    with pytest.raises(Refused) as caught:
        world.apply(StatementKind.AGREEMENT, required)

    assert caught.value.code == "token-issuer-missing"
    world.apply(StatementKind.PARTNER, partner_text() + token_text().encode(), partner_bundle().encoded)
    world.apply(StatementKind.AGREEMENT, required)
    assert world.control.agreement("UA-T").token_required
