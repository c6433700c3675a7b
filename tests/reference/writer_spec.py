"""Worked examples of SPEC.md: a fenced block that names a vector, one field a line, long fields as length and SHA-384.

```vector origin.batch_0
tag                     534c55494345312f626174636800
suite                   01
sig                     [4691 bytes, SHA-384 0f1e2d3c...]
```
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

BLOCK = re.compile(r"^```vector (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LONGEST = 96
_COLUMN = 22
_LINE = 48


def render(entry: dict[str, object]) -> str:
    """The lines of one vector's example."""
    octets = bytes.fromhex(str(entry["hex"]))
    layout = entry.get("layout", [["", len(octets)]])
    if not isinstance(layout, list):
        raise TypeError("a layout is a list of fields")
    lines, offset = [], 0
    for name, length in layout:
        lines += _field(name, octets[offset : offset + length])
        offset += length
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _field(name: str, octets: bytes) -> list[str]:
    if len(octets) > _LONGEST:
        return [f"{name:<{_COLUMN}}  [{len(octets)} bytes, SHA-384 {hashlib.sha384(octets).hexdigest()}]"]
    runs = [octets[start : start + _LINE].hex() for start in range(0, len(octets), _LINE)] or ["-"]
    return [f"{name if index == 0 else '':<{_COLUMN}}  {run}" for index, run in enumerate(runs)]


def rewrite(spec: Path, folder: Path) -> None:
    """Writes every example of `spec` again from the vectors in `folder`."""

    def _block(found: re.Match[str]) -> str:
        stem, _, short = found[1].partition(".")
        entry = json.loads((folder / f"{stem}.json").read_text())[short]
        return f"```vector {found[1]}\n{render(entry)}```"

    spec.write_text(BLOCK.sub(_block, spec.read_text()))
