"""`sluice init`: the store, the gateway's own keys, its settings and its enrolment; no operator key, no authority."""

from __future__ import annotations

import os
from pathlib import Path

import click
from cryptography import x509

from gateway.bootstrap import make_gateway
from gateway.cli.main import print_result
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import CallerError
from gateway.core.suite.octets import Reader, is_name
from gateway.settings import FILE, Settings, check_listen


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--genesis", required=True, type=click.Path(path_type=Path), help="The founding statement, signed by all."
)
@click.option("--roots", required=True, type=click.Path(path_type=Path), help="PEM of the accepted certificate roots.")
@click.option("--name", "gateway_id", required=True, help="The gateway's name in the directory.")
@click.option("--listen", default="127.0.0.1:8443", show_default=True, help="host:port; port 0 takes a free one.")
@click.option("--kek", type=click.Path(path_type=Path), help="Key-encryption key file. [default: FOLDER.kek]")
@click.option("--floor", type=click.Path(path_type=Path), help="The floor's file. [default: FOLDER.floor]")
@click.option("--unsafe-kek-beside-store", is_flag=True, help="Accept that a thief of the disk has store and key.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def init(
    folder: Path,
    genesis: Path,
    roots: Path,
    gateway_id: str,
    listen: str,
    kek: Path | None,
    floor: Path | None,
    unsafe_kek_beside_store: bool,
    as_json: bool,
) -> None:
    """Make FOLDER: store, keys, settings and `gateway.enrol` for the operators to endorse."""
    if not is_name(gateway_id):
        raise CallerError("gateway-id", "a name is letters, digits and `._/-`", at="--name")
    check_listen(listen, "--listen")
    reader = Reader(genesis.read_bytes(), "genesis")
    signed = SignedStatement.read(reader)
    reader.done()
    roots_pem = roots.read_bytes()
    try:
        x509.load_pem_x509_certificates(roots_pem)
    except ValueError as error:
        raise CallerError("roots-malformed", "roots are PEM certificates", at=str(roots)) from error
    if (folder / FILE).exists():
        raise CallerError("gateway-exists", "a new folder was expected, this one is a gateway's", at=str(folder))
    settings = Settings(
        gateway_id=gateway_id,
        listen=listen,
        store=Path("store"),
        keys=Path("keys"),
        kek=Path(os.path.relpath(kek or folder.with_name(folder.name + ".kek"), folder)),
        floor=Path(os.path.relpath(floor or folder.with_name(folder.name + ".floor"), folder)),
        roots=Path("roots.pem"),
        certificate=Path("certificate.pem"),
        tls_key=Path("keys/tls.key"),
        unsafe_kek_beside_store=unsafe_kek_beside_store,
    )
    settings.under(folder).check()
    bundle = make_gateway(folder, settings, signed, roots_pem)
    words = "-".join(bundle.words())
    print_result(
        as_json,
        {
            "folder": str(folder),
            "genesis": signed.statement.link.hex(),
            "enrol": str(folder / "gateway.enrol"),
            "words": words,
        },
        [
            ("made", f"{folder}: store, keys and settings; genesis {signed.statement.link.hex()[:8]}"),
            ("send", f"{folder / 'gateway.enrol'} to the operators; confirm by voice: {words}"),
            ("then", f"put the certificate they issue at {folder / 'certificate.pem'} and `sluice serve {folder}`"),
        ],
    )
