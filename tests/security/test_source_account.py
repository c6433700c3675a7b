"""Threat: a gateway lies to a source about its batches. Only the account under a signed tick lets a source delete."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from clients.link import Patience
from clients.source.outbox import ACKNOWLEDGED, REFUSED, STORED, WAITING, Outbox, Told
from clients.source.upload import Upload
from gateway.core.control.standing import needed_by_source
from gateway.core.errors import GatewayError, Refused
from gateway.core.ledger.entries import Admitted, Applied, Disclosed, RefusedBatch
from gateway.core.ledger.tick import encode_entries
from gateway.core.suite.numbers import KeyState, PublishMessage, RecordKind, RefusalCode, Role
from gateway.core.suite.octets import lp16, u8, u16
from gateway.core.suite.tree import leaf_hash
from tests.loopback import SOURCE, Loopback, a_tactic
from tests.scripted_gateway import Reckoning, ScriptedGateway, SourceScript, patience, silence
from tests.security.listener import STRANGER
from tests.truth import Truth

LANE = bytes(16)


@dataclass
class Source:
    """A source with one batch in its outbox, which talks to scripted gateways."""

    world: Loopback
    outbox: Outbox
    gateway: ScriptedGateway
    digest: bytes
    told: list[str] = field(default_factory=list)

    def send(self, *scripts: SourceScript, is_first_silent: bool = False) -> str:
        """Runs the upload against one script after another; the code with which it stopped, empty if it did not."""
        return self.world.run(self._send(list(scripts), patience(is_first_silent=is_first_silent)))

    async def _send(self, scripts: list[SourceScript], patience: Patience) -> str:
        calls = iter(scripts)

        async def next_script(told: Reckoning) -> None:
            await next(calls, scripts[-1])(told)

        self.gateway.source_script = next_script
        async with self.gateway.serving():
            profile = replace(self.world.stand.profile(SOURCE), endpoint=f"127.0.0.1:{self.gateway.port}")
            upload = Upload(profile, self.outbox, lambda event, tally: self.told.append(event), patience=patience)
            try:
                await upload.run()
            except GatewayError as error:
                return error.code
            finally:
                self.gateway.check()
        return ""

    @property
    def state(self) -> str | None:
        """What the outbox knows of the batch."""
        return self.outbox.state_of(self.digest)


@pytest.fixture
def source(honest_world: Loopback, truth: Truth, tmp_path: Path) -> Iterator[Source]:
    """One batch waits."""
    with closing(Outbox(tmp_path / "outbox", truth.control.genesis, SOURCE)) as outbox:
        upload = honest_world.upload(outbox)
        [digest] = honest_world.seal(upload, outbox, RecordKind.TACTIC, a_tactic())
        # The real gateway's ledger is not the scripted one's: this source has only learnt the directory from it.
        assert outbox.ledger.last is None
        yield Source(honest_world, outbox, ScriptedGateway(truth), digest)


def admitted(digest: bytes) -> bytes:
    """The gateway has the batch."""
    return Admitted(secrets.token_bytes(32), LANE, 0, digest).encode()


def refused(digest: bytes, code: RefusalCode = RefusalCode.RANGE) -> bytes:
    """The gateway refused the batch."""
    return RefusedBatch(secrets.token_bytes(32), LANE, 0, digest, code).encode()


async def answers(told: Reckoning) -> None:
    """Takes what the source sends until it closes its side."""
    async for _ in told.up:
        pass


def test_an_honest_account_lets_a_source_delete(source: Source) -> None:
    """Without this, every refusal below could be for another reason."""

    async def honest(told: Reckoning) -> None:
        await told.begin()
        await told.send(PublishMessage.STORED, source.digest)
        await told.show(admitted(source.digest))
        await answers(told)

    assert source.send(honest) == ""
    assert source.state == ACKNOWLEDGED
    assert source.outbox.parcels() == []


@pytest.mark.must("3.7.6")
def test_stored_alone_deletes_nothing(source: Source) -> None:
    """The gateway's word is not its account's."""

    async def only_stored(told: Reckoning) -> None:
        await told.begin()
        await told.send(PublishMessage.STORED, source.digest)
        await told.show()

    # The source asks again for what the account does not have, until something stops it.
    assert source.send(only_stored, nonsense) == "stream-order"
    assert source.state == STORED
    assert len(source.outbox.parcels()) == 1


@pytest.mark.must("3.7.6")
def test_what_the_account_admits_is_admitted_whatever_was_said(source: Source) -> None:
    """A refusal that is told and not entered is only talk."""

    async def says_refused(told: Reckoning) -> None:
        await told.begin()
        said = source.digest + u16(RefusalCode.RANGE) + u16(0) + u8(1) + lp16(b"position\x1b[31m")
        await told.send(PublishMessage.REFUSED, said)
        await told.show(admitted(source.digest))
        await answers(told)

    assert source.send(says_refused) == ""
    assert source.state == ACKNOWLEDGED
    assert source.outbox.refused() == []


@pytest.mark.must("3.7.7")
def test_a_refusal_in_the_account_ends_a_batch_and_is_told(source: Source) -> None:
    """Code from the account, place from what was said, without what a terminal would obey."""

    async def refuses(told: Reckoning) -> None:
        await told.begin()
        said = source.digest + u16(RefusalCode.TEXT) + u16(4) + u8(1) + lp16(b"posi\x1b[31mtion")
        await told.send(PublishMessage.REFUSED, said)
        await told.show(refused(source.digest))
        await answers(told)

    assert source.send(refuses) == ""
    assert source.state == REFUSED
    assert source.outbox.refused() == [Told(source.digest.hex()[:8], "range", "record 4, slot 1: posi[31mtion")]


CONTRADICTIONS = {
    "admitted twice at once": ([admitted, admitted],),
    "admitted twice": ([admitted], [admitted]),
    "refused twice": ([refused], [refused]),
    "admitted, then refused": ([admitted], [refused]),
    "refused, then admitted": ([refused], [admitted]),
    "both at once": ([refused, admitted],),
}


@pytest.mark.must("3.7.8", "6.6.4")
@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_an_account_that_decides_a_batch_twice_is_a_failure(source: Source, name: str) -> None:
    """Of two truths one is a lie, and the source cannot know which."""

    async def contradicts(told: Reckoning) -> None:
        await told.begin()
        for entries in CONTRADICTIONS[name]:
            await told.show(*(entry(source.digest) for entry in entries))
        await answers(told)

    # One more batch keeps the connection open after the first is decided.
    source.world.seal(source.world.upload(source.outbox), source.outbox, RecordKind.TACTIC, a_tactic())

    assert source.send(contradicts) == "account-contradicts"


@pytest.mark.must("3.7.8")
def test_a_contradiction_is_found_again_on_the_next_run(source: Source) -> None:
    """It is not swallowed by being tried once more."""
    entries = [admitted(source.digest), refused(source.digest)]

    async def contradicts(told: Reckoning) -> None:
        await told.begin()
        assert told.told == 0
        await told.show(*([] if told.next_tick else entries), shown=entries)

    assert source.send(contradicts) == "account-contradicts"
    assert source.send(contradicts) == "account-contradicts"
    assert source.state == WAITING


async def other_entries(told: Reckoning) -> None:
    """Entries that are not those of the account."""
    await told.begin()
    await told.show(admitted(b"\x01" * 48), shown=[admitted(b"\x01" * 48)])


async def missing_entry(told: Reckoning) -> None:
    """An entry of the account is left out."""
    await told.begin()
    await told.show(admitted(b"\x01" * 48), shown=[])


async def leaf_without_its_entry(told: Reckoning) -> None:
    """The tick lists a leaf that nobody can look into."""
    await told.begin()
    entry = admitted(b"\x01" * 48)
    await told.show(entry, shown=[], leaves=(leaf_hash(entry),))


async def entry_of_the_house(told: Reckoning) -> None:
    """An entry that has no place in a source's account."""
    await told.begin()
    await told.show(Applied(1, bytes(48)).encode())


async def rewritten_ledger(told: Reckoning) -> None:
    """Another tick stands where one was shown."""
    await told.begin()
    other = told.ledger.fork()
    await told.show()
    other.draft()
    told.ledger = other
    await told.show()


async def unendorsed_key(told: Reckoning) -> None:
    """A ledger under a key that no operator endorsed."""
    await told.begin()
    told.ledger.key = STRANGER
    await told.show()


async def nonsense(told: Reckoning) -> None:
    """A message of no type."""
    await told.begin()
    await told.write(b"\x63")


async def nothing(told: Reckoning) -> None:
    """A message without a byte."""
    await told.begin()
    await told.write(b"")


async def word_before_the_directory(told: Reckoning) -> None:
    """An answer of a gateway that has not said who it is."""
    await told.send(PublishMessage.STORED, b"\x01" * 48)


async def second_directory(told: Reckoning) -> None:
    """The directory of a connection is fixed when it begins."""
    await told.begin()
    again = told.truth.control.directory_message(0, needed_by_source(told.source_id))
    await told.send(PublishMessage.DIRECTORY, again.encode())


async def half_a_name(told: Reckoning) -> None:
    """`stored` of something that is no H(B)."""
    await told.begin()
    await told.send(PublishMessage.STORED, b"\x01" * 47)


async def unknown_code(told: Reckoning) -> None:
    """A reason that the format does not have."""
    await told.begin()
    await told.send(PublishMessage.WAITING, b"\x01" * 48 + u16(999))


async def cut_entries(told: Reckoning) -> None:
    """Entries that end early."""
    await told.begin()
    await told.send(PublishMessage.ENTRIES, encode_entries([admitted(b"\x01" * 48)])[:-1])


LIES: dict[SourceScript, str] = {
    other_entries: "account-rewritten",
    missing_entry: "account-rewritten",
    leaf_without_its_entry: "disclosure-missing",
    entry_of_the_house: "malformed",
    rewritten_ledger: "ledger-forked",
    unendorsed_key: "key-not-endorsed",
    nonsense: "stream-order",
    nothing: "stream-order",
    word_before_the_directory: "stream-order",
    second_directory: "stream-order",
    half_a_name: "malformed",
    unknown_code: "malformed",
    cut_entries: "malformed",
}


@pytest.mark.must("3.7.3", "3.7.6", "6.1.5", "6.4.1", "6.4.7", "6.4.12", "6.4.15")
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_is_refused_by_name_and_deletes_nothing(source: Source, lie: SourceScript) -> None:
    """A source stops, keeps everything, and says what was wrong."""
    assert source.send(lie) == LIES[lie]
    assert source.state == WAITING
    assert len(source.outbox.parcels()) == 1


@pytest.mark.must("4.1.5")
def test_silence_and_an_early_end_are_tried_again(source: Source) -> None:
    """A link that dies quietly is the normal case for a unit."""

    async def mute(told: Reckoning) -> None:
        await told.begin()
        await silence()

    async def ends(told: Reckoning) -> None:
        await told.begin()

    async def honest(told: Reckoning) -> None:
        await told.begin()
        await told.show(admitted(source.digest))
        await answers(told)

    assert source.send(mute, ends, honest, is_first_silent=True) == ""
    assert source.state == ACKNOWLEDGED


def test_what_was_stored_is_not_sent_again_before_the_account_spoke(source: Source) -> None:
    """A link may be a slow radio; if the account does not know the batch after all, it goes out once more."""
    sent: list[list[int]] = []

    async def counted(told: Reckoning) -> None:
        await told.begin()
        sent.append([])
        await told.send(PublishMessage.STORED, source.digest)
        if len(sent) == 2:
            await told.show()
        async for request in told.up:
            sent[-1].append(request.message[0])
            if len(sent) == 2 and len(sent[-1]) == 3:
                await told.show(admitted(source.digest))
            if len(sent) == 1 and len(sent[-1]) == 3:
                return

    assert source.send(counted) == ""
    assert sent == [[3, 1, 2], [3, 1, 2]]
    assert source.state == ACKNOWLEDGED


def test_disclosures_and_batches_of_a_lost_outbox_are_no_ones_batches_here(source: Source) -> None:
    """They are in the account for ever; the tally is of this outbox."""

    async def more(told: Reckoning) -> None:
        await told.begin()
        lost = b"\x02" * 48
        disclosed = Disclosed(secrets.token_bytes(32), lost, 0, 1, "usa/arl").encode()
        await told.show(admitted(lost), disclosed, admitted(source.digest))
        await answers(told)

    assert source.send(more) == ""
    assert source.outbox.tally().batches == {ACKNOWLEDGED: 1}
    assert source.outbox.state_of(b"\x02" * 48) == ACKNOWLEDGED


def test_a_batch_that_must_wait_is_sent_again_on_another_connection(source: Source) -> None:
    """Nothing more can come of this one, so it is ended in order and tried again later."""
    parcels: list[int] = []

    async def waits(told: Reckoning) -> None:
        await told.begin()
        if not parcels:
            await told.send(PublishMessage.WAITING, source.digest + u16(RefusalCode.NUMBER_AHEAD))
        async for request in told.up:
            parcels.append(request.message[0])
            if parcels == [3, 1, 2, 3, 1, 2]:
                await told.show(admitted(source.digest))

    assert source.send(waits) == ""
    assert source.told == ["waiting (number-ahead)", "acknowledged"]


def test_nothing_is_sent_before_the_gateway_has_answered(source: Source) -> None:
    """A refusal would be hidden by what is being written, and a slow link would carry it for nothing."""
    early: list[bool] = []

    async def hesitates(told: Reckoning) -> None:
        assert (await anext(told.up)).message[0] == 0
        more = asyncio.ensure_future(anext(told.up))
        done, _ = await asyncio.wait([more], timeout=0.1)
        early.append(bool(done))
        more.cancel()

    async def honest(told: Reckoning) -> None:
        await told.begin()
        await told.show(admitted(source.digest))
        await answers(told)

    assert source.send(hesitates, honest) == ""
    assert early == [False]


def test_an_outbox_that_fails_is_not_taken_for_a_bad_link(source: Source) -> None:
    """Trying again would not mend a disk."""

    async def honest(told: Reckoning) -> None:
        await told.begin()
        await answers(told)

    source.outbox._file.db.execute("DROP TABLE items")

    assert source.send(honest) == "outbox-unusable"


def test_a_call_that_is_over_while_parcels_go_out_is_tried_again(source: Source) -> None:
    """What cannot be written any more is not the source's failure."""
    calls: list[int] = []

    async def closes(told: Reckoning) -> None:
        calls.append(1)
        await told.begin()
        if len(calls) == 2:
            await told.show(admitted(source.digest))
            await answers(told)

    assert source.send(closes) == ""
    assert source.state == ACKNOWLEDGED


@pytest.mark.must("3.6.6")
def test_a_source_seals_to_an_active_key_of_the_gateway_only(honest_world: Loopback, tmp_path: Path) -> None:
    """Without one, and after the directory's time, nothing is signed."""
    profile = honest_world.stand.profile(SOURCE)
    with closing(Outbox(tmp_path / "outbox", profile.genesis_link, SOURCE)) as outbox:
        upload = honest_world.upload(outbox)
        trust = upload.trust
        ingest = next(place for place in trust.endorsed if place[0] is Role.GATEWAY_INGEST)
        retired = replace(trust.endorsed[ingest].endorsement, state=KeyState.RETIRED)
        upload.trust = replace(
            trust, endorsed={**trust.endorsed, ingest: replace(trust.endorsed[ingest], endorsement=retired)}
        )

        with pytest.raises(Refused) as none:
            upload.ingest_key()
        assert trust.directory is not None
        upload.trust = replace(trust, directory=replace(trust.directory, expires_at_ms=1))
        with pytest.raises(Refused) as late:
            upload.ingest_key()

        assert (none.value.code, late.value.code) == ("key-not-endorsed", "directory-expired")
        assert not upload.has_directory()


@pytest.mark.must("3.6.6")
def test_of_several_ingest_keys_the_newest_is_sealed_to(honest_world: Loopback, tmp_path: Path) -> None:
    """The older one is on its way out: what is sealed to it could not be opened for long."""
    profile = honest_world.stand.profile(SOURCE)
    with closing(Outbox(tmp_path / "outbox", profile.genesis_link, SOURCE)) as outbox:
        upload = honest_world.upload(outbox)
        place, one = next(item for item in upload.trust.endorsed.items() if item[0][0] is Role.GATEWAY_INGEST)
        for later, newest in ((1, b"newer"), (-1, one.material)):
            valid_from_ms = one.endorsement.valid_from_ms + later
            other = replace(one, endorsement=replace(one.endorsement, valid_from_ms=valid_from_ms), material=b"newer")
            upload.trust = replace(upload.trust, endorsed={place: one, (Role.GATEWAY_INGEST, bytes(16)): other})

            assert upload.ingest_key() == newest
