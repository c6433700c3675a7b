"""Laws of the fold: where a statement may stand, when, and with whose signatures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.roster import ONE_SIGNATURE
from gateway.core.errors import Refused
from gateway.core.suite.numbers import StatementKind
from gateway.core.suite.octets import u16, u64
from tests.unit.control.given import DAY, NOW, genesis, octets, roster_text, signed
from tests.unit.control.world import BOTH, World, a_world, agreement_text

SUSPEND = b'target = "partner/usa/arl"\nreason = "a test"\n'


def refusal(world: World, entry: ControlEntry) -> str:
    """The code with which the gateway refuses the entry."""
    before = world.control
    with pytest.raises(Refused) as caught:
        world.control.apply(entry)
    assert world.control is before
    return caught.value.code


@pytest.mark.must("2.10.7")
def test_the_same_entries_give_the_same_state() -> None:
    """A restart, an operator and an auditor must come to the state the gateway had."""
    world = a_world()
    world.suspend()
    control = Control.begin(parse_entry(world.entries[0].encode()))

    for entry in world.entries[1:]:
        control = control.apply(parse_entry(entry.encode()))

    assert control.position == world.control.position == len(world.entries)
    assert control.head == world.control.head
    assert control.suspended == world.control.suspended
    assert control.sources == world.control.sources
    assert control.partners == world.control.partners
    assert control.agreements == world.control.agreements
    assert control.guide == world.control.guide


def test_a_genesis_founds_an_empty_gateway() -> None:
    """Nothing is admitted, agreed or endorsed but by a later statement."""
    control = World().control

    assert (control.position, control.head, control.roster_link) == (1, control.genesis, control.genesis)
    assert not control.sources
    assert not control.partners
    assert not control.agreements
    assert control.directory is None


@pytest.mark.must("2.3.6")
@pytest.mark.parametrize("signers", [("officer-1", "officer-2"), ("officer-1", "officer-2", "vault-1")])
def test_a_genesis_needs_all_operators_and_nobody_else(signers: tuple[str, ...]) -> None:
    """A gateway is founded by exactly those who will answer for it."""
    entry = ControlEntry(signed(genesis().statement, *signers), (), NOW)

    with pytest.raises(Refused) as caught:
        Control.begin(entry)

    assert caught.value.code in {"signatures-too-few", "signer-unknown"}


def test_only_a_genesis_begins() -> None:
    """A journal that lost its first entry has no operators."""
    world = a_world()

    with pytest.raises(Refused) as caught:
        Control.begin(world.entries[1])
    assert caught.value.code == "statement-genesis"
    assert refusal(world, replace(world.entries[0], applied_at_ms=world.now)) == "statement-genesis"


@pytest.mark.must("2.4.2", "2.4.3")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"genesis": octets("other", 48)}, "statement-genesis"),
        ({"position": 8}, "stale-change"),
        ({"position": 10}, "stale-change"),
        ({"prev": octets("other", 48)}, "stale-change"),
        ({"roster": octets("other", 48)}, "roster-not-in-force"),
        ({"expires_at_ms": NOW}, "statement-expired"),
        ({"proposed_at_ms": NOW + 5 * 60_000 + 1, "expires_at_ms": NOW + DAY}, "statement-early"),
    ],
    ids=["another genesis", "behind", "ahead", "another head", "another roster", "expired", "from the future"],
)
def test_a_statement_counts_in_its_place_and_time_only(changes: dict[str, object], code: str) -> None:
    """What was approved for one state must not be applied to another."""
    world = a_world()
    assert world.control.position == 9

    entry = world.entry(StatementKind.SUSPEND, SUSPEND, by=("officer-1",), **changes)

    assert refusal(world, entry) == code


@pytest.mark.must("2.4.2")
def test_an_applied_statement_cannot_be_replayed() -> None:
    """A permission that was taken back must not come back by itself."""
    world = a_world()
    world.suspend()
    suspended = world.entries[-1]
    world.lift()

    assert refusal(world, suspended) == "stale-change"


@pytest.mark.must("2.4.2")
def test_a_statement_is_not_replayed_after_a_restore() -> None:
    """A restored gateway re-uses positions; the links of another past do not fit."""
    world = a_world()
    restored = world.copy()
    world.suspend("partner/gbr/dstl")
    lifted = world.lift("partner/gbr/dstl")
    restored.suspend("partner/usa/arl")

    assert lifted.statement.position == restored.control.position
    assert refusal(restored, lifted) == "stale-change"


@pytest.mark.must("2.4.4")
def test_the_clock_never_runs_back() -> None:
    """An expired statement must not be applied by turning the clock."""
    world = a_world()
    world.now += 2 * DAY
    late = world.copy()
    world.suspend()
    late.control = world.control
    late.now = world.now - 1

    entry = late.entry(StatementKind.LIFT, SUSPEND)

    assert refusal(late, entry) == "clock-behind"


@pytest.mark.parametrize("kind", [StatementKind.SUSPEND, StatementKind.END])
def test_one_operator_alone_can_deny(kind: StatementKind) -> None:
    """Whoever sees the harm first stops it."""
    world = a_world()
    bodies = {StatementKind.SUSPEND: SUSPEND, StatementKind.END: b'agreement = "UA-US-2026-014"\nreason = "x"\n'}

    world.apply(kind, bodies[kind], by=("officer-3",))

    assert world.control.is_suspended("partner/usa/arl") == (kind is StatementKind.SUSPEND)
    assert bool(world.control.ended) == (kind is StatementKind.END)


@pytest.mark.must("2.3.5", "2.3.12")
@pytest.mark.parametrize(
    ("signers", "code"),
    [
        (("officer-1",), "signatures-too-few"),
        (("officer-1", "stranger"), "signer-unknown"),
        (("officer-1", "vault-1"), "signer-unknown"),
        (("vault-1", "vault-2"), "signer-unknown"),
    ],
)
def test_one_operator_alone_widens_nothing(signers: tuple[str, ...], code: str) -> None:
    """One compromised operator cannot open the gateway, whatever other keys they hold."""
    world = a_world()
    world.suspend()

    assert refusal(world, world.entry(StatementKind.LIFT, SUSPEND, by=signers)) == code


@pytest.mark.must("2.1.3")
def test_an_approval_is_of_one_text() -> None:
    """Approve A, apply B: the signatures do not verify."""
    world = a_world()
    approved = world.entry(StatementKind.AGREEMENT, agreement_text(id='"UA-1"'))
    wider = replace(approved.statement, body=agreement_text(id='"UA-1"', withhold="None"))
    swapped = replace(approved, signed=replace(approved.signed, statement=wider))

    assert refusal(world, swapped) == "statement-signature"


NOT_BUILT = sorted(
    {
        StatementKind.RULE_ADD,
        StatementKind.RULE_WITHDRAW,
    }
)


@pytest.mark.must("2.4.5")
@pytest.mark.parametrize("kind", NOT_BUILT)
def test_what_is_not_built_is_refused_by_name(kind: StatementKind) -> None:
    """A restriction that is accepted and not enforced is worse than none."""
    world = a_world()

    assert refusal(world, world.entry(kind, b"")) == "statement-not-built"


@pytest.mark.must("2.10.1")
@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("kind", [StatementKind.SOURCE, StatementKind.DIRECTORY, StatementKind.SUSPEND])
def test_a_statement_comes_with_what_belongs_to_it(kind: StatementKind, count: int) -> None:
    """What nobody asked for is stored for nobody."""
    world = a_world()
    attachments = (b"x",) * (count if kind is not StatementKind.SUSPEND else count + 1)

    assert refusal(world, world.entry(kind, SUSPEND, *attachments)) == "attachments"


@pytest.mark.must("2.4.11")
def test_the_first_of_several_faults_is_the_one_that_is_named() -> None:
    """Two gateways that refuse one statement for different reasons do not agree on what is wrong with it."""
    world, body = a_world(), agreement_text(id='"UA-9"', to='"usa/nobody"')
    faults: list[tuple[str, dict[str, object], tuple[bytes, ...], tuple[str, ...]]] = [
        ("stale-change", {"position": 8, "expires_at_ms": NOW}, (b"x",), ("stranger",)),
        ("statement-expired", {"expires_at_ms": NOW}, (b"x",), ("stranger",)),
        ("signer-unknown", {}, (b"x",), ("stranger",)),
        ("signatures-too-few", {}, (b"x",), ("officer-1",)),
        ("attachments", {}, (b"x",), BOTH),
        ("partner-unknown", {}, (), BOTH),
    ]

    codes = [
        refusal(world, world.entry(StatementKind.AGREEMENT, body, *attachments, by=by, **changes))
        for _, changes, attachments, by in faults
    ]

    assert codes == [code for code, *_ in faults]
    unbuilt = world.entry(StatementKind.RULE_ADD, b"", b"x", by=("stranger",))
    assert refusal(world, unbuilt) == "statement-not-built"


@pytest.mark.must("2.10.1")
def test_a_genesis_comes_alone() -> None:
    """The first entry is the same for everyone."""
    with pytest.raises(Refused) as caught:
        Control.begin(ControlEntry(genesis(), (b"x",), NOW))

    assert caught.value.code == "attachments"


def test_a_change_can_be_looked_at_before_everyone_has_signed() -> None:
    """What could never be applied is refused when it is proposed, and nothing is applied early."""
    world = a_world()
    first = world.entry(StatementKind.AGREEMENT, agreement_text(id='"UA-1"'), by=("officer-1",))

    after, progress = world.control.preview(first)

    assert (progress.have, progress.need) == (1, 2)
    assert "UA-1" in after.agreements
    assert "UA-1" not in world.control.agreements
    assert refusal(world, first) == "signatures-too-few"
    with pytest.raises(Refused):
        world.control.preview(world.entry(StatementKind.AGREEMENT, agreement_text(), by=("officer-1",)))


def test_pending_changes_are_looked_at_in_a_chain() -> None:
    """The second proposal is read against what the first would make true."""
    world = a_world()
    first = world.entry(StatementKind.AGREEMENT, agreement_text(id='"UA-1"'), by=("officer-1",))
    pending, _ = world.control.preview(first)
    world.control = pending
    second = world.entry(StatementKind.END, b'agreement = "UA-1"\nreason = "x"\n', by=("officer-1",))

    after, progress = pending.preview(second)

    assert "UA-1" in after.ended
    assert progress.have >= progress.need


def test_a_change_behind_others_is_weighed_by_who_signed_and_by_nothing_else() -> None:
    """Its place, its time and what it says are for the day when it is next; a stranger's signature counts on no day."""
    world = a_world()
    text = agreement_text(id='"UA-1"')
    change = world.statement(StatementKind.AGREEMENT, text, position=world.control.position + 3, prev=bytes(48))

    def weighed(*signers: str) -> tuple[int, int]:
        progress = world.control.weigh(ControlEntry(signed(change, *signers), (), world.now))
        return progress.have, progress.need

    assert weighed("officer-1") == (1, 2)
    assert weighed(*BOTH) == (2, 2)
    with pytest.raises(Refused) as caught:
        weighed("officer-1", "vault-1")
    assert caught.value.code == "signer-unknown"
    unbuilt = world.statement(StatementKind.RULE_ADD, b"")
    with pytest.raises(Refused) as caught:
        world.control.weigh(ControlEntry(signed(unbuilt, "officer-1"), (), world.now))
    assert caught.value.code == "statement-not-built"


@pytest.mark.must("1.2.1")
def test_an_entry_has_one_encoding() -> None:
    """What the journal keeps is what was applied."""
    world = a_world()

    for entry in world.entries:
        encoded = entry.encode()
        assert parse_entry(encoded).encode() == encoded
        assert parse_entry(encoded).attachments == entry.attachments
        assert parse_entry(encoded).applied_at_ms == entry.applied_at_ms


@pytest.mark.parametrize("tail", [u16(0), u16(3) + bytes(12) + u64(0), u16(1) + b"\xff\xff\xff\xff" + u64(0)])
def test_an_entry_out_of_bounds_is_malformed(tail: bytes) -> None:
    """A damaged journal is noticed, not interpreted."""
    with pytest.raises(Refused) as caught:
        parse_entry(genesis().encode() + tail)

    assert caught.value.code == "malformed"


@pytest.mark.must("2.3.5")
def test_one_signature_kinds_are_those_that_deny_or_repeat() -> None:
    """The list is the security of the gateway: nobody extends it in passing."""
    names = "HOLD SUSPEND LOCKDOWN END TAINT REVOKE RULE_ADD DIRECTORY_REDATE OBJECT"

    assert {kind.name for kind in ONE_SIGNATURE} == set(names.split())


def test_a_roster_of_two_needs_both() -> None:
    """The smallest gateway has two operators, and each change both of them."""
    text = roster_text(operators=("officer-1", "officer-2"))
    first = genesis(text)
    control = Control.begin(ControlEntry(first, (), NOW))

    assert control.roster.quorum == len(control.roster.operators) == 2
