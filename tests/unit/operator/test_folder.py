"""A folder of configuration: what is read, and what is refused rather than not looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.operator.folder import Room, read_folder
from clients.testing.harness import agreement_text
from gateway.core.errors import GatewayError


def put(folder: Path, name: str, text: str) -> None:
    """A file of the folder."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")


def test_only_what_is_there_is_looked_at(tmp_path: Path) -> None:
    """An empty folder asks for nothing; a room that is empty says that nothing of it is wanted."""
    assert read_folder(tmp_path).rooms == {}
    (tmp_path / "agreements").mkdir()
    put(tmp_path, "README.md", "ours")
    put(tmp_path, ".git/config", "x")
    put(tmp_path, "agreements/.new.toml.swp", "x")

    read = read_folder(tmp_path)

    assert (read.rooms, read.single, read.stops) == ({Room.AGREEMENT: ()}, (), None)


def test_a_text_is_read_as_the_bytes_that_are_signed(tmp_path: Path) -> None:
    """Not a character is added or taken."""
    text = agreement_text("UA-1", "usa/arl")
    put(tmp_path, "agreements/any name.toml", text)
    put(tmp_path, "stops.toml", '[suspended]\n"partner/usa/arl" = "key lost"\n')

    read = read_folder(tmp_path)

    (one,) = read.rooms[Room.AGREEMENT]
    assert (one.name, one.body) == ("UA-1", text.encode())
    assert read.stops is not None
    assert (read.stops.suspended, read.stops.ended) == ({"partner/usa/arl": "key lost"}, {})


@pytest.mark.parametrize(
    ("files", "code", "at"),
    [
        ({"agreement/a.toml": ""}, "file-unknown", "agreement"),
        ({"agreements/a.tml": ""}, "file-unknown", "agreements/a.tml"),
        ({"agreements/a.enrol": ""}, "file-unknown", "agreements/a.enrol"),
        ({"agreements/a.toml": "x = 1\n"}, "text-unknown-key", "agreements/a.toml: agreement.x"),
        ({"partners/a.toml": "x = 1\n"}, "bundle-missing", "partners/a.enrol"),
        ({"stops.toml": "x = 1\n"}, "text-unknown-key", "stops.toml: stops.x"),
        ({"stops.toml": "[suspended]\na = 1\n"}, "text-value", "stops.toml: stops.suspended.a"),
        ({"stops.toml": "suspended = 1\n"}, "text-value", "stops.toml: stops.suspended"),
        ({"guide.toml": "not toml"}, "text-malformed", "guide.toml: guide"),
        (
            {
                "agreements/a.toml": agreement_text("UA-1", "usa/a"),
                "agreements/b.toml": agreement_text("UA-1", "usa/b"),
            },
            "name-twice",
            "agreements/b.toml",
        ),
    ],
)
def test_what_is_not_understood_is_refused_by_the_name_of_its_file(
    tmp_path: Path, files: dict[str, str], code: str, at: str
) -> None:
    """A misspelt folder would be a configuration that nobody applies."""
    for name, text in files.items():
        put(tmp_path, name, text)

    with pytest.raises(GatewayError) as caught:
        read_folder(tmp_path)

    assert (caught.value.code, caught.value.at) == (code, str(tmp_path / at))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Nothing to apply is another answer than no folder."""
    with pytest.raises(GatewayError) as caught:
        read_folder(tmp_path / "none")

    assert caught.value.code == "folder-missing"
