"""What every use case shares while the gateway runs: the folds, the journal behind them, and who is connected."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gateway.core.control.fold import Control
from gateway.core.ledger.book import Book
from gateway.ports.journal import Journals
from gateway.ports.keys import Keys
from gateway.usecases.certificates import KnownCertificates
from gateway.usecases.disclose import Discloser
from gateway.usecases.lanes import Lanes
from gateway.usecases.nonces import Nonces
from gateway.usecases.peer import Accepted
from gateway.usecases.sequence import Sequencer
from gateway.usecases.source_call import SourceCall
from gateway.usecases.tick import Ticker
from gateway.usecases.token import TokenDesk
from gateway.usecases.trusted_time import TrustedTime


@dataclass(frozen=True, slots=True)
class Received:
    """What a partner's entered receipts say of one account together. aside: (H(B), idx) of quarantined records."""

    tick: int = -1
    size: int = -1
    aside: frozenset[tuple[bytes, int]] = frozenset()


@dataclass(slots=True)
class Running:
    """`control` is replaced as a whole when a statement is applied, `accepted` when roots change; the rest stays.

    receipts: what was received of each account since the start.
    source_calls: every live call of a source.
    stopping: set once the gateway is on its way down.
    tokens: where access tokens are judged; None is a gateway that knows no issuer's server, and takes none.
    """

    control: Control
    journals: Journals
    keys: Keys
    book: Book
    lanes: Lanes
    time: TrustedTime
    sequencer: Sequencer
    ticker: Ticker
    discloser: Discloser
    receipts: dict[bytes, Received] = field(default_factory=dict)
    nonces: Nonces = field(default_factory=Nonces)
    source_calls: set[SourceCall] = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    tokens: TokenDesk | None = None
    accepted: Accepted = field(default_factory=Accepted)
    certificates: KnownCertificates = field(default_factory=KnownCertificates)

    def now_ms(self) -> int:
        """Trusted now, UTC milliseconds."""
        return self.time.now_ms()
