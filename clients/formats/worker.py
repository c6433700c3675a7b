"""The reading child: one log on descriptor 0, one extract on descriptor 1, nothing else.

    python -I -B -m clients.formats.worker FORMAT MAX_ROWS MEMORY_BYTES CPU_SECONDS < log > extract

It takes its limits before the first byte of the log is looked at: address space, processor time, no file may grow, a
few descriptors, no core dump that would keep a flight on disk. What a library prints goes nowhere: it quotes the log.
Whatever goes wrong ends this process and not the client; the parent names it by the way it ended.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys

from clients.formats.dataflash import DataflashReader
from clients.formats.extract import Extract, SourceFormat, encode_extract
from clients.formats.mavlink import TlogReader

EXIT_MEMORY = 3
MAX_DESCRIPTORS = 32


def take_limits(memory_bytes: int, cpu_seconds: int) -> None:
    """Binds this process for the rest of its life; raises if the system has no such limits."""
    import resource  # noqa: PLC0415 - absent where the system has no limits; the parent has refused by then

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_DESCRIPTORS, MAX_DESCRIPTORS))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def read_open_log(log: int, source_format: SourceFormat, max_rows: int) -> Extract:
    """The extract of the open regular file `log`; raises whatever its reader raises at damaged bytes."""
    with mmap.mmap(log, 0, access=mmap.ACCESS_READ) as mapped:
        dataflash = source_format is SourceFormat.DATAFLASH_BIN
        reader = DataflashReader(mapped, max_rows) if dataflash else TlogReader(mapped, max_rows)
        reader.read()
        return reader.extract()


def main(arguments: list[str]) -> None:
    """Reads descriptor 0 as the four numbers say and writes the extract to descriptor 1."""
    number, max_rows, memory_bytes, cpu_seconds = map(int, arguments)
    source_format = SourceFormat(number)
    if source_format is SourceFormat.MAVLINK_TLOG:
        # Loading the library is not reading the log: afterwards a failed allocation can only be the log's fault.
        import pymavlink.dialects.v20.all  # noqa: F401, PLC0415

    result = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    take_limits(memory_bytes, cpu_seconds)
    try:
        extract = read_open_log(0, source_format, max_rows)
        with open(result, "wb") as pipe:
            for part in encode_extract(extract):
                pipe.write(part)
    except MemoryError:
        os._exit(EXIT_MEMORY)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            os._exit(EXIT_MEMORY)
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
