"""`sluicectl operator`: an operator's own keys, which gateway they are for, and who the operators are."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import click

from clients.certificates import der, leaf_of
from clients.cli.asking import ask_again_option, open_home
from clients.cli.boundary import Group, pending
from clients.cli.contexts import chosen_home
from clients.cli.output import result
from clients.keyfiles import read_public, write_public
from clients.operator.home import Home
from clients.times import now_ms, utc
from gateway.core.errors import CallerError
from gateway.core.parties.identity import Identity

_FILE = click.Path(path_type=Path, dir_okay=False)


# Verbs that speak to the gateway; to make a key is offline, and does not wait for what a connection needs.
_AT_THE_GATEWAY = {"list": "list_roster", "propose": "propose", "adopt": "adopt", "object": "object_to", "lift": "lift"}


class _Operator(Group):
    """Imports those verbs when one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All, those of the gateway last."""
        return [*super().list_commands(ctx), *_AT_THE_GATEWAY]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, imported now if it speaks to the gateway; None if there is none."""
        if cmd_name not in _AT_THE_GATEWAY:
            return super().get_command(ctx, cmd_name)
        verb = getattr(importlib.import_module("clients.cli.sluicectl_roster"), _AT_THE_GATEWAY[cmd_name])
        return verb if isinstance(verb, click.Command) else None


@click.group(cls=_Operator)
def operator() -> None:
    """Operators: init, connect, renew a home; list, propose, adopt, object, lift: who they are."""


@operator.command()
@click.argument("operator_id", metavar="ID")
@click.option("--recovery", is_flag=True, help="A recovery key that lies offline: no TLS key, never connected.")
@click.option("--out", type=_FILE, metavar="FILE", help="Where the public card goes; default ./<id>.operator.")
def init(operator_id: str, recovery: bool, out: Path | None) -> None:
    """Make this operator's keys in the home, and the public card that goes to the others."""
    home = Home.create(chosen_home(), operator_id, offline=recovery)
    card = home.card()
    path = out or Path(operator_id.replace("/", "-") + ".operator")
    write_public(path, card.encoded)
    words = card.words()
    result(
        {
            "id": operator_id,
            "home": str(home.path),
            "card": str(path),
            "words": words,
            "key": card.key_digest.hex(),
            "recovery": recovery,
        },
        [
            ("made", f"{home.path}/: {'recovery' if recovery else 'TLS and signing'} keys (0600, stay here)"),
            ("send", f"{path} (public) to the other operators; read out `{words}`"),
        ],
    )


@operator.command()
@click.option("--out", type=_FILE, required=True, metavar="FILE", help="Where the public card goes.")
def card(out: Path) -> None:
    """Make the public card of this operator once more: for a certificate of another authority.

    It is signed anew, so its words are others than those of the card before.
    """
    home = open_home()
    fresh = home.card()
    write_public(out, fresh.encoded)
    words = fresh.words()
    result(
        {"id": home.operator_id, "card": str(out), "words": words, "key": fresh.key_digest.hex()},
        [("send", f"{out} (public) to the operator who has the authority; read out `{words}`")],
    )


@operator.command()
@click.option("--gateway", metavar="HOST:PORT", help="Where the gateway listens.")
@click.option("--server", metavar="SPIFFE", help="The gateway's identity, like spiffe://sluice.example/gateway/demo.")
@click.option("--roots", type=_FILE, help="PEM of the roots the gateway accepts.")
@click.option("--certificate", type=_FILE, help="PEM of this operator's own certificate.")
@click.option("--genesis", type=_FILE, help="The genesis with every signature.")
def connect(
    gateway: str | None, server: str | None, roots: Path | None, certificate: Path | None, genesis: Path | None
) -> None:
    """Tell this home its gateway; an option left out stays as it was told before.

    The genesis is what every answer of the gateway is checked against. Run it again with a new --certificate.
    """
    home = open_home()
    if home.offline:
        raise CallerError("recovery-offline", "a recovery key stays offline, this home is one", at=str(home.path))
    home.connect(
        endpoint=gateway,
        server=server,
        roots_pem=read_public(roots) if roots else None,
        certificate_pem=read_public(certificate) if certificate else None,
        genesis=read_public(genesis) if genesis else None,
    )
    connection = home.connection()
    identity = Identity.from_certificate(der(leaf_of(connection.certificate_pem)))
    link = home.genesis().statement.link
    result(
        {
            "gateway": connection.endpoint,
            "server": connection.server,
            "identity": identity.uri,
            "certificate_until": utc(identity.not_after_ms),
            "genesis": link.hex(),
        },
        [
            ("gateway", f"{connection.endpoint}, {connection.server}"),
            ("identity", f"{identity.uri}, certificate until {utc(identity.not_after_ms)}"),
            ("genesis", link.hex()),
        ],
    )


@operator.command()
@ask_again_option
@click.option("--request", type=_FILE, metavar="FILE", help="Write the signed request here instead.")
def renew(wait: float, request: Path | None) -> None:
    """Renew this operator's certificate: by the authority in this home, else through the gateway.

    Every command that speaks to the gateway does so by itself when a third of the life is left. With an expired one the
    request goes as a file to the operator who has the authority: `ca renew --file`, then `operator connect
    --certificate`.
    """
    from clients.cli import renewing  # noqa: PLC0415 - the other commands need no network
    from clients.operator.renewing import own_identity  # noqa: PLC0415 - the same

    home = open_home()
    if request:
        renewal = home.renewal(now_ms())
        write_public(request, renewal.encoded)
        result(
            {"id": home.operator_id, "state": "written", "request": str(request)},
            [("written", f"{request} (public, signed); answer: `sluicectl ca renew --file`")],
        )
        return
    identity = asyncio.run(renewing.asked_for_own(home, wait))
    until = utc((identity or own_identity(home)).not_after_ms)
    state = "renewed" if identity else "asked"
    result(
        {"id": home.operator_id, "state": state, "certificate_until": until},
        [(state, f"certificate of {home.operator_id} until {until}")],
    )
    if identity is None:
        pending()
