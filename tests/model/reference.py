"""What CONTROL must do, said again in a page: names instead of keys, sets instead of texts, no time and no bytes.

`attempt` says whether a step counts, and what stands after it. Steps are those of `tests.model.town`; a signer is the
name of an operator or of a recovery key. Written from SPEC.md section 2 alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

ACTIVE, RETIRED, TAINTED = 1, 2, 3
VAULT = frozenset({"vault-1", "vault-2"})
COMES = "officer-9"
# Steps that would give a key of a roster another purpose: never, whoever signs.
CROSSED = frozenset({"admit-left", "cross-vault"})
FIRST, SECOND = "first", "second"
# What each revokes, one certificate or numbers under the partner's first root; nothing of it comes back.
CERTIFICATES = {
    "revoke-leaf": frozenset({"leaf"}),
    "revoke-serial": frozenset({"2e"}),
    "revoke-serials": frozenset({"1f", "2e"}),
}
# Steps that one person may take: each denies or repeats.
ALONE = frozenset(
    {
        "suspend-source",
        "suspend-partner",
        "taint-first",
        "taint-second",
        "revoke-first",
        "revoke-leaf",
        "revoke-serial",
        "revoke-serials",
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
    """The state. stopped: what is suspended, held or locked; directory: key to state as the newest one says.

    proposal: open, objected or none; author: whose it is, operators' or recovery keys'; left: who was an operator.
    certificates: what was revoked of them; root: empty for the partner's first, "other" once it was admitted anew.
    """

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
    author: str = ""
    left: str = ""
    certificates: frozenset[str] = frozenset()
    root: str = ""

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
        if step in CROSSED:
            return None
        if step in {"propose", "return"}:
            return self._proposed(step, signers)
        members, need = self._asked(step)
        return self._changed(step) if signers <= members and len(signers) >= need else None

    def _asked(self, step: str) -> tuple[frozenset[str], int]:
        """Whose signatures a step takes, and how many."""
        if step == "roster" and self.author == "recovery":
            return VAULT, len(VAULT)
        is_alone = step in ALONE and not (step == "object" and self.author == "recovery")
        return self.operators, 1 if is_alone else self.quorum

    @property
    def following(self) -> frozenset[str]:
        """The operators of the next roster: another comes for the last one, or who left comes back for that one."""
        if COMES in self.operators:
            return self.operators - {COMES} | {self.left}
        return self.operators - {max(self.operators)} | {COMES}

    def _proposed(self, step: str, signers: frozenset[str]) -> Reference | None:
        """By the quorum of the present or both recovery keys, and by the quorum of the next, whoever comes among it."""
        if (step == "propose") == (COMES in self.operators) or not signers <= self.operators | VAULT:
            return None
        comes = (self.following - self.operators) if len(signers) > 1 else frozenset()
        operators, recovery = len(signers & self.operators), len(signers & VAULT)
        is_recovery = operators < self.quorum and recovery > 0
        enough = recovery == len(VAULT) if is_recovery else operators >= self.quorum
        if not enough or len((signers | comes) & self.following) < self.quorum:
            return None
        # A second proposal beside the first is not told apart here: each step names the first.
        if self.proposal:
            return self
        return replace(self, proposal="open", author="recovery" if is_recovery else "operators")

    def _changed(self, step: str) -> Reference | None:
        verb, _, what = step.partition("-")
        if step in CERTIFICATES:
            revoked = self.certificates | CERTIFICATES[step]
            return None if revoked == self.certificates else replace(self, certificates=revoked)
        if verb in {"suspend", "hold", "lock"}:
            return self._stopped(what)
        if verb in {"taint", "revoke"}:
            return self._key_stopped(verb, what)
        if verb in {"directory", "redate"}:
            return self._directed(verb)
        if verb in {"object", "roster"}:
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
            "readmit": None if self.root else replace(self, root="other"),
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
        """A proposal is stopped, or comes into force; proposals made under the roster before are void."""
        if self.proposal != "open":
            return None
        if verb == "object":
            return replace(self, proposal="objected")
        left = "" if COMES in self.operators else max(self.operators)
        return replace(self, operators=self.following, proposal="", author="", left=left, is_directory_old=True)
