"""`sluicectl ca`: the built-in certificate authority, in this home.

A first certificate is issued offline, for the key in a bundle or card whose words were read out. What it says is
decided here; nothing of what the request asks for is copied. The next ones are issued for who asks through the gateway
and is what CONTROL says, and say the same again. `ca renew --watch` does that for as long as it runs. A certificate of
whatever authority is taken back in CONTROL.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from clients.certificates import der, leaf_of
from clients.cli.asking import check_words, open_home, reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.exits import exit_code
from clients.cli.output import result
from clients.keyfiles import read_as, write_public
from clients.operator.authorities import replace_authority
from clients.operator.ca import LEAF_HOURS, Authority, PartyKind, root_digest
from clients.operator.card import is_card, parse_card
from clients.times import utc
from gateway.core.control.directory import GATEWAY_ROLES
from gateway.core.control.enrolment import SOURCE_ROLES, parse_bundle
from gateway.core.errors import CallerError
from gateway.core.parties.identity import Identity

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group)
def ca() -> None:
    """The built-in certificate authority: init, issue, renew, rebind, list, revoke, revoked."""


@ca.command()
@click.option("--trust-domain", required=True, help="Like sluice.example: the host part of every identity.")
@click.option(
    "--out", type=_FILE, default=Path("roots.pem"), show_default=True, metavar="FILE", help="The public root."
)
@click.option("--replace", is_flag=True, help="Take the place of this home's authority, which goes on beside it.")
def init(trust_domain: str, out: Path, replace: bool) -> None:
    """Make the root of this home; its public half goes to the gateway and into every profile."""
    home = open_home()
    if replace and home.authority().trust_domain != trust_domain:
        raise CallerError("trust-domain", "a root must be of the trust domain of the one it replaces", at=trust_domain)
    authority = Authority.create(trust_domain, datetime.now(UTC))
    if replace:
        replace_authority(home, authority)
    else:
        home.keep_authority(authority)
    write_public(out, authority.root_pem())
    digest = root_digest(authority.root)
    result(
        {"trust_domain": trust_domain, "root": digest, "roots": str(out)},
        [
            ("made", f"the root of {trust_domain} in {home.path}/ca (0600, stays here)"),
            ("send", f"{out} (public)  {digest}"),
        ],
    )


@ca.command()
@click.argument("bundle", type=_FILE)
@click.option("--words", required=True, help="The words its sender read out.")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="For a gateway: its DNS names and addresses.")
@click.option("--hours", type=int, default=LEAF_HOURS, show_default=True, help="Life of the certificate.")
@click.option("--out", type=_FILE, metavar="FILE", help="Where it goes; default BUNDLE with .pem.")
def issue(bundle: Path, words: str, hosts: tuple[str, ...], hours: int, out: Path | None) -> None:
    """Issue a certificate for the key in BUNDLE: a party's or gateway's .enrol, or an operator's .operator card."""
    authority = open_home().authority()
    kind, party_id, request, right = read_as(bundle, _requested)
    check_words(words, right)
    pem = authority.issue(request, kind, party_id, now=datetime.now(UTC), hosts=hosts, hours=hours)
    path = out or bundle.with_suffix(".pem")
    write_public(path, pem)
    identity = Identity.from_certificate(der(leaf_of(pem)))
    result(
        {"identity": identity.uri, "certificate": str(path), "until": utc(identity.not_after_ms), "hosts": list(hosts)},
        [("issued", f"{identity.uri} until {utc(identity.not_after_ms)}"), ("send", f"{path} (public)")],
    )


@ca.command()
@click.option("--watch", is_flag=True, help="Go on for ever.")
@click.option("--every", type=click.FloatRange(1, 3600), default=60, show_default=True, help="Seconds between looks.")
@click.option("--hours", type=int, default=LEAF_HOURS, show_default=True, help="Life of the certificates.")
@click.option("--file", type=_FILE, metavar="FILE", help="Answer this signed request instead of those at the gateway.")
@click.option("--out", type=_FILE, metavar="FILE", help="Where the certificate of --file goes; default FILE with .pem.")
def renew(watch: bool, every: float, hours: int, file: Path | None, out: Path | None) -> None:
    """Answer those who ask for their next certificate: each as CONTROL has it, and with what it had before."""
    from clients.cli import renewing  # noqa: PLC0415 - the other commands need no network

    home = open_home()
    home.authority()
    if file:
        answer = renewing.answer_file(home, file, out or file.with_suffix(".pem"), hours)
        result(answer.facts() | {"certificate": str(out or file.with_suffix(".pem"))}, [answer.line()])
        return

    def report(answers: list[renewing.Answer]) -> None:
        if answers or not watch:
            lines = [answer.line() for answer in answers] or [("nothing", "nobody waits for a certificate")]
            result({"renewals": [answer.facts() for answer in answers]}, lines)

    async def work() -> list[renewing.Answer]:
        renewing.renew_if_due(home)
        return await renewing.answer_all(home, hours)

    if watch:
        renewing.for_ever(work, report, every)
    answers = asyncio.run(work())
    report(answers)
    for answer in answers:
        if answer.error is not None and not answer.is_elsewhere:
            raise click.exceptions.Exit(exit_code(answer.error))


@ca.command()
@click.argument("party_ids", nargs=-1, metavar="ID...")
@reason_option
@yes_option
@wait_option
def rebind(party_ids: tuple[str, ...], reason: str, yes: bool) -> None:
    """Propose to bind parties to this home's authority: those named, else all of an authority it took the place of."""
    from clients.cli import rebinding  # noqa: PLC0415 - the other commands need no network

    rebinding.rebind(party_ids, reason, yes)


@ca.command()
@click.option("--certificate", type=_FILE, metavar="FILE", help="The certificate, in PEM.")
@click.option("--fingerprint", metavar="HEX", help="The SHA-256 of the certificate's DER.")
@click.option(
    "--serial", "serials", multiple=True, metavar="HEX", help="A serial number under --root; may be repeated."
)
@click.option("--crl", type=_FILE, metavar="FILE", help="A list that an authority published, DER or PEM.")
@click.option("--root", type=_FILE, metavar="FILE", help="Whose serial numbers; default this home's authority.")
@reason_option
def revoke(
    certificate: Path | None,
    fingerprint: str | None,
    serials: tuple[str, ...],
    crl: Path | None,
    root: Path | None,
    reason: str,
) -> None:
    """Take certificates back now and for ever: one person may, and what was opened with them ends."""
    from clients.cli import revoking  # noqa: PLC0415 - the other commands need no network

    if sum(map(bool, (certificate, fingerprint, serials, crl))) != 1 or (root and not serials):
        raise click.UsageError("One of --certificate, --fingerprint, --serial or --crl; --root goes with --serial.")
    if certificate:
        wanted = revoking.by_certificate(certificate)
    elif fingerprint:
        wanted = revoking.by_fingerprint(fingerprint)
    elif crl:
        wanted = revoking.by_list(crl)
    else:
        wanted = revoking.by_serials(serials, root)
    revoking.revoke(wanted, reason)


@ca.command(name="list")
def list_() -> None:
    """List the certificates that the gateway met since it started: whose, until when, of which root, revoked or not."""
    from clients.cli import listing  # noqa: PLC0415 - the other commands need no network

    listing.show_certificates()


@ca.command()
def revoked() -> None:
    """List the certificates that were taken back: by fingerprint, or by root and serial number."""
    from clients.cli import revoking  # noqa: PLC0415 - the other commands need no network

    revoking.show_revoked()


def _requested(encoded: bytes) -> tuple[PartyKind, str, bytes, str]:
    if is_card(encoded):
        card = parse_card(encoded)
        if not card.certificate_request:
            raise CallerError(
                "recovery-offline", "a recovery key has no certificate, its card came", at=card.operator_id
            )
        return PartyKind.OPERATOR, card.operator_id, card.certificate_request, card.words()
    bundle = parse_bundle(encoded)
    if bundle.keys.keys() == GATEWAY_ROLES:
        kind = PartyKind.GATEWAY
    else:
        kind = PartyKind.SOURCE if bundle.keys.keys() == SOURCE_ROLES else PartyKind.PARTNER
    return kind, bundle.subject_id, bundle.certificate_request, "-".join(bundle.words())
