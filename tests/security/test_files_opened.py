"""Threat: the gateway reads what it was never given. Operators' keys decide; the process must not come near them."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.testing.processes import Process
from clients.testing.served import listening_port
from gateway.settings import FILE
from tests.conftest import ROOT
from tests.loopback import Loopback
from tests.security.day import a_whole_day

SYSTEM = ("/proc/", "/dev/", "/sys/", "/etc/", "/usr/")


@dataclass
class Seen:
    """What a process opened, held, was started with, and may leave behind when it dies."""

    opened: set[Path]
    held: set[Path]
    words: bytes
    environment: bytes
    core: str


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Loopback, Seen]]:
    """`sluice serve` through a whole day, watched from inside and outside."""
    root = tmp_path_factory.mktemp("opened")
    world = Loopback(root)
    world.start()
    world.stop()
    for operator in ("officer-1", "officer-2"):
        (root / operator).mkdir()
        (root / operator / "sign.pem").write_text("an operator's key")
    folder = world.stand.settings.store.parent
    (folder / FILE).write_text(world.stand.settings.to_toml())
    log, opened = root / "gateway.log", root / "opened"
    words = [sys.executable, "-m", "tests.security.traced", str(opened), "serve", str(folder)]
    process = Process.start([*words, "--listen", "127.0.0.1:0"], log, cwd=ROOT)
    try:
        world.stand.port = listening_port(folder, process) or 0
        proc = Path(f"/proc/{process.popen.pid}")
        held: set[Path] = set()

        def look() -> None:
            held.update(link.resolve() for link in (proc / "fd").iterdir() if link.exists())
            mapped = [line.split(maxsplit=5) for line in (proc / "maps").read_text().splitlines()]
            held.update(Path(row[5]) for row in mapped if len(row) > 5 and row[5].startswith("/"))

        a_whole_day(world, look)
        limits = [line for line in (proc / "limits").read_text().splitlines() if "core" in line]
        outside = ((proc / "cmdline").read_bytes(), (proc / "environ").read_bytes())
    finally:
        code = process.end()
    assert code == 0, log.read_text()[-2000:]
    yield world, Seen({Path(line) for line in opened.read_text().splitlines()}, held, *outside, limits[0])
    world.close()


def _installed(path: Path) -> bool:
    """Whether it is a part of the interpreter, of a library or of the product itself."""
    rooms = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    code = (ROOT / "gateway", ROOT / "protos", ROOT / "clients", ROOT / "tests", ROOT / ".venv")
    named = str(path).startswith(SYSTEM) or path in {Path("/"), ROOT}
    return named or any(path.is_relative_to(room) for room in (*rooms, *code))


def test_the_gateway_opens_its_own_files_and_no_others(watched: tuple[Loopback, Seen]) -> None:
    """Settings, keys, store, floor, certificate and roots; every path by name."""
    world, seen = watched
    settings, root = world.stand.settings, world.root
    folder = settings.store.parent

    opened = {path for path in seen.opened if not _installed(path)}
    held = {path for path in seen.held if path.is_relative_to(root)}

    own = {
        folder / FILE,
        folder / "running.json",
        *(settings.keys / name for name in ("stream.pem", "ledger.pem", "ingest.pem", "cursor.key", "tls.key")),
        settings.keys,
        settings.certificate,
        settings.roots,
        settings.kek,
        settings.floor,
        settings.store / "store.lock",
        settings.store / "data.mdb",
        *(settings.store / name for name in ("pending", "pending.new")),
        root,
        folder,
        settings.store,
    }
    strange = {path for path in opened - own if not path.name.startswith(settings.floor.name)}
    assert strange == set()
    assert {folder / FILE, settings.kek, settings.floor, settings.keys / "ledger.pem"} <= opened
    assert held <= own | {root / "gateway.log", root / "opened", settings.store / "lock.mdb"}
    assert settings.store / "data.mdb" in held


def test_it_comes_near_nobody_elses_home(watched: tuple[Loopback, Seen]) -> None:
    """Neither an operator's nor a party's, not even to look whether it is there."""
    world, seen = watched
    homes = [world.root / name for name in ("officer-1", "officer-2", "src-3f07", "usa-arl", "gbr-dstl", "deu-wtd81")]

    near = {path for path in seen.opened | seen.held if any(path.is_relative_to(home) for home in homes)}

    assert all(home.exists() for home in homes)
    assert near == set()


def test_no_secret_is_in_its_command_line_or_environment(watched: tuple[Loopback, Seen]) -> None:
    """Both can be read by others on the machine, and end in logs and crash reports."""
    world, seen = watched
    settings = world.stand.settings
    secrets = [settings.kek.read_bytes(), (settings.keys / "cursor.key").read_bytes()]
    for name in ("stream.pem", "ledger.pem", "ingest.pem", "tls.key"):
        secrets += [line for line in (settings.keys / name).read_bytes().splitlines() if not line.startswith(b"-")]

    for secret in secrets:
        for form in (secret, secret.hex().encode()):
            assert form not in seen.words
            assert form not in seen.environment


def test_it_leaves_no_core_file(watched: tuple[Loopback, Seen]) -> None:
    """What is in its memory is plaintext and keys."""
    assert watched[1].core.split()[4:6] == ["0", "0"]
