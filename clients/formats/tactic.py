"""A tactic written as TOML: strict, bounded, unknown keys refused by name.

The tables and keys are those of `gateway.core.kinds.tactic`, which also builds the contents; this room reads the file.
Refused beside what is wrong in the tables: tactic-not-found, tactic-not-a-file, tactic-too-large, tactic-unreadable.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from clients.formats.files import open_regular
from gateway.core.errors import CallerError
from gateway.core.kinds import tactic

MAX_TACTIC_BYTES = 256 * 1024


def read_tactic(path: Path) -> dict[int, bytes]:
    """The contents of the tactic at `path` by slot; `at` of an error names the key."""
    with os.fdopen(open_regular(path, "tactic", MAX_TACTIC_BYTES), "rb") as file:
        # One byte more than allowed: the file may have grown since its size was looked at.
        written = file.read(MAX_TACTIC_BYTES + 1)
    if len(written) > MAX_TACTIC_BYTES:
        raise CallerError("tactic-too-large", f"a tactic has at most {MAX_TACTIC_BYTES} bytes, more came", at=path.name)
    try:
        mapping = tomllib.loads(written.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CallerError(
            "tactic-unreadable", f"a tactic is UTF-8 text, byte {error.start} is not", at=path.name
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise CallerError("tactic-unreadable", f"a tactic is TOML: {_where(error)}", at=path.name) from error
    except (RecursionError, ValueError) as error:
        # Nested beyond the parser, or a number of thousands of digits.
        raise CallerError("tactic-unreadable", "a tactic is TOML within bounds, more came", at=path.name) from error
    return tactic.from_mapping(mapping)


def _where(error: tomllib.TOMLDecodeError) -> str:
    """The parser's complaint as one lower-case sentence; it names the place and quotes at most one character or key."""
    text = str(error).splitlines()[0]
    return text[:1].lower() + text[1:]
