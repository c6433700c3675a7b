"""Threat: a party acts as another, over real TLS with its own good certificate and somebody else's names inside."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.operator.ca import PartyKind
from clients.profile import Profile
from clients.source.batcher import Lane, sign_batch
from gateway.core.records.states import RecordInput, UnverifiedBatch
from gateway.core.sealing.parcel import ParcelWriter
from gateway.core.sealing.stream import Hello, SignedHello
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import DataMode, PublishMessage, RecordKind, UpMessage
from gateway.core.suite.octets import u8, u64
from gateway.rpc.convert import wrap
from tests.loopback import SOURCE, Loopback, a_tactic
from tests.security.wire import FOLLOW, PUBLISH, RECEIPT, Heard, Leaf, call, channel, converse

OTHER = "src-91c2"


class Town:
    """Two sources and two partners of one gateway, and what each could send."""

    def __init__(self, root: Path) -> None:
        self.world = Loopback(root)
        self.world.start("usa/arl", "gbr/dstl", sources=(SOURCE, OTHER))
        with self.world.outbox() as outbox:
            upload = self.world.upload(outbox)
            self.ingest = upload.ingest_key()
            self.records = self.world.labelled(upload, RecordKind.TACTIC, [a_tactic()])

    @property
    def genesis(self) -> bytes:
        """Of this gateway."""
        return self.world.stand.genesis.statement.link

    def profile(self, party: str) -> Profile:
        """The party's own."""
        return self.world.stand.profile(party)

    def leaf(self, party: str) -> Leaf:
        """The party's own certificate."""
        connection = self.profile(party).connection()
        return Leaf(connection.key_path.read_bytes(), connection.certificate_pem)

    def batch(self, source_id: str, key: SigningKey, genesis: bytes = b"", records: object = None) -> UnverifiedBatch:
        """A first batch in a new lane."""
        chosen: list[RecordInput] = self.records if records is None else records  # type: ignore[assignment]
        kind, mode = RecordKind.TACTIC, DataMode.SIMULATED
        return sign_batch(genesis or self.genesis, source_id, key, Lane.new(), kind, mode, chosen)

    def parcel(self, source_id: str, *batches: UnverifiedBatch, genesis: bytes = b"") -> list[bytes]:
        """A parcel of these, sealed to the gateway; anyone can seal one."""
        secret = secrets.token_bytes(48)
        writer = ParcelWriter(genesis or self.genesis, source_id, self.ingest, secrets.token_bytes(16), secret)
        return [u8(UpMessage.PARCEL) + writer.header, *(writer.seal(batch.encode()) for batch in batches)]

    def publish(self, as_party: str, *items: bytes) -> Heard:
        """One Publish call over this party's connection.

        A client of this library that is writing while its call is refused may call that an error of its own, and then
        asks again.
        """
        begin = u8(UpMessage.BEGIN) + bytes(16) + u64(0) + u64(0) + u64(0)

        async def scenario() -> Heard:
            roots = self.world.stand.authority.root_pem()
            async with channel(self.world.stand.port, roots, self.leaf(as_party)) as opened:
                for _ in range(50):
                    answer = await converse(opened, PUBLISH, *map(wrap, (begin, *items)))
                    if answer.status != "INTERNAL" or answer.facts:
                        break
                return answer

        return self.world.run(scenario())

    def ask(self, as_party: str, method: str, message: bytes, limit: int = 3) -> Heard:
        """One request over this party's connection."""

        async def scenario() -> Heard:
            roots = self.world.stand.authority.root_pem()
            async with channel(self.world.stand.port, roots, self.leaf(as_party)) as opened:
                return await call(opened, method, wrap(message), limit=limit)

        return self.world.run(scenario())

    def hello(self, party: str, signed_by: str = "", **changed: object) -> bytes:
        """A Hello for that party, with fields changed."""
        profile = self.profile(party)
        key = self.profile(signed_by or party).signing_key()
        agreement = profile.agreements[0]
        values: dict[str, object] = {
            "genesis": self.genesis,
            "partner_id": party,
            "agreement_id": agreement.id,
            "subscription": "default",
            "agreement_digest": agreement.digest,
            "sign_key_id": key.key_id,
            "nonce": secrets.token_bytes(32),
            "time_ms": time.time_ns() // 1_000_000,
            "kinds": 0b110,
            "dir_no": 0,
            "incarnation": bytes(16),
            "next_tick": 0,
            "account_size": 0,
            "cursor": b"",
            "ephemeral_key": KemKey.generate().public_key,
        }
        return SignedHello.sign(Hello(**{**values, **changed}), key).encode()  # type: ignore[arg-type]  # any field


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One gateway for the whole file."""
    town = Town(tmp_path_factory.mktemp("identity"))
    yield town
    town.world.close()


def kinds_of(answer: Heard) -> list[int]:
    """Type bytes of what came down, behind the protobuf wrapper."""
    found = []
    for encoded in answer.answers:
        at = 1
        while encoded[at] & 0x80:
            at += 1
        found.append(encoded[at + 1])
    return found


def test_a_source_that_is_itself_is_stored(town: Town) -> None:
    """The refusals below are for what was changed."""
    key = town.profile(SOURCE).signing_key()

    answer = town.publish(SOURCE, *town.parcel(SOURCE, town.batch(SOURCE, key)))

    assert answer.status == "OK"
    assert PublishMessage.STORED in kinds_of(answer)


def test_a_source_cannot_send_as_another(town: Town) -> None:
    """Every pair of names in parcel, batch and key against the certificate; only all alike is taken."""
    keys = {name: town.profile(name).signing_key() for name in (SOURCE, OTHER)}
    names = (SOURCE, OTHER)
    told = {
        (parcel, batch, key): town.publish(SOURCE, *town.parcel(parcel, town.batch(batch, keys[key])))
        for parcel in names
        for batch in names
        for key in names
    }

    assert {names for names, answer in told.items() if answer.status == "OK"} == {(SOURCE, SOURCE, SOURCE)}
    assert {answer.code for names, answer in told.items() if len(set(names)) > 1} == {"denied"}


def test_a_batch_or_parcel_for_another_gateway_is_refused(town: Town) -> None:
    """A source may serve two; what it signed for one is nothing to the other."""
    key, elsewhere = town.profile(SOURCE).signing_key(), b"e" * 48

    batch = town.publish(SOURCE, *town.parcel(SOURCE, town.batch(SOURCE, key, genesis=elsewhere)))
    parcel = town.publish(SOURCE, *town.parcel(SOURCE, town.batch(SOURCE, key), genesis=elsewhere))

    assert batch.code == "batch-genesis"
    assert parcel.code == "denied"


def test_a_partner_cannot_publish_and_a_source_cannot_follow(town: Town) -> None:
    """A role is what operators admitted, not what a client calls."""
    key = town.profile(SOURCE).signing_key()

    assert town.publish("usa/arl", *town.parcel(SOURCE, town.batch(SOURCE, key))).code == "denied"
    assert town.ask(SOURCE, FOLLOW, town.hello("usa/arl")).code == "denied"
    assert town.ask(SOURCE, RECEIPT, b"\x00").code in {"malformed", "denied"}


def test_a_partner_that_is_itself_is_served(town: Town) -> None:
    """The refusals below are for what was changed."""
    answer = town.ask("usa/arl", FOLLOW, town.hello("usa/arl"))

    assert kinds_of(answer) == [0, 1, 2]


@pytest.mark.parametrize(
    "changed",
    [
        {"party": "gbr/dstl"},
        {"party": "gbr/dstl", "partner_id": "usa/arl"},
        {"party": "usa/arl", "signed_by": "gbr/dstl"},
        {"party": "usa/arl", "agreement_id": "UA-gbr-dstl-1"},
        {"party": "usa/arl", "agreement_id": "UA-nobody"},
        {"party": "usa/arl", "genesis": b"e" * 48},
        {"party": "usa/arl", "partner_id": "usa/nobody"},
    ],
    ids=str,
)
def test_a_partner_cannot_follow_as_another(town: Town, changed: dict[str, object]) -> None:
    """Not found and not allowed are one answer, in code, text and shape."""
    answer = town.ask("usa/arl", FOLLOW, town.hello(**changed))  # type: ignore[arg-type]  # names of arguments

    assert answer.status == "PERMISSION_DENIED"
    assert {**answer.facts, "do": ""} == {"code": "denied", "message": "not allowed", "at": "", "do": ""}
    assert answer.answers == ()


def test_unknown_and_suspended_parties_are_told_the_same(town: Town) -> None:
    """Last in this file: from here on the partner is stopped."""
    unknown = town.ask("usa/arl", FOLLOW, town.hello("usa/arl", partner_id="usa/nobody"))
    town.world.run(town.world.stand.suspend(PartyKind.PARTNER, "usa/arl"))
    town.world.run(town.world.stand.suspend(PartyKind.SOURCE, OTHER))
    key = town.profile(OTHER).signing_key()

    answers = [
        unknown,
        town.ask("usa/arl", FOLLOW, town.hello("usa/arl")),
        town.ask("usa/arl", FOLLOW, town.hello("usa/arl", agreement_id="UA-nobody")),
        town.publish(OTHER, *town.parcel(OTHER, town.batch(OTHER, key))),
    ]

    assert {answer.status for answer in answers} == {"PERMISSION_DENIED"}
    assert len({(tuple(answer.facts), answer.facts["code"], answer.facts["message"]) for answer in answers}) == 1
    assert len({len(answer.facts["do"]) for answer in answers}) == 1
