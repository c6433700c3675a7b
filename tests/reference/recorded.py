"""The vectors as the writer left them in `protos/vectors`, read by name: `octets("origin.batch_0")`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from gateway.core.suite.keys import KemKey, SigningKey, VerifyKey

FOLDER = Path(__file__).resolve().parents[2] / "protos" / "vectors"
P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


@cache
def _file(stem: str) -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = json.loads((FOLDER / f"{stem}.json").read_text())
    return read


def names() -> list[str]:
    """Every vector, as `file.name`."""
    return [f"{path.stem}.{name}" for path in sorted(FOLDER.glob("*.json")) for name in _file(path.stem)]


def entry(name: str) -> dict[str, Any]:
    """The whole JSON entry of a vector."""
    stem, _, short = name.partition(".")
    return _file(stem)[short]


def octets(name: str) -> bytes:
    """The bytes of a vector."""
    return bytes.fromhex(entry(name)["hex"])


def bytes_of(expression: Any) -> bytes:
    """The bytes of an expression of `scenarios.json`: a vector, hexadecimal, a list, or a change of another."""
    if isinstance(expression, list):
        return b"".join(map(bytes_of, expression))
    if isinstance(expression, dict):
        whole, at = bytes_of(expression["of"]), expression["at"]
        return whole[:at] + bytes.fromhex(expression["insert"]) + whole[at + expression["cut"] :]
    return octets(expression) if "." in expression else bytes.fromhex(expression)


def field(name: str, wanted: str) -> bytes:
    """One field of a structure, by its name in the layout."""
    offset = 0
    for label, length in entry(name)["layout"]:
        if label == wanted:
            return octets(name)[offset : offset + length]
        offset += length
    raise KeyError(f"`{name}` has no field `{wanted}`")


def fields(name: str) -> list[bytes]:
    """All fields of a structure, in order."""
    return [field(name, label) for label, _ in entry(name)["layout"]]


def value(name: str) -> Any:
    """An input that is not bytes."""
    return entry(name)["value"]


@cache
def signing_key(name: str) -> SigningKey:
    """The private signing key of a party of the vectors."""
    return SigningKey.from_seeds(*fields(f"keys.{name}_seeds"))


@cache
def verify_key(name: str) -> VerifyKey:
    """The public signing key of a party of the vectors."""
    return VerifyKey.parse(octets(f"keys.{name}"))


@cache
def kem_key(name: str) -> KemKey:
    """The private KEM key of a party of the vectors."""
    seed, scalar = fields(f"keys.{name}_seeds")
    return KemKey.from_seeds(seed, int.from_bytes(scalar, "big") % (P384_ORDER - 1) + 1)
