"""The steps of `sluice demo`, each a few commands and what they printed; facts come from outputs and journals.

Every step returns its part of the one JSON object. What makes the whole `ok` is judged in `demo`, by the facts alone,
so that a step that was broken shows.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.cli.commands import Background, run
from gateway.cli.demo_world import PARTNERS, SOURCE, World, short
from gateway.core.errors import Fault
from gateway.core.suite.numbers import StreamMessage
from gateway.core.suite.octets import Reader

ROWS = 512
# How often the moment of the crash is aimed at.
CRASH_TRIES = 10
# The partners that nobody suspends.
LASTING = ("usa/arl", "gbr/dstl")
_TACTIC = """\
[about]
title              = {{ uk = "{uk}", en = "{en}" }}
topic              = ["ew", "fpv"]
platform_class     = ["MULTIROTOR"]
status             = "VALIDATED"
valid_from         = 2026-11-01
source_reliability = "B"
info_credibility   = 2

[conditions]
ew = ["GNSS_JAMMING"]

[observation]
uk = "Канал керування зникає раніше за відео."
en = "The control link is lost before the video link."

[unit]
originator = "SIMULATED UNIT 404"

[recommendation]
uk = "Набрати висоту до входу в зону завад."
en = "Climb before entering the jammed area."
"""


@dataclass
class Steps:
    """The demo's actions on one world; `inputs`: logs to publish instead of the simulated flight."""

    world: World
    inputs: Sequence[Path]
    redaction: str
    started: float = field(default_factory=time.monotonic)
    live: dict[str, Background] = field(default_factory=dict)
    tactics: int = 0
    effective_ms: int = 0

    @property
    def root(self) -> Path:
        """The demo's folder."""
        return self.world.root

    def found(self) -> None:
        """The world, with the gateway running and everybody enrolled."""
        self.world.found()
        self.world.serve()
        self.world.connect()
        self.world.enrol()
        self.world.admit()
        self.world.profiles()

    def publish(self) -> dict[str, object]:
        """Logs (or one simulated flight) and one tactic, until the source's own account says they are there."""
        files = list(self.inputs) or [self._flight()]
        records = samples = 0
        notes: list[str] = []
        for file in files:
            facts = self._publish(file, "--redaction", self.redaction, "--rows", str(ROWS))
            records, samples = records + _whole(facts, "records"), samples + _whole(facts, "samples")
            if not facts["records"]:
                noted = facts.get("notes")
                notes += [str(note) for note in noted] if isinstance(noted, list) else []
        records += _whole(self._publish(self._write_tactic()), "records")
        return {"records": records, "samples": samples, "notes": notes}

    def _flight(self) -> Path:
        flight = self.root / "flight.tlog"
        start = time.time_ns() // 1_000_000 - 2 * 3_600_000
        words = ["-m", "clients.simulator", str(flight), "--seed", "20261124", "--start", str(start)]
        process = Background(["python", *words], self.root, "simulator")
        if process.popen.wait():
            raise Fault("demo-step-failed", "the simulator must write a flight", at=str(process.err))
        return flight

    def _write_tactic(self) -> Path:
        self.tactics += 1
        path = self.root / f"tactic-{self.tactics}.toml"
        text = _TACTIC.format(uk=f"Вхід у зону завад, {self.tactics}", en=f"Entering a jammed area, {self.tactics}")
        path.write_text(text, "utf-8")
        return path

    def _publish(self, file: Path, *words: str) -> dict[str, object]:
        profile = ("--profile", f"{SOURCE}.profile", "--mode", "SIMULATED")
        return self.world.client("publish", str(file), *profile, *words)

    def _follow(self, partner: str, *words: str) -> list[str]:
        name = short(partner)
        files = ("--profile", f"{name}.profile", "--to", f"ndjson:{name}.ndjson", "--events", f"{name}.events")
        return ["sluice-client", "follow", "telemetry", "tactic", *files, *words]

    def stream(self) -> dict[str, dict[str, object]]:
        """Three partners follow at once until they are caught up, and sign a receipt; usa/arl records what it gets."""
        once = ("--until", "caught-up", "--receipt", "--json")
        running = {
            partner: Background(
                self._follow(partner, *once, *(("--record", "usa-arl.recording") if partner == "usa/arl" else ())),
                self.root,
                f"{short(partner)}.follow",
            )
            for partner in PARTNERS
        }
        facts = {}
        for partner, process in running.items():
            printed = process.finish()
            facts[partner] = {key: printed[key] for key in ("records", "portions", "verified")}
            if printed["receipt_tick"] is None:
                raise Fault("demo-step-failed", "the partner must sign a receipt", at=partner)
        return facts

    def tamper(self) -> dict[str, object]:
        """The recording passes; the same with one byte of one frame flipped does not."""
        words = ["sluice-client", "replay", "--profile", "usa-arl.profile"]
        run([*words, "usa-arl.recording"], self.root)
        path = self.root / "tampered.recording"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(self.flip((self.root / "usa-arl.recording").read_bytes()))
        # Of an earlier replay, if there was one: what is read below is what this one says.
        (self.root / "tampered.err").unlink(missing_ok=True)
        process = Background([*words, "tampered.recording", "--json"], self.root, "tampered")
        code = process.popen.wait()
        said = process.err.read_text("utf-8").strip().splitlines()
        refusal = json.loads(said[-1])["code"] if code and said else ""
        return {"refused": code != 0, "code": refusal}

    def flip(self, recording: bytes) -> bytes:
        """The recording with one bit of the first frame's body changed."""
        reader = Reader(recording, "recording")
        reader.take(len(b"SLUICE1/recording\x00"), "tag")
        while reader.left:
            kind, item = reader.u8("item"), reader.lp32("item", 1 << 28)
            # A message is the time it came, eight bytes, and its own bytes, the first of which is its type.
            if kind == 2 and item[8] == StreamMessage.FRAME:
                place = reader.offset - (len(item) - 8) // 2
                return recording[:place] + bytes([recording[place] ^ 1]) + recording[place + 1 :]
        raise Fault("demo-step-failed", "the recording must hold a frame", at="usa-arl.recording")

    def go_live(self) -> None:
        """Three streams that stay open, each proved alive by one more tactic."""
        before = {partner: self.frames(partner) for partner in PARTNERS}
        for partner in PARTNERS:
            self.follow_on(partner, "live")
        self._publish(self._write_tactic())
        for partner in PARTNERS:
            self.wait_for_frame(partner, before[partner])

    def follow_on(self, partner: str, name: str) -> None:
        """Follows without an end from here on, and has caught up."""
        told = self._count(partner, "caught-up")
        process = self.live[partner] = Background(self._follow(partner), self.root, f"{short(partner)}.{name}")
        process.wait_until(lambda: self._count(partner, "caught-up") > told, f"{partner} {name}")

    def frames(self, partner: str) -> int:
        """Frames that the partner had, each on its disk and behind its cursor when it is told."""
        return sum(1 for _, event in self._events(partner) if event.startswith("records"))

    def wait_for_frame(self, partner: str, before: int) -> None:
        """Until the partner that follows has had more than so many."""
        self.live[partner].wait_until(lambda: self.frames(partner) > before, f"a live record at {partner}")

    def _has(self, partner: str, records: int) -> Callable[[], bool]:
        return lambda: len(self._ids(partner)) >= records

    def _ids(self, partner: str) -> Counter[str]:
        path = self.root / f"{short(partner)}.ndjson"
        lines = path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else []
        return Counter(str(json.loads(line)["id"]) for line in lines)

    def _events(self, partner: str) -> list[tuple[int, str]]:
        path = self.root / f"{short(partner)}.events"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [(int(line.partition(" ")[0]), line.partition(" ")[2]) for line in lines]

    def _count(self, partner: str, event: str) -> int:
        return sum(1 for _, said in self._events(partner) if said == event)

    def revoke(self) -> dict[str, object]:
        """officer-2 alone suspends deu/wtd81 in the middle of its stream."""
        partner = "deu/wtd81"
        outcome = self.suspend(partner)
        effective_ms, applied_ms = _whole(outcome, "effective_at_ms"), _whole(outcome, "applied_at_ms")
        self.effective_ms = effective_ms
        process = self.live[partner]
        process.wait_until(lambda: process.popen.poll() is not None, f"the end of {partner}'s stream")
        return {"frames_after": self.frames_after(partner), "ms": effective_ms - applied_ms}

    def suspend(self, partner: str) -> dict[str, object]:
        """The one command of this step."""
        return self.world.operator(2, "partner", "suspend", partner, "--reason", "demo")

    def frames_after(self, partner: str) -> int:
        """Frames that reached the partner after its suspension was effective."""
        return sum(
            1 for at_ms, event in self._events(partner) if event.startswith("records") and at_ms > self.effective_ms
        )

    def crash(self) -> dict[str, object]:
        """Kill -9 with a batch stored and not acknowledged, and a frame entered and not delivered; all recovers.

        Both are so for a part of a second: a kill that came too early for the one or too late for the other is done
        again.
        """
        facts = self._killed()
        for _ in range(1, CRASH_TRIES):
            if facts["pending"] and facts["undelivered"]:
                break
            self.live["usa/arl"].kill()
            self.follow_on("usa/arl", "again")
            facts = self._killed()
        return facts

    def _killed(self) -> dict[str, object]:
        usa, gateway = self.live["usa/arl"], self.world.gateway
        if gateway is None:
            raise Fault("demo-step-failed", "the gateway must run", at="crash")
        usa.freeze()
        tactic = self._write_tactic()
        words = ["sluice-client", "publish", str(tactic), "--profile", f"{SOURCE}.profile", "--mode", "SIMULATED"]
        publisher = Background(words, self.root, f"publisher-{self.tactics}")
        publisher.wait_until(lambda: b"stored" in publisher.err.read_bytes(), "a stored batch")
        gateway.kill()
        publisher.kill()
        facts = self.interrupted()
        self.restart()
        self.world.client("outbox", "--profile", f"{SOURCE}.profile", "--send")
        self.live["usa/arl"] = Background(self._follow("usa/arl"), self.root, "usa-arl.again")
        return facts

    def interrupted(self) -> dict[str, object]:
        """What a killed gateway left half done, from the outbox, the partner's own state and the accounts."""
        self.live["usa/arl"].kill()
        batches = self.world.client("outbox", "--profile", f"{SOURCE}.profile")["batches"]
        pending = int(batches.get("stored", 0)) if isinstance(batches, dict) else 0
        return {"pending": pending, "undelivered": self._undelivered("usa/arl")}

    def restart(self) -> None:
        """The gateway again, on the port its parties know."""
        self.world.serve()

    def _undelivered(self, partner: str) -> int:
        accounts = run(["sluice", "verify", "gateway"], self.root)["accounts"]
        held = self.world.client("status", "--profile", f"{short(partner)}.profile")
        sizes = accounts if isinstance(accounts, dict) else {}
        mine = [name for name in sizes if name.startswith(f"partner:{partner}|") and name.endswith("|default")]
        size = sum(int(sizes[name]) for name in mine)
        return size - _whole(held, "held")

    def settle(self, published: int) -> None:
        """Everybody has everything and ends; `published`: records before the live streams."""
        expected = published + self.tactics - 1
        for partner in LASTING:
            process = self.live[partner]
            process.wait_until(self._has(partner, expected), f"everything at {partner}")
            process.stop()
        if self.world.gateway is not None:
            self.world.gateway.stop()

    def count(self, published: int) -> tuple[dict[str, object], dict[str, object]]:
        """Every record of the journals against every line the partners hold, by name: (lost and doubled, ledger)."""
        verified = self.verify()
        listed = verified["ids"]
        stored = {str(name) for name in listed} if isinstance(listed, list) else set()
        lost = max(0, published + self.tactics - 1 - len(stored))
        doubled = _whole(verified, "doubled")
        for partner in LASTING:
            ids = self._ids(partner)
            # A line that no journal knows is as wrong as one that is missing.
            lost += len(stored ^ ids.keys())
            doubled += sum(count - 1 for count in ids.values())
        ledger: dict[str, object] = {"verified": bool(verified["ok"]), "ticks": _whole(verified, "ticks")}
        return {"lost": lost, "doubled": doubled}, ledger

    def verify(self) -> dict[str, object]:
        """`sluice verify` on the stopped gateway."""
        return run(["sluice", "verify", "gateway", "--ids"], self.root)

    def end(self) -> None:
        """Leaves no process behind."""
        for process in self.live.values():
            process.kill()
        if self.world.gateway is not None:
            self.world.gateway.kill()


def _whole(facts: dict[str, object], key: str) -> int:
    value = facts.get(key)
    return value if isinstance(value, int) else 0
