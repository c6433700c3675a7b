"""`KeyFiles`: the port `Keys` from one folder.

    stream.pem  ledger.pem     signing keys, each an ML-DSA-87 and an Ed25519 key
    ingest.pem                 a KEM key, an ML-KEM-1024 and a P-384 key
    stream.2.pem  ...          the next set beside it, and so on; a set counts once its three files are there
    cursor.key                 32 bytes

Each file has mode 0600 and the gateway's owner, the folder is writable by nobody else, no link is followed. All are
read when the object is made and at each `use`, so a missing key stops the start and not the first stream. What is
destroyed is unlinked: whoever has a copy of the disk has it still.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from gateway.adapters.owner_files import check_owner_directory, create_owner_file, read_owner_file, sync_directory
from gateway.core.errors import Fault
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import Role

_FILE_LIMIT = 64 * 1024
_CURSOR_BYTES = 32
_NAMES = ("stream.pem", "ledger.pem", "ingest.pem", "cursor.key")
_NUMBERED = re.compile(r"(stream|ledger|ingest)(?:\.([1-9][0-9]{0,5}))?\.pem")
_PURPOSES = ("stream", "ledger", "ingest")
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class KeyFileSet:
    """The keys of one set; the port `KeySet`."""

    number: int
    _stream: SigningKey = field(repr=False)
    _ledger: SigningKey = field(repr=False)
    _ingest: KemKey = field(repr=False)

    def stream(self) -> SigningKey:
        """Signs the opening of streams."""
        return self._stream

    def ledger(self) -> SigningKey:
        """Signs ticks."""
        return self._ledger

    def ingest(self) -> KemKey:
        """Opens parcels."""
        return self._ingest

    @property
    def digests(self) -> tuple[bytes, bytes, bytes]:
        """Key digests of all three."""
        return self._stream.key_digest, self._ledger.key_digest, self._ingest.key_digest

    def is_endorsed(self, judge: Callable[[Role, bytes], bool]) -> bool:
        """Whether `judge` holds for every key."""
        return (
            judge(Role.GATEWAY_STREAM, self._stream.key_id)
            and judge(Role.GATEWAY_LEDGER, self._ledger.key_id)
            and judge(Role.GATEWAY_INGEST, self._ingest.key_id)
        )


class KeyFiles:
    """The keys of one gateway, from `directory`; at first the oldest set is used. The port says what is refused."""

    def __init__(self, directory: Path) -> None:
        check_owner_directory(directory, "key")
        self._directory = directory
        self._cursor = _read(directory / "cursor.key", _cursor_key)
        self._openers: dict[bytes, KemKey] = {}
        self._used = self._look()[0]

    @classmethod
    def create(cls, directory: Path) -> KeyFiles:
        """Fresh keys in a folder that has none of them (`key-exists`); made with mode 0700 if it is missing."""
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Fault(
                "key-not-written", f"the key folder must be made, `{error.strerror}`", at=str(directory)
            ) from error
        sync_directory(directory.resolve().parent)
        check_owner_directory(directory, "key")
        # Looked at first, so that a second run by mistake leaves no half of a new set beside the old one.
        for name in _NAMES:
            if os.path.lexists(directory / name):
                raise Fault("key-exists", f"there must be no `{name}` yet, there is one", at=str(directory / name))
        _create_set(directory, 1)
        create_owner_file(directory / "cursor.key", os.urandom(_CURSOR_BYTES), "key")
        return cls(directory)

    def create_next(self) -> KeyFileSet:
        """A fresh set beside the one in use; refuses `rotation-open` while there is one that waits already."""
        sets = self._look()
        if len(sets) > 1:
            raise Fault(
                "rotation-open",
                "one set of next keys may wait, there is one already",
                at=str(self._directory / _name("stream", sets[-1].number)),
                do="have it endorsed, and the former one retired",
            )
        # What a crash left half made keeps its number; nobody was told of it.
        number = 1 + max((number for _, number in self._numbered()), default=0)
        return _create_set(self._directory, number)

    def stream(self) -> SigningKey:
        """Signs the opening of streams."""
        return self._used.stream()

    def ledger(self) -> SigningKey:
        """Signs ticks."""
        return self._used.ledger()

    def ingest(self) -> KemKey:
        """Opens parcels."""
        return self._used.ingest()

    def cursor(self) -> bytes:
        """32 bytes: seals the gateway's own notes that partners carry as cursors."""
        return self._cursor

    def use(self, is_endorsed: Callable[[Role, bytes], bool]) -> bool:
        """Looks for sets made since, and uses the newest of which every key is endorsed; else the one it used."""
        chosen = next((one for one in reversed(self._look()) if one.is_endorsed(is_endorsed)), self._used)
        is_other = chosen.digests != self._used.digests
        self._used = chosen
        return is_other

    def opener(self, ingest_key_id: bytes) -> KemKey | None:
        """The key of that id, in use, next or retired; None once it is destroyed."""
        return self._openers.get(ingest_key_id)

    def destroy(self, key_digest: bytes) -> bool:
        """Deletes a private half for good; whether it was there. Never one that is in use."""
        if key_digest in self._used.digests:
            return False
        for purpose, number in list(self._numbered()):
            path = self._directory / _name(purpose, number)
            if _digest_of(purpose, path) == key_digest:
                path.unlink()
                sync_directory(self._directory)
                self._openers = {of: key for of, key in self._openers.items() if key.key_digest != key_digest}
                return True
        return False

    def _numbered(self) -> Iterator[tuple[str, int]]:
        for path in self._directory.iterdir():
            found = _NUMBERED.fullmatch(path.name)
            if found:
                yield found[1], int(found[2] or 1)

    def _look(self) -> list[KeyFileSet]:
        """Every whole set, the oldest first, and what opens parcels; a `Fault` of the first where none is whole."""
        numbered = set(self._numbered())
        whole = sorted({number for _, number in numbered if all((one, number) in numbered for one in _PURPOSES)})
        sets = [_read_set(self._directory, number) for number in whole or [1]]
        if len({digest for one in sets for digest in one.digests}) < len(sets) * len(_PURPOSES):
            raise Fault("key-reused", "one key has one purpose, two files have the same", at=str(self._directory))
        apart = [number for purpose, number in numbered if purpose == "ingest" and number not in whole]
        alone = [_read(self._directory / _name("ingest", number), KemKey.from_pem) for number in sorted(apart)]
        self._openers = {key.key_id: key for key in (*alone, *(one.ingest() for one in sets))}
        return sets


def _name(purpose: str, number: int) -> str:
    return f"{purpose}.pem" if number == 1 else f"{purpose}.{number}.pem"


def _create_set(directory: Path, number: int) -> KeyFileSet:
    stream, ledger, ingest = SigningKey.generate(), SigningKey.generate(), KemKey.generate()
    for purpose, pem in (("ingest", ingest.to_pem()), ("ledger", ledger.to_pem()), ("stream", stream.to_pem())):
        create_owner_file(directory / _name(purpose, number), pem, "key")
    return KeyFileSet(number, stream, ledger, ingest)


def _read_set(directory: Path, number: int) -> KeyFileSet:
    stream, ledger = (_read(directory / _name(one, number), SigningKey.from_pem) for one in ("stream", "ledger"))
    return KeyFileSet(number, stream, ledger, _read(directory / _name("ingest", number), KemKey.from_pem))


def _digest_of(purpose: str, path: Path) -> bytes:
    key = _read(path, KemKey.from_pem) if purpose == "ingest" else _read(path, SigningKey.from_pem)
    return key.key_digest


def _read(path: Path, parse: Callable[[bytes], _Key]) -> _Key:
    content = read_owner_file(path, _FILE_LIMIT, "key")
    try:
        return parse(content)
    except Fault as fault:
        raise Fault(fault.code, fault.message, at=str(path), do=fault.do) from fault


def _cursor_key(content: bytes) -> bytes:
    if len(content) != _CURSOR_BYTES:
        raise Fault("key-file-unreadable", f"the cursor key has {_CURSOR_BYTES} bytes, {len(content)} came")
    return content
