"""Runs `sluice` in this process and writes down every file that it opens: `python -m tests.security.traced LOG WORD…`.

A hook of the interpreter, installed before anything of the gateway is imported; it cannot be taken out again. What
native libraries open is not seen here and is looked at from outside, in /proc.
"""

from __future__ import annotations

import os
import sys

_LOG = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"open", "os.listdir", "os.scandir"} and isinstance(arguments[0], str | bytes):
        os.write(_LOG, os.fsencode(os.path.abspath(arguments[0])) + b"\n")


if __name__ == "__main__":
    sys.addaudithook(_note)
    from gateway.cli.main import main

    main(sys.argv[2:])
