"""A gateway of two to four operators, one source, one partner and one agreement, and every step they may take.

A step is what `reference` knows by its name; here it is a statement, signed by whoever is told to, and applied by the
fold itself. `width` says what a state lets anybody do: no step of one person may add to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from gateway.core.control.endorsing import encode_endorsement_list
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.errors import Refused
from gateway.core.suite.numbers import KeyState, Role, StatementKind
from tests.model.reference import COMES, FIRST, SECOND, Reference
from tests.unit.control.given import DAY, NOW, ROOT_OF, digest_of, genesis, roster_text
from tests.unit.control.world import (
    UKR,
    World,
    agreement_text,
    naming,
    partner_bundle,
    partner_text,
    source_bundle,
    source_text,
    taint_text,
)

BATCH = "ab" * 48
KEYS = {FIRST: digest_of("src-3f07"), SECOND: digest_of("src-3f07 second")}
# The partner's certificates: fingerprint, root and serial number of each.
CERTIFICATES = {
    "leaf": ("aa" * 32, ROOT_OF["usa.example"], "1f"),
    "serial": ("bb" * 32, ROOT_OF["usa.example"], "2e"),
    "other": ("cc" * 32, "ee" * 32, "2e"),
}
TARGETS = {
    "source": "source/src-3f07",
    "partner": "partner/usa/arl",
    "batch": f"batch/{BATCH}",
    "agreement": "agreement/UA-US-2026-014",
    "gateway": "gateway",
    FIRST: f"key/{KEYS[FIRST]}",
    SECOND: f"key/{KEYS[SECOND]}",
    "leaf": f"certificate/{CERTIFICATES['leaf'][0]}",
    "serial": f"root/{CERTIFICATES['serial'][1]}",
}
STOPS = {
    "suspend-source": (StatementKind.SUSPEND, "source"),
    "suspend-partner": (StatementKind.SUSPEND, "partner"),
    "hold-batch": (StatementKind.HOLD, "batch"),
    "hold-agreement": (StatementKind.HOLD, "agreement"),
    "lock-gateway": (StatementKind.LOCKDOWN, "gateway"),
    "revoke-first": (StatementKind.REVOKE, FIRST),
    "revoke-leaf": (StatementKind.REVOKE, "leaf"),
}
FACETS: dict[str, str] = {
    "keys": "taint-first taint-second revoke-first lift-first lift-second rotate directory redate",
    "stops": "suspend-source suspend-partner hold-batch hold-agreement lock-gateway end agree directory "
    "lift-source lift-partner lift-batch lift-agreement lift-gateway",
    "roster": "propose object lift-objection roster directory redate suspend-partner lift-partner",
    "recovery": "propose return object lift-objection roster directory admit-left cross-vault",
    "certificates": "revoke-leaf revoke-serial revoke-serials lift-leaf lift-serial readmit "
    "suspend-partner lift-partner",
}


NAMES = {digest_of(name): name for name in (*(f"officer-{number}" for number in range(1, 5)), COMES)}


def everyone(count: int) -> tuple[str, ...]:
    """Names of so many operators."""
    return tuple(f"officer-{number}" for number in range(1, count + 1))


class Town(World):
    """A world whose operators are counted, with the proposal that is open."""

    def __init__(self, operators: int) -> None:
        self.now = NOW
        self.entries = [ControlEntry(genesis(roster_text(operators=everyone(operators))), (), NOW)]
        self.control = Control.begin(self.entries[0])

    def copy(self) -> Town:
        """The same state, to go another way from here."""
        other = Town.__new__(Town)
        other.now, other.entries, other.control = self.now, list(self.entries), self.control
        return other

    def text(self, kind: StatementKind, target: str) -> tuple[StatementKind, bytes, tuple[bytes, ...]]:
        """A statement that names a target and a reason."""
        return kind, f'target = "{target}"\nreason = "a test"\n'.encode(), ()

    def drafted(self, step: str) -> tuple[StatementKind, bytes, tuple[bytes, ...]]:
        """Kind, body and attachments of a step, as it would be written now."""
        verb, _, what = step.partition("-")
        if step in STOPS:
            kind, name = STOPS[step]
            return self.text(kind, TARGETS[name])
        if verb == "lift":
            target = TARGETS.get(what) or f"proposal/{self.proposed().hex()}"
            return self.text(StatementKind.LIFT, target)
        if verb in {"directory", "redate"}:
            return self._of_directory(verb)
        if verb in {"propose", "return", "cross", "object", "roster"}:
            return self._of_roster(verb)
        if verb == "admit":
            key = facts(self.control).left or "vault-1"
            return StatementKind.SOURCE, source_text("src-0001", key=key), (source_bundle("src-0001", key).encoded,)
        serials = '["1f", "2e"]' if what == "serials" else '["2e"]'
        revoked = f'target = "{TARGETS["serial"]}"\nserials = {serials}\nreason = "a test"\n'.encode()
        bundle = source_bundle("src-3f07", "src-3f07 second")
        bodies: dict[str, tuple[StatementKind, bytes, tuple[bytes, ...]]] = {
            "taint": (StatementKind.TAINT, taint_text(KEYS.get(what, "")), ()),
            "end": (StatementKind.END, b'agreement = "UA-US-2026-014"\nreason = "a test"\n', ()),
            "agree": (StatementKind.AGREEMENT, agreement_text(id='"UA-2"'), ()),
            "revoke": (StatementKind.REVOKE, revoked, ()),
            "readmit": (
                StatementKind.PARTNER,
                partner_text(root=CERTIFICATES["other"][1]),
                (partner_bundle().encoded,),
            ),
            "rotate": (StatementKind.SOURCE, source_text(key="src-3f07 second"), (bundle.encoded,)),
        }
        return bodies[verb]

    def _of_directory(self, verb: str) -> tuple[StatementKind, bytes, tuple[bytes, ...]]:
        if verb == "redate":
            return StatementKind.DIRECTORY_REDATE, self.redated().encode(), ()
        listed = self.listed()
        directory = self.dir_of(listed, self.dir_no + 1)
        return StatementKind.DIRECTORY, directory.encode(), (encode_endorsement_list(listed),)

    def _of_roster(self, verb: str) -> tuple[StatementKind, bytes, tuple[bytes, ...]]:
        if verb in {"propose", "return", "cross"}:
            return StatementKind.ROSTER_PROPOSE, self._next_roster(verb), ()
        if verb == "object":
            return StatementKind.OBJECT, f'proposal = "{self.proposed().hex()}"\nreason = "a test"\n'.encode(), ()
        opened = self.control.proposals.get(self.proposed())
        named = naming(opened.proposal.signed) if opened else f'proposal = "{bytes(48).hex()}"\n'.encode()
        return StatementKind.ROSTER, named, ()

    def _next_roster(self, verb: str) -> bytes:
        state = facts(self.control)
        present = sorted(state.operators)
        if verb == "return":
            # Without anybody who left it is the roster in force.
            return roster_text(operators=tuple(sorted(state.following)) if state.left else tuple(present))
        if verb == "propose":
            return roster_text(operators=(*present[:-1], COMES))
        if state.left:
            return roster_text(operators=tuple(present), recovery=("vault-1", state.left))
        return roster_text(operators=(*present[:-1], "vault-2"), recovery=("vault-1",), recovery_quorum=1)

    def proposed(self) -> bytes:
        """Link of the proposal that is open, zero for none."""
        return next(iter(self.control.proposals), bytes(48))

    def signed(self, step: str, signers: frozenset[str]) -> ControlEntry:
        """The entry of a step; a day passes before a ROSTER, whose wait is not what is modelled."""
        if step == "roster":
            self.now += DAY
        if step in {"propose", "return"} and len(signers) > 1:
            # Who comes has to sign too, or the step would be refused for that.
            state = facts(self.control)
            signers = signers | ({COMES} if step == "propose" else {state.left} - {""})
        kind, body, attachments = self.drafted(step)
        return self.entry(kind, body, *attachments, by=tuple(sorted(signers)))


@cache
def founded(operators: int) -> Town:
    """The town at its beginning: a source, a partner, an agreement and a directory over them."""
    town = Town(operators)
    town.apply(StatementKind.VOCABULARY, UKR)
    town.apply(StatementKind.SOURCE, source_text(), source_bundle().encoded)
    town.apply(StatementKind.PARTNER, partner_text(), partner_bundle().encoded)
    town.apply(StatementKind.AGREEMENT, agreement_text())
    town.direct()
    return town


def width(control: Control) -> frozenset[str]:
    """Everything that somebody may do in this state, whatever the hour."""
    return frozenset(_allowed(control))


def _allowed(control: Control) -> Iterator[str]:
    yield from (f"signs {operator.id}" for operator in control.roster.operators)
    directory = control.directory
    for (role, _), one in directory.endorsed.items() if directory else ():
        endorsement = one.endorsement
        if role is Role.VOCABULARY:
            continue
        state = max(endorsement.state, control.stop_of(endorsement.key_digest))
        party = "partner/" if role in {Role.PARTNER_KEM, Role.PARTNER_SIGN} else "source/"
        if state is not KeyState.TAINTED:
            yield f"verifies {endorsement.key_digest.hex()}"
        if state is KeyState.ACTIVE and not control.is_stopped(party + endorsement.subject_id):
            yield f"used {endorsement.key_digest.hex()} {endorsement.scope}"
    for agreement_id, agreement in control.agreements.items():
        stopped = control.is_stopped(f"partner/{agreement.partner_id}") or f"agreement/{agreement_id}" in control.held
        if not stopped and agreement_id not in control.ended:
            yield f"sent {agreement_id}"
    binding = control.partner("usa/arl").admission.binding
    for name, (fingerprint, root, serial) in CERTIFICATES.items():
        is_heard = root == binding.root and not control.is_stopped("partner/usa/arl")
        if is_heard and not _is_revoked(control, fingerprint, root, serial):
            yield f"answered {name}"
    if f"batch/{BATCH}" not in control.held:
        yield "released batch"


def _is_revoked(control: Control, fingerprint: str, root: str, serial: str) -> bool:
    try:
        control.check_certificate(fingerprint, root, serial)
    except Refused:
        return True
    return False


def _left(control: Control) -> set[str]:
    """Operators there were, by name, but for the one who only came."""
    gone = control.operator_keys - control.roster.operator_keys
    return {NAMES[digest.hex()] for digest in gone} - {COMES}


def facts(control: Control) -> Reference:
    """The state as the reference tells it."""
    back = {target: name for name, target in TARGETS.items()}
    back |= {f"{TARGETS['serial']}/{serial}": serial for _, _, serial in CERTIFICATES.values()}
    named = {digest: name for name, digest in KEYS.items()}
    stopped = {back[target] for target in control.suspended | control.held} | (
        {"gateway"} if control.is_locked else set()
    )
    opened = next(iter(control.proposals.values()), None)
    directory = control.directory
    endorsed = (
        {}
        if directory is None
        else {
            named[one.endorsement.key_digest.hex()]: int(one.endorsement.state)
            for one in directory.endorsed.values()
            if one.endorsement.role is Role.SOURCE
        }
    )
    return Reference(
        operators=frozenset(operator.id for operator in control.roster.operators),
        quorum=control.roster.quorum,
        stopped=frozenset(stopped),
        tainted=frozenset(named[digest.hex()] for digest in control.tainted),
        revoked=frozenset(named[digest.hex()] for digest in control.revoked),
        ended=bool(control.ended),
        agreements=len(control.agreements),
        present=named[control.source("src-3f07").admission.key_digest.hex()],
        directory=endorsed,
        is_directory_old=directory is not None and directory.base.statement.roster != control.roster_link,
        proposal="" if opened is None else ("objected" if opened.stopped else "open"),
        author="" if opened is None else opened.proposal.author.value,
        left=next(iter(sorted(_left(control))), ""),
        certificates=frozenset(back[mark] for mark in control.revoked_certificates),
        root="" if control.partner("usa/arl").admission.binding.root == ROOT_OF["usa.example"] else "other",
    )
