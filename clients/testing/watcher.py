"""Ends a process when whoever started it is gone, however it went: `python watcher.py PID`, standard input a pipe.

The starter holds the other end of the pipe. It closes when the starter ends, also by kill -9, and then the process is
asked to stop and, a minute later, made to. The process is held by a descriptor, so that another one that is given
the same number is never hit. Standard library only: it starts in a few milliseconds and imports nothing of ours.
"""

import os
import select
import signal
import sys

_GRACE_MS = 60_000


def watch(pid: int) -> None:
    """Returns once the process has ended, by itself or because standard input closed."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
    if any(ready == process for ready, _ in poll.poll()):
        return
    poll.unregister(sys.stdin.fileno())
    for number, grace_ms in ((signal.SIGTERM, _GRACE_MS), (signal.SIGKILL, None)):
        try:
            signal.pidfd_send_signal(process, number)
        except ProcessLookupError:
            return
        if poll.poll(grace_ms):
            return


if __name__ == "__main__":
    watch(int(sys.argv[1]))
