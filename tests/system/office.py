"""Two operators at their desks with `sluicectl`, a real gateway process, and parties that enrol: all by commands.

Nothing is prepared behind the commands' back: what a test sees is what the transcript of two people would show. The
commands run in this process so that they are measured; the gateway is `sluice serve`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from clients.cli.sluice_client import client
from clients.cli.sluicectl import sluicectl
from tests.system.processes import Process, command, free_port, serve

CLEARANCE = '[UKR]\nlevel = "T"\nREL = ["USA"]\n'
AGREEMENT = """id = "{id}"
from = "ua/mod"
to = "{to}"
basis = "MoU 2026-05-11, annex B"
starts = 2026-06-01
ends = 2099-06-30
kinds = ["telemetry", "tactic"]
modes = ["SIMULATED"]
sources = "all"
ceiling = "T"
purpose = "EVALUATE"
onward = "no"
origin = "hidden"
delay_h = 0
accounts_shown_to_sources = "amounts"
"""


@dataclass
class Office:
    """What two officers have on their desks. spoken: words by file name; printed: everything any command printed."""

    folder: Path
    port: int = 0
    spoken: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)
    gateway: Process | None = None

    def run(self, operator: str, *words: str, typed: str = "") -> Result:
        """`sluicectl` in an operator's home."""
        return self._invoke(sluicectl, ["--home", str(self.folder / operator), *words], typed)

    def client(self, *words: str) -> Result:
        """`sluice-client`."""
        return self._invoke(client, list(words), "")

    def _invoke(self, command_line: Any, words: list[str], typed: str) -> Result:
        ran = CliRunner().invoke(command_line, words, input=typed)
        if ran.exception and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        self.printed += [ran.stdout, ran.stderr]
        return ran

    def facts(self, operator: str, *words: str, code: int = 0) -> dict[str, Any]:
        """The JSON of a command that must end with `code`."""
        ran = self.run(operator, *words, "--json")
        assert ran.exit_code == code, ran.stderr
        return dict(json.loads(ran.stdout))

    def error(self, operator: str, *words: str, code: int, typed: str = "") -> dict[str, str]:
        """The JSON error of a command that must fail with `code`, and print no result."""
        ran = self.run(operator, *words, "--json", typed=typed)
        assert (ran.exit_code, ran.stdout) == (code, ""), ran.stderr
        return dict(json.loads(ran.stderr.strip().splitlines()[-1]))

    def path(self, name: str, content: str = "") -> str:
        """A file of the desks; written if `content` is given."""
        path = self.folder / name
        if content:
            path.write_text(content, "utf-8")
        return str(path)

    def found(self) -> None:
        """Keys, genesis, authority, gateway, certificates, connections."""
        for name, extra in (
            ("officer-1", ()),
            ("officer-2", ()),
            ("recovery-1", ("--recovery",)),
            ("recovery-2", ("--recovery",)),
        ):
            made = self.facts(name, "operator", "init", name, *extra, "--out", self.path(f"{name}.operator"))
            self.spoken[name] = made["words"]
        cards = [self.path(f"officer-{number}.operator") for number in (1, 2)]
        recovery = [word for n in (1, 2) for word in ("--recovery", self.path(f"recovery-{n}.operator"))]
        persons = ["--person", "officer-1=kovalenko", "--person", "officer-2=shevchuk"]
        genesis = self.path("genesis.sluice")
        self.facts("officer-1", "genesis", "make", *cards, *persons, *recovery, "--out", genesis, "--yes")
        self.facts("officer-2", "genesis", "sign", genesis, "--yes")
        self.facts("officer-1", "ca", "init", "--trust-domain", "sluice.example", "--out", self.path("roots.pem"))
        self._start()
        for name in ("officer-1", "officer-2"):
            card = self.path(f"{name}.operator")
            self.facts(
                "officer-1", "ca", "issue", card, "--words", self.spoken[name], "--out", self.path(f"{name}.pem")
            )
            self.facts(name, "operator", "connect", *self.gateway_words(), "--certificate", self.path(f"{name}.pem"))

    def _start(self) -> None:
        self.port = free_port()
        folder = self.folder / "gateway"
        words = ["init", str(folder), "--genesis", self.path("genesis.sluice"), "--roots", self.path("roots.pem")]
        words += ["--name", "demo", "--unsafe-kek-beside-store", "--json"]
        made = subprocess.run(command("sluice", *words), capture_output=True, check=True)
        self.spoken["gateway"] = json.loads(made.stdout)["words"]
        bundle, certificate = str(folder / "gateway.enrol"), str(folder / "certificate.pem")
        issue = ["ca", "issue", bundle, "--words", self.spoken["gateway"], "--host", "127.0.0.1", "--out", certificate]
        self.facts("officer-1", *issue)
        self.gateway = serve(folder, self.port, self.folder / "gateway.log")

    def gateway_words(self) -> list[str]:
        """Options of `operator connect` that say which gateway."""
        return [
            "--gateway",
            f"127.0.0.1:{self.port}",
            "--server",
            "spiffe://sluice.example/gateway/demo",
            "--roots",
            self.path("roots.pem"),
            "--genesis",
            self.path("genesis.sluice"),
        ]

    def enrol(self, party_id: str, role: str = "partner") -> str:
        """A party enrols; where its bundle is."""
        folder = self.folder / party_id.replace("/", "-")
        ran = self.client(
            "enrol", party_id, "--role", role, "--gateway", f"127.0.0.1:{self.port}", "--out", str(folder), "--json"
        )
        assert ran.exit_code == 0, ran.stderr
        facts = json.loads(ran.stdout)
        self.spoken[party_id] = facts["words"]
        return str(facts["bundle"])

    def admit_words(self, party_id: str, bundle: str, **changed: str) -> list[str]:
        """The words that admit a partner; `changed` replaces options."""
        options = {
            "id": party_id,
            "nation": "USA",
            "clearance": self.path("clearance.toml", CLEARANCE),
            "words": self.spoken[party_id],
            "reason": "MoU",
        } | changed
        return ["partner", "admit", bundle, *(word for name, value in options.items() for word in (f"--{name}", value))]

    def settle(self) -> list[dict[str, Any]]:
        """The second operator approves everything that is pending."""
        ids = [one["change"] for one in self.facts("officer-2", "change", "list")["changes"]]
        if not ids:
            return []
        return list(self.facts("officer-2", "change", "approve", *ids, "--reason", "agreed", "--yes")["changes"])

    def partner(self, party_id: str) -> str:
        """An admitted partner with an agreement; the agreement's id."""
        self.facts("officer-1", *self.admit_words(party_id, self.enrol(party_id)), "--yes", code=7)
        agreement_id = "UA-" + party_id.replace("/", "-")
        text = self.path(f"{agreement_id}.toml", AGREEMENT.format(id=agreement_id, to=party_id))
        self.facts("officer-1", "agreement", "propose", text, "--reason", "MoU", "--yes", code=7)
        self.settle()
        return agreement_id


@contextmanager
def opened_office(folder: Path) -> Iterator[Office]:
    """An office whose gateway has vocabularies, a guide, a source and a directory; its process ends with the block."""
    office = Office(folder)
    try:
        office.found()
        office.facts("officer-1", "vocabulary", "propose", "UKR.1", "USA.1", "--reason", "labels", "--yes", code=7)
        office.facts("officer-1", "guide", "propose", "UAS-2026-2", "--reason", "floors", "--yes", code=7)
        bundle = office.enrol("src-3f07", "source")
        admit = ["source", "admit", bundle, "--id", "src-3f07", "--scope", "telemetry//SIMULATED", "--reason", "unit"]
        office.facts("officer-1", *admit, "--words", office.spoken["src-3f07"], "--yes", code=7)
        gateway = ["--gateway", str(folder / "gateway" / "gateway.enrol"), "--words", office.spoken["gateway"]]
        office.facts("officer-1", "directory", "issue", *gateway, "--reason", "first", "--yes", code=7)
        office.settle()
        yield office
    finally:
        if office.gateway:
            office.gateway.end()
