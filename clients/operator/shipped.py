"""Texts that come with the product for operators to sign: vocabularies and a guide, as starting points.

Nothing here is in force by being here. A name without a path separator that is no file means one of these.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from clients.keyfiles import read_public
from gateway.core.errors import CallerError
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import MAX_TEXT_BYTES
from gateway.core.suite.octets import is_name

_VOCABULARIES = ("gateway.core.labels", "vocabularies")
_GUIDES = ("gateway.core.control", "guides")


def vocabulary_text(named: str) -> bytes:
    """The vocabulary in the file `named`, or the shipped one of that name; refuses `file-unknown`."""
    return _text(named, _VOCABULARIES)


def guide_text(named: str) -> bytes:
    """The guide in the file `named`, or the shipped one of that name; refuses `file-unknown`."""
    return _text(named, _GUIDES)


def shipped_vocabularies() -> dict[str, Vocabulary]:
    """Every shipped vocabulary, by name."""
    folder = resources.files(_VOCABULARIES[0]) / _VOCABULARIES[1]
    parsed = [Vocabulary.parse(file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".toml")]
    return {vocabulary.name: vocabulary for vocabulary in parsed}


def _text(named: str, place: tuple[str, str]) -> bytes:
    path = Path(named)
    if path.exists():
        return read_public(path, MAX_TEXT_BYTES)
    package, folder = place
    shipped = resources.files(package) / folder / f"{named}.toml"
    if is_name(named) and "/" not in named and shipped.is_file():
        return shipped.read_bytes()
    raise CallerError("file-unknown", "a text must be a file or come with the product, it is neither", at=named)
