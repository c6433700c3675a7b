"""How stops change what stands, and how a LIFT takes them back.

Each stop takes one signature and denies; it names something that is there and is not stopped yet, so nobody believes a
misspelt name to be stopped. A LIFT takes the quorum and names one stop. Source: SPEC.md section 2.7.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from gateway.core.control.compromise import Revocation, Taint
from gateway.core.control.entry import ControlEntry
from gateway.core.control.hold import Hold, Lockdown
from gateway.core.control.standing import Standing
from gateway.core.control.stops import EVERYTHING, fork_of, nothing_to_change
from gateway.core.control.suspension import Lift, Suspension
from gateway.core.errors import Refused
from gateway.core.suite.numbers import KeyState

S = TypeVar("S", bound=Standing)


def suspend(standing: S, entry: ControlEntry) -> S:
    """A SUSPEND of a party that is there."""
    target = Suspension.parse(entry.body).target
    family, _, party = target.partition("/")
    if family == "source":
        standing.source(party)
    else:
        standing.partner(party)
    if target in standing.suspended:
        raise nothing_to_change("the party is suspended already")
    return replace(standing, suspended=standing.suspended | {target})


def taint(standing: S, entry: ControlEntry) -> S:
    """A TAINT of a key that is there, revoked or not."""
    digest = Taint.parse(entry.body).key_digest
    _check_stoppable(standing, digest, KeyState.TAINTED)
    return replace(standing, tainted=standing.tainted | {digest})


def revoke(standing: S, entry: ControlEntry) -> S:
    """A REVOKE of a key that is there, of a certificate, or of serials of a root that an admission has named."""
    revocation = Revocation.parse(entry.body)
    if revocation.target.startswith("key/"):
        digest = bytes.fromhex(revocation.name)
        _check_stoppable(standing, digest, KeyState.RETIRED)
        return replace(standing, revoked=standing.revoked | {digest})
    if revocation.serials and revocation.name not in standing.roots:
        raise Refused("root-unknown", "a root must be one that an admission has named, this one is not", at="target")
    # A certificate is seen at the door for the first time; nobody can say here whether there is one.
    if revocation.certificates <= standing.revoked_certificates:
        raise nothing_to_change("the certificates are revoked already")
    return replace(standing, revoked_certificates=standing.revoked_certificates | revocation.certificates)


def hold(standing: S, entry: ControlEntry) -> S:
    """A HOLD of a record, a batch, or an agreement that is there and has not ended."""
    target = Hold.parse(entry.body).target
    family, _, name = target.partition("/")
    if family == "agreement" and standing.agreement(name).id in standing.ended:
        raise nothing_to_change("the agreement has ended")
    if target in standing.held:
        raise nothing_to_change("it is held already")
    return replace(standing, held=standing.held | {target})


def lock(standing: S, entry: ControlEntry) -> S:
    """A LOCKDOWN."""
    Lockdown.parse(entry.body)
    if standing.is_locked:
        raise nothing_to_change("everything is stopped already")
    return replace(standing, is_locked=True)


def lift(standing: S, entry: ControlEntry) -> S:
    """A LIFT of what was stopped."""
    target = Lift.parse(entry.body).target
    family, _, name = target.partition("/")
    if target in standing.suspended:
        return replace(standing, suspended=standing.suspended - {target})
    if target in standing.held:
        return replace(standing, held=standing.held - {target})
    if target == EVERYTHING and standing.is_locked:
        return replace(standing, is_locked=False)
    if family == "proposal":
        return _lift_objection(standing, bytes.fromhex(name))
    if family == "key":
        return _lift_key(standing, bytes.fromhex(name))
    if family == "fork":
        return _settle(standing, fork_of(target))
    raise _not_stopped()


def _lift_objection(standing: S, link: bytes) -> S:
    opened = standing.proposals.get(link)
    if opened is None or not opened.stopped:
        raise _not_stopped()
    return replace(standing, proposals={**standing.proposals, link: replace(opened, stopped=False)})


def _lift_key(standing: S, digest: bytes) -> S:
    """Both stops at once; a former key stays one."""
    if standing.stop_of(digest) is KeyState.ACTIVE:
        raise _not_stopped()
    return replace(standing, tainted=standing.tainted - {digest}, revoked=standing.revoked - {digest})


def _settle(standing: S, fork: tuple[bytes, bytes]) -> S:
    """What is there to settle stands in RECORDS: that it does is for whoever has that journal."""
    if fork in standing.settled:
        raise nothing_to_change("the fork is settled already")
    return replace(standing, settled=standing.settled | {fork})


def _check_stoppable(standing: Standing, digest: bytes, state: KeyState) -> None:
    if digest not in standing.keys:
        raise Refused("key-unknown", "a key must have been admitted or endorsed, this one was not", at="target")
    if standing.stop_of(digest) >= state:
        raise nothing_to_change("the key is stopped already")


def _not_stopped() -> Refused:
    return nothing_to_change("nothing of that name is stopped")
