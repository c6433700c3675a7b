"""Laws of the fold: what a directory may endorse, and what the gateway may do under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.core.control.directory import Endorsement, parse_directory_message
from gateway.core.control.endorsing import Listed, encode_endorsement_list, endorsements_due
from gateway.core.control.standing import needed_by_partner, needed_by_source
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.numbers import KeyState, Role, StatementKind
from tests.unit.control.given import DAY, HOUR, NOW, octets, roster_text, signing_key
from tests.unit.control.world import World, a_world, gateway_bundle

Change = Callable[[Endorsement], Endorsement]


def refusal(world: World, listed: tuple[Listed, ...], attachment: bytes = b"", **changes: object) -> str:
    """The code with which the gateway refuses a DIRECTORY over that list."""
    directory = replace(world.dir_of(listed, world.dir_no + 1), **changes)  # type: ignore[arg-type] - any field
    beside = attachment or encode_endorsement_list(listed)
    with pytest.raises(Refused) as caught:
        world.control.apply(world.entry(StatementKind.DIRECTORY, directory.encode(), beside))
    return caught.value.code


def changed(world: World, role: Role, change: Change, material: bytes | None = None) -> tuple[Listed, ...]:
    """What is due, with the endorsements of one role changed."""
    return tuple(
        (change(one), brought if material is None else material) if one.role is role else (one, brought)
        for one, brought in world.listed()
    )


def test_what_is_due_is_everything_that_was_admitted() -> None:
    """An operator signs a directory without having to remember anyone."""
    due = a_world().listed()

    assert [(one.role.name, one.subject_id) for one, _ in due] == [
        ("GATEWAY_STREAM", "ua-gw"),
        ("GATEWAY_LEDGER", "ua-gw"),
        ("GATEWAY_INGEST", "ua-gw"),
        ("SOURCE", "src-3f07"),
        ("SOURCE", "src-91c2"),
        ("PARTNER_KEM", "gbr/dstl"),
        ("PARTNER_SIGN", "gbr/dstl"),
        ("PARTNER_KEM", "usa/arl"),
        ("PARTNER_SIGN", "usa/arl"),
        ("VOCABULARY", "UKR.1"),
    ]
    assert {one.state for one, _ in due} == {KeyState.ACTIVE}
    assert [bool(brought) for _, brought in due] == [True] * 3 + [False] * 7
    assert len({one.salt for one, _ in due}) == len(due)


def test_a_stopped_party_is_retired_in_the_next_directory() -> None:
    """What it signed before stays verifiable, and nothing new is."""
    world = a_world()
    world.suspend("source/src-3f07", by=("officer-1",))
    world.suspend("partner/usa/arl", by=("officer-1",))

    retired = {one.subject_id for one, _ in world.listed() if one.state is KeyState.RETIRED}

    assert retired == {"src-3f07", "usa/arl"}


@pytest.mark.must("2.8.2")
def test_each_endorsement_needs_a_salt_of_its_own() -> None:
    """Without a salt a leaf could be guessed, and with it who else is in the directory."""
    world = a_world()

    for salts in ([octets("salt", 32)] * 3, [b"short"] * 10):
        with pytest.raises(CallerError) as caught:
            endorsements_due(world.control, gateway_bundle(), salts, NOW, NOW + DAY)
        assert caught.value.code == "salts-too-few"


def test_a_schema_is_endorsed_by_the_quorum_alone() -> None:
    """A schema file has no statement of its own."""
    world = a_world()
    salts = (octets(f"s{number}", 32) for number in range(99))
    due = endorsements_due(
        world.control, gateway_bundle(), salts, NOW - HOUR, NOW + DAY, schemas={"telemetry.1": b"message"}
    )

    world.direct(due)

    assert due[-1][0].key_digest == text_digest("telemetry.1", b"message")
    assert world.trust().file(Role.SCHEMA, "telemetry.1") == b"message"


def stranger(one: Endorsement) -> Endorsement:
    """The endorsement of a key nobody admitted."""
    return replace(one, key_digest=signing_key("stranger").key_digest)


UNADMITTED: dict[str, tuple[Callable[[World], tuple[Listed, ...]], str]] = {
    "an unknown source": (
        lambda w: changed(w, Role.SOURCE, lambda e: replace(e, subject_id="src-none")),
        "endorsement-not-admitted",
    ),
    "another key of a source": (
        lambda w: changed(w, Role.SOURCE, lambda e: stranger(e) if e.subject_id == "src-3f07" else e),
        "endorsement-not-admitted",
    ),
    "a wider scope": (
        lambda w: changed(w, Role.SOURCE, lambda e: replace(e, scope="telemetry,tactic,design//REAL")),
        "endorsement-not-admitted",
    ),
    "an unknown partner": (
        lambda w: changed(w, Role.PARTNER_KEM, lambda e: replace(e, subject_id="deu/none")),
        "endorsement-not-admitted",
    ),
    "keys of two partners exchanged": (
        lambda w: changed(
            w, Role.PARTNER_KEM, lambda e: replace(e, subject_id={"usa/arl": "gbr/dstl"}.get(e.subject_id, "usa/arl"))
        ),
        "endorsement-not-admitted",
    ),
    "an unknown vocabulary": (
        lambda w: changed(w, Role.VOCABULARY, lambda e: replace(e, subject_id="UKR.9")),
        "endorsement-not-admitted",
    ),
    "a key where its statement brought one": (
        lambda w: changed(w, Role.VOCABULARY, lambda e: e, b"text"),
        "endorsement-not-admitted",
    ),
    "another gateway key than the one beside it": (
        lambda w: changed(w, Role.GATEWAY_LEDGER, stranger),
        "endorsement-mismatch",
    ),
    "two gateways": (
        lambda w: changed(w, Role.GATEWAY_LEDGER, lambda e: replace(e, subject_id="other-gw")),
        "endorsement-not-admitted",
    ),
    "an operator's key for the gateway": (
        lambda w: changed(
            w,
            Role.GATEWAY_LEDGER,
            lambda e: replace(e, key_digest=signing_key("officer-1").key_digest),
            signing_key("officer-1").public_key,
        ),
        "key-reused",
    ),
    "one key twice": (lambda w: (*w.listed(), w.listed()[3]), "endorsement-doubled"),
}


@pytest.mark.must("2.4.7", "2.8.3", "2.8.13", "2.10.5")
@pytest.mark.parametrize("why", UNADMITTED)
def test_a_directory_endorses_only_what_was_admitted(why: str) -> None:
    """Whoever writes the list must not be able to slip a key past the operators who sign its root."""
    world = a_world()
    listed, code = UNADMITTED[why]

    assert refusal(world, listed(world)) == code


def test_a_narrower_scope_may_be_endorsed() -> None:
    """A source may be stopped in the directory before its admission is taken back."""
    world = a_world()

    world.direct(changed(world, Role.SOURCE, lambda e: replace(e, scope="")))

    assert world.newest.dir_no == 2


@pytest.mark.must("2.8.6", "2.8.8", "2.8.9", "2.8.11", "2.10.6")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"size": 9}, "directory-root"),
        ({"root": octets("root", 48)}, "directory-root"),
        ({"base_no": 1}, "directory-base"),
        ({"dir_no": 1, "base_no": 1}, "directory-number"),
        ({"dir_no": 3, "base_no": 3}, "directory-number"),
        ({"dir_no": 2**48 - 1, "base_no": 2**48 - 1}, "directory-number"),
        ({"dir_no": 2**64 - 1, "base_no": 2**64 - 1}, "malformed"),
        ({"issued_at_ms": NOW + 5 * 60_000 + 1, "expires_at_ms": NOW + DAY}, "directory-early"),
        ({"issued_at_ms": NOW - DAY, "expires_at_ms": NOW}, "directory-expired"),
    ],
    ids=["size", "root", "base", "same", "gap", "far", "last", "early", "expired"],
)
def test_a_directory_is_what_its_list_says_and_of_now(changes: dict[str, object], code: str) -> None:
    """Operators sign a root; the gateway must hold what it stands for."""
    world = a_world()

    assert refusal(world, world.listed(), **changes) == code


@pytest.mark.must("2.10.6")
def test_a_list_that_nobody_signed_is_not_looked_into() -> None:
    """Of a list with another root the gateway says that, and not what it would endorse."""
    world = a_world()
    signed = world.listed()
    other = changed(world, Role.SOURCE, lambda e: replace(e, subject_id="src-0000"))

    assert refusal(world, signed, encode_endorsement_list(other)) == "directory-root"


def test_a_redate_needs_a_base() -> None:
    """One operator repeats; without a quorum's directory there is nothing to repeat."""
    world, empty = a_world(), World()

    with pytest.raises(Refused) as caught:
        empty.apply(StatementKind.DIRECTORY_REDATE, world.redated().encode(), by=("officer-1",))

    assert caught.value.code == "redate-base"


@pytest.mark.must("2.8.7", "2.8.8")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"root": octets("root", 48)}, "redate-base"),
        ({"size": 9}, "redate-base"),
        ({"base_no": 2}, "redate-base"),
        ({"dir_no": 1}, "directory-number"),
    ],
)
def test_a_redate_repeats_its_base(change: dict[str, object], code: str) -> None:
    """One operator alone endorses nothing new."""
    world = a_world()
    body = replace(world.redated(), **change).encode()  # type: ignore[arg-type] - any field

    with pytest.raises(Refused) as caught:
        world.apply(StatementKind.DIRECTORY_REDATE, body, by=("officer-1",))

    assert caught.value.code == code


@pytest.mark.must("2.8.8")
def test_the_first_directory_is_number_one() -> None:
    """Numbers without gaps begin somewhere, and everybody knows where."""
    world, other = World(), a_world()
    listed = other.listed()
    body = world.dir_of(listed, 2).encode()

    with pytest.raises(Refused) as caught:
        world.apply(StatementKind.DIRECTORY, body, encode_endorsement_list(listed))

    assert caught.value.code == "directory-number"


@pytest.mark.must("2.8.8", "2.8.9")
@pytest.mark.parametrize(
    ("dir_no", "code"), [(3, "directory-number"), (2**16 + 1, "directory-number"), (2**64 - 1, "malformed")]
)
def test_one_operator_cannot_use_up_the_numbers(dir_no: int, code: str) -> None:
    """A re-date of one signature with the last number would be the last directory there ever was."""
    world = a_world()
    body = replace(world.redated(), dir_no=dir_no).encode()

    with pytest.raises(Refused) as caught:
        world.apply(StatementKind.DIRECTORY_REDATE, body, by=("officer-1",))
    world.redate()
    world.direct()

    assert caught.value.code == code
    assert (world.newest.dir_no, world.newest.base_no) == (3, 3)


@pytest.mark.must("2.8.12")
def test_a_redate_is_refused_under_a_new_roster() -> None:
    """Its base was signed by operators who are no more: the new quorum has to sign a directory first."""
    world = a_world()
    text = roster_text(operators=("officer-1", "officer-2", "officer-4"))
    world.change_roster(text)

    with pytest.raises(Refused) as caught:
        world.redate(by=("officer-1",))
    world.direct()
    world.redate(by=("officer-4",))

    assert caught.value.code == "redate-base"
    assert world.newest.base_no == 2


KEY = signing_key("src-3f07").key_id


def test_the_gateway_asks_the_directory_before_it_admits_or_signs() -> None:
    """An endorsed, active key in its time, of the right party and for the right purpose."""
    world = a_world()

    found = world.control.endorsed(Role.SOURCE, "src-3f07", KEY, world.now)

    assert found.signing_key.key_id == KEY


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ((Role.SOURCE, "src-91c2", KEY, NOW), "key-not-endorsed"),
        ((Role.PARTNER_SIGN, "src-3f07", KEY, NOW), "key-not-endorsed"),
        ((Role.SOURCE, "src-3f07", octets("other", 16), NOW), "key-not-endorsed"),
        ((Role.SOURCE, "src-3f07", KEY, NOW - 6 * 60_000), "directory-early"),
        ((Role.SOURCE, "src-3f07", KEY, NOW + 7 * DAY), "directory-expired"),
    ],
)
def test_a_key_that_is_not_endorsed_for_this_now_is_refused(question: tuple[Role, str, bytes, int], code: str) -> None:
    """Without a directory in its time the gateway admits and signs nothing."""
    with pytest.raises(Refused) as caught:
        a_world().control.endorsed(*question)

    assert caught.value.code == code


@pytest.mark.must("2.8.5")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": KeyState.RETIRED}, "key-not-active"),
        ({"state": KeyState.TAINTED}, "key-not-active"),
        ({"valid_from_ms": NOW + 1}, "key-not-valid-now"),
        ({"valid_to_ms": NOW}, "key-not-valid-now"),
    ],
)
def test_a_key_signs_in_its_time_and_state(change: dict[str, object], code: str) -> None:
    """The times of an endorsement bind the gateway."""
    world = a_world()
    world.direct(changed(world, Role.SOURCE, lambda e: replace(e, **change)))  # type: ignore[arg-type] - any field

    with pytest.raises(Refused) as caught:
        world.control.endorsed(Role.SOURCE, "src-3f07", KEY, NOW)

    assert caught.value.code == code


def test_without_a_directory_nothing_is_sent() -> None:
    """A reader would have nothing to trust."""
    control = World().control

    for question in (
        lambda: control.check_directory(NOW),
        lambda: control.directory_message(0, needed_by_source("src-3f07")),
    ):
        with pytest.raises(Refused) as caught:
            question()
        assert caught.value.code == "directory-missing"


@pytest.mark.must("2.8.16")
def test_a_reader_is_shown_what_it_needs() -> None:
    """Two partners, or two sources, learn nothing of each other."""
    control = a_world().control

    def shown(wanted: Callable[[Endorsement], bool]) -> set[tuple[Role, str]]:
        message = parse_directory_message(control.directory_message(0, wanted).encode())
        return {(one.endorsement.role, one.endorsement.subject_id) for one in message.shown}

    gateway = {(Role.GATEWAY_LEDGER, "ua-gw"), (Role.VOCABULARY, "UKR.1")}
    own = {(Role.PARTNER_KEM, "usa/arl"), (Role.PARTNER_SIGN, "usa/arl"), (Role.GATEWAY_STREAM, "ua-gw")}
    one, both = {(Role.SOURCE, "src-3f07")}, {(Role.SOURCE, "src-3f07"), (Role.SOURCE, "src-91c2")}
    assert shown(needed_by_partner("usa/arl", frozenset({"src-3f07"}))) == gateway | own | one
    assert shown(needed_by_partner("usa/arl", "all")) == gateway | own | both
    assert shown(needed_by_source("src-3f07")) == gateway | one | {(Role.GATEWAY_INGEST, "ua-gw")}


def kinds(world: World, known_dir_no: int) -> list[str]:
    """Which statements a reader is sent who names that number."""
    return [one.statement.kind.name for one in world.message(known_dir_no).statements]


@pytest.mark.must("2.8.15")
def test_a_reader_is_sent_the_statements_it_misses() -> None:
    """Nothing is sent twice that the reader has verified, and nothing is left out."""
    world = a_world()
    text = roster_text(operators=("officer-1", "officer-2", "officer-4"))
    world.change_roster(text)
    world.direct()
    world.redate(by=("officer-4",))
    roster = ["ROSTER_PROPOSE", "ROSTER"]

    assert kinds(world, 0) == ["GENESIS", *roster, "DIRECTORY", "DIRECTORY_REDATE"]
    assert kinds(world, 99) == kinds(world, 0)
    assert kinds(world, 1) == [*roster, "DIRECTORY", "DIRECTORY_REDATE"]
    assert kinds(world, 2) == ["DIRECTORY", "DIRECTORY_REDATE"]
    assert kinds(world, 3) == []


@pytest.mark.must("2.8.17")
def test_a_roster_waits_for_its_directory_before_it_is_sent() -> None:
    """A reader who took the roster alone would be left without a directory."""
    world = a_world()
    before = kinds(world, 0)

    world.change_roster(roster_text(operators=("officer-1", "officer-2", "officer-4")))

    assert kinds(world, 0) == before == ["GENESIS", "DIRECTORY"]
    world.trust()
