"""What a unit keeps to itself: applied to a log's rows before anything is signed.

    field   for real flights, the default: no home, no identifiers, parameters, mission or free text, and nothing within
            2,000 m of the first or last fix
    range   for a test range, whose place is no secret: positions stay, the rest goes as above

Home, identifiers, parameters, mission and text never leave the reading child: an extract has no place for them. This
room removes rows. The centres are the first and last fix of every stream of positions anywhere in the file, of every
vehicle in it, and recorded homes, because a log may begin in the air. A row of any portion stays only if the fixes
around it prove that the vehicle was outside at that time: both are outside, and from one of them it could not have
reached a centre's circle, at 300 m/s, by the time of the row. Before the first fix, after the last, and without any fix
nothing is proven and nothing stays. Two fixes of one stream that lie farther apart than 300 m/s and 100 m explain prove
nothing either, and stay out: one flipped bit of a latitude would otherwise carry the longitude of home away; the first
and the last fix without such a jump are centres too, so that a damaged first fix does not hide where take-off was.
Under `field` the height above take-off goes as well: together with the height above the sea it is the height of home.

A change of what a profile does is a new version of it: sources sign what a version did.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from clients.formats.extract import UNKNOWN, Extract, Removed, Rows, Table
from gateway.core.errors import CallerError

_EQUATOR_M = 6_378_137.0
_FLATTENING = 1 / 298.257223563
_ECCENTRICITY2 = _FLATTENING * (2 - _FLATTENING)
_RADIANS_PER_E7 = math.pi / 180 * 1e-7
_UNPROVEN = -math.inf
_Place = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """A named, versioned redaction.

    radius_m: rows nearer than this to a centre go, 0 keeps all. reach_mps: the speed a vehicle is credited with between
    two fixes. jump_m: how far two fixes at one time may lie apart.
    """

    name: str
    version: int
    radius_m: int
    reach_mps: int
    jump_m: int
    height_above_home: bool

    @property
    def parameters(self) -> Mapping[str, int]:
        """What the report records beside name and version."""
        return {"radius_m": self.radius_m, "reach_mps": self.reach_mps, "jump_m": self.jump_m}


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("field", 1, radius_m=2_000, reach_mps=300, jump_m=100, height_above_home=False),
        Profile("range", 1, radius_m=0, reach_mps=0, jump_m=0, height_above_home=True),
    )
}
_PORTIONS = {
    Table.POSITION: "position",
    Table.KINEMATICS: "kinematics",
    Table.VEHICLE: "vehicle",
    Table.LINK: "link",
    Table.GNSS: "gnss",
}
_MESSAGES = {
    Removed.HOME: "home positions",
    Removed.UID: "hardware identifiers",
    Removed.PARAMETERS: "parameters",
    Removed.MISSION: "mission items and commands",
    Removed.TEXT: "text messages",
    Removed.OTHER: "messages no portion has a place for",
}


@dataclass(frozen=True, slots=True)
class DropReport:
    """What did not go into the records.

    messages: by kind, never read into a record. rows: by portion, near take-off or landing. heights: rows that lost
    their height above take-off.
    """

    profile: str
    version: int
    parameters: Mapping[str, int]
    messages: Mapping[Removed, int] = field(default_factory=dict)
    rows: Mapping[Table, int] = field(default_factory=dict)
    heights: int = 0

    def lines(self) -> list[str]:
        """For `--explain-drop`: the profile, then one line for each thing dropped."""
        named = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        lines = [f"redaction {self.profile} version {self.version} ({named})"]
        lines += [f"{count:,} {_MESSAGES[kind]}" for kind, count in sorted(self.messages.items())]
        near = f"within {self.parameters['radius_m']:,} m of take-off, landing or home"
        lines += [f"{count:,} rows of {_PORTIONS[table]} {near}" for table, count in self.rows.items()]
        if self.heights:
            lines.append(f"{self.heights:,} heights above take-off")
        return lines

    def to_json(self) -> dict[str, object]:
        """The same for `--json`."""
        return {
            "profile": self.profile,
            "version": self.version,
            "parameters": dict(self.parameters),
            "messages": {kind.name.lower(): count for kind, count in sorted(self.messages.items())},
            "rows": {_PORTIONS[table]: count for table, count in self.rows.items()},
            "heights": self.heights,
        }

    @property
    def dropped(self) -> list[str]:
        """`TelemetryAbout.dropped` by name."""
        names = {
            Removed.HOME: "HOME",
            Removed.UID: "IDENTIFIERS",
            Removed.PARAMETERS: "PARAMETERS",
            Removed.MISSION: "MISSION",
            Removed.TEXT: "FREE_TEXT",
        }
        found = {names[kind] for kind in self.messages if kind in names}
        return sorted(found | ({"ENDS"} if self.rows else set()) | ({"HOME"} if self.heights else set()))


def profile_named(name: str) -> Profile:
    """The profile, or `CallerError("redaction-unknown")`."""
    if name not in PROFILES:
        known = " or ".join(f"`{profile}`" for profile in PROFILES)
        raise CallerError("redaction-unknown", f"`redaction` must be {known}", at="redaction")
    return PROFILES[name]


def redact(extract: Extract, profile: Profile) -> DropReport:
    """Takes out of `extract` what `profile` keeps back, and says what that was. Rows must ascend in time."""
    rows_dropped: dict[Table, int] = {}
    heights = 0
    if profile.radius_m:
        track = _Track(extract, profile)
        for table in _PORTIONS:
            rows = extract.tables[table]
            before = len(rows)
            rows.take(track.outside(rows, own_places=table is Table.POSITION))
            if before > len(rows):
                rows_dropped[table] = before - len(rows)
    if not profile.height_above_home:
        kinematics = extract.tables[Table.KINEMATICS]
        heights = sum(height != UNKNOWN for height in kinematics.column("rel_alt_mm"))
        kinematics.replace("rel_alt_mm", array("q", [UNKNOWN]) * len(kinematics))
    messages = {kind: count for kind, count in extract.removed.items() if count}
    return DropReport(profile.name, profile.version, profile.parameters, messages, rows_dropped, heights)


def _on_globe(lat_e7: int, lon_e7: int) -> _Place:
    """The place on the WGS 84 ellipsoid, metres from its centre; a chord of 2,000 m is the ground distance to 10 um."""
    lat, lon = lat_e7 * _RADIANS_PER_E7, lon_e7 * _RADIANS_PER_E7
    radius = _EQUATOR_M / math.sqrt(1 - _ECCENTRICITY2 * math.sin(lat) ** 2)
    return (
        radius * math.cos(lat) * math.cos(lon),
        radius * math.cos(lat) * math.sin(lon),
        radius * (1 - _ECCENTRICITY2) * math.sin(lat),
    )


class _Track:
    """Every fix of the vehicle with its margin: metres beyond the radius from the nearest centre, or nothing proven."""

    def __init__(self, extract: Extract, profile: Profile) -> None:
        self._radius_m = profile.radius_m
        self._jump_m = profile.jump_m
        self._reach_m_per_us = profile.reach_mps * 1e-6
        track = extract.tables[Table.TRACK]
        self._times = track.column("t_us")
        places = _places(track)
        streams: dict[int, list[int]] = {}
        for row, stream in enumerate(track.column("stream")):
            streams.setdefault(stream, []).append(row)
        trusted = {row for rows in streams.values() for row in self._trusted(places, self._times, rows)}
        self._centres = [_on_globe(lat, lon) for lat, lon in extract.centres]
        for rows in streams.values():
            ends = [row for row in rows if row in trusted]
            self._centres += [places[row] for row in (*ends[:1], *ends[-1:])]
        self._margins = [self._margin_m(place) if row in trusted else _UNPROVEN for row, place in enumerate(places)]

    def _trusted(self, places: Sequence[_Place], times: Sequence[int], rows: Sequence[int]) -> Iterator[int]:
        """Those of `rows`, one stream in order of time, that no jump leads to or from."""
        jumped: set[int] = set()
        for one, other in pairwise(rows):
            reach_m = self._jump_m + (times[other] - times[one]) * self._reach_m_per_us
            if math.dist(places[one], places[other]) > reach_m:
                jumped |= {one, other}
        return (row for row in rows if row not in jumped)

    def _margin_m(self, place: _Place) -> float:
        return min((math.dist(place, centre) for centre in self._centres), default=0.0) - self._radius_m

    def outside(self, rows: Rows, *, own_places: bool) -> list[int]:
        """Indexes of the rows that stay; `own_places`: each row has a place of its own that must be outside too."""
        times: Sequence[int] = rows.column("t_us")
        proven = [row for row, t_us in enumerate(times) if self._proven(t_us)]
        if not own_places:
            return proven
        places = _places(rows)
        trusted = set(self._trusted(places, times, range(len(times))))
        return [row for row in proven if row in trusted and self._margin_m(places[row]) > 0]

    def _proven(self, t_us: int) -> bool:
        before = bisect_right(self._times, t_us) - 1
        after = bisect_left(self._times, t_us)
        if before < 0 or after >= len(self._times):
            return False
        margin_before, margin_after = self._margins[before], self._margins[after]
        if margin_before <= 0 or margin_after <= 0:
            return False
        return (
            margin_before > (t_us - self._times[before]) * self._reach_m_per_us
            or margin_after > (self._times[after] - t_us) * self._reach_m_per_us
        )


def _places(rows: Rows) -> list[_Place]:
    return [_on_globe(lat, lon) for lat, lon in zip(rows.column("lat_e7"), rows.column("lon_e7"), strict=True)]
