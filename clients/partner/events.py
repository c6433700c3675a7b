"""What happens on a stream, as a caller hears it."""

from __future__ import annotations

from dataclasses import dataclass

from clients.closed import Closed
from clients.partner.sections import ReceivedRecord
from gateway.core.ledger.reader import ClosedAccount
from gateway.core.ledger.receipt import Quarantined
from gateway.core.suite.numbers import EndReason


@dataclass(frozen=True, slots=True)
class TickSeen:
    """The ledger moved on; persist it.

    owed: disclosures whose frames have not come yet; closed: the account that a RESTORE ended with this tick.
    """

    number: int
    owed: int
    closed: ClosedAccount | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one frame that add something.

    quarantined: set aside unread; repeated: how many added nothing and were dropped.
    entry: the disclosure G; cursor: where to go on once the records are stored.
    """

    records: tuple[ReceivedRecord, ...]
    quarantined: tuple[Quarantined, ...]
    repeated: int
    entry: bytes
    cursor: bytes


@dataclass(frozen=True, slots=True)
class OldDisclosure:
    """A disclosure of an earlier stream whose frame never arrived; its records come again."""

    entry: bytes


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything there was has been received."""


@dataclass(frozen=True, slots=True)
class QuotaReached:
    """There is more, and the agreement's quota of this month lets no more of it go; the stream waits."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The gateway ended the stream."""

    reason: EndReason
    text: str


StreamEvent = TickSeen | Records | OldDisclosure | CaughtUp | QuotaReached | Ended


@dataclass(frozen=True, slots=True)
class Suspended:
    """Operators stopped this partner; nothing is tried again."""

    text: str


@dataclass(frozen=True, slots=True)
class Restored:
    """The gateway's store was put back from a backup, as operators signed; the account goes on, empty.

    closed: what was seen before, kept as evidence. beyond: disclosures of it that are held here and no more there.
    """

    closed: Closed
    beyond: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The link is down or the gateway away; it is tried again after a wait."""

    code: str
    wait_seconds: float


FollowEvent = Records | CaughtUp | QuotaReached | Ended | Restored | Suspended | Disconnected
