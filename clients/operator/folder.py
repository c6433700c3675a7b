"""A gateway's configuration as a folder of files: the very texts that operators sign, one file each.

    vocabularies/*.toml
    sources/NAME.toml, NAME.enrol        the admission as it is signed, and the bundle it was made from
    partners/NAME.toml, NAME.enrol
    guide.toml
    equivalence.toml
    agreements/*.toml
    stops.toml                           [suspended] "partner/deu/wtd81" = "why"   [held] "batch/37…" = "why"
                                         [ended] "UA-DE-2026-003" = "why"

A room that is not there is not looked at: a folder with nothing but `agreements` says nothing about sources. What is
not known here is refused, so that a misspelt name is not a text nobody applies; names that begin with a dot and `.md`
files are a person's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from clients.keyfiles import naming, read_as, read_public
from clients.operator.render import name_of
from gateway.core.control.enrolment import MAX_BUNDLE_BYTES
from gateway.core.control.texts import Table, read_text
from gateway.core.errors import CallerError
from gateway.core.suite.numbers import MAX_TEXT_BYTES, StatementKind

# Of these kinds one text is in force, whole; it has one file.
SINGLE = {StatementKind.EQUIVALENCE: "equivalence.toml", StatementKind.GUIDE: "guide.toml"}
STOPS = "stops.toml"
MAX_FILES = 4096
_BUNDLE = ".enrol"
_REASON = 512


class Room(Enum):
    """A folder of texts of one kind, in the order in which they build on each other."""

    VOCABULARY = "vocabularies"
    SOURCE = "sources"
    PARTNER = "partners"
    AGREEMENT = "agreements"

    @property
    def kind(self) -> StatementKind:
        """What its texts are signed as."""
        return StatementKind[self.name]

    @property
    def has_bundles(self) -> bool:
        """Whether a bundle lies beside each text."""
        return self in {Room.SOURCE, Room.PARTNER}


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be in force. path: as a person finds it; name: what it is about; attachments: the bundle."""

    path: str
    kind: StatementKind
    name: str
    body: bytes
    attachments: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Stops:
    """Reasons by what is to be stopped: `partner/…` or `source/…`; what `hold` names; and ids of agreements."""

    suspended: Mapping[str, str]
    held: Mapping[str, str]
    ended: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Folder:
    """What was read. rooms, single: those that are there. stops: None if the file is not there."""

    path: Path
    rooms: Mapping[Room, tuple[Text, ...]]
    single: tuple[Text, ...]
    stops: Stops | None


def read_folder(path: Path) -> Folder:
    """The folder; refuses `file-unknown`, `bundle-missing`, `name-twice`, and a text as its parser does, naming it."""
    if not path.is_dir():
        raise CallerError("folder-missing", "a folder of configuration must be there, none is", at=str(path))
    expected = {*(room.value for room in Room), *SINGLE.values(), STOPS}
    for name in _names(path):
        if name not in expected:
            raise _unknown(path / name, ", ".join(sorted(expected)))
    rooms = {room: _read_room(path / room.value, room) for room in Room if (path / room.value).is_dir()}
    single = tuple(_read_text(path / name, kind) for kind, name in SINGLE.items() if (path / name).exists())
    return Folder(path, rooms, single, _read_stops(path / STOPS) if (path / STOPS).exists() else None)


def _read_room(folder: Path, room: Room) -> tuple[Text, ...]:
    texts: dict[str, Text] = {}
    suffixes = {".toml", _BUNDLE} if room.has_bundles else {".toml"}
    for name in _names(folder):
        file = folder / name
        if file.suffix not in suffixes:
            raise _unknown(file, "files that end in " + " and ".join(sorted(suffixes)))
        if file.suffix == _BUNDLE:
            continue
        text = _read_text(file, room.kind, (_bundle_beside(file),) if room.has_bundles else ())
        if text.name in texts:
            raise CallerError(
                "name-twice", f"each name has one file, `{text.name}` is in {texts[text.name].path} too", at=text.path
            )
        texts[text.name] = text
    return tuple(texts.values())


def _bundle_beside(file: Path) -> bytes:
    try:
        return read_public(file.with_suffix(_BUNDLE), MAX_BUNDLE_BYTES)
    except FileNotFoundError as error:
        raise CallerError(
            "bundle-missing", "an admission has its bundle beside it, there is none", at=str(file.with_suffix(_BUNDLE))
        ) from error


def _read_text(file: Path, kind: StatementKind, attachments: tuple[bytes, ...] = ()) -> Text:
    body = read_public(file, MAX_TEXT_BYTES)
    with naming(file):
        return Text(str(file), kind, name_of(kind, body), body, attachments)


def _read_stops(file: Path) -> Stops:
    return read_as(file, _stops, MAX_TEXT_BYTES)


def _stops(text: bytes) -> Stops:
    table = read_text(text, "stops", {"suspended", "held", "ended"})
    return Stops(_reasons(table, "suspended"), _reasons(table, "held"), _reasons(table, "ended"))


def _reasons(table: Table, key: str) -> dict[str, str]:
    if not table.has(key):
        return {}
    names = tuple(table.raw(key))
    inner = table.table(key, set(names))
    return {name: inner.string(name, _REASON) for name in names}


def _names(folder: Path) -> list[str]:
    names = sorted(one.name for one in folder.iterdir() if not one.name.startswith(".") and one.suffix != ".md")
    if len(names) > MAX_FILES:
        raise CallerError("folder-too-large", f"a folder has at most {MAX_FILES} files", at=str(folder))
    return names


def _unknown(path: Path, expected: str) -> CallerError:
    return CallerError("file-unknown", f"there may be {expected}, something else is there", at=str(path))
