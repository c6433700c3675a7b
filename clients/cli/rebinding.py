"""`sluicectl ca rebind`: the admissions of parties once more, bound to the root of the authority that is here now.

Nothing of an admission changes but its `root`: id, identity, keys and what it may have are those that operators signed,
and the bundle beside it is the one in CONTROL. So nobody has to enrol again because an authority was replaced.
"""

from __future__ import annotations

import re

from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.report import report
from clients.enrolment import PartyRole
from clients.operator.answer import admission_of
from clients.operator.authorities import authorities_of
from clients.operator.ca import root_digest
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.source import SourceAdmission
from gateway.core.errors import CallerError
from gateway.core.suite.numbers import StatementKind

_ROOT = re.compile(rb'^(root[ \t]*=[ \t]*)"[0-9a-f]{64}"', re.MULTILINE)
_KINDS = {PartyRole.SOURCE: StatementKind.SOURCE, PartyRole.PARTNER: StatementKind.PARTNER}


def rebind(party_ids: tuple[str, ...], reason: str, yes: bool) -> None:
    """Proposes it for each, and reports; refuses `nothing-to-change` where nobody is bound to a root of before."""

    async def action(desk: Desk) -> list[Decided]:
        current, *former = [root_digest(authority.root) for authority in authorities_of(desk.home)]
        decided = []
        for role, party_id in _bound(desk, set(former), party_ids):
            entry = admission_of(desk.chain, role, party_id)
            body = rebound(role, entry.body, current)
            decided.append(await desk.propose(_KINDS[role], body, entry.attachments, reason=reason, yes=yes))
        return decided

    report(at_desk(action), as_list=True)


def rebound(role: PartyRole, admission: bytes, root: str) -> bytes:
    """The text of an admission with another `root`, hex SHA-256; refuses `root-unreplaced` if that is not all of it."""
    parse = SourceAdmission.parse if role is PartyRole.SOURCE else PartnerAdmission.parse
    body = _ROOT.sub(rb'\1"' + root.encode("ascii") + b'"', admission, count=1)
    if parse(body).binding.root != root:
        raise CallerError("root-unreplaced", "an admission must name its root on a line of its own", at=role.value)
    return body


def _bound(desk: Desk, former: set[str], party_ids: tuple[str, ...]) -> list[tuple[PartyRole, str]]:
    control = desk.chain.control
    parties = [(PartyRole.SOURCE, one.admission) for _, one in sorted(control.sources.items())]
    found = [
        *((role, str(admission.id)) for role, admission in parties if admission.binding.root in former),
        *(
            (PartyRole.PARTNER, str(one.admission.id))
            for _, one in sorted(control.partners.items())
            if one.admission.binding.root in former
        ),
    ]
    chosen = [(role, party_id) for role, party_id in found if not party_ids or party_id in party_ids]
    missing = set(party_ids) - {party_id for _, party_id in chosen}
    if missing or not chosen:
        raise CallerError(
            "nothing-to-change",
            "a party must be bound to an authority that this home's took the place of, it is not",
            at=", ".join(sorted(missing)) or "ca",
        )
    return chosen
