"""The files of the server's certificate are read every second, whatever lies in their place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.adapters.server_files import ServerFiles

NAMES = ("key", "chain", "roots")


def files_in(folder: Path) -> ServerFiles:
    """Three files with their names in them."""
    for name in NAMES:
        (folder / name).write_text(name)
    return ServerFiles(*(folder / name for name in NAMES))


def test_all_three_are_read_whole_also_over_a_link(tmp_path: Path) -> None:
    """Whoever mounts or renews them may lay links."""
    files = files_in(tmp_path)
    (tmp_path / "roots").rename(tmp_path / "roots.of-today")
    (tmp_path / "roots").symlink_to("roots.of-today")

    assert files.read() == (b"key", b"chain", b"roots")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["pipe", "device", "folder", "too large", "nothing"])
def test_what_is_no_plain_file_is_refused_at_once_and_by_name(tmp_path: Path, name: str, what: str) -> None:
    """The loop that reads it serves everybody: one that waits for a pipe is a gateway that stands still."""
    files, path = files_in(tmp_path), tmp_path / name
    path.unlink()
    if what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        path.symlink_to("/dev/zero")
    elif what == "folder":
        path.mkdir()
    elif what == "too large":
        path.write_bytes(b" " * (1024 * 1024 + 1))

    with pytest.raises(OSError, match=name) as caught:
        files.read()

    assert caught.value.filename == str(path)
