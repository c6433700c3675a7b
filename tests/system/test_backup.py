"""A gateway is copied while it runs, lost, and put back: by the commands, as processes, with two officers' word.

The day: a partner and a record in the morning, a backup of the running gateway; then a partner is suspended, one more
is admitted, a record follows, and the machine is gone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import GatewayError
from tests.system.office import Office

REASON = ("--reason", "the disk failed")


@dataclass
class Machine:
    """The machine of a gateway, and the desks of its officers."""

    office: Office

    @property
    def folder(self) -> Path:
        """The gateway's."""
        return self.office.folder / "gateway"

    @property
    def request(self) -> Path:
        """What the machine writes for the operators."""
        return self.folder / "restore.request"

    def sluice(self, *words: object, code: int = 0) -> dict[str, Any]:
        """What `sluice` says, as JSON; its error if it must fail."""
        done = self.office.commands.finished(["sluice", *map(str, words), "--json"])
        assert done.code == code, done.out + done.err
        return dict(json.loads((done.out if code == 0 else done.err).strip().splitlines()[-1]))

    def backed_up(self, name: str, *words: str) -> Path:
        """A backup under this name."""
        path = self.office.folder / name
        self.sluice("backup", self.folder, "--to", path, *words)
        return path

    def of(self, operator: str, *words: object, code: int = 0) -> dict[str, Any]:
        """`sluicectl restore` in an operator's home."""
        return self.office.facts(operator, "restore", *map(str, words), code=code)


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A gateway that runs, with a source, a partner, an agreement and a record."""
    office = Office.at(tmp_path_factory.mktemp("backup") / "desk")
    with office.sluice:
        source = office.sluice.source("src-3f07", kinds="tactic")
        partner = office.sluice.partner("usa/arl")
        office.sluice.agreement("UA-US-2026-014", to=partner)
        office.sluice.publish(source, office.sluice.tactic(), kind="tactic")
        assert len(partner.follow("tactic")) == 1
        yield Machine(office)


@pytest.fixture
def machine(morning: Machine) -> Machine:
    """The gateway runs."""
    morning.office.sluice.start()
    return morning


def test_a_backup_of_a_gateway_that_runs_is_whole_and_holds_no_secret(machine: Machine) -> None:
    """It is taken while batches come, and a thief of it has noise."""
    office = machine.office
    backup = machine.backed_up("whole")
    office.sluice.publish(office.sluice.source("src-3f07", kinds="tactic"), office.sluice.tactic("two"), kind="tactic")

    checked = machine.sluice("backup", machine.folder, "--check", backup)

    assert (checked["records"], checked["private_keys"]) == (1, False)
    assert checked["not_in_it"] == ["key-encryption key", "floor", "private keys"]
    content = b"".join(path.read_bytes() for path in backup.rglob("*") if path.is_file())
    secrets = [*(machine.folder / "keys").iterdir(), office.folder / "gateway.kek", office.folder / "gateway.floor"]
    assert not [path.name for path in secrets if path.read_bytes() in content]
    assert b"UA-US-2026-014" not in content
    with_keys = machine.backed_up("with-keys", "--with-private-keys")
    assert machine.sluice("backup", machine.folder, "--check", with_keys)["private_keys"]


def test_a_damaged_or_foreign_backup_is_put_nowhere(machine: Machine, tmp_path: Path) -> None:
    """The present store is touched only once the backup was found good."""
    backup = machine.backed_up("damaged")
    data = backup / "store" / "data.mdb"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    machine.office.sluice.stop()
    before = sorted(path.name for path in machine.folder.iterdir())

    for words in (("--from", backup), ("--from", tmp_path), ("--statement", data)):
        assert machine.sluice("restore", machine.folder, *words, code=1 if words[0] == "--from" else 5)["code"] in {
            "backup-damaged",
            "backup-missing",
            "malformed",
        }
    assert machine.sluice("restore", machine.folder, code=5)["code"] == "restore-needless"
    assert machine.sluice("restore", machine.folder, "--from", backup, "--statement", data, code=2)["code"] == "usage"
    assert machine.sluice("backup", machine.folder, code=2)["code"] == "usage"
    assert machine.sluice("backup", machine.folder, "--check", backup, code=1)["code"] == "backup-damaged"
    assert sorted(path.name for path in machine.folder.iterdir()) == before
    assert machine.sluice("status", machine.folder)["state"] == "stopped"


def test_the_settings_of_a_backup_write_nothing_outside_the_folder(machine: Machine, tmp_path: Path) -> None:
    """Its manifest is no signature: whoever can write a backup could have written another place into it."""
    backup = machine.backed_up("elsewhere")
    settings, manifest = backup / "settings.toml", backup / "manifest.json"
    told, before = json.loads(manifest.read_bytes()), settings.read_bytes()
    outside = tmp_path / "roots.pem"
    settings.write_bytes(before.replace(b'roots = "roots.pem"', f'roots = "{outside}"'.encode()))
    told["files"]["settings.toml"] = hashlib.sha384(settings.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(told), "utf-8")

    said = machine.sluice("restore", tmp_path / "new", "--from", backup, code=1)

    assert (said["code"], outside.exists()) == ("settings-outside", False)


STOPS = {
    "suspended": ("partner", "suspend", "usa/arl"),
    "held": ("hold", "place", "agreement/UA-US-2026-014"),
    "tainted": ("key", "taint", "KEY", "--since", "2026-11-01"),
    "locked": ("lockdown", "on"),
}
LIFTS = {
    "suspended": ("partner", "resume", "usa/arl"),
    "held": ("hold", "lift", "agreement/UA-US-2026-014"),
    "tainted": ("key", "lift", "KEY"),
    "locked": ("lockdown", "off"),
}


def stop(machine: Machine) -> str:
    """One officer stops everything that can be stopped; the source's key."""
    listed = machine.office.facts("officer-1", "key", "list")["keys"]
    (key,) = [one["key"] for one in listed if one["role"] == "SOURCE"]
    for words in STOPS.values():
        told = [key if word == "KEY" else word for word in words]
        machine.office.facts("officer-1", *told, "--reason", "a test")
    return str(key)


def lift(machine: Machine, key: str) -> None:
    """Both give it back."""
    for words in LIFTS.values():
        told = [key if word == "KEY" else word for word in words]
        machine.office.facts("officer-1", *told, "--reason", "a test", "--yes", code=7)
        machine.office.settle()


def standing(machine: Machine, operator: str, key: str) -> set[str]:
    """The stops that an operator finds in the chain, verified."""
    status = machine.office.facts(operator, "status")
    listed = machine.office.facts(operator, "key", "list")["keys"]
    found = {"locked"} if status["locked"] else set()
    found |= {"suspended"} if status["suspended"] == ["partner/usa/arl"] else set()
    found |= {"held"} if status["held"] == ["agreement/UA-US-2026-014"] else set()
    return found | ({"tainted"} if [one["state"] for one in listed if one["key"] == key] == ["TAINTED"] else set())


def denied(machine: Machine) -> str:
    """The code with which the partner is refused."""
    with pytest.raises(GatewayError) as caught:
        machine.office.sluice.partner("usa/arl").follow("tactic", from_start=True, within_seconds=4)
    return caught.value.code


@pytest.mark.parametrize("end", ["kill", "restart"])
def test_nothing_that_was_stopped_comes_undone_by_the_end_of_a_process(machine: Machine, end: str) -> None:
    """Whoever is stopped may have a hand on the plug."""
    sluice, key = machine.office.sluice, stop(machine)

    if end == "kill":
        sluice.kill()
        sluice.start()
    else:
        sluice.restart()

    assert standing(machine, "officer-2", key) == set(STOPS)
    assert denied(machine) in {"suspended", "denied", "follow-overdue"}
    lift(machine, key)
    assert standing(machine, "officer-2", key) == set()


def test_nothing_that_was_stopped_comes_undone_by_a_backup(machine: Machine) -> None:
    """Sealed until two persons have signed, and from its first moment the restored gateway knows every stop."""
    office, backup = machine.office, machine.backed_up("evening")
    key = stop(machine)
    office.sluice.stop()
    floor = machine.sluice("status", machine.folder)

    put_back = machine.sluice("restore", machine.folder, "--from", backup)

    assert Path(put_back["set_aside"]).is_dir()
    assert put_back["lost"]["statements"] == {"from": floor["statements"] - 4, "to": floor["statements"] - 1}
    sealed = machine.sluice("status", machine.folder)
    assert (sealed["state"], sealed["lost"]) == ("sealed", put_back["lost"])
    assert machine.sluice("serve", machine.folder, code=1)["code"] == "store-below-floor"
    shown = machine.of("officer-2", "show", machine.request)
    # officer-2 has not looked since; officer-1 did all of it.
    assert shown["lost_to_this_home"] == []
    again = machine.sluice("restore", machine.folder)
    assert (again["set_aside"], again["lost"]) == (None, put_back["lost"])

    first = machine.of("officer-1", "approve", machine.request, *REASON, "--yes")
    machine.of("officer-2", "approve", machine.request, *REASON, "--yes")
    restored = machine.sluice("restore", machine.folder, "--statement", machine.request)
    office.sluice.start()

    assert sorted(one.split()[0] for one in first["behind"]) == ["hold", "lockdown", "suspend", "taint"]
    assert (restored["stops"], machine.request.exists()) == (4, False)
    assert standing(machine, "officer-2", key) == standing(machine, "officer-1", key) == set(STOPS)
    assert machine.of("officer-1", "replay", *REASON)["changes"] == []
    lift(machine, key)
    # The same backup again: the RESTORE of before, which was kept, leads over, and then another one.
    office.sluice.stop()
    early = machine.sluice("restore", machine.folder, "--from", backup)
    assert (early["state"], early["request"]) == ("sealed", None)
    machine.sluice("restore", machine.folder, "--statement", restored["statement"])
    assert machine.sluice("serve", machine.folder, code=1)["code"] == "store-below-floor"
    second = machine.sluice("restore", machine.folder)
    assert (second["incarnation"], second["ticks_kept"]) == (restored["new"], 0)
    for operator in ("officer-1", "officer-2"):
        machine.of(operator, "approve", machine.request, *REASON, "--yes")
    machine.sluice("restore", machine.folder, "--statement", machine.request)
    office.sluice.start()
    # What had been lifted since is stopped again: losing a store gives nothing back.
    assert standing(machine, "officer-2", key) == set(STOPS)
    lift(machine, key)


def test_a_start_may_be_locked_and_a_third_officer_may_accept(machine: Machine) -> None:
    """Nothing goes out until the operators have looked at what was lost; whoever did not sign goes on as well."""
    office, backup = machine.office, machine.backed_up("night")
    office.facts("officer-1", "vocabulary", "propose", "GBR.1", "--reason", "x", "--yes", code=7)
    office.settle()
    office.facts("officer-1", "status")
    office.sluice.stop()
    machine.sluice("restore", machine.folder, "--from", backup)

    machine.of("officer-1", "approve", machine.request, *REASON, "--yes", "--lockdown")
    signed = machine.of("officer-2", "approve", machine.request, *REASON, "--yes")
    (office.folder / "officer-1" / "gateway" / "agreed.toml").unlink()
    kept = office.path("signed.request")
    Path(kept).write_bytes(machine.request.read_bytes())
    machine.sluice("restore", machine.folder, "--statement", machine.request)
    office.sluice.start()

    assert signed["behind"] == ["lockdown gateway"]
    assert office.error("officer-1", "status", code=5)["code"] == "control-forked"
    machine.of("officer-1", "accept", kept, *REASON)
    assert office.facts("officer-1", "status")["locked"]
    found = machine.of("officer-1", "lost", code=3)["lost"]
    assert ("VOCABULARY", "again") in {(one["kind"], one["fate"]) for one in found}
    machine.of("officer-1", "replay", *REASON, "--yes", code=7)
    office.settle()
    assert "GBR.1" in office.facts("officer-2", "status")["vocabularies"]
    office.facts("officer-1", "lockdown", "off", "--reason", "x", "--yes", code=7)
    office.settle()
