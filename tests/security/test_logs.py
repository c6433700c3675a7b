"""Threat: what must not leave does so through the log. A whole day, good and bad, and every line of it is searched."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from clients.testing.served import Served
from gateway.cli import serve as serving
from gateway.core.suite.numbers import StatementKind
from gateway.settings import FILE
from tests.loopback import SOURCE, Loopback
from tests.security.day import CANARY, a_whole_day
from tests.stand import agreement_text

WORDS = ["DSK", "REL", "T//", "Обхід", "Round", "NOFORN", "ТАЄМНО", "Шуліка", "47 омбр", "MoU", "annex", "canary"]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Loopback, str]]:
    """Standard output and error of `sluice serve` over a whole day."""
    root = tmp_path_factory.mktemp("logs")
    world = Loopback(root)
    world.start()
    world.stop()
    folder = world.stand.settings.store.parent
    (folder / FILE).write_text(world.stand.settings.to_toml())
    log = root / "gateway.log"
    served = Served(folder, log)
    served.start()
    world.stand.port = served.port
    world.run(world.stand.apply(StatementKind.AGREEMENT, agreement_text("usa/arl", id='"UA-US-canary-7"')))
    try:
        a_whole_day(world)
    finally:
        code = served.stop()
    assert code == 0
    yield world, log.read_text()
    world.close()


def events(text: str) -> list[dict[str, object]]:
    """The log lines."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_day_is_logged_in_events_with_names(logged: tuple[Loopback, str]) -> None:
    """One JSON object a line; what an operator of the machine needs, by stable names."""
    _, text = logged
    names = {str(event["event"]) for event in events(text)}

    # A handshake that failed is told by the TLS library alone, before anything of ours runs.
    other = {line.split()[3] for line in text.splitlines() if not line.startswith(("{", "listening "))}
    assert names >= {
        "gateway.listening",
        "change.applied",
        "stream.opened",
        "stream.ended",
        "batch.refused",
        "rpc.denied",
        "rpc.refused",
        "gateway.stopped",
    }
    assert all(place.startswith("ssl_transport_security") for place in other)
    assert all({"event", "level", "timestamp"} <= event.keys() for event in events(text))


def test_no_content_and_no_label_is_in_the_log(logged: tuple[Loopback, str]) -> None:
    """Canaries stood in titles, texts, callsigns, agreements, certificates and in bytes that were nonsense."""
    _, text = logged

    assert CANARY not in text
    assert CANARY.encode().hex() not in text
    assert {word for word in WORDS if word in text} == set()


def test_no_secret_is_in_the_log(logged: tuple[Loopback, str]) -> None:
    """Of the gateway or of anyone who spoke to it, in any of the forms it could take."""
    world, text = logged
    settings = world.stand.settings
    files = [*settings.keys.iterdir(), settings.kek, *world.root.glob("*/*.pem"), *world.root.glob("*/*.key")]
    assert len(files) > 10

    for path in files:
        content = path.read_bytes()
        lines = [line for line in content.splitlines() if len(line) > 20 and not line.startswith(b"-")]
        for secret in [content, *lines]:
            assert secret.hex() not in text
            assert secret.decode("latin-1") not in text
    assert SOURCE


def test_an_exception_is_logged_by_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    """Of ours, of a library, of a task nobody awaited, and the one that ends the process."""

    def fails() -> None:
        record = CANARY
        raise KeyError(record)

    async def forgotten() -> None:
        asyncio.get_running_loop().create_task(asyncio.to_thread(fails))
        await asyncio.sleep(0.05)

    kept = (logging.getLogger().handlers[:], serving.sys.excepthook)
    serving._configure_logs()
    try:
        try:
            fails()
        except KeyError as error:
            structlog.get_logger("t").error("ours", exc_info=error)
            logging.getLogger("grpc._cython.cygrpc").exception("Unexpected %s", CANARY)
            logging.getLogger("grpc").warning("said %s", CANARY)
            serving.sys.excepthook(type(error), error, error.__traceback__)
        asyncio.run(forgotten())
    finally:
        logging.getLogger().handlers[:], serving.sys.excepthook = kept
        structlog.reset_defaults()

    text = capsys.readouterr().err
    named = [str(event["event"]) for event in events(text)]
    assert CANARY not in text
    assert named[:4] == ["ours", "library.warned", "library.warned", "gateway.crashed"]
    assert Path(__file__).name in text


def test_the_log_says_no_more_than_its_level(capsys: pytest.CaptureFixture[str]) -> None:
    """What a library prints to help its makers is not for this log."""
    kept = (logging.getLogger().handlers[:], serving.sys.excepthook)
    serving._configure_logs()
    try:
        logging.getLogger("asyncio").debug(CANARY)
        structlog.get_logger("t").debug(CANARY)
    finally:
        logging.getLogger().handlers[:], serving.sys.excepthook = kept
        structlog.reset_defaults()

    assert capsys.readouterr().err == ""
