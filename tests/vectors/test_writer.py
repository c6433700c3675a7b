"""The writer is a second hand: it imports nothing of the product, and what it makes is what is recorded."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.reference import writer
from tests.reference.recorded import FOLDER

WRITERS = sorted(Path(writer.__file__).parent.glob("writer*.py"))


@pytest.mark.parametrize("path", WRITERS, ids=lambda path: path.name)
def test_the_writer_imports_neither_gateway_nor_clients(path: Path) -> None:
    """Two readings of one text are worth something only if neither read the other."""
    imported = set()
    for found in ast.walk(ast.parse(path.read_text())):
        if isinstance(found, ast.ImportFrom):
            imported.add(found.module or "")
        elif isinstance(found, ast.Import):
            imported |= {alias.name for alias in found.names}

    strangers = {name for name in imported if name.split(".")[0] in {"gateway", "clients", "sluice"}}
    assert not strangers
    assert all(".writer" in name for name in imported if name.startswith("tests"))


def test_the_recorded_vectors_are_what_the_writer_makes(tmp_path: Path) -> None:
    """Signatures and seals are kept while they hold, everything else repeats byte for byte."""
    for path in FOLDER.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())

    written = writer.write_all(tmp_path)

    assert sorted(path.name for path in written) == sorted(path.name for path in FOLDER.glob("*.json"))
    for path in written:
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name


def test_a_recorded_signature_that_does_not_hold_is_made_anew(tmp_path: Path) -> None:
    """A flipped recorded signature is not kept, so a stale vector cannot stay."""
    recorded = (FOLDER / "origin.json").read_text()
    signature = recorded.split('"batch_0_signature": {"hex": "')[1][:9382]
    (tmp_path / "origin.json").write_text(recorded.replace(signature, "00" * 4691))

    writer.write_all(tmp_path)

    made = (tmp_path / "origin.json").read_text().split('"batch_0_signature": {"hex": "')[1][:9382]
    assert made not in {signature, "00" * 4691}
