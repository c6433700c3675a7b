"""Lies about operators, with what the gateway has: what operators signed, and its own keys to sign something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.core.control.directory import DirectoryMessage, ShownEndorsement
from gateway.core.control.entry import parse_entry
from gateway.core.control.statement import SignedStatement, sign_statement
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import KeyState, Role, StatementKind
from tests.mutation.lies import FIRST, LATER, NOON, OPERATORS, RESTORED, lie
from tests.mutation.recorded import file
from tests.mutation.resealed import Told
from tests.mutation.resealed_ticks import gateway_keys


def _statements(told: Told, keep: Callable[[SignedStatement], bool]) -> None:
    message = told.directory.message
    told.directory.message = replace(message, statements=tuple(filter(keep, message.statements)))


def _kind(*kinds: StatementKind) -> Callable[[SignedStatement], bool]:
    return lambda one: one.statement.kind not in kinds


def _forged(told: Told, kind: StatementKind, key: SigningKey | None = None, **changed: object) -> None:
    """A statement that was signed, with other words, signed by the gateway; or as it was, with its old signatures."""

    def forge(one: SignedStatement) -> SignedStatement:
        if one.statement.kind is not kind:
            return one
        statement = replace(one.statement, **changed)
        return SignedStatement(statement, (sign_statement(statement, key),) if key else one.signatures)

    message = told.directory.message
    told.directory.message = replace(message, statements=tuple(map(forge, message.statements)))


def _shown(told: Told, change: Callable[[ShownEndorsement], ShownEndorsement | None]) -> None:
    message = told.directory.message
    shown = tuple(made for one in message.shown if (made := change(one)) is not None)
    told.directory.message = DirectoryMessage(message.statements, shown)


def _without(role: Role) -> Callable[[ShownEndorsement], ShownEndorsement | None]:
    return lambda one: None if one.endorsement.role is role else one


# Endorsements.


@lie("key-not-endorsed")
def stream_key_unendorsed(told: Told) -> None:
    """An opening under a key that the directory does not show."""
    _shown(told, _without(Role.GATEWAY_STREAM))


@lie("key-not-endorsed")
def ledger_key_unendorsed(told: Told) -> None:
    """Ticks under a key that the directory does not show."""
    _shown(told, _without(Role.GATEWAY_LEDGER))


@lie("key-not-endorsed")
def source_unendorsed(told: Told) -> None:
    """Records of a source that the directory does not show."""
    _shown(told, _without(Role.SOURCE))


@lie("file-not-endorsed")
def vocabulary_unendorsed(told: Told) -> None:
    """A reader without the words of its labels."""
    _shown(told, _without(Role.VOCABULARY))


@lie("endorsement-mismatch")
def keys_swapped(told: Told) -> None:
    """The key for openings beside the endorsement of the key for ticks."""
    other = gateway_keys().ledger().public_key
    _shown(told, lambda one: replace(one, material=other) if one.endorsement.role is Role.GATEWAY_STREAM else one)


@lie("endorsement-mismatch")
def file_changed(told: Told) -> None:
    """A vocabulary with one more word."""
    _shown(
        told,
        lambda one: replace(one, material=one.material + b"#\n") if one.endorsement.role is Role.VOCABULARY else one,
    )


def _endorsed(told: Told, role: Role, /, **changed: object) -> None:
    def change(one: ShownEndorsement) -> ShownEndorsement:
        return replace(one, endorsement=replace(one.endorsement, **changed)) if one.endorsement.role is role else one

    _shown(told, change)


@lie("endorsement-proof")
def state_changed(told: Told) -> None:
    """A source's key in another state than operators signed."""
    _endorsed(told, Role.SOURCE, state=KeyState.TAINTED)


@lie("endorsement-proof")
def role_changed(told: Told) -> None:
    """The key for ticks as one of a source."""
    _endorsed(told, Role.GATEWAY_LEDGER, role=Role.SOURCE, scope="telemetry,tactic//REAL")


@lie("endorsement-proof")
def scope_changed(told: Told) -> None:
    """A source that may send more."""
    _endorsed(told, Role.SOURCE, scope="telemetry,tactic,design,chunk//REAL,EXERCISE,SIMULATED,TEST")


@lie("endorsement-proof")
def invented_source(told: Told) -> None:
    """A unit that nobody admitted, with a key of the gateway's own."""
    key = SigningKey.from_seeds(bytes(32), bytes(32))

    def invent(one: ShownEndorsement) -> ShownEndorsement:
        if one.endorsement.role is not Role.SOURCE:
            return one
        invented = replace(one.endorsement, subject_id="src-0000", key_digest=key.key_digest)
        return replace(one, endorsement=invented, material=key.public_key)

    _shown(told, invent)


@lie("endorsement-proof")
def at_another_place(told: Told) -> None:
    """An endorsement where another one stands."""
    _shown(told, lambda one: replace(one, index=one.index - 1) if one.index else None)


@lie("malformed")
def endorsed_twice(told: Told) -> None:
    """The same endorsement twice."""
    message = told.directory.message
    told.directory.message = replace(message, shown=(message.shown[0], *message.shown))


# Statements of nobody.


@lie("signer-unknown")
def directory_by_the_gateway(told: Told) -> None:
    """A directory that the gateway signs itself."""
    _forged(told, StatementKind.DIRECTORY, gateway_keys().stream())


@lie("statement-signature")
def directory_changed(told: Told) -> None:
    """Another directory under the operators' signatures."""
    statement = told.directory.message.statements[-1].statement
    _forged(told, StatementKind.DIRECTORY, body=statement.body[:-1] + bytes([statement.body[-1] ^ 1]))


@lie("signatures-too-few")
def directory_by_one(told: Told) -> None:
    """One signature fewer than it takes."""
    message = told.directory.message
    fewer = tuple(
        SignedStatement(one.statement, one.signatures[:1]) if one.statement.kind is StatementKind.DIRECTORY else one
        for one in message.statements
    )
    told.directory.message = replace(message, statements=fewer)


@lie("directory-missing")
def no_directory(told: Told) -> None:
    """Nothing that operators signed of keys."""
    told.directory.message = DirectoryMessage((), ())


# A new roster.


@lie("roster-not-in-force", LATER)
def removed_roster(told: Told) -> None:
    """A directory under a roster that the reader is not told of."""
    _statements(told, _kind(StatementKind.ROSTER_PROPOSE, StatementKind.ROSTER))


@lie("roster-proposal", LATER)
def roster_without_proposal(told: Told) -> None:
    """A roster whose text nobody saw."""
    _statements(told, _kind(StatementKind.ROSTER_PROPOSE))


@lie("roster-not-in-force", LATER)
def proposal_without_roster(told: Told) -> None:
    """A proposal that did not come into force."""
    _statements(told, _kind(StatementKind.ROSTER))


@lie("directory-missing", LATER)
def roster_without_directory(told: Told) -> None:
    """A roster that endorsed nothing."""
    _statements(told, _kind(StatementKind.DIRECTORY))
    _shown(told, lambda one: None)


@lie("signer-unknown", LATER)
def roster_of_the_gateway(told: Told) -> None:
    """A proposal that the gateway signs."""
    _forged(told, StatementKind.ROSTER_PROPOSE, gateway_keys().stream())


@lie("statement-signature", LATER)
def roster_at_once(told: Told) -> None:
    """A roster that says it waited."""
    statement = next(one.statement for one in told.directory.message.statements if _is_roster(one))
    _forged(told, StatementKind.ROSTER, proposed_at_ms=statement.proposed_at_ms + 1)


def _is_roster(one: SignedStatement) -> bool:
    return one.statement.kind is StatementKind.ROSTER


@lie(OPERATORS, LATER)
def roster_withheld(told: Told) -> None:
    """A reader that is not told of a new roster, nor of the directory under it."""
    told.directory.message = DirectoryMessage((), ())


@lie(OPERATORS, NOON)
def older_directory(told: Told) -> None:
    """A fresh reader that is shown the directory of the morning."""
    _statements(told, _kind(StatementKind.DIRECTORY_REDATE))


@lie("redate-base", NOON)
def redate_without_its_base(told: Told) -> None:
    """A date without the directory that it dates."""
    _statements(told, _kind(StatementKind.DIRECTORY))


# A store that was put back.


@lie("signer-unknown", RESTORED)
def restore_of_the_gateway(told: Told) -> None:
    """A RESTORE that the gateway signs."""
    _forged(told, StatementKind.RESTORE, gateway_keys().ledger())


@lie("statement-signature", RESTORED)
def restore_that_kept_less(told: Told) -> None:
    """Under the operators' signatures, another tick kept."""
    body = told.directory.message.statements[-1].statement.body
    _forged(told, StatementKind.RESTORE, body=body[:39] + bytes([body[39] - 1]) + body[40:])


@lie("roster-not-in-force", FIRST)
def restore_before_its_roster(told: Told) -> None:
    """A RESTORE that operators signed, to a reader that does not know them yet."""
    restore = parse_entry(file("control.sluice").items[-1].octets).signed
    message = told.directory.message
    told.directory.message = replace(message, statements=(*message.statements, restore))
