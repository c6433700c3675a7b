"""A real issuer of access tokens: `tests/oidc/server.mjs` as a process, asked over mutual TLS as a party would ask it.

`make issuer` installs what it needs. Where that is not there the tests that ask for it are skipped and say so, but not
when `SLUICE_ISSUER` names the place: then a part that is missing is a failure.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from clients.certificates import certificate_request, new_tls_key
from clients.operator.ca import Authority, PartyKind
from clients.profile import Profile
from tests.conftest import ROOT

SERVER = ROOT / "tests" / "oidc" / "server.mjs"
# Of a token, unless a test says otherwise.
LIFE_SECONDS = 300
_NAMED = "SLUICE_ISSUER"
_SECONDS = 120.0


@dataclass(frozen=True)
class RunningIssuer:
    """One issuer. url: its name and place; roots: file of who vouches for its web server; config: what it reads."""

    url: str
    roots: Path
    config: Path

    def let_live(self, seconds: int) -> None:
        """The life of a token from here on."""
        told = json.loads(self.config.read_text("utf-8")) | {"seconds": seconds}
        fresh = self.config.with_suffix(".new")
        fresh.write_text(json.dumps(told), "utf-8")
        fresh.replace(self.config)

    def table(self, client_id: str) -> str:
        """Who issues a partner's tokens, as operators sign it."""
        return (
            f'issuer = "{self.url}"\nkeys = "{self.url}/jwks"\nclient_id = "{client_id}"\n'
            f'subject = "{client_id}"\nalgorithms = ["ES256"]\n'
        )

    def token(self, profile: Profile, client_id: str, scope: str) -> str:
        """A token for the gateway of the profile, asked for with its certificate."""
        status, answer = self.ask(profile, client_id, scope)
        assert status == 200, answer
        return str(answer["access_token"])

    def ask(self, profile: Profile, client_id: str, scope: str) -> tuple[int, Mapping[str, object]]:
        """Status and JSON of one request for a token."""
        connection = profile.connection()
        context = ssl.create_default_context(cafile=str(self.roots))
        chain = self.roots.with_name(f"{client_id}.chain.pem")
        chain.write_bytes(connection.certificate_pem)
        context.load_cert_chain(chain, connection.key_path)
        place = urlsplit(self.url)
        assert place.hostname is not None
        asking = HTTPSConnection(place.hostname, place.port, context=context, timeout=_SECONDS)
        words = {"grant_type": "client_credentials", "client_id": client_id, "scope": scope, "resource": profile.server}
        try:
            asking.request("POST", "/token", urlencode(words), {"Content-Type": "application/x-www-form-urlencoded"})
            answer = asking.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            asking.close()


@contextmanager
def running_issuer(folder: Path, audience: str, clients: Mapping[str, str], roots: Path) -> Iterator[RunningIssuer]:
    """An issuer of tokens. clients: `spiffe://` URI by client id; roots: of the clients' certificates."""
    node, modules = _installed()
    authority = Authority.create("idp.example", datetime.now(UTC))
    key = new_tls_key()
    request = certificate_request(key)
    hosts = ["127.0.0.1"]
    (folder / "key.pem").write_bytes(key)
    (folder / "chain.pem").write_bytes(
        authority.issue(request, PartyKind.GATEWAY, "idp", now=datetime.now(UTC), hosts=hosts)
    )
    (folder / "issuer.pem").write_bytes(authority.root_pem())
    # What it imports is looked for beside it, so it is run from a folder of its own with both.
    shutil.copy(SERVER, folder)
    (folder / "node_modules").symlink_to(modules, target_is_directory=True)
    config = {
        "key": str(folder / "key.pem"),
        "chain": str(folder / "chain.pem"),
        "roots": str(roots),
        "audience": audience,
        "clients": [{"id": name, "uri": uri} for name, uri in clients.items()],
        "seconds": LIFE_SECONDS,
        "claims": {},
    }
    (folder / "config.json").write_text(json.dumps(config))
    with (folder / "issuer.log").open("wb") as log:
        process = subprocess.Popen(
            [node, str(folder / SERVER.name), str(folder / "config.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            assert process.stdout is not None
            said = process.stdout.readline().decode().split()
            assert said[:1] == ["listening"], (folder / "issuer.log").read_text()
            yield RunningIssuer(said[1], folder / "issuer.pem", folder / "config.json")
        finally:
            # It ends with its standard input, so it never outlives its test.
            process.communicate(timeout=_SECONDS)


def _installed() -> tuple[str, Path]:
    named = os.environ.get(_NAMED)
    beside = Path(sys.executable).parent
    place = Path(named) if named else beside.parent / "issuer"
    node = shutil.which("node", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    missing = "node" if node is None else "" if (place / "node_modules" / "oidc-provider").is_dir() else str(place)
    if missing and named:
        pytest.fail(f"the issuer must be installed, {missing} is not there")
    if node is None or missing:
        pytest.skip(f"no issuer of tokens here, {missing} is missing: make issuer")
    return node, (place / "node_modules").resolve()
