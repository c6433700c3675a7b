"""Ties tests to the sentences of a port's docstrings: each sentence is held by a test, each quotation is verbatim."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TypeVar

_Test = TypeVar("_Test", bound=Callable[..., object])


def _plain(text: str | None) -> str:
    return " ".join((text or "").split())


class Contract:
    """The promises of one port: the docstrings of its class and of its methods."""

    def __init__(self, port: type) -> None:
        methods = [method for name, method in vars(port).items() if inspect.isfunction(method) and name[0] != "_"]
        self._promised = [_plain(item.__doc__) for item in (port, *methods)]
        self._quoted: list[str] = []

    def holds(self, *sentences: str) -> Callable[[_Test], _Test]:
        """Marks a test as holding these sentences; a misquotation fails while the test is collected."""
        for sentence in map(_plain, sentences):
            if not any(sentence in promise for promise in self._promised):
                raise LookupError(f"the port does not say: {sentence}")
            self._quoted.append(sentence)
        return lambda test: test

    def unheld(self) -> list[str]:
        """What no test quotes; labels such as `Durability:` are no promises."""
        left = []
        for promise in self._promised:
            rest = promise
            for sentence in sorted(self._quoted, key=len, reverse=True):
                rest = rest.replace(sentence, " ")
            rest = _plain(re.sub(r"\b[A-Z][a-z ]+:", " ", rest))
            if rest:
                left.append(rest)
        return left
