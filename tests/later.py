"""An installed command as it would run so many seconds later: `python tests/later.py SECONDS sluicectl status`.

Waiting times of hours are a part of what operators do. This process reads a wall clock that is ahead; nothing of the
product knows of it. TLS goes by the real clock, so whoever uses this stays within the life of certificates. At SIGUSR1
its wall clock jumps ten minutes ahead, and no other clock does.
"""

from __future__ import annotations

import importlib
import signal
import sys
import time
from pathlib import Path

JUMP_SECONDS = 600
ROOT = Path(__file__).resolve().parents[1]
_MAINS = {
    "sluice": ("gateway.cli.main", "main"),
    "sluicectl": ("clients.cli.sluicectl", "main"),
    "sluice-client": ("clients.cli.sluice_client", "main"),
}


def later(seconds: int, name: str) -> list[str]:
    """The words that start this process for a command."""
    return [sys.executable, str(Path(__file__).resolve()), str(seconds), name]


def main() -> None:
    """Moves the clock, then becomes the command."""
    seconds, name, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    ahead, real_ns = [seconds], time.time_ns
    # Before anything is imported that takes the function for its own.
    time.time_ns = lambda: real_ns() + sum(ahead) * 1_000_000_000
    time.time = lambda: time.time_ns() / 1e9
    signal.signal(signal.SIGUSR1, lambda *_: ahead.append(JUMP_SECONDS))
    sys.argv, sys.path[0] = [name, *words], str(ROOT)
    module, attribute = _MAINS[name]
    getattr(importlib.import_module(module), attribute)()


if __name__ == "__main__":
    main()
