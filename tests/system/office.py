"""The desks of a gateway's two operators, as their tests use them: one command at a time, its error, what it printed.

The gateway is the one that integrators get (`clients.testing`), founded by the same commands. Here `sluicectl` and
`sluice-client` run in this process, so that a hundred of them take seconds; the gateway is `sluice serve`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clients.cli.sluice_client import client
from clients.cli.sluicectl import sluicectl
from clients.testing import shown_with_failures
from clients.testing.commands import Commands, Finished
from clients.testing.harness import Sluice, agreement_text
from tests.loopback import Finished as Typed

CLEARANCE = '[UKR]\nlevel = "T"\nREL = ["USA"]\n'
# Vocabularies that nobody proposed are a part of what operators see.
VOCABULARIES = ("UKR.1", "USA.1")
_LINES = {"sluicectl": sluicectl, "sluice-client": client}


def typed(*words: object) -> Typed:
    """`sluice-client` as a person types it, in this process."""
    ran = invoked("sluice-client", [str(word) for word in words])
    return Typed(ran.exit_code, ran.stdout, ran.stderr)


def invoked(name: str, words: Sequence[str], typed: str = "") -> Result:
    """A command of the clients, here."""
    ran = CliRunner().invoke(_LINES[name], words, input=typed)
    if ran.exception and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran


@dataclass(frozen=True, slots=True)
class InProcess(Commands):
    """Commands of this process. printed: everything any of them printed."""

    at_once: int = 1
    printed: list[str] = field(default_factory=list)

    def invoke(self, words: Sequence[str], typed: str = "") -> Result:
        """A command of the clients, here."""
        ran = invoked(words[0], words[1:], typed)
        self.printed.extend((ran.stdout, ran.stderr))
        return ran

    def finished(self, words: Sequence[str], typed: str = "") -> Finished:
        """As the harness sees it; `sluice` is a process."""
        if words[0] not in _LINES:
            return Commands.finished(self, words, typed)
        ran = self.invoke(words, typed)
        return Finished(ran.exit_code, ran.stdout, ran.stderr)


@dataclass(frozen=True, slots=True)
class Office:
    """What two officers have on their desks."""

    commands: InProcess
    sluice: Sluice

    @classmethod
    def at(cls, folder: Path) -> Office:
        """Desks in a folder; nothing is founded yet."""
        commands = InProcess(folder)
        return cls(commands, Sluice.at(folder, vocabularies=VOCABULARIES, commands=commands))

    @property
    def folder(self) -> Path:
        """Where everything lies."""
        return self.commands.folder

    @property
    def spoken(self) -> dict[str, str]:
        """Words by whose they are."""
        return self.sluice.operators.spoken

    def run(self, operator: str, *words: str, typed: str = "") -> Result:
        """`sluicectl` in an operator's home."""
        return self.commands.invoke(["sluicectl", "--home", str(self.folder / operator), *words], typed)

    def plain(self, *words: str, env: Mapping[str, str]) -> Result:
        """`sluicectl` with JSON and without a home on its line."""
        return CliRunner().invoke(sluicectl, [*words, "--json"], env=env)

    def client(self, *words: str) -> Result:
        """`sluice-client`."""
        return self.commands.invoke(["sluice-client", *words])

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

    def gateway_words(self) -> list[str]:
        """Options of `operator connect` that say which gateway."""
        return self.sluice.operators.gateway_words(self.sluice.endpoint)

    def enrol(self, party_id: str) -> str:
        """A partner enrols; where its bundle is."""
        folder = self.folder / party_id.replace("/", "-")
        facts = self.sluice.client("enrol", party_id, "--gateway", self.sluice.endpoint, "--out", str(folder))
        self.spoken[party_id] = str(facts["words"])
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

    def settle(self) -> None:
        """The second operator approves everything that is pending, and rejects what was overtaken."""
        listed = self.facts("officer-2", "change", "list")
        for verb, state, more in (("approve", "changes", ("--yes",)), ("reject", "broken", ())):
            ids = [one["change"] for one in listed[state]]
            if ids:
                self.facts("officer-2", "change", verb, *ids, "--reason", "agreed", *more)

    def partner(self, party_id: str, **changed: str) -> str:
        """An admitted partner with an agreement; the agreement's id. `changed` as in `admit_words`."""
        self.facts("officer-1", *self.admit_words(party_id, self.enrol(party_id), **changed), "--yes", code=7)
        agreement_id = "UA-" + party_id.replace("/", "-")
        text = self.path(f"{agreement_id}.toml", agreement_text(agreement_id, party_id))
        self.facts("officer-1", "agreement", "propose", text, "--reason", "MoU", "--yes", code=7)
        self.settle()
        return agreement_id


@contextmanager
def an_office(folder: Path, config: pytest.Config) -> Iterator[Office]:
    """Two officers, vocabularies, a guide, one source and a directory; the gateway runs. A failure shows its log."""
    office = Office.at(folder)
    with office.sluice, shown_with_failures(config, office.sluice):
        office.sluice.source("src-3f07", kinds="telemetry")
        office.sluice.settle()
        yield office
