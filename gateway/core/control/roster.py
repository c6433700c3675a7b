"""The roster: which operators there are, and how many of them it takes.

What needs one signature is a matter of the statement's kind: those kinds only deny or repeat, delete nothing, and are
lifted by the quorum. All else needs the quorum, which is never below two, of operators who are different persons: one
person alone widens nothing, however many keys they hold. Recovery keys lie offline and can do one thing, replace the
roster (room `succession`). Source: SPEC.md section 2.

    roster = Roster.parse(statement.body)
    check_signatures(signed, roster)
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from gateway.core.control.statement import SignedStatement
from gateway.core.control.texts import Table, read_text
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind

MAX_OPERATORS = 16
MAX_RECOVERY = 16
MAX_WAIT_HOURS = 2160
_HOUR_MS = 3_600_000

ONE_SIGNATURE = frozenset(
    {
        StatementKind.HOLD,
        StatementKind.SUSPEND,
        StatementKind.LOCKDOWN,
        StatementKind.END,
        StatementKind.TAINT,
        StatementKind.REVOKE,
        StatementKind.RULE_ADD,
        StatementKind.DIRECTORY_REDATE,
        StatementKind.OBJECT,
    }
)


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator. person: who holds the key; key_digest: 48 bytes."""

    id: str
    person: str
    key_digest: bytes


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """One key kept offline. key_digest: 48 bytes."""

    id: str
    key_digest: bytes


@dataclass(frozen=True, slots=True)
class Roster:
    """The parsed text. wait_ms: time between the proposal of the next roster and the roster."""

    text: bytes
    quorum: int
    wait_ms: int
    recovery_quorum: int
    operators: tuple[Operator, ...]
    recovery: tuple[RecoveryKey, ...]

    @classmethod
    def parse(cls, text: bytes) -> Roster:
        """The roster of a GENESIS or ROSTER-PROPOSE body.

        Refuses `roster-unsafe` if one person could act alone, or a name or key stands twice.
        """
        table = read_text(text, "roster", {"quorum", "wait_hours", "recovery_quorum", "operator", "recovery"})
        operators = tuple(
            Operator(row.name("id"), row.name("person"), row.hex_bytes("key"))
            for row in table.tables("operator", {"id", "person", "key"}, MAX_OPERATORS)
        )
        recovery = tuple(
            RecoveryKey(row.name("id"), row.hex_bytes("key"))
            for row in table.tables("recovery", {"id", "key"}, MAX_RECOVERY)
        )
        # The comparison ignores case, so that nobody reads two spellings of one person as two persons.
        _different("person", [one.person.lower() for one in operators])
        _different("id", [one.id.lower() for one in operators] + [one.id.lower() for one in recovery])
        _different("key", [one.key_digest for one in operators] + [one.key_digest for one in recovery])
        return cls(
            text=text,
            quorum=_quorum(table, "quorum", 2, len(operators)),
            wait_ms=table.integer("wait_hours", 1, MAX_WAIT_HOURS) * _HOUR_MS,
            recovery_quorum=_quorum(table, "recovery_quorum", 1, len(recovery)),
            operators=operators,
            recovery=recovery,
        )

    @property
    def operator_keys(self) -> frozenset[bytes]:
        """Key digests of the operators; each is another person's."""
        return frozenset(operator.key_digest for operator in self.operators)

    @property
    def recovery_keys(self) -> frozenset[bytes]:
        """Key digests of the recovery keys."""
        return frozenset(key.key_digest for key in self.recovery)

    @property
    def all_keys(self) -> frozenset[bytes]:
        """Key digests of both."""
        return self.operator_keys | self.recovery_keys


def _different(what: str, values: list[str] | list[bytes]) -> None:
    if len(set(values)) != len(values):
        raise CallerError(
            "roster-unsafe", f"each `{what}` of a roster must be another, one came twice", at=f"roster.{what}"
        )


def _quorum(table: Table, key: str, lowest: int, members: int) -> int:
    quorum = table.integer(key, 1, 255)
    if not lowest <= quorum <= members:
        raise CallerError(
            "roster-unsafe",
            f"`{key}` must be at least {lowest} and at most the {members} keys there are, {quorum} came",
            at=table.at(key),
        )
    return quorum


@dataclass(frozen=True, slots=True)
class Progress:
    """How many signatures count, and how many it takes."""

    have: int
    need: int

    def check_complete(self) -> None:
        """Refuses `signatures-too-few`."""
        if self.have < self.need:
            raise Refused(
                "signatures-too-few",
                f"the statement needs the signatures of {self.need} persons, {self.have} signed",
                at="statement.sigs",
            )


def signatures_needed(kind: StatementKind, roster: Roster) -> int:
    """How many operators of `roster` a statement of this kind takes."""
    if kind == StatementKind.GENESIS:
        return len(roster.operators)
    return 1 if kind in ONE_SIGNATURE else roster.quorum


def check_signers(signed: SignedStatement, members: Set[bytes]) -> None:
    """Refuses `signer-unknown` and `statement-signature` unless all signatures are by `members` and verify.

    members: key digests. The cheap question comes first.
    """
    if not signed.signers <= members:
        raise Refused(
            "signer-unknown", "a statement is signed by members of the roster, another key came", at="statement.sigs"
        )
    signed.verify()


def signature_progress(signed: SignedStatement, roster: Roster) -> Progress:
    """How far the statement is; refuses `signer-unknown` and `statement-signature`, whatever the number."""
    check_signers(signed, roster.operator_keys)
    return Progress(len(signed.signers), signatures_needed(signed.statement.kind, roster))


def check_signatures(signed: SignedStatement, roster: Roster) -> None:
    """Refuses unless enough operators of `roster`, who are distinct persons, signed, and nobody else did."""
    signature_progress(signed, roster).check_complete()
