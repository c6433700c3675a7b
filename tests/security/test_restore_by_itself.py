"""Threat: a gateway that restores by itself. It goes back to an older past, or begins anew, without two officers' word.

Whoever runs it has its keys, the key of the store and the floor, and writes what he likes into all three. What he has
not is the operators' signatures, and what partner and source saw.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients.partner.recording import Replay
from clients.partner.state import PartnerState
from clients.source.outbox import ACKNOWLEDGED
from gateway.adapters.floor import FloorFile
from gateway.adapters.keyfiles.kek import read_kek
from gateway.adapters.lmdb.journals import LmdbJournals
from gateway.bootstrap import load
from gateway.core.control.directory import DirectoryMessage, parse_directory_message
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import Fault, GatewayError, Refused
from gateway.core.ledger.book import KIND_INCARNATION, KIND_TICK
from gateway.core.ledger.entries import partner_account
from gateway.core.suite.numbers import RecordKind, StatementKind, StreamMessage
from gateway.core.suite.octets import Reader, lp32, u8
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Append, Journal
from gateway.usecases.govern import KIND_STATEMENT
from gateway.usecases.rebuild import entries_of
from tests.loopback import Loopback, a_tactic

PARTNER = "usa/arl"
RECORDING_TAG = b"SLUICE1/recording\x00"
Rows = dict[Journal, list[tuple[int, bytes]]]


class Insider:
    """Whoever runs the gateway, after a day that partner and source saw; the gateway stands still."""

    def __init__(self, root: Path) -> None:
        self.world = Loopback(root)
        self.world.start(PARTNER)
        self.world.publish(RecordKind.TACTIC, a_tactic())
        self.world.stop()
        self.older = self.world.stand.back_up("older")
        self.world.serve_again()
        self.world.publish(RecordKind.TACTIC, a_tactic())
        self.upload()
        assert self.follow()
        self.world.stop()
        self.newest = self.world.stand.back_up("newest")
        self.mark = FloorFile(self.world.stand.settings.floor).read()

    @property
    def state(self) -> Path:
        """What the partner keeps."""
        return self.world.root / "state"

    def follow(self, **options: object) -> int:
        """Records that the partner is handed up."""
        return len(self.world.receive(self.world.stand.profile(PARTNER), self.state, **options))

    def upload(self) -> dict[str, int]:
        """The source settles its outbox; its batches by state."""
        with self.world.outbox() as outbox:
            return self.world.run(self.world.upload(outbox).run(give_up_after_seconds=120)).batches

    def upload_one(self) -> dict[str, int]:
        """As `upload`, with one more batch: a source that has nothing to send does not ask."""
        with self.world.outbox() as outbox:
            self.world.seal(self.world.upload(outbox), outbox, RecordKind.TACTIC, a_tactic())
        return self.upload()

    def again(self) -> None:
        """The day as it was."""
        self.world.stand.put_back(self.newest)
        FloorFile(self.world.stand.settings.floor).begin(self.mark)

    def rewrite(self, edit: Callable[[Rows], None], store: Path) -> None:
        """The store is written anew with its own key, edited, every chain in order."""
        settings = self.world.stand.settings
        kek = read_kek(settings.kek, settings.store, unsafe_kek_beside_store=True)
        journals = LmdbJournals.open(store, kek)
        rows = {journal: [(kind, entry) for _, kind, entry in entries_of(journals, journal)] for journal in Journal}
        genesis = journals.genesis
        journals.close()
        edit(rows)
        shutil.rmtree(settings.store)
        forged = LmdbJournals.create(settings.store, kek, genesis)
        asyncio.run(
            forged.commit(
                [
                    Append(journal, place, kind, entry)
                    for journal, entries in rows.items()
                    for place, (kind, entry) in enumerate(entries)
                ]
            )
        )
        forged.close()

    def floor_of(self, incarnation: bytes) -> None:
        """The floor says what the insider wants."""
        FloorFile(self.world.stand.settings.floor).begin(FloorMark(incarnation, 0, 1))


@pytest.fixture(scope="module")
def insider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Insider]:
    """One for all, put back to the evening after each test."""
    insider = Insider(tmp_path_factory.mktemp("restore"))
    yield insider
    insider.world.close()


@pytest.fixture(autouse=True)
def _the_evening_before(insider: Insider) -> Iterator[None]:
    """What a test does to store, floor and state is undone."""
    kept = [(path, path.read_bytes()) for path in (insider.state, insider.world.root / "outbox" / "outbox.sqlite")]
    yield
    if insider.world.stand.running is not None:
        insider.world.stop()
    for path, content in kept:
        path.write_bytes(content)
    insider.again()


@pytest.mark.must("6.4.4")
@pytest.mark.parametrize("past", ["older", "newest"])
def test_a_ledger_begun_anew_is_refused_by_partner_and_source(insider: Insider, past: str) -> None:
    """Every record may be there, every signature of the gateway may be right: it is not the account that was seen."""
    incarnation = secrets.token_bytes(16)

    def begun_anew(rows: Rows) -> None:
        ledger = [(kind, entry) for kind, entry in rows[Journal.LEDGER] if kind not in {KIND_TICK, KIND_INCARNATION}]
        rows[Journal.LEDGER] = [(KIND_INCARNATION, incarnation), *ledger]

    insider.rewrite(begun_anew, insider.older if past == "older" else insider.newest)
    insider.floor_of(incarnation)
    insider.world.serve_again()
    state = kept(insider)

    # A cursor of the life before would be refused already: the insider's own gateway might not.
    for deceived in (lambda: insider.follow(from_start=True), insider.upload_one):
        with pytest.raises(Refused) as caught:
            deceived()
        assert caught.value.code == "ledger-incarnation"

    assert kept(insider) == state
    with insider.world.outbox() as outbox:
        assert outbox.tally().batches[ACKNOWLEDGED] == 2
        assert not outbox.closed()


def kept(insider: Insider) -> tuple[bytes, int]:
    """The incarnation and the number of disclosures that the partner holds."""
    profile = insider.world.stand.profile(PARTNER)
    account_id = partner_account(PARTNER, profile.agreements[0].id, "default")
    state = PartnerState(insider.state, profile.genesis_link, account_id)
    try:
        return state.ledger.incarnation, state.ledger.held.size
    finally:
        state.close()


def _started(insider: Insider, store: Path, edit: Callable[[Rows], None]) -> str:
    """The code with which the product's own gateway refuses the store, under a floor that suits it."""
    insider.rewrite(edit, store)
    insider.floor_of(b"another life 16b")
    with pytest.raises(GatewayError) as caught:
        load(insider.world.stand.settings, every_signature=True)
    return caught.value.code


def test_a_new_life_without_a_statement_is_no_store(insider: Insider) -> None:
    """Auditors see it, and the product does not run from it."""

    def living_on(rows: Rows) -> None:
        rows[Journal.LEDGER].append((KIND_INCARNATION, b"another life 16b"))

    assert _started(insider, insider.older, living_on) == "ledger-damaged"


@pytest.mark.must("2.3.5")
def test_a_restore_of_one_officer_is_no_statement(insider: Insider) -> None:
    """Also not where it was written past every check."""
    stand = insider.world.stand
    stand.put_back(insider.older)
    entry = stand.restoring(signers=stand.operators[:1])

    def living_on(rows: Rows) -> None:
        rows[Journal.CONTROL].append((KIND_STATEMENT, entry.encode()))
        rows[Journal.LEDGER].append((KIND_INCARNATION, b"another life 16b"))

    assert _started(insider, insider.older, living_on) == "journal-damaged"


@pytest.mark.must("2.12.2")
def test_the_officers_word_on_one_backup_is_none_on_another(insider: Insider) -> None:
    """They said what is lost; a store that lost more, or less, is not the one they spoke of."""
    stand = insider.world.stand
    stand.put_back(insider.older)
    entry = stand.restoring()
    stand.put_back(insider.newest)

    with pytest.raises(Refused) as caught:
        insider.world.run(stand.restore(entry))

    assert caught.value.code == "restore-mismatch"
    assert load(stand.settings, every_signature=True).journals.close() is None


@pytest.mark.must("6.4.4", "2.9.4", "2.3.5")
@pytest.mark.parametrize("lie", ["withheld", "one officer", "nothing"])
def test_a_gateway_that_was_restored_must_show_who_said_so(insider: Insider, lie: str) -> None:
    """The statement lies in its journal; a partner goes on for the statement and not for the journal."""
    stand = insider.world.stand
    stand.put_back(insider.older)
    insider.world.run(stand.restore())
    insider.world.serve_again()
    evidence = insider.world.root / f"evidence {lie}"
    insider.follow(record=evidence)
    lies: dict[str, tuple[Callable[[SignedStatement], SignedStatement | None], str]] = {
        "withheld": (lambda signed: None, "ledger-incarnation"),
        "one officer": (
            lambda signed: SignedStatement(signed.statement, signed.signatures[:1]),
            "signatures-too-few",
        ),
        "nothing": (lambda signed: signed, ""),
    }
    change, code = lies[lie]

    changed = _with_restores(evidence, change)

    assert _replayed(insider, changed) == code


def _with_restores(path: Path, change: Callable[[SignedStatement], SignedStatement | None]) -> Path:
    """The recording with every RESTORE in its directory messages changed, or left out."""
    reader = Reader(path.read_bytes(), "recording")
    reader.tag(RECORDING_TAG)
    out = [RECORDING_TAG]
    while reader.left:
        kind, item = reader.u8("type"), reader.lp32("item", 1 << 28)
        if item[8:9] == u8(StreamMessage.DIRECTORY) and kind == 2:
            message = parse_directory_message(item[9:])
            statements = [
                change(one) if one.statement.kind is StatementKind.RESTORE else one for one in message.statements
            ]
            shown = DirectoryMessage(tuple(one for one in statements if one is not None), message.shown)
            item = item[:9] + shown.encode()
        out.append(u8(kind) + lp32(item))
    changed = path.with_suffix(".changed")
    changed.write_bytes(b"".join(out))
    changed.chmod(0o600)
    return changed


def _replayed(insider: Insider, path: Path) -> str:
    """The code with which a reader refuses the recording; empty if it does not."""
    try:
        for _ in Replay(insider.world.stand.profile(PARTNER), path).events():
            pass
    except (Refused, Fault) as error:
        return error.code
    return ""
