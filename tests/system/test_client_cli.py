"""What a source and a partner type, and what they see: outputs, errors with their four facts, exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients.cli.exits import CONFLICT, DENIED, NOT_AUTHENTICATED, OK, USAGE
from clients.operator.ca import PartyKind
from clients.partner.recording import Heard, read_recording
from clients.simulator import write_flight
from clients.source.upload import Upload
from gateway.core.suite.numbers import RecordKind
from tests.loopback import SOURCE, Finished, Loopback, a_segment, a_tactic, client_command, quiet
from tests.system.papers import START_MS, TACTIC


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Two partners, one source, profiles written; one flight and one tactic as files."""
    world = Loopback(tmp_path_factory.mktemp("world"))
    try:
        world.start("usa/arl", "deu/wtd81")
        for party in (SOURCE, "usa/arl", "deu/wtd81"):
            world.stand.profile(party)
        write_flight(world.root / "flight.tlog", seed=7, start_ms=START_MS, length_m=5000)
        (world.root / "tactic.toml").write_text(TACTIC, "utf-8")
        yield world
    finally:
        world.close()


def publish(world: Loopback, file: str, *words: object, outbox: str = "outbox") -> Finished:
    """`sluice-client publish` of one of the files."""
    profile = ("--profile", world.root / f"{SOURCE}.profile", "--outbox", world.root / outbox)
    return world.cli("publish", world.root / file, *profile, "--mode", "SIMULATED", *words)


def follow(world: Loopback, state: Path, *words: object, partner: str = "usa-arl") -> Finished:
    """`sluice-client follow` of both kinds until caught up."""
    profile = ("--profile", world.root / f"{partner}.profile", "--state", state, "--until", "caught-up")
    return world.cli("follow", "telemetry", "tactic", *profile, *words)


def test_a_flight_is_published_and_followed(world: Loopback, tmp_path: Path) -> None:
    """The whole path by the commands alone; what the one counts, the other gets."""
    published = publish(world, "flight.tlog", "--json")
    facts = published.json()

    followed = follow(world, tmp_path / "state", "--to", f"ndjson:{tmp_path / 'lines'}", "--receipt", "--json")
    got = followed.json()
    lines = [json.loads(line) for line in (tmp_path / "lines").read_text("utf-8").splitlines()]

    assert (published.code, followed.code) == (OK, OK)
    assert facts["records"] == facts["outbox"]["records"]["acknowledged"] == got["records"] == got["verified"] > 0
    assert facts["samples"] > 1000
    assert facts["outbox"]["open"] == 0
    assert any("hardware identifiers" in dropped for dropped in facts["dropped"])
    assert got["portions"]["position"] == got["records"]
    assert isinstance(got["receipt_tick"], int)
    assert {line["verified"] for line in lines} == {"ORIGIN"}
    assert {line["agreement"] for line in lines} == {"UA-usa-arl-1"}
    assert set(lines[0]["new"]) == set(lines[0]["portions"])


def test_a_person_reads_what_a_script_reads(world: Loopback, tmp_path: Path) -> None:
    """The same facts as sentences: records on standard output, all else beside it."""
    published = publish(world, "tactic.toml")
    followed = follow(world, tmp_path / "state")

    assert published.code == OK
    assert "records   1, 0 samples\n" in published.out
    assert "acknowledged, 0 batches waiting" in published.out
    assert "labels    guide UAS-2026-2: about in 1" in published.err
    assert "unreadable here from now on" in published.err
    assert followed.code == OK
    assert all(json.loads(line)["verified"] == "ORIGIN" for line in followed.out.splitlines())
    assert followed.err.splitlines()[-1].startswith("received  ")
    assert followed.err.splitlines()[-1].endswith("verified, caught up")


def test_a_partner_is_no_source_and_a_source_no_partner(world: Loopback, tmp_path: Path) -> None:
    """The profile says which, before a key is read."""
    as_source = world.cli(
        *("publish", world.root / "tactic.toml", "--profile", world.root / "usa-arl.profile"),
        *("--mode", "SIMULATED", "--outbox", tmp_path / "outbox", "--json"),
    )
    as_partner = follow(world, tmp_path / "state", "--json", partner=SOURCE)

    assert [done.error()["code"] for done in (as_source, as_partner)] == ["profile-role", "profile-role"]
    assert {as_source.code, as_partner.code} == {USAGE}


@pytest.mark.parametrize(
    ("words", "code", "exits"),
    [
        (("--to", "tak://tak.lab.mil:8089"), "sink-unknown", USAGE),
        (("--agreement", "UA-none"), "agreement-unknown", USAGE),
        (("--subscription", "no good"), "subscription-name", USAGE),
        (("design",), "kind-not-agreed", USAGE),
        (("rumours",), "kind-unknown", USAGE),
    ],
)
def test_a_follower_that_asks_for_what_cannot_be_is_bad_input(
    world: Loopback, tmp_path: Path, words: tuple[str, ...], code: str, exits: int
) -> None:
    """Named before anything is opened or asked."""
    done = follow(world, tmp_path / "state", *words, "--json")

    assert (done.error()["code"], done.code) == (code, exits)


def test_of_several_agreements_one_is_named(world: Loopback, tmp_path: Path) -> None:
    """Each has an account and a cursor of its own, in a file of its own."""
    both = (*world.stand.profile("usa/arl").agreements, *world.agree("usa/arl", "UA/second").agreements)
    replace(world.stand.profile("usa/arl"), agreements=both).write(world.root / "both.profile")
    words = ("follow", "tactic", "--profile", world.root / "both.profile", "--until", "caught-up", "--json")

    unnamed = world.cli(*words)
    named = [world.cli(*words, "--agreement", agreement.id) for agreement in both]

    assert (unnamed.code, unnamed.error()["code"]) == (USAGE, "agreement-needed")
    assert [done.code for done in named] == [OK, OK]
    assert {path.name for path in world.root.glob("both.*.state")} == {
        "both.UA-usa-arl-1.default.state",
        "both.UA-second.default.state",
    }


def test_a_follower_goes_on_where_it_stood(world: Loopback, tmp_path: Path) -> None:
    """A second run hands up what is new and nothing else; other kinds under the same name are refused by name."""
    to = ("--to", f"ndjson:{tmp_path / 'lines'}", "--json")
    first = follow(world, tmp_path / "state", *to).json()
    world.publish(RecordKind.TACTIC, a_tactic())

    second = follow(world, tmp_path / "state", *to).json()
    again = follow(world, tmp_path / "state", "--from-start", *to).json()
    fewer = world.cli(
        *("follow", "tactic", "--profile", world.root / "usa-arl.profile", "--state", tmp_path / "state", "--json")
    )

    ids = [json.loads(line)["id"] for line in (tmp_path / "lines").read_text("utf-8").splitlines()]
    assert (second["records"], again["records"], again["repeated"]) == (1, 0, first["records"] + 1)
    assert len(ids) == len(set(ids)) == first["records"] + 1
    assert fewer.error()["code"] == "kinds-changed"


def test_a_reader_that_closes_the_pipe_ends_a_follower_quietly(world: Loopback, tmp_path: Path) -> None:
    """`| head -1` is how people look at things."""
    world.publish(RecordKind.TACTIC, a_tactic())
    command = [*client_command("follow", "telemetry", "tactic"), "--profile", str(world.root / "usa-arl.profile")]
    command += ["--state", str(tmp_path / "state")]

    async def piped() -> tuple[int, bytes, bytes]:
        read, write = os.pipe()
        process = await asyncio.create_subprocess_exec(*command, stdout=write, stderr=asyncio.subprocess.PIPE)
        os.close(write)
        first = await asyncio.to_thread(os.read, read, 1)
        os.close(read)
        await _publish_one_more(world)
        _, err = await process.communicate()
        return process.returncode or 0, first, err

    code, first, err = world.run(piped())

    assert (code, first) == (OK, b"{")
    assert b"Traceback" not in err
    assert b"error[" not in err


def test_what_went_into_a_pipe_comes_again(world: Loopback, tmp_path: Path) -> None:
    """One line of many was read: the next run gives all of them, also those of the run before that nobody looked at."""
    for _ in range(2):
        world.publish(RecordKind.TACTIC, a_tactic(), a_tactic())
    state, lines = tmp_path / "state", tmp_path / "lines"
    words = " ".join(client_command("follow", "telemetry", "tactic", "--until", "caught-up", "--state", state))
    words += f" --profile {world.root / 'usa-arl.profile'} --subscription piped"

    async def head() -> bytes:
        process = await asyncio.create_subprocess_shell(f"{words} | head -1", stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0]

    first = json.loads(world.run(head()))
    whole = follow(world, state, "--subscription", "piped")
    kept = follow(world, state, "--subscription", "piped", "--to", f"ndjson:{lines}", "--json")
    after = follow(world, state, "--subscription", "piped", "--json")

    ids = [json.loads(line)["id"] for line in lines.read_text("utf-8").splitlines()]
    assert [json.loads(line)["id"] for line in whole.out.splitlines()] == ids
    assert "no cursor moves" in whole.err
    assert first["id"] == ids[0]
    assert (len(ids), len(set(ids))) == (kept.json()["records"],) * 2
    assert len(ids) >= 4
    assert (after.code, after.out) == (OK, "")


def test_standard_output_that_is_a_file_keeps_the_cursor(world: Loopback, tmp_path: Path) -> None:
    """`> FILE` is on the disk before the cursor moves; nothing comes twice."""
    world.publish(RecordKind.TACTIC, a_tactic())
    command = [*client_command("follow", "telemetry", "tactic", "--until", "caught-up", "--state", tmp_path / "state")]
    command += ["--profile", str(world.root / "usa-arl.profile"), "--subscription", "redirected"]

    async def redirected() -> int:
        with (tmp_path / "lines").open("ab") as file:
            process = await asyncio.create_subprocess_exec(*command, stdout=file, stderr=asyncio.subprocess.DEVNULL)
            return await process.wait()

    codes = [world.run(redirected()) for _ in range(2)]

    ids = [json.loads(line)["id"] for line in (tmp_path / "lines").read_text("utf-8").splitlines()]
    assert codes == [OK, OK]
    assert len(ids) == len(set(ids)) > 0


def test_no_receipt_is_signed_for_what_went_into_a_pipe(world: Loopback, tmp_path: Path) -> None:
    """It would say that this partner holds what it has kept nothing of."""
    done = follow(world, tmp_path / "state", "--receipt", "--json")

    assert (done.code, done.error()["code"], done.out) == (USAGE, "receipt-needs-file", "")


async def _caught_up(command: list[str]) -> asyncio.subprocess.Process:
    """A follower that has caught up and goes on."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    while b"caught-up" not in (line := await process.stderr.readline()):
        assert line, "it ended before it was caught up"
    return process


async def _end_of(process: asyncio.subprocess.Process) -> Finished:
    """What it printed until it ended by itself."""
    out, err = await process.communicate()
    return Finished(process.returncode or 0, out.decode(), err.decode())


async def _publish_one_more(world: Loopback) -> None:
    """One more record, so that a follower writes again."""
    with world.outbox("one-more") as outbox:
        upload = Upload(world.stand.profile(SOURCE), outbox, quiet)
        if not upload.has_directory():
            await upload.fetch_directory()
        world.seal(upload, outbox, RecordKind.TACTIC, a_tactic())
        await upload.run()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_follower_in_order(world: Loopback, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C is how a run without an end ends: result printed, cursor saved, exit code 0."""
    command = [*client_command("follow", "telemetry", "tactic"), "--profile", str(world.root / "deu-wtd81.profile")]
    command += ["--state", str(tmp_path / "state"), "--to", f"ndjson:{tmp_path / 'lines'}", "--json", "--receipt"]
    command += ["--events", str(tmp_path / "events")]
    world.publish(RecordKind.TELEMETRY, a_segment())

    async def stopped() -> Finished:
        process = await _caught_up(command)
        process.send_signal(number)
        return await _end_of(process)

    done = world.run(stopped())
    lines = (tmp_path / "lines").read_text("utf-8").splitlines()
    events = [line.split(" ", 1)[1] for line in (tmp_path / "events").read_text("utf-8").splitlines()]

    assert done.code == OK, done.err
    assert done.json()["ended"] == "stopped"
    assert done.json()["records"] == len(lines) > 0
    assert isinstance(done.json()["receipt_tick"], int)
    assert (events[-2], events[-1]) == ("caught-up", "stopped")
    assert follow(world, tmp_path / "state", "--json", partner="deu-wtd81").out == ""


def test_a_suspended_partner_hears_it_and_ends_with_a_denial(world: Loopback, tmp_path: Path) -> None:
    """After the result: what was received is kept, and a script must not take it for success."""
    command = [*client_command("follow", "tactic"), "--profile", str(world.root / "deu-wtd81.profile"), "--json"]
    command += ["--state", str(tmp_path / "state"), "--to", f"ndjson:{tmp_path / 'lines'}"]

    async def suspended() -> Finished:
        process = await _caught_up(command)
        await world.stand.suspend(PartyKind.PARTNER, "deu/wtd81")
        return await _end_of(process)

    try:
        done = world.run(suspended())
        denied = follow(world, tmp_path / "other", "--json", partner="deu-wtd81")
    finally:
        world.run(world.stand.resume(PartyKind.PARTNER, "deu/wtd81"))

    assert done.code == DENIED
    assert done.json()["ended"] == "suspended"
    assert done.error()["code"] == "suspended"
    assert (denied.code, denied.error()["code"]) == (DENIED, "denied")


def test_a_fenced_follower_ends_with_a_conflict(world: Loopback, tmp_path: Path) -> None:
    """Two of one subscription: the newer one goes on, the older one says why it stopped."""
    command = [*client_command("follow", "telemetry", "tactic"), "--profile", str(world.root / "usa-arl.profile")]
    command += ["--state", str(tmp_path / "older"), "--to", f"ndjson:{tmp_path / 'lines'}", "--json"]

    async def fenced() -> Finished:
        process = await _caught_up(command)
        newer = await asyncio.create_subprocess_exec(
            *client_command("follow", "telemetry", "tactic", "--until", "caught-up"),
            *("--profile", str(world.root / "usa-arl.profile"), "--state", str(tmp_path / "newer")),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        ended = await _end_of(process)
        assert await newer.wait() == OK
        return ended

    done = world.run(fenced())

    assert (done.code, done.error()["code"], done.json()["ended"]) == (CONFLICT, "fenced", "fenced")


def test_an_expired_certificate_is_named_before_anything_is_sent(world: Loopback, tmp_path: Path) -> None:
    """The gateway's side of the handshake would only be cut; the person needs to know that it is the own paper."""
    profile = world.stand.profile("usa/arl")
    request = world.stand.bundles["usa/arl"].certificate_request
    then = datetime.now(UTC) - timedelta(days=2)
    chain = world.stand.authority.issue(request, PartyKind.PARTNER, "usa/arl", now=then, hours=1)
    replace(profile, certificate_pem=chain).write(world.root / "late.profile")

    done = follow(world, tmp_path / "state", "--json", partner="late")

    assert (done.code, done.error()["code"]) == (NOT_AUTHENTICATED, "certificate-expired")
    assert done.error()["do"] == "`sluice-client renew --request FILE` for the operator, or ask for the profile again"


def test_a_recording_is_replayed_and_a_changed_one_refused(world: Loopback, tmp_path: Path) -> None:
    """`follow --record` keeps evidence; `replay` says in one line whether it still is."""
    world.publish(RecordKind.TELEMETRY, a_segment())
    follow(world, tmp_path / "state", "--record", tmp_path / "recording", "--to", f"ndjson:{tmp_path / 'lines'}")
    words = ("replay", "--profile", world.root / "usa-arl.profile", "--json")

    clean = world.cli(*words, tmp_path / "recording")
    changed = bytearray((tmp_path / "recording").read_bytes())
    frame = [one for one in read_recording(tmp_path / "recording") if isinstance(one, Heard) and one.is_frame][-1]
    changed[frame.offset + len(frame.message) // 2] ^= 1
    shutil.copy(tmp_path / "recording", tmp_path / "changed")
    (tmp_path / "changed").write_bytes(changed)
    refused = world.cli(*words, tmp_path / "changed")

    assert clean.json()["ok"] is True
    assert clean.json()["records"] > 0
    assert (clean.json()["streams"], clean.json()["quarantined"]) == (1, 0)
    assert (refused.code, refused.error()["code"]) == (DENIED, "frame-not-authentic")


def test_help_names_every_command(world: Loopback) -> None:
    """What there is, in one screen."""
    out = world.cli("--help").out

    assert all(f"  {name} " in out for name in ("enrol", "doctor", "publish", "outbox", "follow", "replay"))
