"""Laws of `sluice status` for a gateway that does not run: whether it could start is found without starting it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.adapters.floor import FloorFile
from gateway.bootstrap import glance, load, seal
from gateway.cli.status import status
from gateway.core.errors import GatewayError
from gateway.settings import FILE
from tests.stand import Stand


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """A gateway that never ran."""
    stand = Stand.found(tmp_path)
    (stand.settings.store.parent / FILE).write_text(stand.settings.to_toml(), "utf-8")
    return stand


def told(stand: Stand) -> dict[str, Any]:
    """The JSON of `sluice status`; the text twin ends well too."""
    folder = str(stand.settings.store.parent)
    assert CliRunner().invoke(status, [folder]).exit_code == 0
    return dict(json.loads(CliRunner().invoke(status, [folder, "--json"], catch_exceptions=False).stdout))


def starts(stand: Stand) -> str:
    """The code with which a start is refused; empty if it is not."""
    try:
        load(stand.settings, every_signature=False).journals.close()
    except GatewayError as error:
        return error.code
    return ""


def _raised(ticks: int, statements: int) -> Callable[[Stand], object]:
    def raise_floor(stand: Stand) -> object:
        floor = FloorFile(stand.settings.floor)
        mark = floor.read()
        return floor.raise_to(replace(mark, tick=mark.tick + ticks, control_size=mark.control_size + statements))

    return raise_floor


CASES: dict[str, tuple[Callable[[Stand], object], str, object, str]] = {
    "as it was left": (lambda stand: None, "stopped", None, ""),
    "ticks beyond it": (_raised(3, 0), "sealed", ({"from": 0, "to": 2}, None), "store-below-floor"),
    "statements beyond it": (
        _raised(1, 2),
        "sealed",
        ({"from": 0, "to": 0}, {"from": 1, "to": 2}),
        "store-below-floor",
    ),
    "no floor": (lambda stand: stand.settings.floor.unlink(), "sealed", None, "floor-missing"),
    "a floor of nonsense": (lambda stand: stand.settings.floor.write_bytes(b"x"), "sealed", None, "floor-damaged"),
    "no key for the store": (lambda stand: stand.settings.kek.unlink(), "unseen", None, "kek-missing"),
    "a store of nonsense": (
        lambda stand: (stand.settings.store / "data.mdb").write_bytes(b"x" * 8192),
        "unseen",
        None,
        "store-damaged",
    ),
}


@pytest.mark.must("7.5.4")
@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_a_gateway_is_what_a_start_finds(stand: Stand, case: str) -> None:
    """Whoever is woken by night sees at once whether a start helps, or only the operators do."""
    change, state, lost, code = CASES[case]
    change(stand)

    said = told(stand)

    found = said["lost"] and (said["lost"]["ticks"], said["lost"]["statements"])
    assert (said["state"], found, starts(stand)) == (state, lost, code)


@pytest.mark.must("7.5.2")
def test_a_store_that_is_put_back_is_sealed_also_where_the_floor_has_seen_no_more(stand: Stand) -> None:
    """The floor may lag by a second, and in a second something was acknowledged that the backup does not know."""
    shown, floor = glance(stand.settings), FloorFile(stand.settings.floor)
    assert starts(stand) == ""

    seal(stand.settings, shown)

    mark = floor.read()
    assert starts(stand) == "store-below-floor"
    assert (mark.tick, mark.control_size) == (shown.ticks + 1, shown.statements)
    seal(stand.settings, shown)
    assert floor.read() == mark
    seal(stand.settings, replace(shown, incarnation=b"another life 16b"))
    assert floor.read() == mark
    stand.settings.floor.unlink()
    seal(stand.settings, shown)
    assert starts(stand) == "floor-missing"
    stand.settings.floor.write_bytes(b"x")
    stand.settings.floor.chmod(0o644)
    with pytest.raises(GatewayError) as caught:
        seal(stand.settings, shown)
    assert caught.value.code == "floor-file-open-to-others"
