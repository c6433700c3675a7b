"""Grid squares: the truncated 1 km and 100 km square of a fix in the Military Grid Reference System.

    >>> square_1km(504_500_000, 305_200_000), square_100km(504_500_000, 305_200_000)
    ('36UUA2391', '36UUA')

The zone has two digits, the poles have none. Zone and band come from the integers and are exact; easting and northing
come from the Krüger series to the sixth order (Karney 2011, nanometres), so two honest computers can disagree only
about a fix that lies on a line of the grid. `squares_1km_near` is what a check accepts: every square within a metre.
Source: NGA.STND.0037, NGA.SIG.0012; WGS 84.
"""

from __future__ import annotations

import re
from math import asinh, atan2, atanh, cos, cosh, hypot, pi, radians, sin, sinh, sqrt, tan

_A = 6_378_137.0
_F = 1 / 298.257_223_563
_E = sqrt(_F * (2 - _F))
_N = _F / (2 - _F)
_RECTIFYING = _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64 + _N**6 / 256)
_ALPHA = (
    _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16 + 41 * _N**4 / 180 - 127 * _N**5 / 288 + 7891 * _N**6 / 37800,
    13 * _N**2 / 48 - 3 * _N**3 / 5 + 557 * _N**4 / 1440 + 281 * _N**5 / 630 - 1983433 * _N**6 / 1935360,
    61 * _N**3 / 240 - 103 * _N**4 / 140 + 15061 * _N**5 / 26880 + 167603 * _N**6 / 181440,
    49561 * _N**4 / 161280 - 179 * _N**5 / 168 + 6601661 * _N**6 / 7257600,
    34729 * _N**5 / 80640 - 3418889 * _N**6 / 1995840,
    212378941 * _N**6 / 319334400,
)
_POLAR = 2 * _A / sqrt((1 + _E) ** (1 + _E) * (1 - _E) ** (1 - _E))

_DEGREE = 10_000_000
_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
# Polar squares: columns and rows of the letters, and the kilometres where each begins.
_POLAR_COLUMNS = {
    "A": ("JKLPQRSTUXYZ", 800),
    "B": ("ABCFGHJKLPQR", 2000),
    "Y": ("JKLPQRSTUXYZ", 800),
    "Z": ("ABCFGHJ", 2000),
}
_POLAR_ROWS = {"A": ("ABCDEFGHJKLMNPQRSTUVWXYZ", 800), "Y": ("ABCDEFGHJKLMNP", 1300)}
_POLAR_ROWS |= {"B": _POLAR_ROWS["A"], "Z": _POLAR_ROWS["Y"]}

_ZONED = re.compile(r"(0[1-9]|[1-5][0-9]|60)[C-HJ-NP-X]([A-HJ-NP-Z])[A-HJ-NP-V]")
_NO_ZONES = ("32X", "34X", "36X")


def zone_of(lat_e7: int, lon_e7: int) -> int:
    """UTM zone, 1 to 60, with the exceptions of Norway and Svalbard."""
    zone = (lon_e7 + 180 * _DEGREE) // (6 * _DEGREE) % 60 + 1
    if zone == 31 and 56 * _DEGREE <= lat_e7 < 64 * _DEGREE and lon_e7 >= 3 * _DEGREE:
        return 32
    if zone in (32, 34, 36) and lat_e7 >= 72 * _DEGREE:
        return zone + (1 if lon_e7 >= (6 * zone - 183) * _DEGREE else -1)
    return zone


def _transverse(lat_e7: int, lon_e7: int, zone: int) -> tuple[float, float]:
    """UTM easting and northing in metres."""
    lat, lon = radians(lat_e7 / _DEGREE), radians((lon_e7 - (6 * zone - 183) * _DEGREE) / _DEGREE)
    tangent = tan(lat)
    stretch = sinh(_E * atanh(_E * sin(lat)))
    conformal = tangent * sqrt(1 + stretch * stretch) - stretch * sqrt(1 + tangent * tangent)
    north = atan2(conformal, cos(lon))
    east = asinh(sin(lon) / hypot(conformal, cos(lon)))
    easting, northing = east, north
    for order, alpha in enumerate(_ALPHA, start=1):
        easting += alpha * cos(2 * order * north) * sinh(2 * order * east)
        northing += alpha * sin(2 * order * north) * cosh(2 * order * east)
    scale = 0.9996 * _RECTIFYING
    return 500_000 + scale * easting, scale * northing + (0 if lat_e7 >= 0 else 10_000_000)


def _stereographic(lat_e7: int, lon_e7: int) -> tuple[float, float]:
    """UPS easting and northing in metres."""
    lat, lon = radians(abs(lat_e7) / _DEGREE), radians(lon_e7 / _DEGREE)
    sine = _E * sin(lat)
    distance = 0.994 * _POLAR * tan(pi / 4 - lat / 2) * ((1 + sine) / (1 - sine)) ** (_E / 2)
    north = -distance * cos(lon) if lat_e7 > 0 else distance * cos(lon)
    return 2_000_000 + distance * sin(lon), 2_000_000 + north


def _place(lat_e7: int, lon_e7: int) -> tuple[int, str, float, float]:
    """Zone and band letter, easting and northing; at the poles zone 0 and the letters west and east of the pole."""
    if -80 * _DEGREE <= lat_e7 <= 84 * _DEGREE:
        zone = zone_of(lat_e7, lon_e7)
        band = _BANDS[min((lat_e7 + 80 * _DEGREE) // (8 * _DEGREE), 19)]
        return zone, band, *_transverse(lat_e7, lon_e7, zone)
    return 0, "AB" if lat_e7 < 0 else "YZ", *_stereographic(lat_e7, lon_e7)


def _letters(zone: int, band: str, east_km: int, north_km: int) -> str:
    """The 100 km square that holds a kilometre."""
    if zone:
        column = _COLUMNS[(zone - 1) % 3][east_km // 100 - 1]
        row = _ROWS[(north_km // 100 + (0 if zone % 2 else 5)) % 20]
        return f"{zone:02}{band}{column}{row}"
    band = band[east_km >= 2000]
    columns, first_column = _POLAR_COLUMNS[band]
    rows, first_row = _POLAR_ROWS[band]
    return f"{band}{columns[(east_km - first_column) // 100]}{rows[(north_km - first_row) // 100]}"


def _square(zone: int, band: str, easting: float, northing: float) -> str:
    east_km, north_km = int(easting // 1000), int(northing // 1000)
    return f"{_letters(zone, band, east_km, north_km)}{east_km % 100:02}{north_km % 100:02}"


def square_1km(lat_e7: int, lon_e7: int) -> str:
    """The 1 km square a fix lies in: letters, then two digits of easting and two of northing, truncated."""
    return _square(*_place(lat_e7, lon_e7))


def square_100km(lat_e7: int, lon_e7: int) -> str:
    """The 100 km square a fix lies in."""
    return square_1km(lat_e7, lon_e7)[:-4]


def squares_1km_near(lat_e7: int, lon_e7: int) -> frozenset[str]:
    """Every 1 km square within a metre of a fix, in the fix's own zone and band."""
    zone, band, easting, northing = _place(lat_e7, lon_e7)
    return frozenset(_square(zone, band, easting + e, northing + n) for e in (-1, 0, 1) for n in (-1, 0, 1))


def is_square_100km(text: str) -> bool:
    """Whether `text` names a 100 km square."""
    if len(text) == 3:
        return (
            text[0] in _POLAR_COLUMNS and text[1] in _POLAR_COLUMNS[text[0]][0] and text[2] in _POLAR_ROWS[text[0]][0]
        )
    match = _ZONED.fullmatch(text)
    if match is None or text[:3] in _NO_ZONES:
        return False
    return match[2] in _COLUMNS[(int(match[1]) - 1) % 3]


def is_square_1km(text: str) -> bool:
    """Whether `text` names a 1 km square."""
    digits = text[-4:]
    return len(text) > 4 and digits.isascii() and digits.isdigit() and is_square_100km(text[:-4])
