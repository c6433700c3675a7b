"""Signing: the text on the screen is the text that is signed, whole, and nothing is signed unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from clients.operator.ca import PartyKind
from clients.operator.drafts import hold_text, lockdown_text, revocation_text, suspension_text, taint_text
from clients.operator.render import render, signer_names, subject_of
from clients.operator.shipped import guide_text, shipped_vocabularies, vocabulary_text
from clients.operator.sign import sign_shown
from gateway.core.control.entry import ControlEntry
from gateway.core.control.statement import SignedStatement, Statement
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.world import partner_text
from tests.unit.operator.gateways import Town
from tests.unit.operator.parties import AGREEMENT, NOW_MS


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Operators with nothing but a genesis."""
    return Town.found(tmp_path)


def unsigned(statement: Statement, *attachments: bytes) -> ControlEntry:
    """A statement nobody has signed yet."""
    return ControlEntry(SignedStatement(statement, ()), attachments, NOW_MS)


def test_every_line_of_the_body_is_on_the_screen_and_no_other(town: Town) -> None:
    """The body is shown between two rules, byte for byte."""
    text = vocabulary_text("UKR.1")
    entry = unsigned(town.statement(StatementKind.VOCABULARY, text))

    shown = render(entry, town.control.roster)

    rule = "-" * 72
    assert shown.split(rule)[2] == "\n" + text.decode()
    assert entry.statement.link.hex() in shown
    assert "WIDENS" in shown
    assert "signed by nobody yet" in shown


@pytest.mark.must("2.5.6")
def test_what_nothing_acts_on_is_said_where_an_agreement_is_signed(town: Town) -> None:
    """An officer must not believe that a recall is enforced because it was written."""
    body = AGREEMENT + b"recall_h = 72\n"

    shown = render(unsigned(town.statement(StatementKind.AGREEMENT, body)), town.control.roster)

    assert "note      `recall_h` is recorded, not acted on" in shown
    assert "note      `onward` is recorded, not acted on" in shown
    assert "`fees`" not in shown
    assert shown.split("-" * 72)[2] == "\n" + body.decode()


@pytest.mark.must("2.5.16")
@pytest.mark.parametrize(
    ("text", "said"), [(b"required", "no stream opens without an access token"), (b"ignored", "are not looked at")]
)
def test_what_an_agreement_says_of_tokens_is_said_in_plain_words(town: Town, text: bytes, said: str) -> None:
    """One word in a text of twenty lines decides whether a stolen certificate alone would do."""
    body = AGREEMENT + b'token = "' + text + b'"\n'

    shown = render(unsigned(town.statement(StatementKind.AGREEMENT, body)), town.control.roster)

    assert said in shown.split("-" * 72)[1]
    without = render(unsigned(town.statement(StatementKind.AGREEMENT, AGREEMENT)), town.control.roster)
    assert "access token" not in without


@pytest.mark.must("2.5.16")
def test_whose_tokens_count_is_said_where_a_partner_is_admitted(town: Town) -> None:
    """Whoever signs the address of an issuer must know what is believed because of it, and what is not."""
    token = (
        b'[token]\nissuer = "https://idp.usa.example"\nkeys = "https://idp.usa.example/jwks"\n'
        b'client_id = "arl"\nsubject = "arl"\nalgorithms = ["ES256"]\n'
    )
    body = partner_text()

    shown = render(unsigned(town.statement(StatementKind.PARTNER, body + token)), town.control.roster)

    assert "note      access tokens count only of `https://idp.usa.example` for `arl`, bound to" in shown
    assert "can narrow it, not widen it" in shown
    assert "note" not in render(unsigned(town.statement(StatementKind.PARTNER, body)), town.control.roster)


def test_a_body_without_a_last_line_end_is_shown_whole(town: Town) -> None:
    """The last line counts as much as the others."""
    entry = unsigned(town.statement(StatementKind.SUSPEND, b'target = "source/a"\nreason = "b"'))

    shown = render(entry, town.control.roster)

    assert 'reason = "b"\n' + "-" * 72 in shown
    assert "WIDENS" not in shown


@pytest.mark.parametrize("hidden", ["\u202e", "\x1b[2J", "\x00", "\u200b", "\r"])
def test_a_text_with_a_character_nobody_sees_is_not_shown_for_signing(town: Town, hidden: str) -> None:
    """The screen would differ from what is signed."""
    body = f"# {hidden}\n".encode()
    entry = unsigned(town.statement(StatementKind.RULE_ADD, body))

    with pytest.raises(Refused) as caught:
        render(entry, town.control.roster)

    assert caught.value.code == "text-unseen"


@pytest.mark.parametrize(
    ("key", "written"),
    [
        # The line in the middle reads as a ceiling, and is a part of the name of a paper.
        ("basis", 'basis = """MoU \\\nceiling = \'DSK\' \\\n"""'),
        ("basis", "basis = '''MoU'''"),
        ("ceiling", '"\\u0063eiling" = "T"'),
        ("ceiling", 'ceiling = "\\U00000054"'),
    ],
)
def test_what_toml_reads_otherwise_than_a_person_is_not_shown_for_signing(town: Town, key: str, written: str) -> None:
    """What the screen seems to say would be another agreement than the one that is signed."""
    lines = [written if line.startswith(key) else line for line in AGREEMENT.decode().splitlines()]
    entry = unsigned(town.statement(StatementKind.AGREEMENT, "\n".join(lines).encode()))

    with pytest.raises(Refused) as caught:
        render(entry, town.control.roster)

    assert caught.value.code == "text-unseen"


def test_a_quote_and_a_backslash_may_be_in_a_value(town: Town) -> None:
    """A paper may be called by a name in quotes, and a reason may name a path."""
    body = AGREEMENT.replace(b'"MoU 2026-05-11"', rb'"the \"Kyiv\" paper, C:\\u"')

    assert r'"the \"Kyiv\" paper, C:\\u"' in render(
        unsigned(town.statement(StatementKind.AGREEMENT, body)), town.control.roster
    )


@pytest.mark.parametrize(
    ("written", "shown"), [("key\u00a0lost", "key<U+00A0>lost"), ("\\u006bey", "\\u006bey"), ("\u0600", "<U+0600>")]
)
def test_what_only_denies_can_be_put_back_however_it_was_spelled(town: Town, written: str, shown: str) -> None:
    """One operator alone may have written it; a restore that could not sign it again would undo the stop."""
    body = f'target = "source/a"\nreason = "{written}"\n'.encode()

    assert f'reason = "{shown}"' in render(unsigned(town.statement(StatementKind.SUSPEND, body)), town.control.roster)


def test_bytes_that_are_no_text_are_not_shown_for_signing(town: Town) -> None:
    """A replacement character stands for something nobody has read."""
    with pytest.raises(Refused) as caught:
        render(unsigned(town.statement(StatementKind.RULE_ADD, b"\xff\xfe")), town.control.roster)

    assert caught.value.code == "text-unseen"


@pytest.mark.parametrize(
    ("kind", "body", "subject"),
    [
        (StatementKind.VOCABULARY, vocabulary_text("UKR.1"), ("vocabulary", "UKR.1")),
        (StatementKind.GUIDE, guide_text("UAS-2026-2"), ("guide", "UAS-2026-2")),
        (StatementKind.AGREEMENT, AGREEMENT, ("agreement", "UA-US-2026-014")),
        (StatementKind.SUSPEND, suspension_text(PartyKind.PARTNER, "a", "b"), ("suspension of", "partner/a")),
        (StatementKind.LIFT, b'target = "source/a"\nreason = "b"\n', ("lift of", "source/a")),
        (StatementKind.END, b'agreement = "A"\nreason = "b"\n', ("end of agreement", "A")),
        (StatementKind.HOLD, hold_text("agreement/A", "b"), ("hold of", "agreement/A")),
        (StatementKind.LOCKDOWN, lockdown_text("b"), ("lockdown of", "gateway")),
        (StatementKind.TAINT, taint_text("3" * 96, date(2026, 5, 30), "b"), ("taint of", f"key/{'3' * 96}")),
        (StatementKind.REVOKE, revocation_text("3" * 96, "b"), ("revocation of", f"key/{'3' * 96}")),
        (StatementKind.EQUIVALENCE, b'id = "E"\nrow = []\n', ("equivalence", "E")),
        (StatementKind.RULE_ADD, b"", ("rule_add", "rule_add")),
    ],
)
def test_a_statement_is_called_by_what_it_is_about(
    town: Town, kind: StatementKind, body: bytes, subject: tuple[str, str]
) -> None:
    """The name is what a person types to confirm."""
    assert subject_of(town.statement(kind, body)) == subject


def test_the_genesis_has_a_name_to_confirm_too(town: Town) -> None:
    """It is signed like everything else."""
    assert subject_of(town.genesis.statement) == ("founding of a", "gateway")


def test_the_signature_is_over_the_entry_that_was_shown(town: Town) -> None:
    """Both operators sign one after the other, each after seeing it."""
    entry = unsigned(town.statement(StatementKind.VOCABULARY, vocabulary_text("UKR.1")))
    screens: list[str] = []

    first, _ = sign_shown(town.operators[0], entry, town.control.roster, lambda text, _: screens.append(text))
    both, _ = sign_shown(town.operators[1], first, town.control.roster, lambda text, _: screens.append(text))

    assert town.control.apply(both).position == 2
    assert signer_names(both, town.control.roster) == ("officer-1", "officer-2")
    assert "signed by officer-1\n" in screens[1]


def test_whoever_shows_can_stop(town: Town) -> None:
    """A person who reads something wrong does not type the name, and no signature exists."""
    entry = unsigned(town.statement(StatementKind.VOCABULARY, vocabulary_text("UKR.1")))

    def refuse(_text: str, _entry: ControlEntry) -> None:
        raise CallerError("not-confirmed", "no")

    with pytest.raises(CallerError):
        sign_shown(town.operators[0], entry, town.control.roster, refuse)


def test_nobody_signs_twice(town: Town) -> None:
    """One person is one signature; who can give the other is said."""
    entry = unsigned(town.statement(StatementKind.VOCABULARY, vocabulary_text("UKR.1")))
    once, _ = sign_shown(town.operators[0], entry, town.control.roster, lambda *_: None)

    with pytest.raises(Refused) as caught:
        sign_shown(town.operators[0], once, town.control.roster, lambda *_: None)

    assert caught.value.code == "own-approval"
    assert caught.value.do == f"ask {town.operators[1].operator_id}"


def test_a_recovery_key_signs_nothing_that_operators_sign(town: Town) -> None:
    """It can do one thing, and not here."""
    entry = unsigned(town.statement(StatementKind.VOCABULARY, vocabulary_text("UKR.1")))

    with pytest.raises(Refused) as caught:
        sign_shown(town.operators[2], entry, town.control.roster, lambda *_: None)

    assert caught.value.code == "not-an-operator"


def test_recovery_signatures_are_named_where_they_are(town: Town) -> None:
    """Whoever reads a roster's replacement must see who asked for it."""
    statement = town.statement(StatementKind.VOCABULARY, vocabulary_text("UKR.1"))
    entry = replace(unsigned(statement), signed=town.signed(statement, town.operators[2].signing_key()))

    assert signer_names(entry, town.control.roster) == ("recovery-1",)


def test_shipped_texts_are_found_by_name_and_files_by_path(tmp_path: Path) -> None:
    """A file of one's own goes before what comes with the product."""
    own = tmp_path / "UKR.1"
    own.write_bytes(b"own")

    assert vocabulary_text(str(own)) == b"own"
    assert sorted(shipped_vocabularies()) == ["DEU.1", "GBR.1", "NATO.1", "UKR.1", "USA.1"]


@pytest.mark.parametrize("named", ["NOPE.1", "../labels/vocabularies/UKR.1", "a b", ""])
def test_a_name_of_nothing_is_refused(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped name must not become another text."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(CallerError) as caught:
        vocabulary_text(named or "none")

    assert caught.value.code == "file-unknown"
