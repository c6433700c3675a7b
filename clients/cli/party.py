"""What `sluicectl partner` and `sluicectl source` have in common: suspend, resume, and the profile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from clients.certificates import load_certificates
from clients.cli.asking import check_words
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result
from clients.enrolment import PartyRole
from clients.keyfiles import read_as, read_public
from clients.operator.answer import profile_for
from clients.operator.ca import PartyKind, root_digest, trust_domain_of
from clients.operator.drafts import lift_text, suspension_text
from clients.times import utc
from gateway.core.control.enrolment import MAX_BUNDLE_BYTES, Bundle, parse_bundle
from gateway.core.errors import CallerError
from gateway.core.suite.numbers import StatementKind


def heard_bundle(path: Path, party_id: str, words: str) -> Bundle:
    """The bundle in `path` if it is this party's and its words are those that were heard."""
    bundle = read_as(path, parse_bundle, MAX_BUNDLE_BYTES)
    if bundle.subject_id != party_id:
        raise CallerError(
            "party-id", f"the bundle must be of the id given, it is of `{bundle.subject_id}`", at=str(path)
        )
    check_words(words, "-".join(bundle.words()))
    return bundle


def binding_of(desk: Desk, root_file: Path | None) -> tuple[str, str]:
    """Trust domain and digest of the root a party is bound to: of `root_file`, or the gateway's only one."""
    roots = load_certificates(read_public(root_file) if root_file else desk.home.roots_pem(), "roots")
    if len(roots) != 1:
        raise CallerError("root-needed", "a party is bound to one root, the gateway has several", do="--root FILE")
    return trust_domain_of(roots[0]), root_digest(roots[0])


keys_option = click.option(
    "--keys", default="", metavar="DIR", help="The folder of the party's keys, if it is not named after its id."
)


def suspend_party(kind: PartyKind, party_id: str, reason: str) -> Decided:
    """One person stops a party, now."""

    async def action(desk: Desk) -> Decided:
        body = suspension_text(kind, party_id, reason)
        return await desk.propose(StatementKind.SUSPEND, body, (), reason=reason, yes=True)

    return at_desk(action)


def resume_party(kind: PartyKind, party_id: str, reason: str, yes: bool) -> Decided:
    """Proposes to take a party up again."""

    async def action(desk: Desk) -> Decided:
        body = lift_text(kind, party_id, reason)
        return await desk.propose(StatementKind.LIFT, body, (), reason=reason, yes=yes)

    return at_desk(action)


def write_profile(
    role: PartyRole, party_id: str, out: Path, *, hours: int, endpoint: str, certificate: Path | None, keys: str
) -> None:
    """Writes the party's profile and prints its words."""

    async def action(desk: Desk) -> None:
        profile = profile_for(
            desk.chain,
            desk.home,
            role,
            party_id,
            now=datetime.now(UTC),
            hours=hours,
            endpoint=endpoint,
            keys=keys,
            certificate_pem=read_public(certificate) if certificate else b"",
        )
        profile.write(out)
        words = profile.words()
        until = utc(profile.identity().not_after_ms)
        suspended = desk.chain.control.is_suspended(f"{role.value}/{party_id}")
        result(
            {
                "id": party_id,
                "profile": str(out),
                "words": words,
                "certificate_until": until,
                "agreements": [agreement.id for agreement in profile.agreements],
                "suspended": suspended,
            },
            [
                ("made", f"{out}: certificate until {until}" + ("; the party is SUSPENDED" if suspended else "")),
                ("send", f"{out} (public) to {party_id}; read out its words `{words}`"),
            ],
        )

    at_desk(action)
