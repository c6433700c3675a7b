"""What CONTROL must do, said again in a page: names instead of keys, sets instead of texts, no time and no bytes.

`attempt` says whether a step counts, and what stands after it. Steps are those of `tests.model.town`; a signer is the
name of an operator. Written from SPEC.md section 2 alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

ACTIVE, RETIRED, TAINTED = 1, 2, 3
FIRST, SECOND = "first", "second"
# Steps that one person may take: each denies or repeats.
ALONE = frozenset(
    {
        "suspend-source",
        "suspend-partner",
        "taint-first",
        "taint-second",
        "revoke-first",
        "hold-batch",
        "hold-agreement",
        "lock-gateway",
        "end",
        "redate",
        "object",
    }
)


@dataclass(frozen=True)
class Reference:
    """The state. stopped: what is suspended, held or locked; directory: key to state as the newest one says."""

    operators: frozenset[str]
    quorum: int = 2
    stopped: frozenset[str] = frozenset()
    tainted: frozenset[str] = frozenset()
    revoked: frozenset[str] = frozenset()
    ended: bool = False
    agreements: int = 1
    present: str = FIRST
    directory: Mapping[str, int] = field(default_factory=lambda: {FIRST: ACTIVE})
    is_directory_old: bool = False
    proposal: str = ""

    def least(self, key: str) -> int:
        """The state that the next directory gives a key."""
        if key in self.tainted:
            return TAINTED
        return RETIRED if key in self.revoked or key != self.present else ACTIVE

    @property
    def known(self) -> frozenset[str]:
        """Keys that were ever admitted."""
        return frozenset({FIRST} | ({SECOND} if self.present == SECOND else set()))

    def attempt(self, step: str, signers: frozenset[str]) -> Reference | None:
        """What stands after the step; None if it does not count."""
        if not signers <= self.operators or len(signers) < (1 if step in ALONE else self.quorum):
            return None
        return self._changed(step)

    def _changed(self, step: str) -> Reference | None:
        verb, _, what = step.partition("-")
        if verb in {"suspend", "hold", "lock"}:
            return self._stopped(what)
        if verb in {"taint", "revoke"}:
            return self._key_stopped(verb, what)
        if verb in {"directory", "redate"}:
            return self._directed(verb)
        if verb in {"propose", "object", "roster"}:
            return self._succeeded(verb)
        return self._lifted(what) if verb == "lift" else self._agreed(verb)

    def _stopped(self, what: str) -> Reference | None:
        useless = what in self.stopped or (what == "agreement" and self.ended)
        return None if useless else replace(self, stopped=self.stopped | {what})

    def _key_stopped(self, verb: str, key: str) -> Reference | None:
        if key not in self.known - self.tainted or (verb == "revoke" and key in self.revoked):
            return None
        tainted, revoked = {"taint": ({key}, set()), "revoke": (set(), {key})}[verb]
        return replace(self, tainted=self.tainted | tainted, revoked=self.revoked | revoked)

    def _agreed(self, verb: str) -> Reference | None:
        after = {
            "end": None if self.ended else replace(self, ended=True),
            "agree": None if self.agreements == 2 else replace(self, agreements=2),
            "rotate": None if self.present == SECOND else replace(self, present=SECOND),
        }
        return after[verb]

    def _directed(self, verb: str) -> Reference | None:
        if verb == "directory":
            rests = RETIRED if "source" in self.stopped else ACTIVE
            states = {key: max(self.least(key), rests) for key in self.known}
            return replace(self, directory=states, is_directory_old=False)
        kept = all(state >= self.least(key) for key, state in self.directory.items())
        return self if kept and not self.is_directory_old else None

    def _lifted(self, what: str) -> Reference | None:
        if what in {FIRST, SECOND}:
            stopped = what in self.tainted | self.revoked
            given = replace(self, tainted=self.tainted - {what}, revoked=self.revoked - {what})
            return given if stopped else None
        if what == "objection":
            return replace(self, proposal="open") if self.proposal == "objected" else None
        return replace(self, stopped=self.stopped - {what}) if what in self.stopped else None

    def _succeeded(self, verb: str) -> Reference | None:
        """The last operator makes room for another; proposals made under the roster before are void."""
        if verb == "propose":
            # A second proposal beside the first is not told apart here: each step names the first.
            changes = "officer-9" not in self.operators
            return replace(self, proposal=self.proposal or "open") if changes else None
        if self.proposal != "open":
            return None
        if verb == "object":
            return replace(self, proposal="objected")
        following = self.operators - {max(self.operators)} | {"officer-9"}
        return replace(self, operators=following, proposal="", is_directory_old=True)
