"""A store that was put back, at the operators' desks: what it lacks is named, and no stop comes undone by losing it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from clients.enrolment import PartyRole
from clients.operator.ca import root_digest
from clients.operator.drafts import (
    lift_of_text,
    lockdown_text,
    partner_text,
    source_text,
    suspend_text,
    taint_text,
)
from clients.operator.home import Home
from clients.operator.kept_chain import KeptChain
from clients.operator.replaying import Fate, lost_statements
from clients.operator.restoring import Judged, Missing, accepted, approved, by_danger, judge, missing_stops
from clients.operator.shipped import vocabulary_text
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.restore import Restore
from gateway.core.control.restoring import RestoreRequest
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import CallerError, GatewayError, Refused
from gateway.core.suite.numbers import StatementKind
from tests.unit.operator.gateways import Town
from tests.unit.operator.parties import AGREEMENT, CLEARANCE, NOW_MS, TRUST_DOMAIN, a_bundle

OLD = b"the old life 16b"
PARTNER = "partner/usa/arl"


class Lost(Town):
    """A town whose gateway was put back: `kept` statements are in the backup."""

    kept = 0

    def source(self, source_id: str) -> str:
        """Admits a source; the digest of its key in hex."""
        bundle = a_bundle(self.operators[0].path.parent, PartyRole.SOURCE, source_id)
        root = root_digest(self.authority.root)
        text = source_text(bundle, trust_domain=TRUST_DOMAIN, root=root, scope="telemetry//SIMULATED")
        self.apply(StatementKind.SOURCE, text, bundle.encoded)
        return next(digest.hex() for digest, key in self.control.keys.items() if key.subject_id == source_id)

    def partner(self, partner_id: str) -> None:
        """Admits a partner."""
        bundle = a_bundle(self.operators[0].path.parent, PartyRole.PARTNER, partner_id)
        root = root_digest(self.authority.root)
        self.apply(
            StatementKind.PARTNER,
            partner_text(bundle, trust_domain=TRUST_DOMAIN, root=root, nation="USA", clearance=CLEARANCE),
            bundle.encoded,
        )

    def back_up(self) -> None:
        """Everything after this is lost."""
        self.kept = len(self.entries)

    @property
    def backup(self) -> Control:
        """What stands in the backup."""
        control = Control.begin(self.entries[0])
        for entry in self.entries[1 : self.kept]:
            control = control.apply(entry)
        return control

    def request(self) -> RestoreRequest:
        """What the machine writes; both operators had seen everything."""
        for home in self.operators[:2]:
            KeptChain(home.path).keep(self.entries)
        body = Restore(OLD, secrets.token_bytes(16), 6, b"k" * 48).encode()
        unsigned = SignedStatement(self.statement(StatementKind.RESTORE, body, on=self.backup), ())
        return RestoreRequest(OLD, 9, len(self.entries), 7, tuple(self.entries[: self.kept]), (unsigned,), {})

    def judged(self, request: RestoreRequest, number: int = 0) -> Judged:
        """The request as one operator verifies it."""
        return judge(request, self.operators[number], self.genesis.statement.link, NOW_MS)

    def approve(self, request: RestoreRequest, number: int) -> RestoreRequest:
        """One operator's approval, with the stops that the backup lacks."""
        judged = self.judged(request, number)
        stops = missing_stops(judged.lost, judged.tip, NOW_MS)
        signed, agree = approved(
            request, judged, self.operators[number], stops, reason="why", show=shown, now_ms=NOW_MS
        )
        agree()
        return signed


def shown(text: str, entry: ControlEntry) -> None:
    """The screen."""
    assert entry.statement.link.hex() in text


def named(missing: list[Missing]) -> list[tuple[str, str]]:
    """Kind, and why it cannot be put back."""
    return [(one.kind.name, one.problem.code if one.problem else "") for one in missing]


def links(entries: Sequence[ControlEntry]) -> list[bytes]:
    """The links of statements."""
    return [entry.statement.link for entry in entries]


@pytest.fixture
def town(tmp_path: Path) -> Lost:
    """A source and a partner of the morning; the backup was made then."""
    town = Lost.found(tmp_path)
    town.apply(StatementKind.VOCABULARY, vocabulary_text("UKR.1"))
    town.source("src-3f07")
    town.partner("usa/arl")
    town.back_up()
    return town


def key_of(town: Lost, source_id: str = "src-3f07") -> str:
    """Its digest."""
    return next(digest.hex() for digest, key in town.control.keys.items() if key.subject_id == source_id)


def test_what_the_backup_lacks_is_named_the_worst_first(town: Lost) -> None:
    """A tainted key among a hundred vocabularies must not be overlooked."""
    town.apply(StatementKind.VOCABULARY, vocabulary_text("USA.1"))
    town.apply(StatementKind.SUSPEND, suspend_text(PARTNER, "lost laptop"))
    town.apply(StatementKind.TAINT, taint_text(key_of(town), date(2026, 11, 1), "found open"))

    lost = town.judged(town.request()).lost

    assert [one.statement.kind.name for one in by_danger(lost)] == ["TAINT", "SUSPEND", "VOCABULARY"]


def test_a_stop_that_still_stood_is_put_back_and_one_that_was_lifted_is_not(town: Lost) -> None:
    """What counts is how things stood when the store was lost."""
    town.apply(StatementKind.SUSPEND, suspend_text(PARTNER, "first"))
    town.apply(StatementKind.LIFT, lift_of_text(PARTNER, "it was found"))
    town.apply(StatementKind.SUSPEND, suspend_text("source/src-3f07", "second"))
    town.source("src-91c2")
    town.apply(StatementKind.SUSPEND, suspend_text("source/src-91c2", "third"))
    judged = town.judged(town.request())

    missing = missing_stops(judged.lost, judged.tip, NOW_MS)

    # Whoever was admitted in the lost past is not there, so there is nothing to stop.
    assert named(missing) == [("SUSPEND", ""), ("SUSPEND", "source-unknown")]
    assert b"source/src-3f07" in missing[0].body


def test_a_stop_that_the_backup_has_is_not_put_back_twice(town: Lost) -> None:
    """A statement that changes nothing would stop the whole restore."""
    town.apply(StatementKind.LOCKDOWN, lockdown_text("early"))
    town.back_up()
    town.apply(StatementKind.LIFT, lift_of_text("gateway", "a mistake"))
    town.apply(StatementKind.LOCKDOWN, lockdown_text("late"))
    judged = town.judged(town.request())

    assert missing_stops(judged.lost, judged.tip, NOW_MS) == []


@pytest.mark.must("2.12.8")
def test_two_persons_sign_and_what_the_gateway_is_handed_is_whole(town: Lost) -> None:
    """The first puts the stops behind, the second sees them there; the fold of the gateway takes all of it."""
    town.apply(StatementKind.TAINT, taint_text(key_of(town), date(2026, 11, 1), "found open"))
    town.apply(StatementKind.LOCKDOWN, lockdown_text("in haste"))

    first = town.approve(town.request(), 0)
    second = town.approve(RestoreRequest.parse(first.encode()), 1)

    assert [one.statement.kind.name for one in second.proposed] == ["RESTORE", "TAINT", "LOCKDOWN"]
    assert [len(one.signatures) for one in second.proposed] == [2, 1, 1]
    control = town.backup
    for signed in second.proposed:
        control = control.apply(ControlEntry(signed, (), NOW_MS))
    assert control.is_locked
    assert bytes.fromhex(key_of(town)) in control.tainted
    assert second.reasons == {"officer-1": "why", "officer-2": "why"}
    with pytest.raises(Refused) as caught:
        town.approve(second, 0)
    assert caught.value.code == "own-approval"


def test_a_backup_of_another_past_is_refused(town: Lost) -> None:
    """It parts from what this home has seen, or is another gateway's: somebody made it up."""
    town.apply(StatementKind.VOCABULARY, vocabulary_text("USA.1"))
    request = town.request()
    other = ControlEntry(
        town.signed(town.statement(StatementKind.VOCABULARY, vocabulary_text("GBR.1"), on=town.backup)), (), NOW_MS
    )
    forked = replace(request, entries=(*request.entries, other))
    refused = {
        "control-forked": (forked, town.genesis.statement.link),
        "genesis-differs": (request, b"g" * 48),
        "signatures-too-few": (
            replace(request, entries=(*request.entries[:-1], _with_one(request.entries[-1]))),
            town.genesis.statement.link,
        ),
    }

    for code, (one, genesis) in refused.items():
        with pytest.raises(GatewayError) as caught:
            judge(one, town.operators[0], genesis, NOW_MS)
        assert caught.value.code == code


def _with_one(entry: ControlEntry) -> ControlEntry:
    signed = SignedStatement(entry.statement, entry.signed.signatures[:1])
    return replace(entry, signed=signed)


def test_an_operator_who_was_not_needed_accepts_what_the_quorum_signed(town: Lost) -> None:
    """And nothing that one person alone has signed."""
    first = town.approve(town.request(), 0)
    third = Home.open(town.operators[1].path)
    with pytest.raises(Refused) as caught:
        accepted(town.judged(first, 1), third)
    assert (caught.value.code, KeptChain(third.path).agreed()) == ("signatures-too-few", None)
    second = town.approve(first, 1)

    accepted(town.judged(second, 1), third)

    assert KeptChain(third.path).agreed() == second.proposed[0].statement.link


def test_a_kept_chain_grows_is_set_aside_and_never_deleted(town: Lost) -> None:
    """Whatever was seen can be said again one day."""
    kept = KeptChain(town.operators[0].path)
    assert kept.entries() == ()
    kept.keep(town.entries)
    town.apply(StatementKind.VOCABULARY, vocabulary_text("USA.1"))
    kept.keep(town.entries)
    kept.keep(town.entries[:2])
    assert links(kept.entries()) == links(town.entries)
    other = ControlEntry(
        town.signed(town.statement(StatementKind.VOCABULARY, vocabulary_text("GBR.1"), on=town.backup)), (), NOW_MS
    )

    kept.keep([*town.entries[: town.kept], other])

    assert links(kept.entries())[-1:] == links([other])
    assert [links(past) for past in kept.lost()] == [links(town.entries)]
    (town.operators[0].path / "gateway" / "agreed.toml").write_text("restore = 7\n")
    with pytest.raises(CallerError):
        kept.agreed()


def test_what_was_lost_is_proposed_anew_but_for_what_was_stopped(town: Lost) -> None:
    """An admission whose suspension is lost with it must not come back without it."""
    town.apply(StatementKind.VOCABULARY, vocabulary_text("USA.1"))
    town.source("src-91c2")
    town.apply(StatementKind.SUSPEND, suspend_text("source/src-91c2", "stolen"))
    town.source("src-b000")
    town.apply(StatementKind.AGREEMENT, AGREEMENT)
    town.apply(StatementKind.SUSPEND, suspend_text(PARTNER, "first"))
    town.apply(StatementKind.LIFT, lift_of_text(PARTNER, "found"))
    past = tuple(town.entries)
    town.entries, town.control = town.entries[: town.kept], town.backup
    town.apply(StatementKind.LOCKDOWN, lockdown_text("behind the RESTORE"))
    town.apply(StatementKind.VOCABULARY, vocabulary_text("USA.1"))

    found = lost_statements([past], town.chain(), NOW_MS)

    assert [(one.entry.statement.kind.name, one.name, one.fate) for one in found] == [
        ("SUSPEND", "source/src-91c2", Fate.WAITS),
        ("SUSPEND", PARTNER, Fate.UNDONE),
        ("VOCABULARY", "USA.1", Fate.STANDS),
        ("SOURCE", "src-91c2", Fate.STOPPED),
        ("SOURCE", "src-b000", Fate.AGAIN),
        ("AGREEMENT", "UA-US-2026-014", Fate.AGAIN),
        ("LIFT", PARTNER, Fate.STANDS),
    ]
