"""`sluice rotate`: a gateway's next keys, made beside the present ones while it runs.

The operators endorse the bundle, and from that directory on the gateway uses the new keys, without a restart. Stream
and ledger keys are destroyed once a directory has retired them, ingest keys 90 days later.
"""

from __future__ import annotations

from pathlib import Path

import click

from gateway.bootstrap import make_next_keys, take_next_certificate
from gateway.cli.main import print_result
from gateway.settings import read_settings


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Make nothing: use the next TLS key, with this certificate of it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def rotate(folder: Path, certificate: Path | None, as_json: bool) -> None:
    """Make the next stream, ledger, ingest and TLS keys of the gateway in FOLDER; as the gateway's own user."""
    settings = read_settings(folder)
    if certificate is not None:
        take_next_certificate(settings, certificate.read_bytes())
        print_result(
            as_json,
            {"certificate": str(settings.certificate)},
            [("taken", f"{settings.certificate} and its key; a gateway that runs shows it from the next handshake on")],
        )
        return
    bundle = make_next_keys(folder, settings)
    words, enrol = "-".join(bundle.words()), str(folder / "gateway.enrol")
    print_result(
        as_json,
        {"folder": str(folder), "enrol": enrol, "words": words},
        [
            ("made", f"{settings.keys}: the next keys beside the present ones (0600, stay here)"),
            ("send", f"{enrol} to the operators; confirm by voice: {words}"),
            ("then", "they sign `sluicectl directory issue --next`; the gateway uses the keys from then on"),
            ("tls", f"once its certificate is there: `sluice rotate {folder} --certificate FILE`"),
        ],
    )
