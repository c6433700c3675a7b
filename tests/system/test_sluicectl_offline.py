"""Proposed here, signed there from a file, applied at the gateway: a key that never meets a network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clients.operator.carried import Carried
from clients.testing.harness import agreement_text
from gateway.core.control.entry import parse_entry
from tests.system.office import Office


@pytest.fixture
def vault(desk: Office) -> str:
    """A home with officer-2's keys and nothing that knows a gateway."""
    home = desk.folder / "vault"
    if not home.exists():
        shutil.copytree(desk.folder / "officer-2", home, ignore=shutil.ignore_patterns("gateway"))
        desk.partner("usa/offline")
    return "vault"


def exported(office: Office, agreement_id: str) -> tuple[str, Path]:
    """An agreement that officer-1 has proposed, and the file of it."""
    text = office.path(f"{agreement_id}.toml", agreement_text(agreement_id, "usa/offline"))
    facts = office.facts("officer-1", "agreement", "propose", text, "--reason", "MoU", "--yes", code=7)
    file = office.folder / f"{agreement_id}.change"
    office.facts("officer-1", "change", "export", str(facts["change"]), "--out", str(file))
    return str(facts["change"]), file


def sign_words(office: Office, file: Path) -> list[str]:
    """The words that sign a file in a home that never had a link."""
    return ["change", "sign", str(file), "--genesis", office.path("genesis.sluice"), "--reason", "read on paper"]


def test_a_change_is_signed_from_a_file_and_applied_by_whoever_has_a_link(desk: Office, vault: str) -> None:
    """The key stays where it is; only the file travels."""
    change, file = exported(desk, "UA-OFF-1")

    signed = desk.run(vault, *sign_words(desk, file), typed="UA-OFF-1\n")
    again = desk.error(vault, *sign_words(desk, file), "--yes", code=5)
    pending = [one["change"] for one in desk.facts("officer-1", "change", "list")["changes"]]
    applied = desk.facts("officer-1", "change", "import", str(file), "--reason", "from the vault")

    assert signed.exit_code == 0
    assert "not handed in" in signed.stdout
    assert "applied" not in signed.stdout
    assert agreement_text("UA-OFF-1", "usa/offline") in signed.stderr
    assert again["code"] == "own-approval"
    assert pending == [change]
    assert (applied["state"], applied["signatures"]) == ("APPLIED", {"have": 2, "need": 2})
    assert "UA-OFF-1" in [one["id"] for one in desk.facts("officer-1", "agreement", "list")["agreements"]]
    assert "officer-2: read on paper" in (desk.folder / "gateway.log").read_text("utf-8")


def test_a_file_that_comes_back_too_late_is_refused_as_stale(desk: Office, vault: str) -> None:
    """What was signed includes the place; nobody forces an old decision onto a new state."""
    _, file = exported(desk, "UA-OFF-2")
    desk.facts(vault, *sign_words(desk, file), "--yes")
    desk.facts("officer-2", "source", "suspend", "src-3f07", "--reason", "drill")

    error = desk.error("officer-1", "change", "import", str(file), "--reason", "late", code=6)
    desk.facts("officer-1", "source", "resume", "src-3f07", "--reason", "over", "--yes", code=7)

    assert error["code"] == "stale-change"


def test_a_file_without_enough_signatures_stays_pending(desk: Office, vault: str) -> None:
    """Handing a file in is not approving it."""
    change, file = exported(desk, "UA-OFF-3")

    facts = desk.facts("officer-2", "change", "import", str(file), "--reason", "as it is", code=7)

    assert (facts["change"], facts["state"], facts["signatures"]) == (change, "PENDING", {"have": 1, "need": 2})


def test_a_rejected_change_may_come_back_by_its_file(desk: Office, vault: str) -> None:
    """The signatures are good; the others see it pending again, or applied with their own consent."""
    change, file = exported(desk, "UA-OFF-4")
    desk.facts("officer-2", "change", "reject", change, "--reason", "by mistake")

    facts = desk.facts("officer-2", "change", "import", str(file), "--reason", "wanted after all", code=7)

    assert facts["state"] == "PENDING"
    assert facts["change"] != change


def test_what_is_signed_offline_is_verified_first(desk: Office, vault: str, tmp_path: Path) -> None:
    """A file may have been exchanged on its way: every byte of its chain counts, and the genesis is the home's own."""
    _, file = exported(desk, "UA-OFF-5")
    whole = file.read_bytes()
    carried = Carried.parse(whole)
    twisted = parse_entry(carried.change.encode().replace(b'ceiling = "T"', b'ceiling = "S"'))
    lies = {
        "statement-signature": Carried(carried.entries, (*carried.pending[:-1], twisted), {}).encode(),
        "stale-change": Carried(carried.entries[:-1], carried.pending, {}).encode(),
        "genesis-differs": Carried((), carried.pending, {}).encode(),
        "malformed": whole[:-1],
    }
    for code, content in lies.items():
        file.write_bytes(content)
        ran = desk.run(vault, *sign_words(desk, file), "--yes", "--json")

        assert f'"{code}"' in ran.stderr.splitlines()[-1]
        assert file.read_bytes() == content
    file.write_bytes(Carried(carried.entries, carried.pending, {"officer-2": "\x1b[2Jgone"}).encode())
    assert desk.error("officer-1", "change", "import", str(file), "--reason", "x", code=5)["code"] == "malformed"


def test_a_home_that_knows_more_refuses_a_shorter_past(desk: Office, vault: str) -> None:
    """An old file must not be signed by whoever has seen what came after."""
    _, file = exported(desk, "UA-OFF-6")
    desk.settle()
    desk.facts("officer-2", "status")

    error = desk.error("officer-2", "change", "sign", str(file), "--reason", "x", "--yes", code=5)

    assert error["code"] == "control-shrank"


def test_a_home_without_a_genesis_signs_nothing(desk: Office, vault: str) -> None:
    """There is nothing to verify against."""
    _, file = exported(desk, "UA-OFF-7")
    words = ["change", "sign", str(file), "--reason", "x", "--yes"]

    assert desk.error(vault, *words, code=2)["code"] == "not-connected"
