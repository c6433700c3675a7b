"""Whatever comes in, a value or a refusal with a name comes out, nothing else.

Where a structure has one encoding that can be written back, the value encodes to the very bytes that came. Some inputs
for each parser here; `make fuzz INPUTS=1000000` is the same engine for an evening, RESULTS.md its last run. Beside that
law: a parser allocates in proportion to what it was given, and no parser is forgotten.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tracemalloc
from collections.abc import Callable, Iterator
from random import Random
from types import ModuleType

import pytest

import clients
import gateway.core
from tests.fuzz.engine import Subject, judged, run
from tests.fuzz.mutation import Octets, sites
from tests.fuzz.registry import REGISTRY, ROOMS

INPUTS = 120
HEAD_BYTES = 96
# A value takes more than its bytes, and a refusal has its sentence: a parser that believes a count takes gigabytes.
BYTES_PER_BYTE, BYTES_AT_ALL = 256, 4 << 20

# What reads bytes or text by its name and is in the registry under no name of its own, with the reason.
ELSEWHERE = {
    "gateway.core.suite.algorithms.Cipherstate.open": "opened by `frame`, `old`, `end`, `notice` and `parcel item`",
    "gateway.core.suite.keys.SigningKey.from_seeds": "seeds of vectors, never from outside",
    "gateway.core.suite.keys.KemKey.from_seeds": "seeds of vectors, never from outside",
    "gateway.core.records.seed.expand": "a seed of 32 bytes that a batch item has cut",
    "gateway.core.sealing.stream.open_stream": "the gateway's own end of a stream: it writes",
    "gateway.core.control.applying.open_proposal": "looks a digest up among what was applied",
    "gateway.core.control.trust.Trust.accept": "test_states: a state machine, its message is `directory message`",
    "gateway.core.ledger.reader.LedgerReader.accept": "takes what `tick message` and `leaves` have read",
    "gateway.core.kinds.columns.unpack": "a column whose length `telemetry portion` has checked",
    "clients.formats.sandbox.accept": "parses with `extract of a log`, and looks at bounds",
    "clients.formats.files.open_regular": "opens a file and reads nothing of it",
    "clients.formats.reading.read_log": "`dataflash log` and `MAVLink log` in a process of their own",
    "clients.keyfiles.read_private": "gives the bytes of a file as they are",
    "clients.keyfiles.read_public": "gives the bytes of a file as they are",
    "clients.keyfiles.read_as": "hands the bytes of a file to a parser that is registered",
    "clients.keyfiles.read_private_as": "hands the bytes of a key file to a parser that is registered",
    "clients.operator.home.Home.open": "opens a folder; its files are `genesis file` and the key files",
    "clients.profile.Profile.load": "reads a file for `profile`",
    "clients.partner.sections.Reader.read": "takes what `body` has read",
}
_READS = re.compile(r"(parse|read|decode|open|from|load|accept|expand|unpack)(_|\Z)")
_GIVEN = re.compile(r"bytes|\bstr\b|Reader|Path|object")


@pytest.fixture(scope="module", params=list(REGISTRY))
def parser(request: pytest.FixtureRequest) -> tuple[str, Subject]:
    """Each parser's name and subject."""
    return request.param, REGISTRY[request.param].build()


def test_the_inputs_it_starts_from_are_taken(parser: tuple[str, Subject]) -> None:
    """A fuzzer that starts from what is refused anyway tests nothing."""
    _, subject = parser

    assert [judged(subject, example) for example in subject.examples] == [""] * len(subject.examples)


@pytest.mark.must("1.2.1", "1.2.3", "1.2.4")
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_random_and_structured_inputs_are_refused_by_name_or_are_one_structure(
    parser: tuple[str, Subject], seed: int
) -> None:
    """No input makes anything but a refusal of the tree, and none is read in two ways."""
    name, subject = parser

    tally = run(name, subject, INPUTS, seed)

    assert tally.accepted + sum(tally.refused.values()) == tally.inputs >= INPUTS


@pytest.mark.must("1.2.2")
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_no_parser_allocates_what_a_stranger_says(parser: tuple[str, Subject], rng: Random) -> None:
    """A count of four billion in a message of ten bytes must cost ten bytes."""
    _, subject = parser
    heaviest = 0

    tracemalloc.start()
    try:
        for octets in _boasts(subject, rng):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            judged(subject, octets)
            taken = tracemalloc.get_traced_memory()[1] - before
            heaviest = max(heaviest, taken - BYTES_PER_BYTE * len(octets))
    finally:
        tracemalloc.stop()

    assert heaviest <= BYTES_AT_ALL


def _boasts(subject: Subject, rng: Random) -> Iterator[bytes]:
    """Each length and count at the head of a fixed layout, and some behind it, as large as they can be written.

    A text or a message has its lengths anywhere, so there it is some of what could be one.
    """
    for example in subject.examples[:2]:
        found = [site for site in sites(example) if site[1] > 1]
        head = [site for site in found if site[0] < HEAD_BYTES] if subject.grammar is Octets else []
        behind = [site for site in found if site not in head]
        for place, width, _ in head + rng.sample(behind, min(len(behind), 5)):
            yield example[:place] + b"\x3f" + b"\xff" * (width - 1) + example[place + width :]


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        # Commands take words of a person through click, and what they read they read with the parsers below them.
        if not found.name.startswith("clients.cli"):
            yield importlib.import_module(found.name)


def _functions(module: ModuleType) -> Iterator[Callable[..., object]]:
    for name, member in vars(module).items():
        if name.startswith("_") or getattr(member, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(member):
            yield member
        elif inspect.isclass(member):
            for inner, attribute in vars(member).items():
                if not inner.startswith("_") and isinstance(attribute, classmethod | staticmethod):
                    yield attribute.__func__
                elif not inner.startswith("_") and inspect.isfunction(attribute):
                    yield attribute


def _named(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _is_parser(function: Callable[..., object]) -> bool:
    given = " ".join(str(kind) for name, kind in inspect.get_annotations(function).items() if name != "return")
    return _READS.match(function.__name__) is not None and _GIVEN.search(given) is not None


def test_every_public_parser_is_in_the_registry() -> None:
    """A new one that is forgotten here would meet its first hostile input in the field."""
    public = {
        _named(function)
        for package in (gateway.core, clients)
        for module in _modules(package)
        for function in _functions(module)
        if _is_parser(function)
    }
    covered = {_named(function) for entry in REGISTRY.values() for function in entry.covers}

    assert public - covered - ELSEWHERE.keys() == set()
    assert ELSEWHERE.keys() - public == set(), "a reason for what is gone"
    assert len(public & covered) >= 60
    assert sum(map(len, ROOMS.values())) == len(REGISTRY), "one name for two parsers"
