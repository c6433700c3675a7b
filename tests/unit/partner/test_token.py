"""The token of a partner: from its own file or function, anew each time, looked at before anybody else sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clients.partner.follow import RETRIED, follow
from clients.partner.token import metadata_for, token_in
from clients.profile import Profile
from clients.times import now_ms
from gateway.core.control.agreement import Agreement
from gateway.core.errors import GatewayError
from tests.tokens import Issuer
from tests.unit.operator.parties import AGREEMENT, a_genesis, a_profile, homes

ISSUER = Issuer(keys={"k-256": ec.generate_private_key(ec.SECP256R1())})
REQUIRED = Agreement.parse(AGREEMENT + b'token = "required"\n')
IGNORED = Agreement.parse(AGREEMENT)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """A partner whose admission names an issuer, with an agreement that requires a token."""
    root = tmp_path_factory.mktemp("partner")
    plain = a_profile(root, a_genesis(homes(root / "homes")))
    return replace(plain, admission_text=plain.admission_text + ISSUER.table().encode(), agreements=(REQUIRED,))


def good(profile: Profile, **changed: object) -> str:
    """A token for the partner's certificate, with claims changed."""
    return ISSUER.token(ISSUER.claims(profile.server, profile.identity().fingerprint, now_ms(), **changed))


def code_of(attempt: Callable[[], object], *secrets: str) -> str:
    """The code it is refused with; no secret is in what is said."""
    with pytest.raises(GatewayError) as caught:
        attempt()
    said = f"{caught.value} {caught.value.to_json()} {caught.value.__cause__}"
    assert not [secret for secret in secrets if secret in said]
    return caught.value.code


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An empty file of the partner's own."""
    path = tmp_path / "token"
    path.touch(mode=0o600)
    return path


@pytest.mark.must("12.6.21")
def test_a_token_is_read_anew_for_each_stream(profile: Profile, file: Path) -> None:
    """Whoever renews it writes the file, and tells nobody."""
    for _ in range(2):
        token = good(profile)
        file.write_text(f"{token}\n")

        assert metadata_for(profile, REQUIRED, file) == (("authorization", f"Bearer {token}"),)
        assert metadata_for(profile, REQUIRED, lambda: token) == (("authorization", f"Bearer {token}"),)  # noqa: B023


@pytest.mark.must("12.6.22")
def test_where_none_is_required_no_token_is_read(profile: Profile, tmp_path: Path) -> None:
    """A token that nobody asked for is one more thing that can be lost."""
    assert metadata_for(profile, IGNORED, tmp_path / "none") == ()
    assert metadata_for(profile, IGNORED, None) == ()


def test_an_agreement_that_requires_one_is_not_followed_without(profile: Profile, tmp_path: Path) -> None:
    """The gateway would say `denied`, and not why."""
    attempt = lambda: follow(profile, kinds=("tactic",), state=tmp_path / "state")  # noqa: E731

    assert code_of(attempt) == "token-needed"
    assert code_of(lambda: metadata_for(profile, REQUIRED, None)) == "token-needed"
    assert not (tmp_path / "state").exists()


@pytest.mark.must("12.6.21")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_a_file_that_others_may_touch_is_refused(profile: Profile, file: Path, mode: int) -> None:
    """Whoever reads it has the token; whoever writes it chooses what is sent."""
    token = good(profile)
    file.write_text(token)
    file.chmod(mode)

    assert code_of(lambda: metadata_for(profile, REQUIRED, file), token) == "token-file-open-to-others"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """Also a pipe, which would wait for ever."""
    os.mkfifo(tmp_path / "pipe", 0o600)

    assert code_of(lambda: token_in(tmp_path / "none")) == "token-file-missing"
    assert code_of(lambda: token_in(tmp_path / "pipe")) == "token-file-unreadable"
    assert code_of(lambda: token_in(tmp_path)) == "token-file-unreadable"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "token-malformed"),
        (b"\xff\xfe", "token-malformed"),
        (b"secret-of-another-kind", "token-malformed"),
        (b"x" * 100_000, "token-malformed"),
        (b"a.b.c\nd.e.f\n", "token-malformed"),
    ],
    ids=lambda one: str(one)[:12],
)
def test_what_is_no_token_is_not_sent_and_not_shown(profile: Profile, file: Path, content: bytes, code: str) -> None:
    """A wrong file named by mistake may hold something worse."""
    file.write_bytes(content)

    assert code_of(lambda: metadata_for(profile, REQUIRED, file), "secret-of", "a.b.c") == code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"exp": 1, "iat": 0}, "token-expired"),
        ({"nbf": 2**40}, "token-not-yet-valid"),
        ({"aud": "spiffe://sluice.example/gateway/other"}, "token-audience"),
        ({"cnf": {"x5t#S256": "AA"}}, "token-binding"),
        ({"iss": "https://idp.gbr.example"}, "token-issuer"),
        ({"scope": "openid"}, "token-scope"),
    ],
    ids=str,
)
def test_what_the_gateway_would_deny_is_said_by_name(profile: Profile, changed: dict[str, object], code: str) -> None:
    """The same checks by the same code, for whoever has to mend it."""
    token = good(profile, **changed)

    assert code_of(lambda: metadata_for(profile, REQUIRED, lambda: token), token, token.split(".")[1]) == code
    nobody = replace(profile, admission_text=profile.admission_text.split(b"\n[token]")[0] + b"\n")
    assert code_of(lambda: metadata_for(nobody, REQUIRED, lambda: good(profile))) == "token-issuer-missing"


def test_a_token_that_is_late_is_waited_for() -> None:
    """Whoever renews it will, also after a certificate was renewed; every other mistake is for a person."""
    waited_for = {code for code in RETRIED if code.startswith("token-")}

    assert waited_for == {"token-binding", "token-expired", "token-not-yet-valid"}
