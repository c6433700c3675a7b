"""Keys that follow one another, with everybody at work: the gateway's without a restart, a source's under its name."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from clients.testing import Partner, Sluice
from clients.testing.processes import wait_for
from tests.system.office import Office


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Desks of a gateway of their own, a source and a partner at work."""
    office = Office.at(tmp_path_factory.mktemp("rotations"))
    with office.sluice:
        yield office


def at_work(sluice: Sluice) -> Partner:
    """A partner that may have every tactic."""
    partner = sluice.partner("usa/arl")
    if not partner.profile().agreements:
        sluice.agreement("UA-US-2026-014", to=partner, kinds=["tactic"])
    return partner


def issue(office: Office, *words: str) -> None:
    """A directory, signed by both."""
    office.facts("officer-1", "directory", "issue", *words, "--reason", "drill", "--yes", code=7)
    office.settle()


def in_use(office: Office) -> dict[str, str]:
    """State of the gateway's keys that it uses, by role."""
    listed = office.facts("officer-1", "key", "list")["keys"]
    return {one["role"]: one["state"] for one in listed if one["in_use"]}


def test_the_gateways_keys_are_exchanged_while_it_runs(own: Office) -> None:
    """Nobody needs a new profile, the cursor is good, what was sealed before is taken, and nothing is lost."""
    sluice, folder = own.sluice, own.folder / "gateway"
    source, partner = sluice.source("src-3f07", kinds="tactic"), at_work(sluice)
    sluice.publish(source, sluice.tactic("before"), kind="tactic")
    before = len(partner.follow("tactic"))
    words = ("--profile", str(source.path), "--mode", "SIMULATED", "--outbox", str(own.folder / "stick.outbox"))
    waiting = own.client("publish", str(sluice.tactic("sealed before")), *words, "--no-wait")
    process = sluice.served.process
    assert process is not None
    profiles = [path.read_bytes() for path in (source.path, partner.path)]

    made = sluice.commands.facts("sluice", "rotate", str(folder))
    issue(own, "--next", str(made["enrol"]), "--words", str(made["words"]))
    beside = sorted(path.name for path in (folder / "keys").iterdir())
    sluice.publish(source, sluice.tactic("between"), kind="tactic")
    between = partner.follow("tactic")
    issue(own, "--gateway", str(made["enrol"]), "--words", str(made["words"]))
    left = sorted(path.name for path in (folder / "keys").iterdir())
    sent = own.client("publish", str(sluice.tactic("after")), *words)
    after = partner.follow("tactic")
    own.facts(
        *("officer-1", "ca", "issue", str(made["enrol"]), "--words", str(made["words"])),
        *("--host", "127.0.0.1", "--out", str(own.folder / "next.pem")),
    )
    sluice.commands.facts("sluice", "rotate", str(folder), "--certificate", str(own.folder / "next.pem"))
    wait_for(lambda: "certificate.in-force" in sluice.served.tail(), "the next certificate")
    again = own.error("officer-1", "directory", "issue", "--next", "x", "--gateway", "y", "--reason", "z", code=2)

    assert (waiting.exit_code, sent.exit_code) == (0, 0), sent.stderr
    # What was sealed before the rotation came once the key that opens it was retired.
    assert (before, len(between), len(after)) == (1, 1, 2)
    assert {"stream.pem", "stream.2.pem", "ingest.pem", "ingest.2.pem", "tls.2.key"} <= set(beside)
    assert left == ["cursor.key", "ingest.2.pem", "ingest.pem", "ledger.2.pem", "stream.2.pem", "tls.2.key", "tls.key"]
    assert not (folder / "keys" / "tls.2.key").exists()
    assert in_use(own) == {"GATEWAY_STREAM": "ACTIVE", "GATEWAY_LEDGER": "ACTIVE", "GATEWAY_INGEST": "ACTIVE"}
    assert sluice.served.process is process
    assert process.is_running
    assert [path.read_bytes() for path in (source.path, partner.path)] == profiles
    assert again["code"] == "usage"


def test_a_gateway_starts_again_with_the_keys_that_it_used_last(own: Office) -> None:
    """The ledger has ticks under both, and every one verifies."""
    sluice = own.sluice
    source, partner = sluice.source("src-3f07", kinds="tactic"), at_work(sluice)
    sluice.stop()
    checked = sluice.commands.finished(["sluice", "verify", str(own.folder / "gateway"), "--json"])
    sluice.served.start()

    sluice.publish(source, sluice.tactic("started again"), kind="tactic")

    assert checked.code == 0, checked.err
    assert json.loads(checked.out)["ticks"] > 0
    assert len(partner.follow("tactic")) == 1


def test_a_source_goes_on_under_its_name_with_other_keys(own: Office) -> None:
    """One verb admits it again with all else as it was; its new profile names the folder of the new keys."""
    sluice = own.sluice
    source, partner = sluice.source("src-3f07", kinds="tactic"), at_work(sluice)
    path = source.path
    enrolled = sluice.client(
        "enrol", source.id, "--role", "source", "--gateway", sluice.endpoint, "--out", str(path.with_name("src-anew"))
    )
    words = (
        "--id",
        source.id,
        "--words",
        str(enrolled["words"]),
        "--reason",
        "the laptop was left on a train",
        "--yes",
    )
    bundle = str(enrolled["bundle"])
    other = own.error("officer-1", "key", "rotate", bundle, *("--id", "usa/arl", *words[2:]), code=2)["code"]

    own.facts("officer-1", "key", "rotate", bundle, *words, code=7)
    own.settle()
    issue(own)
    twice = own.error("officer-1", "key", "rotate", bundle, *words, code=5)["code"]
    own.facts("officer-1", "source", "profile", source.id, "--out", str(path), "--keys", "src-anew")
    sluice.publish(source, sluice.tactic("with the new key"), kind="tactic")

    listed = [one for one in own.facts("officer-1", "key", "list")["keys"] if one["subject"] == source.id]
    assert sorted((one["former"], one["state"]) for one in listed) == [(False, "ACTIVE"), (True, "ACTIVE")]
    assert len(partner.follow("tactic")) == 1
    assert (other, twice) == ("party-id", "nothing-to-change")
    assert own.facts("officer-1", "source", "show", source.id)["scope"] == "tactic//SIMULATED"
