r"""Documents that show a screen, typed and compared: what a page says is what is printed, or the page is wrong.

A page has ```` ```console ```` blocks. A line that begins with `$ ` is a command, its end may say more: `# exits 7`,
`# types NAME`, or both. A command may go on in the next line after ` \`. The lines below it are what it prints: either
its result alone, or all of the screen with what stood above the result. `…` stands for what differs from day to day:
within a line for anything, alone on a line for any lines.

What the page invents and a gateway gives otherwise is learned where it is first printed, and meant from then on: the
number of a change (`C-41`), the four words of a public file (`copper-harbor-nine-willow`), the first sixteen digits
of a link or key or all of it (`1a2b3c4d5e6f7788`), a record (`1a2b3c4d.0`). `Reader.means` says more of that kind
beforehand, such as a port.

A line `# 24 hours later` says that so much time passes before the next command.

A ```` ```toml ```` block whose first line is `# NAME.toml` is a paper: a file of that name and text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_BLOCK = re.compile(r"^```(console|toml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"\$ (?P<line>.*?)(?:\s+# (?:exits (?P<code>\d+))?(?:, )?(?:types (?P<typed>\S+))?)?")
_PAPER = re.compile(r"# (?P<name>[A-Za-z0-9._/-]+\.toml)\n(?P<text>.*)", re.DOTALL)
_CHANGE = r"\bC-\d+(?:\.\d+)?"
_WORDS = r"(?<![\w/-])[a-z]{3,9}(?:-[a-z]{3,9}){3}(?![\w-])"
# A link or key: as it is shown, by 16 digits, or whole.
_KEY = r"(?<![0-9a-f.])[0-9a-f]{16}(?:[0-9a-f]{80})?(?![0-9a-f])"
# A batch, by 8 digits or whole, and the place of the record in it.
_RECORD = r"(?<![0-9a-f.])[0-9a-f]{8}(?:[0-9a-f]{88})?\.[0-9]{1,3}\b"
_KINDS = (_CHANGE, _WORDS, _KEY, _RECORD)
_LEARNED = re.compile("|".join(_KINDS))
_LATER = re.compile(r"# (\d+) hours? later")
_ERROR = re.compile(r"error\[([a-z-]+)\]")


@dataclass(slots=True)
class Step:
    """A command of a page: as it is typed, its exit code, what is typed when it asks, the lines it must print.

    hours: how much later it is typed than the first of the page.
    """

    line: str
    code: int = 0
    typed: str = ""
    lines: list[str] = field(default_factory=list)
    hours: int = 0

    @property
    def error(self) -> str:
        """The code of the error that the page shows; empty if it shows none."""
        found = _ERROR.match(self.lines[0]) if self.lines else None
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that a page gives in full."""

    name: str
    text: str


def steps(page: str) -> Iterator[Step | Paper]:
    """Every command and paper of the page, in its order."""
    hours = 0
    for language, block in _BLOCK.findall(page):
        if language == "console":
            yield from _commands(block, hours)
            hours += sum(int(passed) for passed in _LATER.findall(block))
        elif paper := _PAPER.fullmatch(block):
            yield Paper(paper["name"], paper["text"])


def _commands(block: str, hours: int) -> list[Step]:
    found: list[Step] = []
    for line in block.replace(" \\\n", " ").splitlines():
        command, passed = _COMMAND.fullmatch(line), _LATER.fullmatch(line)
        if command:
            words = re.sub(r" +", " ", command["line"])
            found.append(Step(words, int(command["code"] or 0), command["typed"] or "", hours=hours))
        elif passed:
            hours += int(passed[1])
        else:
            found[-1].lines.append(line)
    return found


@dataclass(slots=True)
class Reader:
    """Compares what is printed with what a page says. means: what the page's names are today."""

    means: dict[str, str] = field(default_factory=dict)

    def said(self, text: str) -> str:
        """What the page says, with what is meant today."""
        if not self.means:
            return text
        names = "|".join(re.escape(name) for name in sorted(self.means, key=len, reverse=True))
        return re.sub(rf"(?<![\w-])(?:{names})(?![\w-])", lambda match: self.means[match[0]], text)

    def compare(self, step: Step, out: str, err: str = "") -> None:
        """Line for line; what is new to this reader is learned from what was printed."""
        fresh: dict[str, str] = {}
        pattern = re.compile("".join(self._line(line, fresh) for line in step.lines))
        printed = [text.rstrip("\n") + "\n" if text else "" for text in (out or err, err + out)]
        found = next((match for match in map(pattern.fullmatch, printed) if match), None)
        assert found, f"$ {step.line}\n{printed[-1]}--- is not ---\n" + "\n".join(step.lines)
        self.means.update({name: found[group] for name, group in fresh.items()})

    def compare_object(self, step: Step, out: str, err: str) -> None:
        """The twin in JSON: one object, or an error with the same code and place; pending is never called applied."""
        if step.error:
            told = json.loads(err.splitlines()[-1])
            assert (told["code"], out) == (step.error, ""), f"$ {step.line}\n{err}"
            shown = [line for line in step.lines if line.startswith("  at:")]
            right = [bool(re.fullmatch(self._line(one, {}), f"  at: {told['at']}\n")) for one in shown]
            if not shown:
                right = [not told["at"] or "…" in step.lines]
            assert all(right), f"$ {step.line}\n{err}"
            return
        assert isinstance(json.loads(out), dict), f"$ {step.line}\n{out}"
        shown = " ".join(step.lines)
        self._remember(shown, out)
        assert ("PENDING" in shown.split("\n")[0] and step.code == 7) <= ('"PENDING"' in out)
        assert any(line.startswith("applied") for line in step.lines) == ('"APPLIED"' in out)

    def _remember(self, shown: str, printed: str) -> None:
        for kind in _KINDS:
            new = [one for one in _unique(re.findall(kind, printed)) if one not in self.means.values()]
            named = [one for one in _unique(re.findall(kind, shown)) if one not in self.means]
            self.means.update(zip(named, new, strict=False))

    def _line(self, line: str, fresh: dict[str, str]) -> str:
        if line == "…":
            return "(?:.*\n)*?"
        pieces, end = [], 0
        for match in _LEARNED.finditer(line):
            pieces += [self._plain(line[end : match.start()]), self._learned(match[0], fresh)]
            end = match.end()
        return "".join([*pieces, self._plain(line[end:]), "\n"])

    def _plain(self, text: str) -> str:
        escaped = ".*".join(re.escape(part) for part in self.said(text).split("…"))
        return re.sub(r"(?:\\ )+", " +", escaped)

    def _learned(self, name: str, fresh: dict[str, str]) -> str:
        if name in self.means:
            return re.escape(self.means[name])
        if name in fresh:
            return f"(?P={fresh[name]})"
        fresh[name] = f"learned{len(fresh)}"
        kind = next(one for one in _KINDS if re.fullmatch(one, name))
        return f"(?P<{fresh[name]}>{kind})"


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))
