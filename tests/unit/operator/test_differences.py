"""A folder beside what was signed: whose words have to be heard before anything of it is proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.certificates import new_tls_key
from clients.enrolment import TLS_KEY, PartyRole, bundle_of
from clients.keyfiles import write_private
from clients.operator.ca import root_digest
from clients.operator.differences import State, new_keys, rehearse
from clients.operator.drafts import source_text
from clients.operator.folder import read_folder
from gateway.core.control.enrolment import Bundle
from gateway.core.suite.numbers import StatementKind
from tests.unit.operator.gateways import Town
from tests.unit.operator.parties import NOW_MS, TRUST_DOMAIN, a_bundle

SOURCE = "src-3f07"


def admission(town: Town, bundle: Bundle, scope: str) -> bytes:
    """The text that admits it."""
    return source_text(bundle, trust_domain=TRUST_DOMAIN, root=root_digest(town.authority.root), scope=scope)


@pytest.mark.parametrize("another_tls_key", [False, True])
def test_a_bundle_with_another_tls_key_has_to_be_heard_though_no_text_names_it(
    tmp_path: Path, another_tls_key: bool
) -> None:
    """Certificates are issued for the key in the bundle, so the signing key alone must not move it."""
    town = Town.found(tmp_path / "town")
    bundle = a_bundle(tmp_path, PartyRole.SOURCE, SOURCE)
    town.apply(StatementKind.SOURCE, admission(town, bundle, "tactic//TEST"), bundle.encoded)
    if another_tls_key:
        (tmp_path / SOURCE / TLS_KEY).unlink()
        write_private(tmp_path / SOURCE / TLS_KEY, new_tls_key())
        bundle = bundle_of(tmp_path / SOURCE, PartyRole.SOURCE, SOURCE)
    folder = tmp_path / "configuration" / "sources"
    folder.mkdir(parents=True)
    (folder / "one.toml").write_bytes(admission(town, bundle, "tactic//SIMULATED,TEST"))
    (folder / "one.enrol").write_bytes(bundle.encoded)

    found = rehearse(read_folder(folder.parent), town.chain(), "a test", NOW_MS)

    assert [one.state for one in found] == [State.CHANGE]
    assert [text.name for text in new_keys(found)] == ([SOURCE] if another_tls_key else [])
