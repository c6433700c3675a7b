"""Who got what, asked after an older store was put back: what it had is answered still, under the tick it kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.keyfiles import write_private
from clients.operator.accounts import Accounts
from clients.operator.auditing import Question, read_accounts
from clients.operator.chain import read_chain
from clients.operator.govern import open_governance
from clients.operator.home import Home
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import RecordKind
from tests.loopback import Loopback, a_tactic
from tests.stand import now_ms

PARTNER = "usa/arl"


@dataclass
class Officer:
    """An officer who asks before and after."""

    world: Loopback
    home: Home

    def ask(self, ended: bytes = b"") -> Accounts:
        """Everything that partners got, in the present ledger or in one that is over."""
        connection = self.world.stand.connection()
        self.home.connect(
            endpoint=connection.endpoint,
            server=connection.server,
            roots_pem=connection.roots_pem,
            certificate_pem=connection.certificate_pem,
            genesis=self.world.stand.genesis.encode(),
        )

        async def asked() -> Accounts:
            async with open_governance(connection) as governance:
                chain = await read_chain(governance, self.home, now_ms())
                question = Question(lambda disclosure, opening: True, ended=ended)
                return (await read_accounts(governance, self.home, chain, question, now_ms()))[0]

        return self.world.run(asked())


@pytest.fixture
def officer(tmp_path: Path) -> Iterator[Officer]:
    """The gateway runs, one partner is admitted."""
    world = Loopback(tmp_path)
    home = Home.create(tmp_path / "home", "officer-1")
    try:
        world.start(PARTNER)
        (home.path / "tls.key").unlink()
        write_private(home.path / "tls.key", world.stand.operator_tls.read_bytes())
        yield Officer(world, home)
    finally:
        world.close()


@pytest.mark.must("13.1.7")
def test_what_went_before_a_restore_is_answered_under_the_tick_that_it_kept(officer: Officer, tmp_path: Path) -> None:
    """A partner has what it got, whatever became of the store; and the ledger that was seen leads to the new one."""
    world, state = officer.world, tmp_path / "usa.state"
    world.publish(RecordKind.TACTIC, a_tactic())
    world.receive(world.stand.profile(PARTNER), state)
    before = officer.ask()
    world.stop()
    backup = world.stand.back_up("backup")
    world.stand.put_back(backup)
    world.run(world.stand.restore())
    world.serve_again()
    world.publish(RecordKind.TACTIC, a_tactic())
    world.receive(world.stand.profile(PARTNER), state)

    present = officer.ask()
    (incarnation,) = present.ended
    ended = officer.ask(incarnation)

    assert (before.records, ended.records) == (1, 1)
    assert ended.tick is not None
    assert before.tick is not None
    assert (ended.tick.incarnation, ended.is_complete) == (before.tick.incarnation, True)
    assert ended.tick.number >= before.tick.number
    assert [one.entry.encode() for one in ended.disclosures] == [one.entry.encode() for one in before.disclosures]
    assert present.tick is not None
    assert present.tick.incarnation != incarnation
    assert present.is_complete
    with pytest.raises((Refused, CallerError), match="incarnation-unknown"):
        officer.ask(bytes(16))
