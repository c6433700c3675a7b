"""Grid squares: known answers, agreement with the reference library, and what a square's text may be."""

from __future__ import annotations

import importlib.util
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.kinds.mgrs import (
    is_square_1km,
    is_square_100km,
    square_1km,
    square_100km,
    squares_1km_near,
    zone_of,
)

LAT = st.integers(-900_000_000, 900_000_000)
LON = st.integers(-1_800_000_000, 1_800_000_000)

# Recorded once with GEOTRANS through the library `mgrs` 1.6.0.
KNOWN = {
    (50.45, 30.52): "36UUA2391",
    (47.8388, 35.1396): "36TXU6000",
    (48.4647, 35.0462): "36UXU5169",
    (46.4825, 30.7233): "36TUS2550",
    (49.9935, 36.2304): "37UCR0141",
    (0.0, 0.0): "31NAA6600",
    (-0.0000001, 0.0): "31MAV6699",
    (21.4, -157.9): "04QFJ1466",
    (-33.8688, 151.2093): "56HLH3450",
    (84.0, 0.0): "31XDP6529",
    (-80.0, 5.0): "31CEM3817",
    (0.0, 180.0): "01NAA6600",
    (0.0, -180.0): "01NAA6600",
    (60.0, 4.0): "32VKM2161",
    (56.0, 3.0): "32VJH2622",
    (63.9999999, 3.0): "32VKS0610",
    (64.0, 3.0): "31WEL0097",
    (78.0, 10.0): "33XUG8463",
    (72.0, 0.0): "31XCV9691",
    (72.0, 9.0): "33XTV9399",
    (72.0, 21.0): "35XKV9399",
    (72.0, 33.0): "37XBV9399",
    (85.0, 10.0): "ZAB9652",
    (85.0, -10.0): "YZB0352",
    (-85.0, 10.0): "BAT9647",
    (-85.0, -10.0): "AZT0347",
    (85.0, 180.0): "ZAN0055",
    (90.0, 0.0): "ZAH0000",
    (-90.0, 0.0): "BAN0000",
}


@pytest.mark.parametrize("fix", KNOWN)
def test_a_known_fix_lies_in_its_known_square(fix: tuple[float, float]) -> None:
    """Cities, the equator, both poles, the date line, and each exception of Norway and Svalbard."""
    lat, lon = (round(degrees * 10_000_000) for degrees in fix)

    assert square_1km(lat, lon) == KNOWN[fix]
    assert square_100km(lat, lon) == KNOWN[fix][:-4]


@pytest.mark.skipif(importlib.util.find_spec("mgrs") is None, reason="the reference library `mgrs` is not installed")
def test_squares_agree_with_the_reference_library(rng: random.Random) -> None:
    """A partner looks the square up with other software."""
    reference = importlib.import_module("mgrs").MGRS()

    for _ in range(3000):
        lat, lon = rng.randint(-900_000_000, 900_000_000), rng.randint(-1_800_000_000, 1_799_999_999)
        theirs = reference.toMGRS(lat / 1e7, lon / 1e7, MGRSPrecision=2)
        assert theirs == square_1km(lat, lon) or theirs in squares_1km_near(lat, lon)


@given(LAT, LON)
def test_every_fix_has_a_square_that_is_one(lat: int, lon: int) -> None:
    """The computation and the check of the text must not disagree anywhere on Earth."""
    square = square_1km(lat, lon)

    assert is_square_1km(square)
    assert is_square_100km(square_100km(lat, lon))
    assert square.startswith(square_100km(lat, lon))
    assert square in squares_1km_near(lat, lon)


@given(LAT, LON)
def test_nearness_never_widens_to_more_than_a_corner(lat: int, lon: int) -> None:
    """A tolerance of a metre: the fix's own square, and at most the three that meet in one corner with it."""
    assert 1 <= len(squares_1km_near(lat, lon)) <= 4


def test_nearness_names_the_square_across_the_line() -> None:
    """Two honest computers may put a fix on a line to either side of it."""
    assert squares_1km_near(850_000_000, 0) == {"ZAB0044", "YZB9944"}
    assert squares_1km_near(504_500_000, 305_200_000) == {"36UUA2391"}


@pytest.mark.parametrize(
    ("lat", "lon", "zone"),
    [
        (50, 30, 36),
        (50, 29, 35),
        (60, 2, 31),
        (60, 3, 32),
        (70, 5, 31),
        (75, 8, 31),
        (75, 9, 33),
        (75, 30, 35),
        (75, 33, 37),
        (75, 41, 37),
        (75, 42, 38),
        (0, -180, 1),
        (0, 179, 60),
        (0, 180, 1),
    ],
)
def test_zones_are_those_of_the_standard(lat: int, lon: int, zone: int) -> None:
    """Six degrees each, except where Norway and Svalbard were kept whole."""
    assert zone_of(lat * 10_000_000, lon * 10_000_000) == zone


@pytest.mark.parametrize("text", ["36UUA2391", "04QFJ1466", "ZAB9652", "BAT9647", "YZB0352", "AZT0347", "01CAA0000"])
def test_the_text_of_a_square_is_accepted(text: str) -> None:
    """Zone with two digits, or none at the poles."""
    assert is_square_1km(text)
    assert is_square_100km(text[:-4])


WRONG = [
    "",
    "36",
    "36UUA",
    "36UUA239",
    "36UUA23915",
    "36uua2391",
    "36UUA23x1",
    "36UUA239\u0661",
    "4QFJ1466",
    "00QFJ1466",
]
WRONG += ["61QFJ1466", "36IUA2391", "36AUA2391", "36YUA2391", "36UIA2391", "36UJA2391", "36UUW2391", "32XMG1234"]
WRONG += [
    "34XMG1234",
    "36XUG1234",
    "CAB9652",
    "ZZB9652",
    "ZAZ9652",
    "YDB0352",
    " 36UUA2391",
    "36UUA2391\n",
    "3\u0666UUA2391",
]


@pytest.mark.parametrize("text", WRONG)
def test_any_other_text_is_no_square(text: str) -> None:
    """A free text here would be a hole in the guard."""
    assert not is_square_1km(text)


@pytest.mark.parametrize("text", [text[:-4] for text in WRONG if len(text) > 4 and text[:5] != "36UUA"])
def test_any_other_text_is_no_hundred_kilometres_either(text: str) -> None:
    """The area stands in the portion with the lowest label."""
    assert not is_square_100km(text)
