"""Scenarios of what a reader reads by: vocabularies that its profile pins, keys and files beside endorsements.

Beside them what a whole frame says of itself: a batch of another genesis, and a count that is not that of its views.
"""

from __future__ import annotations

from dataclasses import replace

from tests.reference.writer_control import DIRECTORY
from tests.reference.writer_house import BOTH, House
from tests.reference.writer_octets import SUITE, fixed, h, leaf, lp8, tag, u8, u16, u32, u64
from tests.reference.writer_origin import MadeBatch
from tests.reference.writer_scene import GENESIS, THEN, Endorsed, Octets, Scene, message, step
from tests.reference.writer_scene_ledger import Ledger
from tests.reference.writer_scene_stream import FRAME, OLD, OPEN, Stream, padded_body


def write_file_scenes(scene: Scene, house: House, batches: list[MadeBatch]) -> None:
    """Files and keys first, then frames."""
    stream = Stream(scene, house)
    _pinned(stream, batches)
    _beside(stream)
    _frames(stream, batches)


def _file(stream: Stream, name: str, text: bytes) -> Endorsed:
    """A file of role VOCABULARY."""
    digest = h(tag("text") + SUITE + lp8(name.encode()) + text)
    material = stream.scene.material(f"file_{name}_{digest.hex()[:8]}", text)
    return Endorsed(f"{name} {digest.hex()[:8]}", 7, name, digest, material, len(text))


def _with_file(stream: Stream, name: str, file: Endorsed) -> Octets:
    """The directory of the house with one more file, as a fresh reader is sent it."""
    house = stream.house
    directory = replace(house.directory, endorsed=(*house.directory.endorsed, file))
    behind = house.statements["agreement"].behind(stream.scene.world.genesis)
    signed = house.make.sign(f"directory_with_{name}", DIRECTORY, directory.body(), BOTH, behind)
    return ["00", message([house.make.genesis, signed], directory.shown())]


def _pinned(stream: Stream, batches: list[MadeBatch]) -> None:
    vectors, house = stream.scene.vectors, stream.house
    text = vectors.made("materials.vocabulary")
    own = next(one for one in house.directory.endorsed if one.role == 7)
    pins = {"UKR.1": own.digest.hex()}
    opened = [stream.directory, OPEN]
    stream.case("with its vocabulary pinned", stream.open(OLD, FRAME), None, vocabularies=pins)
    other = {"UKR.1": fixed("another vocabulary", 48).hex()}
    stream.case("with another text of its vocabulary", opened, "vocabulary-pinned", vocabularies=other)
    missing = pins | {"NATO.1": fixed("a vocabulary of NATO", 48).hex()}
    stream.case("without a vocabulary of its profile", opened, "file-not-endorsed", vocabularies=missing)
    retired: Octets = ["00", house.with_key("UKR.1", state=2)]
    stream.case("with its vocabulary retired", [retired, OPEN], "file-not-endorsed", vocabularies=pins)
    doubled = _with_file(stream, "its_vocabulary_twice", _file(stream, "UKR.1", text + b"# another\n"))
    stream.case("with its vocabulary twice", [doubled, OPEN], "file-ambiguous", vocabularies=pins)
    misnamed = _file(stream, "UKR.2", text)
    told = _with_file(stream, "a_vocabulary_of_another_name", misnamed)
    named = pins | {"UKR.2": misnamed.digest.hex()}
    stream.case("with a vocabulary of another name", [told, OPEN], "vocabulary", vocabularies=named)
    nothing = _file(stream, "ACM.1", b"nothing\n")
    told = _with_file(stream, "a_vocabulary_that_is_none", nothing)
    named = pins | {"ACM.1": nothing.digest.hex()}
    stream.case("with a vocabulary that is none", [told, OPEN], "vocabulary", vocabularies=named)
    first, second = (batch.digest.hex() for batch in batches[:2])
    aside = [[first, 0, "label"], [first, 2, "label"], [second, 0, "label"]]
    unread = step(FRAME, aside=aside)
    stream.case("a label of a vocabulary that is not pinned", stream.open(OLD, unread), None, vocabularies={})


def _beside(stream: Stream) -> None:
    """What lies beside an endorsement is the endorsed file."""
    scene, house = stream.scene, stream.house
    told = scene.bytes_of(house.message)

    place = told.index(scene.vectors.made("materials.vocabulary"))
    wrong: Octets = {"of": house.message, "at": place, "cut": 1, "insert": u8(told[place] ^ 1).hex()}
    name, setup = "trust: another file beside an endorsement", {"genesis": GENESIS}
    scene.add(name, "trust", setup, [step(wrong, now=THEN)], "endorsement-mismatch")


def _frames(stream: Stream, batches: list[MadeBatch]) -> None:
    scene, vectors = stream.scene, stream.scene.vectors
    batch, section = batches[1], vectors.made("frame.section_1")
    entered = Ledger(scene).leaves()

    def framed(name: str, code: str, digest: bytes, shown: bytes, records: int = 1) -> None:
        """A second frame, of one record, that its account owes as it came."""
        digested = digest + u16(1) + u8(0) + batch.leaves[0] + u16(0b11)
        view_digest = h(b"\x04" + tag("view") + SUITE + u8(1) + digested)
        audit = fixed(f"audit of {name}", 48)
        g = stream.g(seq=u64(1), audit=audit, records=u32(records), view_digest=view_digest)
        tick = Ledger(scene).tick(f"of {name}", 7, [*entered, leaf(g)], [leaf(g)], since=7)
        frame = stream.frame(2, g, padded_body(shown))
        stream.case(name, [*stream.open(OLD, FRAME), tick, frame], code)

    framed("a frame that counts a record too many", "frame-not-as-entered", batch.digest, section, records=2)
    foreign = batch.statement.replace(scene.world.genesis, fixed("another genesis", 48), 1)
    signature = scene.signature("batch_of_another_genesis", "source", "batch", foreign)
    shown = section.replace(batch.statement + batch.signature, foreign + vectors.made(signature), 1)
    framed("a frame with a batch of another genesis", "batch-genesis", h(foreign), shown)
