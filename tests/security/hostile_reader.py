"""A child that reads many damaged logs one after another, each exactly as the product's own reading child does.

    python hostile_reader.py FORMAT MAX_ROWS FIRST FOLDER > outcomes

Starting an interpreter for each of a thousand logs would take minutes; the code that meets the bytes is the same. If a
log kills this process, the test sees which one it was and starts the next process behind it. An outcome is
`number u32 | refused u8 | length u32 | extract`.
"""

from __future__ import annotations

import gc
import os
import struct
import sys
from pathlib import Path

from clients.formats.extract import SourceFormat, encode_extract
from clients.formats.worker import read_open_log, take_limits


def main() -> None:
    """Reads every log of the folder from number FIRST on."""
    source_format, max_rows, first = SourceFormat(int(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    outcomes = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    import pymavlink.dialects.v20.all  # noqa: F401 - loaded before the limits, as in the product

    # What is loaded stays; collecting it after every log would cost more than reading.
    gc.freeze()
    take_limits(1 << 30, 120)
    for number in range(first, len(list(Path(sys.argv[4]).iterdir()))):
        log = os.open(Path(sys.argv[4]) / f"{number:04}", os.O_RDONLY)
        try:
            extract = b"".join(encode_extract(read_open_log(log, source_format, max_rows)))
        except Exception:
            # Whatever a reader raises ends the product's child with status 1.
            extract = b""
        os.close(log)
        outcomes.write(struct.pack(">IBI", number, not extract, len(extract)) + extract)
        outcomes.flush()


main()
