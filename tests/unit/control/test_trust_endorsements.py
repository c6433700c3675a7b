"""Laws of a reader's trust: no key or file without its endorsement, and each key for its own purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.core.control.directory import DirectoryMessage, Endorsement, ShownEndorsement
from gateway.core.control.endorsing import Listed
from gateway.core.control.trust import Trust
from gateway.core.errors import Fault, Refused
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.numbers import DataMode, KeyState, RecordKind, Role
from tests.unit.control.given import octets, signing_key
from tests.unit.control.world import UKR, World, a_world


def relisted(world: World, role: Role, subject_id: str, **changes: object) -> tuple[Listed, ...]:
    """What is due, with one endorsement changed."""
    return tuple(
        (replace(one, **changes), material) if (one.role, one.subject_id) == (role, subject_id) else (one, material)  # type: ignore[arg-type] - any field
        for one, material in world.listed()
    )


def shown_as(world: World, change: Callable[[ShownEndorsement], ShownEndorsement]) -> bytes:
    """The newest message with every endorsement changed."""
    message = world.message()
    return DirectoryMessage(message.statements, tuple(change(one) for one in message.shown)).encode()


def test_a_reader_gets_the_keys_it_needs_and_no_others() -> None:
    """A partner learns nothing of other partners."""
    trust = a_world().trust()

    subjects = {(one.endorsement.role, one.endorsement.subject_id) for one in trust.endorsed.values()}

    assert (Role.PARTNER_KEM, "usa/arl") in subjects
    assert (Role.SOURCE, "src-91c2") in subjects
    assert (Role.GATEWAY_STREAM, "ua-gw") in subjects
    assert not any(subject == "gbr/dstl" for _, subject in subjects)


@pytest.mark.must("2.9.15")
def test_an_endorsed_key_is_found_by_role_and_id() -> None:
    """The same bytes under another role are another purpose, and no key."""
    trust = a_world().trust()
    ledger = signing_key("ledger")

    assert trust.key(Role.GATEWAY_LEDGER, ledger.key_id).signing_key.public_key == ledger.public_key
    for role, key_id in ((Role.GATEWAY_STREAM, ledger.key_id), (Role.GATEWAY_LEDGER, octets("forged", 16))):
        with pytest.raises(Refused) as caught:
            trust.key(role, key_id)
        assert caught.value.code == "key-not-endorsed"


@pytest.mark.must("2.9.11", "2.9.15")
def test_an_endorsement_that_leads_to_another_root_is_refused() -> None:
    """A compromised gateway cannot invent a unit, a key, a vocabulary or a schema."""
    world = a_world()
    invented = signing_key("invented")

    def invent(one: ShownEndorsement) -> ShownEndorsement:
        if one.endorsement.role is not Role.SOURCE:
            return one
        forged = replace(one.endorsement, key_digest=invented.key_digest)
        return replace(one, endorsement=forged, material=invented.public_key)

    with pytest.raises(Refused) as caught:
        Trust.begin(world.genesis).accept(shown_as(world, invent), world.now)

    assert caught.value.code == "endorsement-proof"


@pytest.mark.must("1.5.1", "1.5.2", "2.9.11", "2.9.12")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda one: replace(one, path=(*one.path, bytes(48))), "proof-malformed"),
        (lambda one: replace(one, path=one.path[:-1]), "proof-malformed"),
        (lambda one: replace(one, index=one.index + 100), "proof-malformed"),
        (lambda one: replace(one, material=one.material + b"x"), "endorsement-mismatch"),
        (lambda one: replace(one, endorsement=replace(one.endorsement, state=KeyState.RETIRED)), "endorsement-proof"),
    ],
    ids=["a spare node", "a missing node", "an index outside", "another key", "another state"],
)
def test_an_endorsement_is_proven_exactly(change: Callable[[ShownEndorsement], ShownEndorsement], code: str) -> None:
    """A proof with room in it proves two things."""
    world = a_world()

    with pytest.raises(Refused) as caught:
        Trust.begin(world.genesis).accept(shown_as(world, change), world.now)

    assert caught.value.code == code


@pytest.mark.must("1.2.5", "2.9.1")
def test_a_directory_message_is_taken_whole_or_not_at_all() -> None:
    """A reader that took the newer Dir and not its endorsements would go on with keys that it no longer lists."""
    world = a_world()
    trust = world.trust()
    before = trust.encode()
    world.direct()
    message = world.message(1)
    *good, last = message.shown
    half = DirectoryMessage(message.statements, (*good, replace(last, path=last.path[:-1])))

    with pytest.raises(Refused):
        trust.accept(half.encode(), world.now)

    assert trust.encode() == before
    assert trust.accept(message.encode(), world.now).directory == world.newest


@pytest.mark.must("2.9.12")
def test_a_key_seen_before_is_compared_again() -> None:
    """What is kept to save time must not let something else through."""
    world = a_world()
    trust = world.trust()

    with pytest.raises(Refused) as caught:
        trust.accept(shown_as(world, lambda one: replace(one, material=one.material[::-1])), world.now)

    assert caught.value.code == "endorsement-mismatch"


@pytest.mark.must("2.9.13")
def test_one_key_endorsed_twice_is_refused() -> None:
    """Active in one leaf and tainted in another: a reader must not be shown the one that suits."""
    world = a_world()
    due = world.listed()
    source = next(one for one, _ in due if one.role is Role.SOURCE)
    twice = [*due, (replace(source, state=KeyState.TAINTED), b"")]
    world_with_two = World()
    message = forked(world_with_two, twice)

    with pytest.raises(Refused) as caught:
        Trust.begin(world_with_two.genesis).accept(message, world.now)

    assert caught.value.code == "endorsement-doubled"


def forked(world: World, listed: list[Listed]) -> bytes:
    """A message over a tree that the gateway's own check would not let pass."""
    from gateway.core.control.directory import Endorsed, build_directory, show_endorsements
    from tests.unit.control.given import signed
    from tests.unit.control.world import BOTH, StatementKind, a_world

    known = {one.endorsement.key_digest: one.material for one in a_world().control.directory.shown}  # type: ignore[union-attr] - there is one
    endorsements = [one for one, _ in listed]
    directory, leaves = build_directory(endorsements, dir_no=1, issued_at_ms=world.now, expires_at_ms=world.now + 1000)
    shown = show_endorsements([Endorsed(one, known[one.key_digest], None) for one in endorsements], leaves)
    statement = signed(world.statement(StatementKind.DIRECTORY, directory.encode()), *BOTH)
    return DirectoryMessage((world.entries[0].signed, statement), shown).encode()


@pytest.mark.must("2.9.14")
def test_a_new_directory_forgets_what_the_old_one_endorsed() -> None:
    """A key that is left out is a key no longer trusted."""
    world = a_world()
    trust = world.trust()
    world.direct(tuple(one for one in world.listed() if one[0].subject_id != "src-3f07"))
    newer = trust.accept(world.message(1).encode(), world.now)

    trust.endorsement(Role.SOURCE, signing_key("src-3f07").key_id)
    with pytest.raises(Refused) as caught:
        newer.endorsement(Role.SOURCE, signing_key("src-3f07").key_id)

    assert caught.value.code == "key-not-endorsed"


def test_a_redate_keeps_what_its_base_endorsed() -> None:
    """The tree is the same, so nothing has to be sent again."""
    world = a_world()
    trust = world.trust()
    world.redate()

    later = trust.accept(DirectoryMessage(world.message(1).statements, ()).encode(), world.now)

    assert later.endorsed == trust.endorsed


KIND, MODE = RecordKind.TELEMETRY, DataMode.REAL


@pytest.mark.must("5.5.9")
@pytest.mark.must("2.9.15", "2.9.17")
def test_a_batch_is_verified_by_its_own_source_within_its_scope() -> None:
    """A source speaks for itself, about what it was admitted for."""
    trust = a_world().trust()
    key_id = signing_key("src-3f07").key_id

    assert trust.source_key("src-3f07", key_id, KIND, MODE).key_id == key_id
    for source_id, kind, mode, code in (
        ("src-91c2", KIND, MODE, "key-not-endorsed"),
        ("src-3f07", RecordKind.DESIGN, MODE, "scope"),
        ("src-3f07", KIND, DataMode.SIMULATED, "scope"),
    ):
        with pytest.raises(Refused) as caught:
            trust.source_key(source_id, key_id, kind, mode)
        assert caught.value.code == code


@pytest.mark.must("2.9.17")
def test_a_source_with_an_empty_scope_may_send_nothing() -> None:
    """A name in the directory is not a permission."""
    world = a_world()
    world.direct(relisted(world, Role.SOURCE, "src-3f07", scope=""))

    with pytest.raises(Refused) as caught:
        world.trust().source_key("src-3f07", signing_key("src-3f07").key_id, KIND, MODE)

    assert caught.value.code == "scope"


@pytest.mark.must("2.9.16")
def test_a_retired_key_verifies_batches_only() -> None:
    """What a key signed while it was active stays true; nothing new is opened with it."""
    world = a_world()
    world.direct(
        tuple((replace(endorsement, state=KeyState.RETIRED), material) for endorsement, material in world.listed())
    )
    trust = world.trust()

    trust.source_key("src-3f07", signing_key("src-3f07").key_id, KIND, MODE)
    for role, name in (
        (Role.GATEWAY_LEDGER, "ledger"),
        (Role.GATEWAY_STREAM, "stream"),
        (Role.PARTNER_SIGN, "usa/arl"),
    ):
        with pytest.raises(Refused) as caught:
            trust.key(role, signing_key(name).key_id)
        assert caught.value.code == "key-retired"


@pytest.mark.must("2.9.16")
def test_a_tainted_key_verifies_nothing() -> None:
    """Whoever stole the key may have signed at any time."""
    world = a_world()
    world.direct(relisted(world, Role.SOURCE, "src-3f07", state=KeyState.TAINTED))
    trust = world.trust()

    with pytest.raises(Refused) as caught:
        trust.source_key("src-3f07", signing_key("src-3f07").key_id, KIND, MODE)
    with pytest.raises(Refused) as active:
        trust.key(Role.SOURCE, signing_key("src-3f07").key_id)

    assert caught.value.code == active.value.code == "key-tainted"


@pytest.mark.must("2.9.10")
def test_the_times_of_an_endorsement_are_nothing_to_a_reader() -> None:
    """They bind the gateway alone; what a key signed in its time is read for years."""
    world = a_world()
    over = tuple((replace(one, valid_from_ms=1, valid_to_ms=2), material) for one, material in world.listed())
    world.direct(over)

    trust = world.trust()

    assert trust.source_key("src-3f07", signing_key("src-3f07").key_id, KIND, MODE)
    assert trust.key(Role.GATEWAY_LEDGER, signing_key("ledger").key_id)
    assert trust.file(Role.VOCABULARY, "UKR.1") == UKR


def test_a_vocabulary_is_the_one_that_operators_signed() -> None:
    """A label means what its vocabulary says, so a gateway must not choose the vocabulary."""
    trust = a_world().trust()

    assert trust.file(Role.VOCABULARY, "UKR.1") == UKR
    assert trust.files(Role.VOCABULARY) == {"UKR.1": UKR}
    assert trust.files(Role.SCHEMA) == trust.files(Role.SOURCE) == {}
    with pytest.raises(Refused) as caught:
        trust.file(Role.VOCABULARY, "UKR.2")
    assert caught.value.code == "file-not-endorsed"


@pytest.mark.must("2.9.16")
@pytest.mark.parametrize("state", [KeyState.RETIRED, KeyState.TAINTED])
def test_a_file_that_is_not_active_is_not_read(state: KeyState) -> None:
    """A withdrawn vocabulary gives no label a meaning."""
    world = a_world()
    world.direct(relisted(world, Role.VOCABULARY, "UKR.1", state=state))

    with pytest.raises(Refused) as caught:
        world.trust().file(Role.VOCABULARY, "UKR.1")

    assert caught.value.code == "file-not-endorsed"


@pytest.mark.must("2.9.18")
def test_one_file_name_has_one_file() -> None:
    """Two schemas of one name would make one record mean two things."""
    world = a_world()
    schemas = [(a_schema(text), text) for text in (b"one", b"two")]
    world.direct((*world.listed(), *schemas))

    with pytest.raises(Refused) as caught:
        world.trust().file(Role.SCHEMA, "telemetry.1")

    assert caught.value.code == "file-ambiguous"


def a_schema(text: bytes) -> Endorsement:
    """The endorsement of a schema file."""
    digest = text_digest("telemetry.1", text)
    return Endorsement(octets("schema", 32), Role.SCHEMA, "telemetry.1", digest, 0, 1, "", KeyState.ACTIVE)


def test_trust_outlives_the_process() -> None:
    """A reader who forgot the newest Dir could be shown an older one."""
    world = a_world()
    trust, fresh = world.trust(), Trust.begin(world.genesis)

    assert Trust.decode(trust.encode()) == trust
    assert Trust.decode(trust.encode()).encode() == trust.encode()
    assert Trust.decode(fresh.encode()) == fresh


def test_a_kept_trust_that_was_changed_is_not_read() -> None:
    """Half of a state is worse than none: the reader starts again from its profile."""
    kept = a_world().trust().encode()
    changed = [
        kept[:-1],
        kept + b"\x00",
        kept.replace(b"SLUICE1/trust", b"SLUICE1/trusT"),
        kept[:14] + b"\x02" + kept[15:],
        kept[:15] + b"\x00" + kept[16:],
        kept[:15] + b"\x03" + kept[16:],
        b"",
    ]

    for damaged in changed:
        with pytest.raises(Fault) as caught:
            Trust.decode(damaged)
        assert caught.value.code == "trust-unreadable"


def test_a_kept_trust_out_of_order_or_bounds_is_not_read() -> None:
    """One state has one encoding, and a damaged length allocates nothing."""
    trust = replace(a_world().trust(), endorsed={})
    kept = trust.encode()
    links = kept.index(min(trust.verified))
    swapped = kept[:links] + kept[links + 48 : links + 96] + kept[links : links + 48] + kept[links + 96 :]
    many_links = kept[: links - 4] + b"\xff\xff\xff\xff" + kept[links:]
    many_endorsements = kept[:-2] + b"\xff\xff"

    assert len(trust.verified) == 2
    for damaged in (swapped, many_links, many_endorsements):
        with pytest.raises(Fault) as caught:
            Trust.decode(damaged)
        assert caught.value.code == "trust-unreadable"
