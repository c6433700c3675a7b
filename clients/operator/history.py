"""What stood at each position of a verified chain: its link, the Dir, and which persons had agreed to what.

A disclosure says under which position it was decided. Who approved it, and whether it had anything to stand on, is
answered from here and never by the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from clients.operator.render import signer_names
from gateway.core.control.agreement import Agreement
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import ZERO_HASH, text_digest
from gateway.core.suite.numbers import StatementKind

# No rule can be added yet, so the text of the rules in force is empty at every position.
RULES_DIGEST = text_digest("rules", b"")


@dataclass(frozen=True, slots=True)
class Approval:
    """An agreement as operators signed it. position: of its statement; signers: ids, in the roster's order."""

    agreement: Agreement
    position: int
    signers: tuple[str, ...]


@dataclass(slots=True)
class History:
    """Grows with each entry that was verified. links[p], dir_roots[p], applied_ms[p]: after p statements."""

    links: list[bytes] = field(default_factory=lambda: [ZERO_HASH])
    dir_roots: list[bytes] = field(default_factory=lambda: [ZERO_HASH])
    applied_ms: list[int] = field(default_factory=lambda: [0])
    approvals: dict[str, Approval] = field(default_factory=dict)
    control: Control | None = None

    def take(self, entry: ControlEntry, after: Control) -> None:
        """The next entry, and the state it led to."""
        before, self.control = self.control, after
        self.links.append(after.head)
        self.applied_ms.append(entry.applied_at_ms)
        self.dir_roots.append(after.directory.newest.root if after.directory else ZERO_HASH)
        if entry.statement.kind is StatementKind.AGREEMENT and before is not None:
            agreement = Agreement.parse(entry.body)
            signers = signer_names(entry, before.roster)
            self.approvals[agreement.id] = Approval(agreement, entry.statement.position, signers)

    @property
    def position(self) -> int:
        """How many statements were verified."""
        return len(self.links) - 1

    def standing(self) -> Control:
        """The state after all of them; refuses `genesis-differs` where there is none."""
        if self.control is None:
            raise Refused("genesis-differs", "CONTROL must begin with a genesis, it is empty", at="control 0")
        return self.control

    def approval_of(self, agreement_id: str, digest: bytes, control_position: int) -> Approval:
        """The approval that a disclosure decided at `control_position` stands on; refuses `agreement-not-signed`."""
        found = self.approvals.get(agreement_id)
        if found is None or found.agreement.digest != digest or found.position >= control_position:
            raise Refused(
                "agreement-not-signed",
                "a disclosure must stand on an agreement that operators had signed by then, this one does not",
                at=f"agreement {agreement_id}",
                do="stop and call the other operators",
            )
        return found
