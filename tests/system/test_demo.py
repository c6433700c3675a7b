"""The demo is true: one real run, and in it every step broken on purpose once, to see that breaking it shows."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from gateway.cli.commands import run
from gateway.cli.demo import Demo, judge
from gateway.cli.demo_steps import Steps
from gateway.cli.demo_world import PARTNERS, World
from gateway.core.errors import GatewayError

Facts = dict[str, object]


class Saboteur(Steps):
    """The demo's own steps, each also done wrongly beside the right one; `broken`: what the wrong ones gave."""

    def __init__(self, root: Path) -> None:
        super().__init__(World(root, 0), [], "field")
        self.broken: dict[str, Facts] = {}
        self.unflipped = False
        self.damaged: GatewayError | None = None

    def publish(self) -> Facts:
        """First nothing at all."""
        empty = self.root / "empty.tlog"
        empty.write_bytes(b"")
        try:
            self._publish(empty)
        except GatewayError as error:
            self.broken["nothing published"] = {"published": {"records": 0, "samples": 0}, "refused": error.code}
        return super().publish()

    def stream(self) -> dict[str, Facts]:
        """First a partner that follows only some of what it may have."""
        words = ["follow", "tactic", "--profile", "usa-arl.profile", "--to", "ndjson:some.ndjson"]
        some = self.world.client(*words, "--subscription", "some", "--until", "caught-up")
        self.broken["some records missing at a partner"] = {
            "partners": {
                partner: {key: some[key] for key in ("records", "portions", "verified")} for partner in PARTNERS
            }
        }
        return super().stream()

    def flip(self, recording: bytes) -> bytes:
        """The recording itself, while `unflipped`."""
        return recording if self.unflipped else super().flip(recording)

    def tamper(self) -> Facts:
        """First without changing a byte."""
        self.unflipped = True
        self.broken["nothing tampered with"] = {"tamper": super().tamper()}
        self.unflipped = False
        return super().tamper()

    def revoke(self) -> Facts:
        """First a suspension that nobody signs, and a record after it."""
        partner = "deu/wtd81"
        self.effective_ms = time.time_ns() // 1_000_000
        before = {one: self.frames(one) for one in self.live}
        self._publish(self._write_tactic())
        for one, count in before.items():
            self.wait_for_frame(one, count)
        self.broken["nobody suspended"] = {"revoke": {"frames_after": self.frames_after(partner), "ms": 0}}
        return super().revoke()

    def crash(self) -> Facts:
        """First killed while nothing is under way."""
        assert self.world.gateway is not None
        self.world.gateway.kill()
        idle = self.interrupted()
        self.restart()
        self.follow_on("usa/arl", "between")
        for claim in ("pending", "undelivered"):
            self.broken[f"nothing {claim} at the crash"] = {claim: idle[claim]}
        return super().crash()

    def count(self, published: int) -> tuple[Facts, Facts]:
        """Then with a line lost, a line doubled, and a store that was written to."""
        facts = super().count(published)
        lines = self.root / "usa-arl.ndjson"
        whole = lines.read_bytes()
        lines.write_bytes(b"".join(whole.splitlines(keepends=True)[1:]))
        self.broken["a line lost"] = super().count(published)[0]
        lines.write_bytes(whole + whole.splitlines(keepends=True)[0])
        self.broken["a line doubled"] = super().count(published)[0]
        lines.write_bytes(whole.replace(b'"id":"', b'"id":"0', 1))
        self.broken["a line of no journal"] = super().count(published)[0]
        lines.write_bytes(whole)
        self._damage()
        try:
            self.verify()
        except GatewayError as error:
            self.damaged = error
        return facts

    def _damage(self) -> None:
        store = self.root / "gateway" / "store" / "data.mdb"
        content = bytearray(store.read_bytes())
        # Every second page but the store's own two: some of them hold entries whatever was written last.
        for page in range(3 * 4096, len(content), 2 * 4096):
            content[page + 2048] ^= 0xFF
        store.write_bytes(bytes(content))


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Saboteur, Facts, int]:
    """One whole demo."""
    steps = Saboteur(tmp_path_factory.mktemp("demo"))
    demo = Demo(steps, as_json=True)
    code = demo.run()
    return steps, demo.facts, code


def test_the_demo_holds_every_claim(day: tuple[Saboteur, Facts, int]) -> None:
    """What a newcomer sees first is computed from the processes and the journals, and it is true."""
    _, facts, code = day

    assert judge(facts) == []
    assert code == 0


def test_partners_get_what_they_are_cleared_for_and_nobody_the_unit(day: tuple[Saboteur, Facts, int]) -> None:
    """The demo shows three different views of one flight."""
    _, facts, _ = day
    partners = facts["partners"]
    assert isinstance(partners, dict)

    assert partners["usa/arl"]["portions"]["position"] > 0
    assert "position" not in partners["gbr/dstl"]["portions"]
    assert partners["gbr/dstl"]["portions"]["link"] > 0
    assert not {"position", "link"} & partners["deu/wtd81"]["portions"].keys()
    assert partners["deu/wtd81"]["portions"]["position_coarse"] > 0
    assert all("unit" not in got["portions"] for got in partners.values())
    # The unit was published: nobody got it because nobody may.
    assert "originator" in (day[0].root / "tactic-1.toml").read_text("utf-8")


@pytest.mark.parametrize(
    "step",
    [
        "nothing published",
        "some records missing at a partner",
        "nothing tampered with",
        "nobody suspended",
        "nothing pending at the crash",
        "nothing undelivered at the crash",
        "a line lost",
        "a line doubled",
        "a line of no journal",
    ],
)
def test_a_step_broken_on_purpose_turns_ok_false_and_the_exit_code_1(
    day: tuple[Saboteur, Facts, int], step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A demo that cannot fail shows nothing."""
    steps, facts, _ = day
    demo = Demo(steps, as_json=True)
    crash = facts["crash"]
    assert isinstance(crash, dict)
    broken = steps.broken[step]
    demo.facts = {**facts, "crash": {**crash, **broken}} if crash.keys() & broken.keys() else {**facts, **broken}

    code = demo.finish(None, 1.0)

    assert code == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_a_store_that_was_written_to_turns_ok_false_and_is_named(
    day: tuple[Saboteur, Facts, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """What does not verify is not passed over."""
    steps, facts, _ = day
    demo = Demo(steps, as_json=True)
    demo.facts = dict(facts)

    code = demo.finish(steps.damaged, 1.0)

    printed = json.loads(capsys.readouterr().out)
    assert (code, printed["ok"]) == (1, False)
    assert "damaged" in printed["error"]["message"]


def test_a_command_that_fails_turns_ok_false_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing the demo needs may fail unseen."""
    root = tmp_path / "demo"
    root.mkdir()
    (root / "genesis.sluice").mkdir()

    code = Demo(Steps(World(root, 0), [], "field"), as_json=True).run()

    printed = json.loads(capsys.readouterr().out)
    assert code == 1
    assert printed["ok"] is False
    assert printed["error"]["code"] == "demo-step-failed"


def test_a_demo_that_stops_says_why_and_calls_nothing_else_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong file of the user's is no broken claim of ours."""
    root = tmp_path / "demo"
    root.mkdir()
    (root / "genesis.sluice").mkdir()

    code = Demo(Steps(World(root, 0), [], "field"), as_json=False).run()

    printed = capsys.readouterr()
    assert (code, printed.out) == (1, "")
    assert printed.err.startswith("error[")


def test_a_real_log_under_field_redaction_gives_no_record_and_says_why(
    day: tuple[Saboteur, Facts, int], samples: Path
) -> None:
    """A flight that never left the field must not tell where the field is."""
    steps, _, _ = day
    log = samples / "mavlink" / "ardupilot_dataflash_test.BIN"
    profile = ("--profile", "src-3f07.profile", "--mode", "SIMULATED", "--dry-run")
    shutil.copy(log, steps.root / "real.BIN")

    facts = run(["sluice-client", "publish", "real.BIN", *profile], steps.root)

    assert facts["records"] == 0
    notes = facts["notes"]
    assert isinstance(notes, list)
    assert "whole flight lies within 2,000 m of take-off" in notes
