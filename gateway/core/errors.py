"""The one error tree, and the shape in which every error reaches a person.

    GatewayError
    ├── CallerError   bad input: the caller can mend it; `at` names the field
    ├── Refused       a check of policy, identity, signature, proof or order said no
    └── Fault         ours: storage, keys, clock

An error carries four facts: a stable kebab-case `code`, one sentence saying what was expected and what came, `at`
(file, field or record) and `do` (the next step). None of them may contain payload, key material or plaintext.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Root of the tree; raise one of the three families, never this class."""

    def __init__(self, code: str, message: str, *, at: str = "", do: str = "") -> None:
        super().__init__(code, message, at, do)
        self.code = code
        self.message = message
        self.at = at
        self.do = do

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


def _rebuild(family: type[GatewayError], code: str, message: str, at: str, do: str) -> GatewayError:
    return family(code, message, at=at, do=do)


class CallerError(GatewayError):
    """The input is wrong and its sender can mend it."""


class Refused(GatewayError):  # noqa: N818 - the families are named by who must act
    """A rule, identity, signature, proof or order said no."""


class Fault(GatewayError):  # noqa: N818 - the families are named by who must act
    """Ours: storage, keys or clock failed; nothing was acknowledged or released."""
