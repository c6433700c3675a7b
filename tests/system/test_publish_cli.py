"""What a source types, and what it sees: outputs, errors with their four facts, exit codes."""

from __future__ import annotations

import asyncio
import signal
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.cli.exits import DENIED, INTERRUPTED, OK, PENDING, UNREACHABLE, USAGE
from clients.simulator import write_flight
from clients.source.outbox import Outbox
from clients.testing import Sluice, Source
from clients.testing.processes import WAIT_SECONDS
from tests.loopback import Finished, client_command, interruptible
from tests.system.office import typed
from tests.system.papers import START_MS, TACTIC
from tests.unit.formats.logs import Tlog


@dataclass(frozen=True)
class World:
    """A gateway, a source of this file's own, and where its files and outboxes lie."""

    sluice: Sluice
    source: Source
    root: Path

    def words(self, verb: str, outbox: str) -> list[object]:
        """A verb of `sluice-client` with profile and outbox."""
        return [verb, "--profile", self.source.path, "--outbox", self.root / outbox]


@pytest.fixture(scope="module")
def world(sluice: Sluice, tmp_path_factory: pytest.TempPathFactory) -> World:
    """One source, its profile written; two flights and one tactic as files."""
    world = World(sluice, sluice.source("src-publishes"), tmp_path_factory.mktemp("world"))
    write_flight(world.root / "flight.tlog", seed=7, start_ms=START_MS, length_m=5000)
    write_flight(world.root / "short.tlog", seed=7, start_ms=START_MS, length_m=300)
    (world.root / "tactic.toml").write_text(TACTIC, "utf-8")
    return world


def publish(world: World, file: str, *words: object, outbox: str = "outbox") -> Finished:
    """`sluice-client publish` of one of the files."""
    return typed(*world.words("publish", outbox), world.root / file, "--mode", "SIMULATED", *words)


def outbox_of(world: World, *words: object, outbox: str = "outbox") -> Finished:
    """`sluice-client outbox`."""
    return typed(*world.words("outbox", outbox), *words)


def test_a_dry_run_says_everything_and_signs_nothing(world: World) -> None:
    """What would be dropped and how it would be labelled, before anything leaves the machine."""
    done = publish(world, "flight.tlog", "--dry-run", "--json", outbox="dry")

    assert done.code == OK
    assert done.json()["sent"] is False
    assert done.json()["outbox"] == {"batches": {}, "records": {}, "open": 0}
    assert "dropped   redaction field version 1" in done.err


def test_a_dry_run_needs_the_gateway_for_a_directory_only(world: World) -> None:
    """Once it has one, it works in a field; the help says which of the two it is."""
    publish(world, "tactic.toml", "--dry-run", outbox="met")
    world.sluice.stop()
    try:
        met = publish(world, "tactic.toml", "--dry-run", outbox="met")
        unmet = publish(world, "tactic.toml", "--dry-run", "--json", outbox="unmet")
    finally:
        world.sluice.start()

    assert (met.code, unmet.code) == (OK, UNREACHABLE)
    assert "connects to fetch it" in " ".join(typed("publish", "--help").out.split())


def test_a_flight_near_its_take_off_publishes_nothing(world: World) -> None:
    """Nobody's position is worth the record: exit 0, and the reason in words."""
    done = publish(world, "short.tlog")

    assert (done.code, done.out) == (OK, "0 records: whole flight lies within 2,000 m of take-off\n")


def test_a_source_says_what_no_log_says(world: World) -> None:
    """The unit speaks of itself only if a person types it; its portion is signed and taken like any other."""
    words = ("--unit-name", "414 окремий полк", "--callsign", "Марлін", "--mission-ref", "M-7")
    silent = publish(world, "flight.tlog", "--dry-run", outbox="silent")
    told = publish(world, "flight.tlog", *words, "--json", outbox="told")
    of_a_tactic = publish(world, "tactic.toml", "--callsign", "Марлін", "--json", outbox="told")

    assert "unit in" not in silent.err
    assert f"unit in {told.json()['records']}" in told.err
    assert told.json()["outbox"]["records"] == {"acknowledged": told.json()["records"]}
    assert (of_a_tactic.code, of_a_tactic.error()["code"]) == (USAGE, "options-of-a-log")


def test_what_an_error_says_to_do_about_a_platform_can_be_typed(world: World) -> None:
    """The remedy is an option, with the classes as the error lists them."""
    (world.root / "unknown.tlog").write_bytes(Tlog().heartbeat(vehicle_type=4).position(5).log)
    words = ("unknown.tlog", "--redaction", "range", "--dry-run", "--json")

    refused = publish(world, *words, outbox="unknown").error()
    option, _, classes = refused["do"].removeprefix("add `").partition(" CLASS`: ")
    told = [publish(world, *words, option, name, outbox="unknown").code for name in classes.split(", ")[-2:]]

    assert (refused["code"], option) == ("platform-unknown", "--platform")
    assert told == [OK, OK]


def test_what_waits_is_sent_by_the_next_run(world: World) -> None:
    """`--no-wait` closes the lid; the next publication takes everything along."""
    first = publish(world, "tactic.toml", "--no-wait", "--json", outbox="later")
    waiting = outbox_of(world, outbox="later")
    second = publish(world, "tactic.toml", "--json", outbox="later")

    assert first.json()["outbox"]["batches"] == {"waiting": 1}
    assert waiting.out == "outbox    1 waiting\n"
    assert second.json()["outbox"]["batches"] == {"acknowledged": 2}


def test_the_outbox_sends_what_waits(world: World) -> None:
    """The same bytes, by hand."""
    publish(world, "tactic.toml", "--no-wait", outbox="by-hand")

    sent = outbox_of(world, "--send", "--json", outbox="by-hand")
    after = outbox_of(world, outbox="by-hand")

    assert (sent.code, sent.json()["open"]) == (OK, 0)
    assert after.out == "outbox    1 acknowledged\n"


def test_an_empty_outbox_says_so(world: World) -> None:
    """And does not talk to anybody."""
    assert outbox_of(world, "--send", outbox="empty").out == "outbox    empty\n"


def test_a_label_below_the_guide_is_refused_before_anything_is_signed(world: World) -> None:
    """With the record, the slot, and what to do."""
    done = publish(world, "flight.tlog", "--label", "position=DSK//REL DEU,GBR,USA", "--json", outbox="careless")

    assert done.code == USAGE
    assert done.error() == {
        "code": "label-below-guide",
        "message": "`position` is labelled `DSK//REL DEU,GBR,USA`, "
        "guide UAS-2026-2 requires at least `DSK//REL GBR,USA`",
        "at": "record 0, slot 1",
        "do": "drop --label, or ask for a guide change",
    }
    assert outbox_of(world, outbox="careless").out == "outbox    empty\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--label", "position"), "usage"),
        (("--label", "position=X//REL USA"), "label"),
        (("--label", "altitude=T//REL USA"), "portion-unknown"),
        (("--label", "position=T//REL GBR,USA"), "label-below-guide"),
    ],
)
def test_a_label_that_cannot_be_is_bad_input(world: World, words: tuple[str, ...], code: str) -> None:
    """The last one: `kinematics` would tell what a raised `position` hides."""
    done = publish(world, "flight.tlog", *words, "--json", outbox="careless")

    assert (done.code, done.error()["code"]) == (USAGE, code)


def test_a_batch_that_the_gateway_refuses_is_an_error_after_the_result(world: World) -> None:
    """Marking words in a text are found by the gateway's guard; the number is consumed, the batch moved aside."""
    (world.root / "marked.toml").write_text(TACTIC.replace("Climb before", "TOP SECRET: climb before"), "utf-8")

    done = publish(world, "marked.toml", "--json", outbox="marked")
    listed = outbox_of(world, outbox="marked")

    assert done.code == DENIED
    assert done.json()["refused"][0]["code"] == done.error()["code"] == "marking-in-text"
    assert done.error()["at"].startswith("record 0, slot 5")
    assert listed.code == OK
    assert listed.out.startswith("outbox    1 refused\nrefused   batch ")


def test_a_suspended_source_keeps_its_records(world: World) -> None:
    """Denied, with a reference for the operator, and what not to do."""
    world.sluice.suspend(world.source)
    try:
        done = publish(world, "tactic.toml", "--json", outbox="suspended")
        waiting = outbox_of(world, "--json", outbox="suspended")
    finally:
        world.sluice.resume(world.source)
    sent = outbox_of(world, "--send", "--json", outbox="suspended")

    # Without the directory it cannot even seal.
    assert (done.code, done.error()["code"]) == (DENIED, "denied")
    assert waiting.json()["open"] == 0
    assert sent.code == OK


def test_a_source_suspended_in_between_keeps_its_records(world: World) -> None:
    """What is sealed stays sealed, here, until an operator takes the source up again."""
    publish(world, "tactic.toml", "--no-wait", outbox="held")
    world.sluice.suspend(world.source)
    try:
        done = outbox_of(world, "--send", "--json", outbox="held")
    finally:
        world.sluice.resume(world.source)

    assert done.code == DENIED
    assert "1 records are kept in the outbox" in done.error()["message"]
    assert "do not delete the outbox" in done.error()["do"]
    assert outbox_of(world, "--send", "--json", outbox="held").json()["batches"] == {"acknowledged": 1}


def test_what_still_waits_at_the_end_is_exit_code_seven(world: World) -> None:
    """A gateway that is away is no failure of the file; the outbox keeps it."""
    publish(world, "tactic.toml", "--no-wait", outbox="away")
    world.sluice.stop()
    try:
        done = outbox_of(world, "--send", "--give-up-after", "0.3", "--json", outbox="away")
        fresh = publish(world, "tactic.toml", "--json", outbox="never-met")
    finally:
        world.sluice.start()

    assert (done.code, done.json()["open"]) == (PENDING, 1)
    assert "down (gateway-unreachable)" in done.err
    assert (fresh.code, fresh.error()["code"]) == (UNREACHABLE, "gateway-unreachable")
    assert outbox_of(world, "--send", "--json", outbox="away").code == OK


def test_one_process_has_an_outbox_at_a_time(world: World) -> None:
    """Two would sign two batches with one number."""
    genesis = world.source.profile().genesis_link
    with closing(Outbox(world.root / "taken", genesis, world.source.id)):
        done = publish(world, "tactic.toml", "--json", outbox="taken")

    assert done.error()["code"] == "outbox-in-use"


def test_ctrl_c_leaves_everything_in_the_outbox(world: World) -> None:
    """Closing the lid in the middle is safe: exit code 130, nothing lost, nothing said twice."""
    publish(world, "tactic.toml", "--no-wait", outbox="interrupted")
    world.sluice.stop()
    command = interruptible(client_command(*world.words("outbox", "interrupted"), "--send"))

    async def interrupted() -> tuple[int | None, bytes]:
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        assert process.stderr is not None
        said = await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = await process.communicate()
        return process.returncode, said + rest

    try:
        code, said = asyncio.run(asyncio.wait_for(interrupted(), WAIT_SECONDS))
    finally:
        world.sluice.start()

    assert code == INTERRUPTED
    assert said.startswith(b"link      down (gateway-unreachable)")
    assert b"Traceback" not in said
    assert outbox_of(world, "--send", "--json", outbox="interrupted").json()["batches"] == {"acknowledged": 1}
