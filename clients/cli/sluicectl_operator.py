"""`sluicectl operator`: an operator's own keys, and which gateway they are for."""

from __future__ import annotations

from pathlib import Path

import click

from clients.certificates import der, leaf_of
from clients.cli.asking import open_home
from clients.cli.boundary import Group
from clients.cli.contexts import chosen_home
from clients.cli.output import result
from clients.keyfiles import read_public, write_public
from clients.operator.home import Home
from clients.times import utc
from gateway.core.errors import CallerError
from gateway.core.parties.identity import Identity

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group)
def operator() -> None:
    """Make an operator's keys, connect a home to its gateway."""


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
