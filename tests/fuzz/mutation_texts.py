"""Texts bent at their tokens: TOML of operators, labels, scopes, names, PEM."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.mutation import LONGEST, Octets

_TOKEN = re.compile(r"\"\"\"|'''|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[\w.+:-]+|[ \t]+|.|\n")
_ARMOUR = re.compile(rb"-----BEGIN [A-Z ]+-----\n([^-]+)-----END")
_VALUE = re.compile(r"(\"[^\"]*\"|'[^']*'|[+-]?\d[\w.+:-]*|true|false|inf|-nan|\[\]|\{\})\Z")
# What a parser of TOML, of dates or of numbers may stumble over, and what a person does not see.
_TOML = (
    *('""', '"a"', '"a/b"', "''", '"\\u0000"', '"\\u200b"', '"\\n"', '"\\ud800"', '"\\U00110000"', '"\\x"', '"\\'),
    *("0", "1", "-1", "+7", "007", "0x_1", "0xff", "0b2", "1_000", "9" * 19, "9" * 40, "1" * 900, "1e400", "-0.0"),
    *("inf", "-nan", "true", "false", "TRUE", "2026-06-01", "2026-02-30", "0000-00-00", "9999-12-31", "10000-01-01"),
    *("2026-06-01T24:00:00Z", "2026-06-01 07:32:00+99:99", "07:32:61", "1979-05-27T07:32:00.999999999999999-00:00"),
    *("[]", "{}", "[[]]", "[", "]", "[[", "]]", "{", "}", "[" * 400, "{a=" * 300, "[[a]]", "[a.b]", "a.b.c=1", "="),
    *(".", ",", "#", '"', "'", '"""', "'''", "\n", "\r\n", "\r", "\t", " ", "\\", "id", "level", "UKR", "*", "//"),
    *("\x00", "\x1f", "\x7f", "\x85", "\u00a0", "\u200f", "\u202e", "\ufeff", "\ue000", "і", "Ї", "e\u0301", "\u2028"),
    *("x" * 65, "x" * 129, "x" * 600, "x" * 1025, "a." * 500, "0" * 96, "f" * 96, "F" * 96, "\U0001f680"),
)


class Text:
    """Inputs made of words; every fourth is bent at its octets as well."""

    def __init__(self, examples: Sequence[bytes], words: Sequence[str] = ()) -> None:
        self.examples = tuple(examples)
        self._octets = Octets(examples)
        self._spelt = [_TOKEN.findall(example.decode("utf-8")) for example in self.examples]
        self._lines = [example.decode("utf-8").split("\n") for example in self.examples]
        self._words = (*words, *_TOML)
        own = [token for tokens in self._spelt for token in tokens if _VALUE.match(token)]
        self._values = (*words, *own, *(word for word in _TOML if _VALUE.match(word) and len(word) < 1000))
        self._moves: dict[str, Callable[[Random, list[str]], None]] = {
            "drop": self._drop,
            "repeat": self._repeat,
            "swap": self._swap,
            "word": self._word,
            "put": self._put,
            "borrow": self._borrow,
            "letter": self._letter,
            "number": self._number,
            "value": self._value,
        }

    @property
    def moves(self) -> tuple[str, ...]:
        """The names of the moves."""
        return (*self._moves, "line", "octets")

    def mutant(self, rng: Random, moves: Sequence[str], depth: int) -> bytes:
        """A text made from a valid one by 1 to `depth` of the `moves`."""
        chosen = int(rng.random() * len(self.examples))
        move = moves[int(rng.random() * len(moves))]
        if move == "line":
            return self._other_lines(rng, list(self._lines[chosen]), depth).encode("utf-8")[:LONGEST]
        if move == "octets":
            return self._octets.bent(rng, self.examples[chosen], self._octets.moves, depth)
        tokens = list(self._spelt[chosen])
        for _ in range(1 + int(rng.random() * depth)):
            # Half of all changes put one value in the place of another, so that a text still parses.
            move = moves[int(rng.random() * len(moves))] if rng.random() < 0.5 else "value"
            self._moves.get(move, self._value)(rng, tokens)
        return "".join(tokens).encode("utf-8", "surrogatepass")[:LONGEST]

    @staticmethod
    def _at(rng: Random, tokens: list[str]) -> int:
        return int(rng.random() * len(tokens))

    def _drop(self, rng: Random, tokens: list[str]) -> None:
        at = self._at(rng, tokens)
        del tokens[at : at + 1 + int(rng.random() ** 2 * 6)]

    def _repeat(self, rng: Random, tokens: list[str]) -> None:
        at, to = self._at(rng, tokens), self._at(rng, tokens)
        tokens[to:to] = tokens[at : at + 1 + int(rng.random() * 6)] * (1 if rng.random() < 0.95 else 40)

    def _swap(self, rng: Random, tokens: list[str]) -> None:
        if tokens:
            first, second = self._at(rng, tokens), self._at(rng, tokens)
            tokens[first], tokens[second] = tokens[second], tokens[first]

    def _word(self, rng: Random, tokens: list[str]) -> None:
        if tokens:
            tokens[self._at(rng, tokens)] = self._words[int(rng.random() * len(self._words))]

    def _put(self, rng: Random, tokens: list[str]) -> None:
        tokens.insert(self._at(rng, tokens), self._words[int(rng.random() * len(self._words))])

    def _borrow(self, rng: Random, tokens: list[str]) -> None:
        other = self._spelt[int(rng.random() * len(self._spelt))]
        if tokens and other:
            tokens[self._at(rng, tokens)] = other[int(rng.random() * len(other))]

    def _letter(self, rng: Random, tokens: list[str]) -> None:
        if tokens and (word := tokens[at := self._at(rng, tokens)]):
            place = int(rng.random() * len(word))
            letter = chr(int(rng.random() * 0x250)) if rng.random() < 0.8 else chr(int(rng.random() * 0xD800))
            tokens[at] = word[:place] + letter + word[place + int(rng.random() * 2) :]

    def _number(self, rng: Random, tokens: list[str]) -> None:
        for _ in range(8):
            if tokens and tokens[at := self._at(rng, tokens)].isdecimal():
                tokens[at] = str(max(0, int(tokens[at][:18]) + rng.choice((-1, 1, 100, 1 << 31, 1 << 63))))
                return

    def _value(self, rng: Random, tokens: list[str]) -> None:
        for _ in range(4):
            if tokens and _VALUE.match(tokens[at := self._at(rng, tokens)]):
                tokens[at] = self._values[int(rng.random() * len(self._values))]
                return

    def _other_lines(self, rng: Random, lines: list[str], depth: int) -> str:
        for _ in range(1 + int(rng.random() * depth)):
            at, to = int(rng.random() * len(lines)), int(rng.random() * len(lines))
            way = rng.random()
            if way < 0.3:
                lines.insert(to, lines[at])
            elif way < 0.6:
                del lines[at]
            elif way < 0.8:
                lines[at], lines[to] = lines[to], lines[at]
            else:
                other = self._lines[int(rng.random() * len(self._lines))]
                lines.insert(to, other[int(rng.random() * len(other))])
            if not lines:
                break
        return "\n".join(lines)


class Armoured(Text):
    """Texts that hold PEM: every second time the DER of one block is bent and put back in its armour."""

    def __init__(self, examples: Sequence[bytes], words: Sequence[str] = ()) -> None:
        super().__init__(examples, words)
        self._blocks = [list(_ARMOUR.finditer(example)) for example in self.examples]
        self._inside = Octets([base64.b64decode(block[1]) for blocks in self._blocks for block in blocks])

    def mutant(self, rng: Random, moves: Sequence[str], depth: int) -> bytes:
        """A text made from a valid one by 1 to `depth` of the `moves`."""
        if rng.random() < 0.5:
            return super().mutant(rng, moves, depth)
        chosen = int(rng.random() * len(self.examples))
        block = self._blocks[chosen][int(rng.random() * len(self._blocks[chosen]))]
        bent = self._inside.bent(rng, base64.b64decode(block[1]), self._inside.moves, depth)
        whole = self.examples[chosen]
        return whole[: block.start(1)] + base64.encodebytes(bent) + whole[block.end(1) :]


class Pem(Armoured):
    """Files of PEM alone."""

    @property
    def moves(self) -> tuple[str, ...]:
        """Words of TOML are of no use here."""
        return ("line", "octets", "letter", "drop", "swap")
