"""An auditor of the ledger: every tick is made again from the entries before it, and a false one is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.restore import Restore
from gateway.core.errors import Fault
from gateway.core.ledger import book as books
from gateway.core.ledger.audit import LedgerAudit
from gateway.core.ledger.book import AccountEntry, StoredTick, parse_stored_tick
from gateway.core.ledger.tick import parse_tick, sign_tick
from gateway.core.suite.algorithms import ZERO_HASH, digest
from gateway.core.suite.octets import lp16, u64
from tests.reference.making import GENESIS, NO_SIGNATURE
from tests.unit.ledger.honest import LEDGER, LEDGER_PUBLIC, MINE, OTHERS, HonestGateway, a_gateway

Journal = list[tuple[int, bytes]]


def no_link(_: int) -> bytes:
    """The link of every statement in these tests."""
    return bytes(48)


def audited(journal: Journal, *restores: Restore, is_signed: bool = True) -> LedgerAudit:
    """An audit that was fed the whole journal."""
    audit = LedgerAudit(GENESIS, no_link, (lambda _: LEDGER_PUBLIC) if is_signed else None, restores)
    for position, (kind, entry) in enumerate(journal):
        audit.feed(position, kind, entry)
    audit.finish()
    return audit


def a_journal() -> Journal:
    """Three ticks; the last was signed while two more entries were committed and an account was opened."""
    gateway = a_gateway(b"a", b"b")
    gateway.enter(OTHERS, b"c")
    gateway.tick()
    draft = gateway.draft()
    gateway.enter(MINE, b"late")
    gateway.open(b"a third")
    gateway.enter(b"a third", b"later")
    gateway.commit(books.KIND_TICK, draft.encode(sign_tick(draft.statement, LEDGER)))
    return gateway.journal


def _encoded(stored: StoredTick) -> bytes:
    return b"".join(
        (
            lp16(stored.statement),
            lp16(stored.signature),
            stored.tick_seed,
            stored.control_salt,
            u64(stored.control_position),
            u64(stored.covered),
        )
    )


def _last_tick(journal: Journal, **changes: object) -> Journal:
    """The journal with fields of its last tick changed, or of the K in it, signed again."""
    stored = parse_stored_tick(journal[-1][1])
    outer = {name: value for name, value in changes.items() if name in StoredTick.__slots__}
    inner = {name: value for name, value in changes.items() if name not in outer}
    if inner:
        statement = replace(parse_tick(stored.statement), **inner).encode()  # type: ignore[arg-type] - fields of K
        stored = replace(stored, statement=statement, signature=sign_tick(statement, LEDGER))
    return [*journal[:-1], (books.KIND_TICK, _encoded(replace(stored, **outer)))]  # type: ignore[arg-type] - its fields


@pytest.mark.parametrize("is_signed", [True, False])
def test_an_honest_ledger_passes(is_signed: bool) -> None:
    """Ticks speak of what was committed before they were drafted, whatever came while they were signed."""
    journal = a_journal()

    audit = audited(journal, is_signed=is_signed)

    assert audit.ticks == 3
    assert audit.last == parse_tick(parse_stored_tick(journal[-1][1]).statement)


LIVES = (b"incarnation 16 b", b"another life 16b", b"and a third life")


def restored(gateway: HonestGateway, *lives: bytes) -> tuple[Restore, ...]:
    """The store goes on under these incarnations, one tick in each but the first of them; what operators say of it."""
    said = []
    for new in lives:
        last = gateway.book.last_tick
        number, of_last = (parse_tick(last.statement).number, digest(last.statement)) if last else (0, ZERO_HASH)
        said.append(Restore(gateway.book.incarnation, new, number, of_last))
        gateway.commit(books.KIND_INCARNATION, new)
        gateway.open(MINE)
        if new != lives[0]:
            gateway.tick()
    return tuple(said)


def test_a_new_life_of_the_store_passes_where_operators_say_so() -> None:
    """After a restore everything begins again, also where no tick was kept of the life before."""
    gateway = a_gateway(b"a")
    gateway.tick()
    restores = restored(gateway, *LIVES[1:])

    assert audited(gateway.journal, *restores).ticks == 3
    assert (restores[0].last_tick, restores[1].ticks_kept) == (1, 0)


@pytest.mark.parametrize("lie", ["none", "old", "new", "tick", "digest", "order", "one too many"])
def test_a_new_life_that_no_restore_explains_is_a_fault(lie: str) -> None:
    """The gateway cannot begin again by itself, nor keep another past than the one that was signed."""
    gateway = a_gateway(b"a")
    first, second = restored(gateway, *LIVES[1:])
    lies: dict[str, tuple[Restore, ...]] = {
        "none": (),
        "old": (replace(first, old=LIVES[2]), second),
        "new": (replace(first, new=LIVES[2]), second),
        "tick": (replace(first, last_tick=1), second),
        "digest": (replace(first, tick_digest=bytes(47) + b"x"), second),
        "order": (second, first),
        "one too many": (first, second, replace(second, old=LIVES[2], new=b"a fourth life 16")),
    }

    with pytest.raises(Fault) as fault:
        audited(gateway.journal, *lies[lie])
    assert fault.value.code == "ledger-damaged"


@pytest.mark.must("6.2.2")
@pytest.mark.parametrize(
    "changes",
    [
        {"genesis": bytes(48)},
        {"incarnation": bytes(16)},
        {"number": 7},
        {"ledger": bytes(48)},
        {"control": bytes(48)},
        {"accounts_root": bytes(48)},
        {"tick_seed": bytes(32)},
        {"control_salt": bytes(32)},
        {"control_position": 0},
        {"covered": 3},
        {"covered": 2**63},
    ],
    ids="".join,
)
def test_a_tick_that_is_not_true_is_a_fault_even_if_it_is_signed(changes: dict[str, object]) -> None:
    """A gateway that signs a lie is caught by its own journal."""
    with pytest.raises(Fault) as fault:
        audited(_last_tick(a_journal(), **changes))
    assert fault.value.code in {"ledger-damaged", "journal-damaged"}


def test_an_entry_that_was_rewritten_is_a_fault() -> None:
    """The root over it was signed."""
    journal = a_journal()
    at = next(i for i, (kind, _) in enumerate(journal) if kind == books.KIND_ENTRIES)
    journal[at] = (books.KIND_ENTRIES, books.encode_account_entries([AccountEntry(OTHERS, b"never said")]))

    with pytest.raises(Fault) as fault:
        audited(journal)
    assert fault.value.code == "ledger-damaged"


def test_a_tick_without_its_signature_is_a_fault_to_who_checks_signatures() -> None:
    """A start checks the last signature only; an audit checks all."""
    journal = _last_tick(a_journal(), signature=NO_SIGNATURE)

    assert audited(journal, is_signed=False).ticks == 3
    with pytest.raises(Fault) as fault:
        audited(journal)
    assert fault.value.code == "ledger-damaged"


def test_a_tick_that_cannot_be_read_is_a_fault() -> None:
    """Damage is named, whatever it looks like."""
    with pytest.raises(Fault) as fault:
        audited([*HonestGateway().journal, (books.KIND_TICK, b"")])
    assert fault.value.code == "ledger-damaged"
