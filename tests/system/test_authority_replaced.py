"""The authority is replaced while everything runs: the new root beside the old, parties bound anew, the old one out.

The commands are those of the runbook's page, in its order. The gateway is one process from first to last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clients.certificates import der, load_certificates
from clients.operator.ca import root_digest
from clients.profile import Profile
from clients.testing import CommandFailed, Sluice
from clients.testing.commands import installed
from clients.testing.operators import DOMAIN
from clients.testing.processes import Process, wait_for
from gateway.core.parties.identity import check_issued_by
from tests.system.office import InProcess

REASON = ("--reason", "authority replaced", "--yes")


@pytest.fixture
def sluice(tmp_path: Path) -> Iterator[Sluice]:
    """A gateway with a source, a partner and their agreement."""
    folder = tmp_path / "town"
    folder.mkdir(mode=0o700)
    with Sluice.at(folder, vocabularies=("UKR.1", "USA.1"), commands=InProcess(folder)) as sluice:
        yield sluice


def roots_in_force(sluice: Sluice) -> list[str]:
    """Fingerprints that the gateway said it accepts, by its last word on it."""
    lines = [line for line in sluice.served.log.read_text("utf-8").splitlines() if line.startswith("{")]
    said = [one for one in map(json.loads, lines) if one.get("event") == "certificate.in-force"]
    return list(said[-1]["roots"]) if said else []


def seen(sluice: Sluice, profile: Path) -> dict[str, str]:
    """What `doctor` found of the gateway with this profile: the code of an error, or nothing."""
    done = sluice.commands.finished(["sluice-client", "doctor", "--profile", str(profile), "--json"])
    checks = json.loads(done.out.strip().splitlines()[-1])["checks"]
    errors = {one["check"]: one.get("error", {}).get("code", "") for one in checks}
    return {name: errors[name] for name in ("gateway", "health") if name in errors}


def put(path: Path, content: bytes) -> None:
    """As `mv`: whole or not at all."""
    fresh = path.with_name(path.name + ".mv")
    fresh.write_bytes(content)
    fresh.replace(path)


def test_an_authority_is_replaced_and_the_old_certificates_stop_working(sluice: Sluice) -> None:
    """Without a restart, without a new key of anybody, and with no moment in which both roots speak for one party."""
    folder, gateway = sluice.folder, sluice.folder / "gateway"
    source, partner = sluice.source(), sluice.partner()
    agreement = sluice.agreement("UA-US-1", to=partner)
    old_profiles = {"source": source.path.read_bytes(), "partner": partner.path.read_bytes()}
    sluice.publish(source, sluice.tactic("Before"))
    first = partner.follow("tactic", agreement=agreement)
    events = folder / "events"
    following = Process.start(
        [installed("sluice-client"), "follow", "tactic", "--profile", str(partner.path), "--subscription", "live",
         "--to", f"ndjson:{folder / 'live.ndjson'}", "--events", str(events)],
        folder / "follow.log",
    )  # fmt: skip
    wait_for(lambda: events.exists() and "caught-up" in events.read_text(), "the live stream")

    # 1. A new root, and both accepted.
    old_pem = (folder / "roots.pem").read_bytes()
    made = sluice.operator(
        1, "ca", "init", "--trust-domain", DOMAIN, "--replace", "--out", str(folder / "new-root.pem")
    )
    new_pem = (folder / "new-root.pem").read_bytes()
    put(gateway / "roots.pem", old_pem + new_pem)
    wait_for(lambda: len(roots_in_force(sluice)) == 2, "both roots in force")

    # 2. Every party is bound to the new one.
    bound = sluice.operator(1, "ca", "rebind", *REASON, accept=(7,))
    changes = [str(one["change"]) for one in bound["changes"]]  # type: ignore[attr-defined]  # a list of objects
    sluice.operator(2, "change", "approve", *changes, *REASON)
    wait_for(lambda: not following.is_running, "the end of the stream under the old certificate")
    denied = seen(sluice, partner.path)

    # 3. Gateway and operators go over to it.
    for number in (1, 2):
        card = folder / f"officer-{number}.card"
        words = sluice.operator(number, "operator", "card", "--out", str(card))["words"]
        sluice.operator(1, "ca", "issue", str(card), "--words", str(words), "--out", str(card.with_suffix(".pem")))
    spoken = str(sluice.commands.facts("sluice", "words", str(gateway))["words"])
    issued = folder / "gateway.pem"
    sluice.operator(
        1, "ca", "issue", str(gateway / "gateway.enrol"), "--words", spoken, "--host", "127.0.0.1", "--out", str(issued)
    )
    put(gateway / "certificate.pem", issued.read_bytes())
    roots = ("--roots", str(folder / "new-root.pem"))
    for number in (1, 2):
        certificate = ("--certificate", str(folder / f"officer-{number}.pem"))
        sluice.operator(number, "operator", "connect", *roots, *certificate)
    wait_for(lambda: _serves(sluice), "the gateway under its new certificate")

    # 4. New profiles, with the new root alone.
    for role, party in (("source", source), ("partner", partner)):
        sluice.operator(1, role, "profile", party.id, "--out", str(party.path))

    # 5. The old root goes out.
    put(gateway / "roots.pem", new_pem)
    wait_for(lambda: roots_in_force(sluice) == [made["root"]], "the new root alone")

    sluice.publish(source, sluice.tactic("After"))
    second = partner.follow("tactic", agreement=agreement)
    assert (len(first), len(second)) == (1, 1)
    for role, party in (("source", source), ("partner", partner)):
        profile = Profile.load(party.path)
        (root,) = load_certificates(profile.roots_pem, "roots")
        assert root_digest(root) == made["root"]
        check_issued_by(der(load_certificates(profile.certificate_pem, "certificate")[0]), der(root))
        # Who still has the old certificate reaches the gateway, which does not take it.
        old = folder / f"{role}.profile"
        old.write_bytes(old_profiles[role])
        replace(Profile.load(old), roots_pem=old_pem + new_pem, keys=profile.keys).write(old)
        assert seen(sluice, old) == {"gateway": "", "health": "gateway-unreachable"}
    assert denied == {"gateway": "", "health": "denied"}
    assert sluice.served.is_running


def _serves(sluice: Sluice) -> bool:
    try:
        return bool(sluice.operator(2, "status"))
    except CommandFailed:
        return False
