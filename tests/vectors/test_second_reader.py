"""The second reader against all vectors and the recorded day.

It was made from SPEC.md alone: where it does not agree, one of the two readers or the text is wrong.
"""

from __future__ import annotations

import ast
import functools
import json
import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.__main__ import main, session_for
from tests.reference.conformance import Outcome, Vectors
from tests.reference.reader import (
    ControlReader,
    Memory,
    ParcelReader,
    Profile,
    Refusal,
    Session,
    StreamReader,
    Trust,
    items,
)
from tests.reference.reader.octets import Cut, lp32
from tests.reference.reader.receipt import parse_receipt
from tests.reference.reader.statements import ROLE_PARTNER_SIGN
from tests.reference.reader.suite import KemKey

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "protos" / "vectors"
DAY = VECTORS / "day"
READER = ROOT / "tests" / "reference"
STORY = json.loads((DAY / "day.json").read_text("utf-8"))
WORKING = ["reader", "conformance.py", "scenes.py", "__main__.py"]


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """What the reader says of every vector."""
    return list(Vectors(VECTORS).run())


def test_the_second_reader_accepts_every_right_vector(outcomes: list[Outcome]) -> None:
    """A reader that refuses everything would be safe and of no use."""
    right = [one for one in outcomes if one.expected is None]

    assert [one for one in right if not one.agrees] == []
    assert len(right) > 100


def test_the_second_reader_refuses_every_wrong_vector_with_the_code_expected(outcomes: list[Outcome]) -> None:
    """Two who read one text have to name the same check, or the text has two meanings."""
    wrong = [one for one in outcomes if one.expected is not None]

    assert [one for one in wrong if not one.agrees] == []
    assert len(wrong) > 500


def test_only_a_gateways_own_judgements_are_left_out() -> None:
    """What is left out is said, and is nothing that a reader may look at."""
    vectors = Vectors(VECTORS)
    list(vectors.run())

    families = {name.split(":")[0] for name in vectors.left_out}

    assert families == {"hello", "batch"}
    assert [name for name in vectors.left_out if name.startswith("batch")] == ["batch: with a marking above its label"]


def of_the_day(name: str) -> Session:
    """A session with the keys that a file of the day needs; parcels are read behind CONTROL."""
    told = STORY["files"][name]
    ingest = DAY / STORY["gateway"]["keys"] / "ingest.pem"
    if told["holds"] == "parcels":
        session = session_for(None, None, ingest)
        for kind, item in items((DAY / "control.sluice").read_bytes()):
            session.take(kind, item)
        return session
    party = STORY["parties"].get(told.get("party"))
    if party is None:
        return session_for(None, None, None)
    kem = DAY / party["keys"] / "kem.pem" if party["role"] == "partner" else None
    return session_for(DAY / party["profile"], kem, None)


def told_of(name: str) -> list[tuple[int, bytes]]:
    """The items of a file of the day."""
    return list(items((DAY / name).read_bytes()))


def print_of(name: bytes, idx: int) -> str:
    """How a record is named in print."""
    return f"{name.hex()[:8]}.{idx}"


@pytest.mark.parametrize("name", sorted(STORY["files"]))
def test_the_second_reader_accepts_the_recorded_day_whole(name: str) -> None:
    """A day that one reader lived through is the same day to another, count by count."""
    told, session = STORY["files"][name], of_the_day(name)

    for kind, item in told_of(name):
        session.take(kind, item)

    counts = session.totals()
    if told["holds"] == "streams":
        reader = session.reader
        assert isinstance(reader, StreamReader)
        named = {"DIRECTORY": "directories", "OPEN": "opens", "TICK": "ticks", "OLD": "olds", "FRAME": "frames"}
        named |= {"NOTICE": "notices", "END": "ends"}
        expected = {named[kind]: count for kind, count in told["messages"].items() if kind in named}
        assert {kind: counts.get(kind, 0) for kind in expected} == expected
        assert {print_of(*one): mask for one, mask in reader.masks.items()} == {
            one["id"]: one["mask"] for one in told["records"]
        }
        assert counts.get("repeated", 0) == told["repeated"]
    elif told["holds"] == "connections":
        assert counts["connections"] == told["connections"]
        assert counts["ticks"] == told["messages"]["TICK"]
        assert counts["admitted"] == len(told["acknowledged"])
        assert counts.get("refused", 0) == len(told["refused"])
    elif told["holds"] == "parcels":
        assert counts["batches"] == len(told["batches"])
        assert counts["records"] == sum(one["records"] for one in told["batches"])
    else:
        assert session.control.position == len(told["statements"])
        assert session.control.head.hex() == told["head"]
        assert session.control.roster_link.hex() == told["roster"]
    if session.reader:
        account = told["accounts"][-1]
        ledger = session.reader.ledger
        assert (ledger.held.size, ledger.held.root().hex()) == (account["size"], account["root"])
        assert (ledger.place, ledger.incarnation.hex()) == (account["place"], account["incarnation"])


def streams_of(name: str) -> list[list[bytes]]:
    """Hello, key and ledger state of each STREAM of a file."""
    read = []
    for kind, item in told_of(name):
        if kind == 1:
            cut = Cut(item, "stream item")
            read.append([cut.prefixed(4, field, len(item)) for field in ("hello", "ephemeral", "ledger state")])
    return read


@pytest.mark.must("13.1")
def test_a_ledger_state_that_the_hello_does_not_ask_from_is_refused() -> None:
    """Otherwise a file could begin from an account that its reader never had."""
    name = "usa-arl.UA-US-2026-014.sluice"
    session, (first, second) = of_the_day(name), streams_of(name)[:2]

    with pytest.raises(Refusal) as refused:
        session.take(1, b"".join(lp32(one) for one in (*first[:2], second[2])))

    assert (refused.value.code, session.reader) == ("recording-contradicts", None)


@pytest.mark.must("13.2")
def test_a_hello_from_a_directory_that_the_file_did_not_lead_to_is_refused() -> None:
    """What trust rests on lies in the profile and in the items before, and nowhere else."""
    name = "usa-arl.UA-US-2026-014.sluice"
    session, later = of_the_day(name), streams_of(name)[1]

    with pytest.raises(Refusal) as refused:
        session.take(1, b"".join(map(lp32, later)))

    assert (refused.value.code, refused.value.at) == ("recording-contradicts", "item.dir_no")


@pytest.mark.must("13.2")
def test_a_begin_is_from_no_directory_or_from_the_one_that_the_file_led_to() -> None:
    """What a source remembered of its directory is harmless, and what it could not have is not."""
    told = told_of("src-3f07.sluice")
    place = [number for number, (kind, _) in enumerate(told) if kind == 3][1]
    session, (kind, item) = of_the_day("src-3f07.sluice"), told[place]
    for one in told[:place]:
        session.take(*one)
    reached = session.reader.trust.dir_no if session.reader else 0
    # source_id behind its length, then `begin` behind its own, which ends with dir_no.
    end = 1 + item[0] + 4 + 41

    for dir_no in (0, reached):
        session.copy().take(kind, item[: end - 8] + dir_no.to_bytes(8, "big") + item[end:])
    with pytest.raises(Refusal) as refused:
        session.copy().take(kind, item[: end - 8] + (reached + 1).to_bytes(8, "big") + item[end:])

    assert reached > 0
    assert (refused.value.code, refused.value.at) == ("recording-contradicts", "item.dir_no")


@pytest.mark.must("13.3")
def test_what_is_no_item_where_it_stands_is_an_error_of_the_file() -> None:
    """A file that was put together wrongly has to say so, and not to be read in part."""
    name = "usa-arl.UA-US-2026-014.sluice"
    whole, (first, message) = (DAY / name).read_bytes(), told_of(name)[:2]

    with pytest.raises(Refusal, match="stream-order"):
        of_the_day(name).take(*message)
    with pytest.raises(Refusal, match="malformed"):
        of_the_day(name).take(11, message[1])
    with pytest.raises(Refusal, match="malformed"):
        list(items(whole[:23] + whole[24:]))
    assert list(items(whole[:-1])) == told_of(name)[:-1]
    assert first[0] == 1


@pytest.mark.parametrize("name", sorted(STORY["receipts"]))
def test_the_receipts_of_the_day_say_what_the_partner_held(name: str) -> None:
    """A receipt is a partner's word, so it has to be about the account that its file leads to."""
    told = STORY["receipts"][name]
    control = ControlReader(Memory())
    for _, item in told_of("control.sluice"):
        control.take(item)

    receipt = parse_receipt((DAY / name).read_bytes())

    key = control.trust().find(ROLE_PARTNER_SIGN, receipt.key_id, receipt.partner_id)[1]
    receipt.check(key, Memory())
    assert (receipt.partner_id, receipt.tick, receipt.account_size) == (told["party"], told["tick"], told["size"])


def spoilt(rng: random.Random, item: bytes, kind: int) -> Iterator[bytes]:
    """The item with one bit flipped behind its time, and the item cut short."""
    start = 8 if kind == 2 else 0
    place = rng.randrange(start, len(item))
    yield item[:place] + bytes([item[place] ^ 1 << rng.randrange(8)]) + item[place + 1 :]
    yield item[: rng.randrange(start, len(item))]


@pytest.mark.parametrize("name", sorted(STORY["files"]))
def test_what_is_refused_leaves_the_state_as_it_was(name: str, rng: random.Random) -> None:
    """A reader that keeps half of a wrong message has been moved by it."""
    session, refused = of_the_day(name), 0

    for kind, item in told_of(name):
        for wrong in spoilt(rng, item, kind):
            twin = session.copy()
            before = (dict(vars(twin)), dict(vars(twin.reader)) if twin.reader else {}, dict(vars(twin.control)))
            try:
                twin.take(kind, wrong)
            except Refusal:
                refused += 1
                assert (
                    dict(vars(twin)),
                    dict(vars(twin.reader)) if twin.reader else {},
                    dict(vars(twin.control)),
                ) == before
        session.take(kind, item)

    assert refused > len(told_of(name)) // 2


@settings(max_examples=60)
@given(raw=st.binary(max_size=600), kind=st.integers(0, 7))
def test_nothing_but_a_refusal_ever_comes_out(raw: bytes, kind: int) -> None:
    """Whoever feeds a reader may not choose how it ends."""
    genesis, memory = bytes.fromhex(STORY["genesis"]), Memory()
    readers: list[Callable[[], object]] = [
        lambda: Trust(genesis, memory).take(raw, 0),
        lambda: ControlReader(memory).take(raw),
        lambda: Profile.parse(raw, memory),
        lambda: [Session().take(number, item) for number, item in items(b"SLUICE1/recording\0" + raw)],
        lambda: ParcelReader(_any_kem(), genesis).read(raw),
        lambda: parse_receipt(raw),
    ]

    ended = [_said(read) for read in readers]

    assert all(code is None or code.islower() for code in ended)


def _said(read: Callable[[], object]) -> str | None:
    try:
        read()
    except Refusal as refusal:
        return refusal.code
    return None


@functools.cache
def _any_kem() -> KemKey:
    return Vectors(VECTORS).kem("gateway-ingest")


def working_files() -> list[Path]:
    """The modules of the second reader and of what runs it."""
    paths = [READER / one for one in WORKING]
    return sorted(one for path in paths for one in (path.glob("*.py") if path.is_dir() else [path]))


def test_the_second_reader_imports_nothing_of_the_product() -> None:
    """What shares code shares its mistakes."""
    foreign = []
    for path in working_files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = ["tests.reference." + (node.module or "") if node.level else node.module or ""]
            foreign += [(path.name, name) for name in names if not _is_free(name)]

    assert foreign == []


def _is_free(name: str) -> bool:
    if name.startswith("tests.reference"):
        return not name.startswith(
            tuple(f"tests.reference.{one}" for one in ("writer", "making", "recorded", "decider"))
        )
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top == "cryptography"


def lines_of(paths: list[Path]) -> Counter[str]:
    """Lines of code of 40 characters or more, without imports, which a library dictates."""
    stripped = (line.strip() for path in paths for line in path.read_text("utf-8").splitlines())
    return Counter(
        line for line in stripped if len(line) >= 40 and not line.startswith(("#", "import ", "from ", "except "))
    )


def test_the_second_reader_shares_no_line_with_the_product() -> None:
    """It was written from the text of the format, not from the code that it is to check."""
    product = [*(ROOT / "gateway").rglob("*.py"), *(ROOT / "clients").rglob("*.py")]

    shared = set(lines_of(working_files())) & set(lines_of(product))

    assert shared == set()


@pytest.mark.parametrize(("kept", "code"), [(5_000, 1), (100_000, 0)])
def test_the_verifier_says_what_of_a_file_was_cut_off(
    kept: int, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file with nothing whole in it is not one that verified."""
    cut = tmp_path / "cut.sluice"
    cut.write_bytes((DAY / "control.sluice").read_bytes()[:kept])

    ended = main([str(cut), "--json"])

    said = json.loads(capsys.readouterr().out)
    assert ended == code
    assert "cut off" in said["passed over"]
    assert ("nothing" in said, "verified" in said) == (code == 1, code == 0)


def test_the_verifier_says_what_holds_and_where_it_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An auditor's script goes by the exit code, and a person by the item's number."""
    whole = tmp_path / "control.sluice"
    shutil.copy(DAY / "control.sluice", whole)
    octets = bytearray(whole.read_bytes())
    octets[len(octets) // 2] ^= 1
    spoiled = tmp_path / "spoiled.sluice"
    spoiled.write_bytes(octets)

    right = main([str(whole), "--json"])
    said = json.loads(capsys.readouterr().out)
    wrong = main([str(spoiled), "--json"])
    refused = json.loads(capsys.readouterr().out)
    absent = main([str(tmp_path / "absent")])

    assert (right, wrong, absent) == (0, 1, 2)
    assert said["head"] == STORY["files"]["control.sluice"]["head"]
    assert refused["refused"]
    assert 0 <= refused["item"] < said["statements"]
