"""What a folder of configuration says and the gateway does not, and what would be proposed to make them the same.

Texts are compared byte for byte with what was signed, so nothing that differs is ever called the same. What waits for
another operator already is not proposed a second time. Stopping comes before everything else, since one person may do
it and it takes the next place; what it overtakes is proposed anew in the same run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from clients.operator.chain import Chain, Change
from clients.operator.drafts import end_text, hold_text, lift_of_text, suspend_text
from clients.operator.folder import STOPS, Folder, Room, Stops, Text
from clients.operator.render import name_of
from gateway.core.control.roster import Progress
from gateway.core.control.statement import SignedStatement
from gateway.core.control.suspension import Lift
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import StatementKind


class State(Enum):
    """How one thing of the folder stands at the gateway."""

    SAME = "same"
    ADD = "add"
    CHANGE = "change"
    STOP = "stop"
    LIFT = "lift"
    PENDING = "pending"
    WAITS = "waits"
    EXTRA = "extra"
    OTHERWISE = "otherwise"


PROPOSED = frozenset({State.ADD, State.CHANGE, State.LIFT})
_LIFT = StatementKind.LIFT
# A text under one of these ids is final: another text needs another id.
_FINAL = frozenset({StatementKind.AGREEMENT, StatementKind.VOCABULARY})


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing. path: the file that says it; text: what would be proposed; standing: what is in force instead.

    change_id: what is pending for it. note: why, where the state alone does not say it.
    has_bundle: whether the very bundle beside the text lies beside what is in force.
    """

    state: State
    path: str
    kind: StatementKind
    name: str
    text: Text | None = None
    standing: bytes | None = None
    change_id: str = ""
    note: str = ""
    has_bundle: bool = False


def differences(folder: Folder, chain: Chain) -> tuple[Difference, ...]:
    """Everything the folder speaks of, in the order in which it would be proposed."""
    texts = [one for room in Room if room in folder.rooms for one in _of_room(room, folder.rooms[room], folder, chain)]
    single = [_of_single(text, chain) for text in folder.single]
    stops = list(_of_stops(folder, folder.stops, chain)) if folder.stops else []
    ordered = sorted([*texts, *single], key=lambda one: one.kind is StatementKind.AGREEMENT)
    first = [one for one in stops if one.state is not State.LIFT]
    return (*first, *ordered, *(one for one in stops if one.state is State.LIFT))


def rehearse(folder: Folder, chain: Chain, reason: str, now_ms: int) -> tuple[Difference, ...]:
    """The differences, every one that would be proposed previewed in its place; refuses what the gateway would refuse.

    The error names the file. Nothing is signed and nothing is sent.
    """
    found = again = differences(folder, chain)
    stops = [one.text for one in found if one.state is State.STOP and one.text is not None]
    for text in stops:
        control = _previewed(chain, text, reason, now_ms).tip
        chain = Chain(chain.entries, control, (), (), control)
    if stops:
        again = differences(folder, chain)
    for one in again:
        if one.state in PROPOSED and one.text is not None:
            chain = _previewed(chain, one.text, reason, now_ms)
    return found


def new_keys(found: Sequence[Difference]) -> list[Text]:
    """Admissions that bring keys the gateway does not have: their bundles' words have to be heard.

    Also where nothing but the TLS key is new, which no text names and certificates are issued for.
    """
    return [
        one.text for one in found if one.state in PROPOSED and one.text and one.text.attachments and not one.has_bundle
    ]


def _of_room(room: Room, texts: tuple[Text, ...], folder: Folder, chain: Chain) -> Iterator[Difference]:
    entries = {name_of(room.kind, entry.body): entry for entry in reversed(list(chain.texts(room.kind)))}
    standing = {name: entry.body for name, entry in entries.items()}
    waiting = _waiting(room.kind, chain)
    for text in texts:
        one = _compared(text, standing.get(text.name), waiting.get(text.name), folder.stops, chain)
        beside = entries[text.name].attachments if text.name in entries else ()
        yield replace(one, has_bundle=text.attachments == beside)
    named = {text.name for text in texts}
    for name in sorted(standing.keys() - named - chain.control.ended):
        yield Difference(
            State.EXTRA, str(folder.path / room.value), room.kind, name, standing=standing[name], note="has no file"
        )


def _of_single(text: Text, chain: Chain) -> Difference:
    entry = next(chain.texts(text.kind), None)
    waiting = list(_waiting(text.kind, chain).values())
    return _compared(text, entry.body if entry else None, waiting[-1] if waiting else None, None, chain)


def _compared(
    text: Text, standing: bytes | None, waiting: Change | None, stops: Stops | None, chain: Chain
) -> Difference:
    one = Difference(State.SAME, text.path, text.kind, text.name, text, standing)
    if waiting is not None:
        if waiting.entry.body == text.body:
            return replace(one, state=State.PENDING, change_id=waiting.change_id)
        note = f"{waiting.change_id} proposes another text: approve or reject it first"
        return replace(one, state=State.OTHERWISE, change_id=waiting.change_id, note=note)
    if standing is None:
        return replace(one, state=State.ADD)
    if standing == text.body:
        return _unless_ended(one, stops, chain)
    if text.kind not in _FINAL:
        return replace(one, state=State.CHANGE)
    return replace(one, state=State.OTHERWISE, note="another text was signed under this id: take a new id")


def _unless_ended(one: Difference, stops: Stops | None, chain: Chain) -> Difference:
    is_ended = one.kind is StatementKind.AGREEMENT and one.name in chain.control.ended
    if is_ended and (stops is None or one.name not in stops.ended):
        return replace(
            one, state=State.OTHERWISE, note="it has ended for good: take a new id, or list it in stops.toml"
        )
    return one


def _of_stops(folder: Folder, stops: Stops, chain: Chain) -> Iterator[Difference]:
    control, path = chain.control, str(folder.path / STOPS)
    known = {f"source/{name}" for name in control.sources} | {f"partner/{name}" for name in control.partners}
    known |= {f"agreement/{name}" for name in control.agreements}
    for kind, wanted, standing in (
        (StatementKind.SUSPEND, stops.suspended, control.suspended),
        (StatementKind.HOLD, stops.held, control.held),
    ):
        for target, why in wanted.items():
            # Whether there is such a record or batch nobody here can know.
            is_there = target in known or target.startswith(("record/", "batch/"))
            state = State.SAME if target in standing else State.STOP if is_there else State.WAITS
            yield _stop(state, _stop_text(path, kind, target, why))
    for agreement_id, why in stops.ended.items():
        is_there = agreement_id in control.agreements
        state = State.SAME if agreement_id in control.ended else State.STOP if is_there else State.WAITS
        yield _stop(state, _stop_text(path, StatementKind.END, agreement_id, why))
    lifts = {Lift.parse(one.entry.body).target: one for one in chain.pending if one.entry.statement.kind is _LIFT}
    for target in sorted((control.suspended - stops.suspended.keys()) | (control.held - stops.held.keys())):
        text = _stop_text(path, _LIFT, target, "not in stops.toml any more")
        waiting = lifts.get(target)
        state = State.PENDING if waiting else State.LIFT
        yield replace(_stop(state, text), change_id=waiting.change_id if waiting else "")


def _stop(state: State, text: Text) -> Difference:
    note = "is not admitted yet: it is stopped once it is" if state is State.WAITS else ""
    return Difference(state, text.path, text.kind, text.name, text, note=note)


def _stop_text(path: str, kind: StatementKind, target: str, why: str) -> Text:
    try:
        return Text(path, kind, target, _stop_body(kind, target, why))
    except GatewayError as error:
        raise type(error)(error.code, error.message, at=f"{path}: {target}", do=error.do) from error


def _stop_body(kind: StatementKind, target: str, why: str) -> bytes:
    if kind is StatementKind.END:
        return end_text(target, why)
    if kind is StatementKind.HOLD:
        return hold_text(target, why)
    return lift_of_text(target, why) if kind is _LIFT else suspend_text(target, why)


def _waiting(kind: StatementKind, chain: Chain) -> Mapping[str, Change]:
    return {name_of(kind, change.entry.body): change for change in chain.pending if change.entry.statement.kind is kind}


def _previewed(chain: Chain, text: Text, reason: str, now_ms: int) -> Chain:
    statement = chain.next_statement(text.kind, text.body, now_ms)
    entry = chain.entry(SignedStatement(statement, ()), text.attachments, now_ms)
    try:
        after, progress = chain.preview(entry)
    except GatewayError as error:
        raise type(error)(error.code, error.message, at=f"{text.path}: {error.at}".rstrip(": "), do=error.do) from error
    return chain.and_then(Change("", entry, reason, Progress(0, progress.need)), after)
