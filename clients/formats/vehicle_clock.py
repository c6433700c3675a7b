"""UTC of a vehicle's rows, from the two clocks a `.tlog` knows: the vehicle's since boot, the recording computer's.

SYSTEM_TIME ties both to UTC. A row with a boot time uses it unless it disagrees with the arrival by more than five
seconds, which means a reboot; other rows use their arrival. Without any SYSTEM_TIME the arrival is all there is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field

from clients.formats.extract import UNKNOWN, Rows

_REBOOT_US = 5_000_000


@dataclass(slots=True)
class VehicleClock:
    """Arrival, boot time and UTC of every SYSTEM_TIME of one autopilot."""

    arrivals: array[int] = field(default_factory=lambda: array("q"))
    boots: array[int] = field(default_factory=lambda: array("q"))
    utcs: array[int] = field(default_factory=lambda: array("q"))

    def tie(self, arrival_us: int, boot_us: int, utc_us: int) -> None:
        """One SYSTEM_TIME."""
        self.arrivals.append(arrival_us)
        self.boots.append(boot_us)
        self.utcs.append(utc_us)

    def utc_us(self, arrival_us: int, boot_us: int) -> int:
        """UTC of a row, as the module says."""
        if not self.arrivals:
            return arrival_us
        i = max(0, bisect_right(self.arrivals, arrival_us) - 1)
        by_arrival = self.utcs[i] + arrival_us - self.arrivals[i]
        by_boot = self.utcs[i] + boot_us - self.boots[i]
        return by_boot if boot_us != UNKNOWN and abs(by_boot - by_arrival) <= _REBOOT_US else by_arrival


@dataclass(slots=True)
class TimedRows:
    """Rows with their arrivals as times, and their boot times beside them until the clock settles both."""

    rows: Rows
    boots: array[int] = field(default_factory=lambda: array("q"))

    def add(self, arrival_us: int, boot_us: int, **values: int) -> None:
        """One row."""
        self.rows.add(arrival_us, **values)
        self.boots.append(boot_us)

    def settle(self, clock: VehicleClock) -> Rows:
        """The rows with UTC times."""
        arrivals = self.rows.columns[0]
        self.rows.columns[0] = array("q", map(clock.utc_us, arrivals, self.boots))
        return self.rows
