"""Certificates are renewed by themselves: source, partner, both operators and the gateway, and a live stream goes on.

Real processes. What is about to end is issued with an early date, so that its last minutes are the test's first ones.
One certificate really ends: as late as this machine, today, needs for what has to happen before.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients.certificates import certificate_request, der, leaf_of
from clients.keyfiles import read_private
from clients.operator.ca import Authority, PartyKind
from clients.operator.home import Home
from clients.profile import Profile
from clients.testing import Sluice
from clients.testing.commands import installed
from clients.testing.operators import DOMAIN, GATEWAY_ID
from clients.testing.processes import Process, wait_for
from gateway.core.parties.identity import Identity
from tests.system.office import InProcess

# Of an hour: due, and not over before the slowest machine has come to it.
SECONDS_LEFT = 600.0
LEAST_SECONDS = 15.0
# Processes that are started, and have their say, before the certificate of the live stream ends: three, with room.
STARTS = 10


@dataclass
class Town:
    """A gateway, its people, and the processes that run beside it."""

    sluice: Sluice
    running: list[Process]

    @property
    def authority(self) -> Authority:
        """officer-1's."""
        return self.home(1).authority()

    def home(self, number: int) -> Home:
        """An officer's."""
        return Home.open(self.sluice.folder / f"officer-{number}")

    def ending(self, request: bytes, kind: PartyKind, holder_id: str, seconds: float = SECONDS_LEFT) -> bytes:
        """A certificate with so much left of its hour."""
        issued = datetime.now(UTC) - timedelta(hours=1) + timedelta(seconds=seconds)
        hosts = ["127.0.0.1"] if kind is PartyKind.GATEWAY else []
        return self.authority.issue(request, kind, holder_id, now=issued, hosts=hosts, hours=1)

    def shorten(self, path: Path, seconds: float = SECONDS_LEFT) -> Profile:
        """A party's profile whose certificate is about to end."""
        profile = Profile.load(path)
        request = certificate_request(read_private(profile.connection().key_path))
        ending = self.ending(request, PartyKind(profile.role.value), profile.id, seconds)
        replace(profile, certificate_pem=ending).write(path)
        return profile

    def shorten_operator(self, number: int) -> None:
        """The same of an officer."""
        home = self.home(number)
        request = certificate_request(read_private(home.path / "tls.key"))
        home.connect(certificate_pem=self.ending(request, PartyKind.OPERATOR, home.operator_id))

    def shorten_gateway(self) -> None:
        """The same of the gateway, put in place by hand while it runs."""
        folder = self.sluice.folder / "gateway"
        request = certificate_request((folder / "keys" / "tls.key").read_bytes())
        fresh = folder / "certificate.new"
        fresh.write_bytes(self.ending(request, PartyKind.GATEWAY, GATEWAY_ID))
        fresh.replace(folder / "certificate.pem")

    def start(self, *words: object) -> Process:
        """A command that goes on."""
        log = self.sluice.folder / f"process-{len(self.running)}.log"
        process = Process.start([installed(str(words[0])), *map(str, words[1:])], log)
        self.running.append(process)
        return process

    def seconds_of(self, *words: object) -> float:
        """How long a command takes that ends by itself."""
        began = time.monotonic()
        process = self.start(*words)
        wait_for(lambda: not process.is_running, "its end")
        assert process.end() == 0, process.log.read_text("utf-8")
        return time.monotonic() - began

    def logged(self, event: str) -> list[dict[str, object]]:
        """What the gateway logged under a name."""
        lines = self.sluice.served.log.read_text("utf-8").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [one for one in found if one.get("event") == event]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A gateway of its own: clocks and certificates of others are left alone."""
    folder = tmp_path / "town"
    folder.mkdir(mode=0o700)
    with Sluice.at(folder, vocabularies=("UKR.1", "USA.1"), commands=InProcess(folder)) as sluice:
        town = Town(sluice, [])
        try:
            yield town
        finally:
            for process in town.running:
                process.end()


def left_seconds(certificate_pem: bytes) -> float:
    """How long a certificate is still good."""
    identity = Identity.from_certificate(der(leaf_of(certificate_pem)))
    return identity.not_after_ms / 1000 - datetime.now(UTC).timestamp()


def is_fresh(certificate_pem: bytes) -> bool:
    """Whether it has most of a day left."""
    return left_seconds(certificate_pem) > 20 * 3600


def lines_of(path: Path) -> list[str]:
    """The lines of a file that may not be there yet."""
    return path.read_text("utf-8").splitlines() if path.exists() else []


def test_everybody_renews_and_a_live_stream_goes_on_beyond_the_first_certificate(town: Town) -> None:
    """A partner that has to be told once a day to fetch a file is cut off on the day nobody is there."""
    sluice = town.sluice
    source, partner = sluice.source(), sluice.partner()
    sluice.agreement("UA-US-1", to=partner)
    paths = {"source": source.path, "partner": partner.path}
    sluice.publish(source, sluice.tactic("Before"))
    gateway_pid = sluice.served.process.popen.pid if sluice.served.process else 0
    sink, events = sluice.folder / "records.ndjson", sluice.folder / "events"
    follow = ("sluice-client", "follow", "tactic", "--profile", paths["partner"])
    once = ("--until", "caught-up", "--subscription", "once", "--state", sluice.folder / "once.state")
    seconds = town.seconds_of(*follow, "--to", f"ndjson:{sluice.folder / 'once.ndjson'}", *once)
    for shorten in (lambda: town.shorten_operator(1), lambda: town.shorten_operator(2), town.shorten_gateway):
        shorten()
    words = {"source": town.shorten(paths["source"]).words()}
    words["partner"] = town.shorten(paths["partner"], max(LEAST_SECONDS, STARTS * seconds)).words()

    kept = ("--state", sluice.folder / "follow.state", "--events", events)
    following = town.start(*follow, "--to", f"ndjson:{sink}", *kept)
    authority = town.start("sluicectl", "--home", town.home(1).path, "ca", "renew", "--watch", "--every", 1, "--json")
    renewed = {
        "source": sluice.client("renew", "--profile", str(paths["source"]), "--wait", "300"),
        "officer-2": sluice.operator(2, "operator", "renew", "--wait", "300"),
    }
    certificate = sluice.folder / "gateway" / "certificate.pem"
    wait_for(lambda: is_fresh(certificate.read_bytes()), "the gateway's renewal")
    wait_for(lambda: is_fresh(Profile.load(paths["partner"]).certificate_pem), "the partner's renewal")
    wait_for(
        lambda: any("ended certificate-expired" in line for line in lines_of(events)), "the first stream's end", 900
    )
    sluice.publish(source, sluice.tactic("After"))
    wait_for(lambda: len(lines_of(sink)) == 2, "the record behind the first certificate")

    assert {name: facts["state"] for name, facts in renewed.items()} == {"source": "renewed", "officer-2": "renewed"}
    assert all(is_fresh(town.home(number).connection().certificate_pem) for number in (1, 2))
    assert {name: Profile.load(path).words() for name, path in paths.items()} == words
    assert following.is_running
    assert authority.is_running
    os.kill(gateway_pid, 0)
    in_force = town.logged("certificate.in-force")
    assert len(in_force) == 2, "the one put in place by hand, and the one that was asked for"
    assert sluice.commands.facts("sluice", "status", str(sluice.folder / "gateway"))["certificate_until"]
    holders = {one["holder"] for line in authority.log.read_text().splitlines() if line.startswith("{")
               for one in json.loads(line).get("renewals", [])}  # fmt: skip
    assert holders == {
        "source/src-3f07", "partner/usa/arl", "operator/officer-2", f"gateway/{GATEWAY_ID}",
    }  # fmt: skip
    assert DOMAIN in Identity.from_certificate(der(leaf_of(certificate.read_bytes()))).uri
