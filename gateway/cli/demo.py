"""`sluice demo`: a whole day in a minute, by the real commands, on this machine only.

Text as it happens, or with --json one object at the end, computed from the outputs of the commands and from the
journals. `ok` is false, and the exit code 1, as soon as one claim does not hold.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from gateway.cli.demo_steps import Steps
from gateway.cli.demo_world import World
from gateway.core.errors import CallerError, GatewayError

_MARK = "demo.json"


@click.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(".demo"), show_default=True, help="Where it all is."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Loopback port.  [default: a free one]")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A log to publish instead of the simulated flight.",
)
@click.option(
    "--redaction",
    type=click.Choice(["field", "range"]),
    default="field",
    show_default=True,
    help="What is removed from it before signing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def demo(folder: Path, port: int, inputs: tuple[Path, ...], redaction: str, as_json: bool) -> int:
    """Show a source, three partners, a tampered frame, a suspension and a crash."""
    steps = Steps(World(_fresh(folder), port), [path.absolute() for path in inputs], redaction)
    return Demo(steps, as_json).run()


def _fresh(folder: Path) -> Path:
    """An empty folder; one that an earlier demo made is made again, anything else is left alone."""
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise CallerError("demo-folder", "an empty folder or an earlier demo's was expected", at=str(folder))
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / _MARK).write_text("{}\n", "utf-8")
    return folder


class Demo:
    """Runs the steps in order, says what happened, and judges."""

    def __init__(self, steps: Steps, as_json: bool) -> None:
        self._steps = steps
        self._as_json = as_json
        self.facts: dict[str, object] = {}

    def run(self) -> int:
        """The exit code: 0 only if everything held."""
        started = time.monotonic()
        error: GatewayError | None = None
        try:
            self._all()
        except GatewayError as failure:
            error = failure
        finally:
            self._steps.end()
        return self.finish(error, time.monotonic() - started)

    def finish(self, error: GatewayError | None, seconds: float) -> int:
        """Judges the facts, says what is broken, and gives the exit code."""
        self.facts["seconds"] = round(seconds, 1)
        # A demo that stopped has shown nothing of what comes after: only why it stopped is told.
        broken = judge(self.facts) if error is None else []
        facts: dict[str, object] = {"ok": not broken and error is None, **self.facts}
        if error is not None:
            facts["error"] = error.to_json()
        if self._as_json:
            click.echo(json.dumps(facts, ensure_ascii=False))
            return 0 if facts["ok"] else 1
        for claim in broken:
            click.echo(f"broken    {claim}")
        if error is not None:
            click.echo(str(error), err=True)
        if facts["ok"]:
            click.echo(f"ok        {facts['seconds']} s   Next: `make test`   Read: gateway/ARCHITECTURE.md (4 pages)")
        return 0 if facts["ok"] else 1

    def _say(self, word: str, sentence: str) -> None:
        if not self._as_json:
            click.echo(f"{word:<9} {sentence}")

    def _all(self) -> None:
        steps, facts = self._steps, self.facts
        steps.found()
        genesis = steps.world.genesis
        self._say(
            "init",
            f"gateway `demo`, operators officer-1 + officer-2, genesis {genesis[:4]}..{genesis[-2:]}, "
            f"everything under {steps.root} (made again by the next demo)",
        )
        self._say("parties", "source src-3f07; partners usa/arl, gbr/dstl, deu/wtd81   [fictitious, SIMULATED data]")
        published = steps.publish()
        notes = published.pop("notes")
        facts["published"] = published
        for note in notes if isinstance(notes, list) else []:
            self._say("note", f"0 records: {note}" if str(note).startswith("whole flight") else str(note))
        what = ", ".join(path.name for path in steps.inputs) or "1 simulated flight (.tlog)"
        self._say(
            "publish",
            f"{what} and 1 tactic -> {published['records']} records, {published['samples']} samples; "
            "stored, then acknowledged",
        )
        partners = steps.stream()
        facts["partners"] = partners
        for partner, got in partners.items():
            self._say(
                "stream",
                f"{partner:<10} {_portions(got)}   verified {got['verified']}/{got['records']}, receipt signed",
            )
        tamper = facts["tamper"] = steps.tamper()
        self._say(
            "tamper",
            f"replayed usa/arl's received bytes with one byte of one frame flipped -> refused: {tamper['code']}",
        )
        steps.go_live()
        revoke = facts["revoke"] = steps.revoke()
        self._say(
            "revoke", f"officer-2 suspends deu/wtd81 (narrowing: one person) -> live stream ended in {revoke['ms']} ms"
        )
        crash = facts["crash"] = steps.crash()
        steps.settle(_records(published))
        counted, facts["ledger"] = steps.count(_records(published))
        facts["crash"] = crash = {**crash, **counted}
        facts["revoke"] = revoke = {**revoke, "frames_after": steps.frames_after("deu/wtd81")}
        self._say("after", f"{revoke['frames_after']} frames reached deu/wtd81 after its suspension was effective")
        self._say(
            "prove",
            f"killed the gateway with kill -9 ({crash['pending']} batches stored and not acknowledged, "
            f"{crash['undelivered']} frames not delivered), restarted: {crash['lost']} lost, "
            f"{crash['doubled']} doubled",
        )
        ledger = facts["ledger"]
        ticks = ledger["ticks"] if isinstance(ledger, dict) else 0
        self._say("ledger", f"verified 3 journals from their first entry, {ticks} ticks signed")


def _records(published: Mapping[str, object]) -> int:
    records = published["records"]
    return records if isinstance(records, int) else 0


def _portions(got: Mapping[str, object]) -> str:
    portions = got["portions"] if isinstance(got["portions"], dict) else {}
    shown = [f"{portions.get(name, 0)} with {name}" for name in ("position", "position_coarse", "unit")]
    return f"{got['records']} records: {', '.join(shown)}"


def _shown(got: Mapping[str, object]) -> tuple[str, ...]:
    portions = got.get("portions")
    return tuple(sorted(portions)) if isinstance(portions, dict) else ()


def judge(facts: Mapping[str, object]) -> Sequence[str]:
    """Claims that do not hold, in words; none if the demo is ok. Reads the facts and nothing else."""

    def number(part: str, key: str) -> int:
        table = facts.get(part)
        value = table.get(key) if isinstance(table, dict) else None
        return value if isinstance(value, int) and not isinstance(value, bool) else -1

    partners = facts.get("partners")
    table = partners if isinstance(partners, dict) else {}
    records = number("published", "records")

    def portions(partner: str, name: str) -> int:
        got = table.get(partner, {}).get("portions", {})
        return int(got.get(name, 0))

    tamper = facts.get("tamper")
    code = tamper.get("code") if isinstance(tamper, dict) and tamper.get("refused") is True else ""
    ledger = facts.get("ledger")
    positions = portions("usa/arl", "position")
    claims = {
        "something was published": records > 0,
        "three partners followed": set(table) == {"usa/arl", "gbr/dstl", "deu/wtd81"},
        "every partner verified every record it got": all(
            got.get("verified") == got.get("records") == records for got in table.values()
        ),
        "positions go to no partner but usa/arl": not portions("gbr/dstl", "position")
        and not portions("deu/wtd81", "position"),
        "three partners get three different sets of portions": len({*map(_shown, table.values())}) == 3
        or not number("published", "samples"),
        "a flight's positions were released": bool(positions) or not number("published", "samples"),
        "nobody gets the unit": all(portions(partner, "unit") == 0 for partner in table),
        "a changed byte is refused as not authentic": code == "frame-not-authentic",
        "no frame after a suspension": number("revoke", "frames_after") == 0,
        "a batch was stored and not acknowledged at the crash": number("crash", "pending") >= 1,
        "a frame was not delivered at the crash": number("crash", "undelivered") >= 1,
        "nothing is lost": number("crash", "lost") == 0,
        "nothing is doubled": number("crash", "doubled") == 0,
        "the journals verify": isinstance(ledger, dict) and ledger.get("verified") is True,
        "ticks were signed": number("ledger", "ticks") > 0,
    }
    return [claim for claim, holds in claims.items() if not holds]
