"""`sluice words`: what is read out to an operator who is to certify this gateway, or to endorse its keys, once more."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.main import print_result
from gateway.core.control.enrolment import MAX_BUNDLE_BYTES, parse_bundle
from gateway.core.errors import Fault


@click.command(name="words")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def words_command(folder: Path, as_json: bool) -> None:
    """Say the four words of FOLDER/gateway.enrol."""
    path = folder / "gateway.enrol"
    try:
        with path.open("rb") as file:
            encoded = file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise Fault(
            "enrolment-missing", "a gateway's folder has its enrolment, this one has none", at=str(path)
        ) from error
    bundle = parse_bundle(encoded)
    words = "-".join(bundle.words())
    print_result(
        as_json,
        {"gateway": bundle.subject_id, "enrol": str(path), "words": words},
        [("gateway", bundle.subject_id), ("words", f"{words} (of {path})")],
    )
