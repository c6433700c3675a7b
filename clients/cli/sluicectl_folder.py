"""`sluicectl diff` and `sluicectl apply`: all configuration as files, compared and proposed.

`diff` asks the very questions that `apply` would: it says what would be proposed, and fails where that would be
refused. `apply` proposes and stops parties; nothing it proposes is in force before another operator approves it, and a
second run proposes nothing twice.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from clients.cli.asking import check_words, reason_option, wait_option, yes_option
from clients.cli.boundary import Command, differs, pending
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result
from clients.cli.report import decided_facts, decided_lines, is_pending, waited
from clients.operator.differences import PROPOSED, Difference, State, differences, new_keys, rehearse
from clients.operator.folder import Folder, Text, read_folder
from clients.times import now_ms
from gateway.core.control.enrolment import parse_bundle
from gateway.core.errors import CallerError, Refused

folder_option = click.option(
    "-f",
    "--folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="vocabularies/ sources/ partners/ agreements/, guide, equivalence and stops .toml; a part may be left out.",
)
_REHEARSAL = "a rehearsal, nothing is signed"
_OPEN = frozenset({State.PENDING, State.WAITS})


@click.command(cls=Command)
@folder_option
def diff(folder: Path) -> None:
    """Compare DIR with what stands: exit code 0 if they say the same, 3 if not. Signs and proposes nothing."""
    wanted = read_folder(folder)

    async def action(desk: Desk) -> Sequence[Difference]:
        return rehearse(wanted, desk.chain, _REHEARSAL, now_ms())

    found = [one for one in at_desk(action) if one.state is not State.SAME]
    lines = [line for one in found for line in _lines(one)]
    result({"differs": bool(found), "items": [_facts(one) for one in found]}, lines or [("same", "nothing differs")])
    if found:
        differs()


@click.command(cls=Command)
@folder_option
@click.option(
    "--words",
    "spoken",
    multiple=True,
    metavar="ID=WORDS",
    help="For each party whose keys are new: the four words it read out.",
)
@reason_option
@yes_option
@wait_option
def apply(folder: Path, spoken: tuple[str, ...], reason: str, yes: bool) -> None:
    """Propose what DIR says and is not there; a party in stops.toml is stopped at once. Exit code 7 while any waits."""
    wanted = read_folder(folder)
    heard = _heard(spoken)

    async def action(desk: Desk) -> tuple[list[Decided], Sequence[Difference]]:
        found = rehearse(wanted, desk.chain, reason, now_ms())
        _check(found, heard)
        return await _proposed(desk, wanted, found, reason=reason, yes=yes)

    decided, left = at_desk(action)
    decided = list(waited(decided))
    shown = [one for one in left if one.state is not State.SAME]
    counted = Counter(one.state.value for one in left)
    lines = [line for one in decided for line in decided_lines(one)] + [line for one in shown for line in _lines(one)]
    if not decided:
        lines.append(("unchanged", f"{counted[State.SAME.value]} the same, nothing new is proposed"))
    result(
        {
            "changed": bool(decided),
            "changes": [decided_facts(one) for one in decided],
            "items": [_facts(one) for one in shown],
        },
        lines,
    )
    if is_pending(decided) or any(one.state in _OPEN for one in left):
        pending()


async def _proposed(
    desk: Desk, wanted: Folder, found: Sequence[Difference], *, reason: str, yes: bool
) -> tuple[list[Decided], Sequence[Difference]]:
    """What was handed in, and everything else as it stands."""
    decided = []
    for one in found:
        if one.state is State.STOP and one.text:
            decided.append(await _hand_in(desk, one.text, reason, yes=True))
            await desk.look_again()
    if decided:
        found = differences(wanted, desk.chain)
    left = []
    is_full = False
    for one in found:
        if one.state not in PROPOSED or one.text is None or is_full:
            left.append(one)
            continue
        try:
            decided.append(await _hand_in(desk, one.text, reason, yes=yes))
        except Refused as error:
            if error.code != "changes-full" or not decided:
                raise
            is_full = True
            left.append(one)
    return decided, [_waiting(one) if one.state in PROPOSED else one for one in left]


async def _hand_in(desk: Desk, text: Text, reason: str, *, yes: bool) -> Decided:
    return await desk.propose(text.kind, text.body, text.attachments, reason=reason, yes=yes)


def _waiting(one: Difference) -> Difference:
    note = "as many changes wait as may: run this again once they are approved"
    return Difference(State.WAITS, one.path, one.kind, one.name, one.text, one.standing, note=note)


def _check(found: Sequence[Difference], heard: Mapping[str, str]) -> None:
    for one in found:
        if one.state is State.OTHERWISE:
            raise Refused(
                "standing-otherwise",
                f"`{one.name}` must be as it stands or under a new id: {one.note}",
                at=one.path,
                do="`sluicectl diff` shows both",
            )
    for text in new_keys(found):
        if text.name not in heard:
            raise CallerError(
                "words-needed",
                "a party whose keys are new must have read out the words of its bundle",
                at=text.path,
                do=f"--words {text.name}=WORDS",
            )
        check_words(heard[text.name], "-".join(parse_bundle(text.attachments[0]).words()))


def _heard(spoken: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in spoken]
    if not all(separator and party and words for party, separator, words in pairs):
        raise CallerError("words", "words must be given as ID=WORDS", at="--words")
    return {party: words for party, _, words in pairs}


def _facts(one: Difference) -> dict[str, object]:
    return {
        "state": one.state.value,
        "kind": one.kind.name,
        "name": one.name,
        "path": one.path,
        "change": one.change_id or None,
        "note": one.note,
    }


def _lines(one: Difference) -> list[tuple[str, str]]:
    more = "  ".join(part for part in (one.change_id, one.note) if part)
    lines = [(one.state.value, f"{one.kind.name.lower()} {one.name}  {one.path}  {more}".rstrip())]
    if one.standing is not None and one.text is not None and one.standing != one.text.body:
        compared = difflib.unified_diff(
            _split(one.standing), _split(one.text.body), "in force", one.path, lineterm="", n=1
        )
        lines += [("", line) for line in compared]
    return lines


def _split(body: bytes) -> list[str]:
    return body.decode(errors="replace").split("\n")
