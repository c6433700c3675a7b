"""`sluice serve`: one gateway in the foreground, JSON logs on stderr, one line on stdout once it listens."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import click
import structlog
from structlog.typing import EventDict, WrappedLogger

from gateway.bootstrap import Gateway, load
from gateway.settings import check_listen, read_settings

_log = structlog.get_logger("sluice.gateway")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--listen", help="host:port instead of the settings' one; port 0 takes a free port.")
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as one JSON object.")
def serve(folder: Path, listen: str | None, as_json: bool) -> None:
    """Run the gateway in FOLDER until SIGTERM or SIGINT."""
    _configure_logs()
    # What is in memory is plaintext and keys; it must not be left in a file when the process dies.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    settings = read_settings(folder)
    if listen:
        settings = replace(settings, listen=check_listen(listen, "--listen"))
    loaded = load(settings, every_signature=False)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

        def listening(port: int) -> None:
            host = settings.listen.rpartition(":")[0]
            facts = {"listening": f"{host}:{port}", "pid": os.getpid(), "genesis": loaded.control.genesis.hex()}
            (folder / "running.json").write_text(json.dumps(facts), "utf-8")
            _log.info("gateway.listening", listening=facts["listening"], statements=loaded.control.position)
            click.echo(
                json.dumps(facts) if as_json else f"listening {host}:{port}  genesis {loaded.control.genesis.hex()[:8]}"
            )

        try:
            await Gateway(settings, loaded).serve(stop, listening)
        finally:
            (folder / "running.json").unlink(missing_ok=True)

    asyncio.run(run())


def _configure_logs() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            _stack_only,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_OfLibraries()], level=logging.WARNING, force=True)
    sys.excepthook = _log_crash


class _OfLibraries(logging.Handler):
    """What asyncio and grpc log: by whom and where. Their texts quote objects and errors, so they stay out."""

    def emit(self, record: logging.LogRecord) -> None:
        """One event."""
        error = record.exc_info[1] if record.exc_info else None
        _log.warning("library.warned", logger=record.name, error=type(error).__name__, exc_info=error)


def _log_crash(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """A bug that ends the process: by type and place."""
    _log.critical("gateway.crashed", error=type(error).__name__, exc_info=error)


def _stack_only(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """An exception is logged by where it was raised; its text and its locals may hold content and stay out."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        event["stack"] = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return event
