"""How a profile is written down: strict TOML whose texts keep every byte and whose lines stay short.

Texts that operators signed stand in it as they are, because a digest or a signature is over those very bytes. Lines are
bounded because the time to read a dotted key of TOML grows with the square of its length.
"""

from __future__ import annotations

import base64
import binascii
import re
import tomllib
from collections.abc import Iterable
from pathlib import PurePosixPath

from clients.connection import MAX_ENDPOINT_BYTES, split_endpoint
from gateway.core.control.texts import Table
from gateway.core.errors import CallerError
from gateway.core.suite.numbers import HASH_BYTES

FORMAT = "SLUICE1/profile"
MAX_LINE_BYTES = 2048
_KEYS = frozenset(
    {
        "format",
        "role",
        "id",
        "keys",
        "endpoint",
        "server",
        "roots",
        "certificate",
        "admission",
        "agreements",
        "genesis_statement",
        "genesis_signatures",
        "roster_link",
        "roster_text",
        "guide",
        "vocabularies",
    }
)
_SPIFFE = re.compile(r"spiffe://[a-z0-9][a-z0-9._-]{0,127}(?:/[A-Za-z0-9._-]+)+")
_FOLDER = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_WIDTH = 76


class Page(Table):
    """The top table of a profile: texts of several lines and bytes in base64 beside what every text may hold."""

    __slots__ = ()

    def text(self, key: str) -> bytes:
        """Text of one or more lines, as UTF-8."""
        return self._bytes_of(key, self._value(key))

    def texts(self, key: str) -> tuple[bytes, ...]:
        """A list of such texts, none or more."""
        value = self._value(key)
        if not isinstance(value, list):
            raise self.wrong(key, "a list of texts")
        return tuple(self._bytes_of(key, one) for one in value)

    def base64(self, key: str) -> bytes:
        """Bytes in base64, broken into lines."""
        encoded = self.text(key).replace(b"\n", b"")
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise self.wrong(key, "base64") from error

    def digests(self, key: str) -> tuple[tuple[str, bytes], ...]:
        """A table of names and digests of 48 bytes, ascending by name."""
        names = sorted(self.raw(key))
        pins = self.table(key, frozenset(names))
        return tuple((name, pins.hex_bytes(name, HASH_BYTES)) for name in names)

    def endpoint(self, key: str) -> str:
        """Host and port of a gateway."""
        endpoint = self.string(key, MAX_ENDPOINT_BYTES)
        try:
            split_endpoint(endpoint)
        except CallerError as error:
            raise self.wrong(key, "`host:port`, an IPv6 host in brackets") from error
        return endpoint

    def spiffe(self, key: str) -> str:
        """A SPIFFE identity."""
        uri = self.string(key, 255)
        if _SPIFFE.fullmatch(uri) is None:
            raise self.wrong(key, "a URI like spiffe://sluice.example/gateway/demo")
        return uri

    def relative(self, key: str) -> str:
        """A folder below the file's own."""
        folder = self.string(key, 255)
        # A profile comes from outside: it must not choose any file of this machine as a key.
        if _FOLDER.fullmatch(folder) is None or {".", ".."} & set(PurePosixPath(folder).parts):
            raise self.wrong(key, "a folder below the profile's own")
        return folder

    def _bytes_of(self, key: str, value: object) -> bytes:
        if not isinstance(value, str) or not value or "\r" in value:
            raise self.wrong(key, "a text with LF line ends")
        return value.encode("utf-8")


def read_page(text: bytes) -> Page:
    """The top table of a profile's bytes; refuses `profile-malformed`, `text-unknown-key` and another format."""
    page = Page(_toml(text), "profile", "", _KEYS)
    page.choice("format", (FORMAT,))
    return page


def _toml(text: bytes) -> dict[str, object]:
    if max(map(len, text.split(b"\n"))) > MAX_LINE_BYTES:
        raise CallerError("profile-malformed", f"a profile has lines of at most {MAX_LINE_BYTES} bytes", at="profile")
    try:
        return tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CallerError(
            "profile-malformed", "a profile must be TOML in UTF-8, it does not parse", at="profile"
        ) from error


def literal(text: bytes) -> str:
    """`text` as a TOML value of several lines that reads as exactly these bytes."""
    readable = text.decode("utf-8")
    if "'''" not in readable and not readable.endswith("'"):
        return f"'''\n{readable}'''"
    escaped = readable.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""\n{escaped}"""'


def wrapped(encoded: bytes) -> str:
    """Bytes as a TOML value: base64 in lines of 76."""
    text = base64.b64encode(encoded).decode("ascii")
    return "'''\n" + "".join(f"{line}\n" for line in _lines(text)) + "'''"


def _lines(text: str) -> Iterable[str]:
    return (text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH))
