"""A partner that listens to scripted gateways: what it was handed, why it stopped, and what it kept."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from clients.link import Patience
from clients.partner.events import Disconnected, Ended, Records
from clients.partner.follow import follow
from clients.partner.sections import ReceivedRecord
from clients.partner.state import PartnerState
from gateway.core.errors import GatewayError
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.receipt import Quarantined
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import EndReason
from tests.loopback import Loopback
from tests.scripted_gateway import Script, ScriptedGateway, patience
from tests.truth import Truth

PARTNER = "usa/arl"
ABOUT = 0b1
ALL = 0b0111_1111
TRACK, TACTIC = 0, 1
STRANGER = SigningKey.generate()


@dataclass
class Heard:
    """What a partner made of a gateway. code: why it stopped, empty if the gateway ended in order."""

    records: list[ReceivedRecord]
    code: str
    reason: EndReason | None = None
    disconnected: list[str] = field(default_factory=list)


class Listener:
    """A partner with its state, which listens to one scripted gateway after another."""

    def __init__(self, world: Loopback, truth: Truth, state: Path) -> None:
        self.world = world
        self.state = state
        self.gateway = ScriptedGateway(truth)
        self.profile = world.stand.profile(PARTNER)

    def hear(
        self,
        *scripts: Script,
        kinds: tuple[str, ...] = ("telemetry", "tactic"),
        has_disk: bool = True,
        is_first_silent: bool = False,
    ) -> Heard:
        """Follows until the gateway's last script is over or refused; has_disk: what is handed up is kept."""
        return self.world.run(self._hear(list(scripts), kinds, has_disk, patience(is_first_silent=is_first_silent)))

    async def _hear(self, scripts: list[Script], kinds: tuple[str, ...], has_disk: bool, patience: Patience) -> Heard:
        heard = Heard([], "")
        self.gateway.scripts, self.gateway.hellos = scripts, []
        async with self.gateway.serving():
            profile = replace(self.profile, endpoint=f"127.0.0.1:{self.gateway.port}")
            async with follow(profile, kinds=kinds, state=self.state, patience=patience) as events:
                try:
                    async for event in events:
                        if isinstance(event, Records):
                            heard.records += event.records
                            if has_disk:
                                await events.flushed()
                        self.gateway.check()
                        if isinstance(event, Disconnected):
                            heard.disconnected.append(event.code)
                        if isinstance(event, Ended) and len(self.gateway.hellos) == len(scripts):
                            heard.reason = event.reason
                            return heard
                except GatewayError as error:
                    heard.code = error.code
        return heard

    def kept(self) -> tuple[int, int]:
        """(disclosures held, disclosures owed) on disk."""
        with closing(self._kept()) as state:
            return state.ledger.held.size, len(state.ledger.owed)

    def aside(self) -> tuple[Quarantined, ...]:
        """What was set aside and is in no receipt yet, on disk."""
        with closing(self._kept()) as state:
            return state.aside(64)

    def _kept(self) -> PartnerState:
        account_id = partner_account(PARTNER, self.profile.agreements[0].id, "default")
        return PartnerState(self.state, self.profile.genesis_link, account_id)
