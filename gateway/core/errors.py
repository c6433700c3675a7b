"""The one error tree, and the shape in which every error reaches a person.

    GatewayError
    ├── CallerError   bad input: the caller can mend it; `at` names the field
    ├── Refused       a check of policy, identity, signature, proof or order said no
    └── Fault         ours: storage, keys, clock

An error carries four facts: a stable kebab-case `code`, one sentence saying what was expected and what came, `at`
(file, field or record) and `do` (the next step). None of them may contain payload, key material or plaintext.

`at` may name what a stranger wrote, a key of a text or a party. So an error keeps of its facts only what can be seen,
and no fact that is longer than a person reads: no escape sequence reaches a terminal or a log by way of an error.
"""

from __future__ import annotations

MAX_CHARACTERS = 1024


class GatewayError(Exception):
    """Root of the tree; raise one of the three families, never this class."""

    def __init__(self, code: str, message: str, *, at: str = "", do: str = "") -> None:
        self.code = code
        self.message, self.at, self.do = _seen(message), _seen(at), _seen(do)
        super().__init__(code, self.message, self.at, self.do)

    def __str__(self) -> str:
        text = f"error[{self.code}]: {self.message}"
        if self.at:
            text += f"\n  at: {self.at}"
        if self.do:
            text += f"\n  do: {self.do}"
        return text

    def to_json(self) -> dict[str, str]:
        """The same four facts for `--json`."""
        return {"code": self.code, "message": self.message, "at": self.at, "do": self.do}

    def __reduce__(self) -> tuple[object, ...]:
        """Picklable, so that errors cross process boundaries whole."""
        return (_rebuild, (type(self), self.code, self.message, self.at, self.do))


def _seen(fact: str) -> str:
    if fact.isprintable() and len(fact) <= MAX_CHARACTERS:
        return fact
    return "".join(character for character in fact[:MAX_CHARACTERS] if character.isprintable())


def _rebuild(family: type[GatewayError], code: str, message: str, at: str, do: str) -> GatewayError:
    return family(code, message, at=at, do=do)


class CallerError(GatewayError):
    """The input is wrong and its sender can mend it."""


class Refused(GatewayError):  # noqa: N818 - the families are named by who must act
    """A rule, identity, signature, proof or order said no."""


class Fault(GatewayError):  # noqa: N818 - the families are named by who must act
    """Ours: storage, keys or clock failed; nothing was acknowledged or released."""
