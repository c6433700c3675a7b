"""The transcripts of SLUICECTL.md, typed against a gateway process: as they stand, and with `--json`."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from clients.cli.exits import EXITS
from clients.cli.sluicectl import sluicectl
from clients.testing.harness import agreement_text
from tests.system.office import Office

PAGE = (Path(__file__).resolve().parents[2] / "clients" / "SLUICECTL.md").read_text("utf-8")
_COMMAND = re.compile(r"\$ sluicectl (?P<words>.*?)(?:\s+# (?:exits (?P<code>\d+)|types (?P<typed>\S+)))?")
_CHANGE = re.compile(r"C-\d+(?:\.\d+)?")


@dataclass(slots=True)
class Step:
    """A command of the page and the lines it must print."""

    words: str
    code: int
    typed: str
    lines: list[str] = field(default_factory=list)


def steps() -> list[Step]:
    """Every command of the page, in its order."""
    found: list[Step] = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            command = _COMMAND.fullmatch(line)
            if command:
                found.append(Step(command["words"], int(command["code"] or 0), command["typed"] or ""))
            else:
                found[-1].lines.append(line)
    return found


@dataclass(slots=True)
class Reader:
    """Compares what is printed with what the page says; remembers which change `C-41` of the page is."""

    changes: dict[str, str] = field(default_factory=dict)

    def said(self, text: str) -> str:
        """A command with the ids of the changes that are meant."""
        return _CHANGE.sub(lambda match: self.changes.get(match[0], match[0]), text)

    def compare(self, printed: str, lines: list[str]) -> None:
        """Line for line, but for `…`: in a line anything, alone on a line any lines."""
        pattern = "".join(self._line(line) for line in lines)
        assert re.fullmatch(pattern, printed.rstrip("\n") + "\n"), f"{printed}\n--- is not ---\n" + "\n".join(lines)

    def remember(self, printed: str, lines: list[str]) -> None:
        """The first id that the page names and nobody has met is the first such id that was printed."""
        for named in _CHANGE.findall("\n".join(lines)):
            if named not in self.changes:
                fresh = [one for one in _CHANGE.findall(printed) if one not in self.changes.values()]
                self.changes[named] = fresh[0]

    def _line(self, line: str) -> str:
        if line == "…":
            return "(?:.*\n)*?"
        parts = [re.escape(part) for part in self.said(line).split("…")]
        return re.sub(r"(?:\\ )+", r" +", ".*".join(parts)) + "\n"


@pytest.fixture
def cwd(desk: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the operators of the page sit: contexts for both homes, the papers beside them."""
    if "usa/office" not in [one["id"] for one in desk.facts("officer-1", "partner", "list")["partners"]]:
        desk.partner("usa/office")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICE_CONTEXTS", str(tmp_path / "contexts.toml"))
    for name in ("officer-1", "officer-2"):
        ran = CliRunner().invoke(sluicectl, ["context", "use", name, "--home", str(desk.folder / name)])
        assert ran.exit_code == 0, ran.stderr
    yield tmp_path
    desk.settle()


def lay_out(folder: Path, office: Office, year: str) -> None:
    """The papers of the page: three agreements, and a folder with all that stand and one more."""
    for number in ("014", "015", "016", "017"):
        agreement_id = f"UA-US-{year}-{number}"
        (folder / f"{agreement_id}.toml").write_text(agreement_text(agreement_id, "usa/office"), "utf-8")
    room = folder / "configuration" / "agreements"
    room.mkdir(parents=True, exist_ok=True)
    (room / f"UA-US-{year}-017.toml").write_text(agreement_text(f"UA-US-{year}-017", "usa/office"), "utf-8")


def keep_what_stands(folder: Path, office: Office) -> None:
    """The folder gets a file for each agreement in force."""
    for one in office.facts("officer-1", "agreement", "list")["agreements"]:
        if one["state"] == "signed":
            text = office.facts("officer-1", "agreement", "show", one["id"])["text"]
            (folder / "configuration" / "agreements" / f"{one['id']}.toml").write_text(text, "utf-8")


def test_the_page_says_what_is_printed(desk: Office, cwd: Path) -> None:
    """A document that shows a screen which nobody sees is worse than none."""
    lay_out(cwd, desk, "2026")
    reader = Reader()
    for step in steps():
        if "configuration" in step.words:
            keep_what_stands(cwd, desk)
        words = shlex.split(reader.said(step.words))
        ran = CliRunner().invoke(sluicectl, words, input=f"{step.typed}\n" if step.typed else "")

        assert ran.exit_code == step.code, f"{step.words}: {ran.stdout}{ran.stderr}"
        printed = ran.stdout or ran.stderr
        reader.remember(printed, step.lines)
        reader.compare(printed, step.lines)


def test_the_same_day_in_json(desk: Office, cwd: Path) -> None:
    """Each command has its twin: the same exit code, one object, and for an error the same code and place."""
    lay_out(cwd, desk, "2027")
    reader = Reader()
    for step in steps():
        if "configuration" in step.words:
            keep_what_stands(cwd, desk)
        words = shlex.split(reader.said(step.words.replace("2026", "2027")))
        ran = CliRunner().invoke(sluicectl, [*words, "--json"], input=f"{step.typed.replace('2026', '2027')}\n")

        assert ran.exit_code == step.code, f"{step.words}: {ran.stdout}{ran.stderr}"
        error = re.match(r"error\[([a-z-]+)\]", step.lines[0])
        if error:
            told = json.loads(ran.stderr.splitlines()[-1])
            assert (told["code"], ran.stdout) == (error[1], "")
            assert "at: " + told["at"] in reader.said("\n".join(step.lines))
        else:
            facts = json.loads(ran.stdout)
            assert isinstance(facts, dict)
            reader.remember(ran.stdout, step.lines)
            assert ("PENDING" in step.lines[0]) <= ('"PENDING"' in ran.stdout)
            assert (step.lines[0].startswith("applied")) == ('"APPLIED"' in ran.stdout)


def test_the_page_has_the_exit_codes_of_the_program() -> None:
    """One table in the code, one on the page."""
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE))

    assert rows == {str(code): meaning for code, meaning in EXITS.items()}
