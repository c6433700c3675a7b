"""Parsers of what operators sign and readers are sent, and of what a reader keeps of it."""

from __future__ import annotations

from functools import cache, partial

from gateway.core.control.agreement import Agreement
from gateway.core.control.directory import parse_dir, parse_directory_message, parse_endorsement
from gateway.core.control.endorsing import encode_endorsement_list, parse_endorsement_list
from gateway.core.control.enrolment import parse_bundle
from gateway.core.control.entry import parse_entry
from gateway.core.control.guide import Guide
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.renewal import parse_renewal
from gateway.core.control.restore import Restore
from gateway.core.control.roster import Roster
from gateway.core.control.scope import Scope
from gateway.core.control.source import SourceAdmission
from gateway.core.control.statement import SignedStatement, encode_signatures, parse_signatures, parse_statement
from gateway.core.control.succession import named_proposal
from gateway.core.control.suspension import AgreementEnd, Lift, Objection, Suspension
from gateway.core.control.texts import Table, line_of, read_text
from gateway.core.control.trust import Trust
from gateway.core.errors import Fault
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.octets import Reader
from tests.fuzz.engine import Subject
from tests.fuzz.mutation_texts import Text
from tests.fuzz.subject import Entry, encoded, octets_of, vectors, worded
from tests.tokens import Issuer
from tests.unit.control.given import roster_text
from tests.unit.control.test_renewal import a_renewal
from tests.unit.control.world import (
    GUIDE,
    UKR,
    World,
    a_world,
    agreement_text,
    gateway_bundle,
    naming,
    partner_bundle,
    partner_text,
    source_bundle,
    source_text,
)

REASON = b'reason = "a reason"\n'
REQUIRED = {"token": '"required"'}
SCOPES = (b"telemetry,tactic//REAL,TEST", b"tactic//REAL,SIMULATED", b"telemetry,tactic,design//REAL,EXERCISE")


@cache
def world() -> World:
    """One honest CONTROL, read and never changed."""
    return a_world()


def _signed_statement(octets: bytes) -> SignedStatement:
    reader = Reader(octets, "signed statement")
    signed = SignedStatement.read(reader)
    reader.done()
    return signed


def _guide(text: bytes) -> Guide:
    return Guide.parse(text, _vocabularies())


@cache
def _vocabularies() -> dict[str, Vocabulary]:
    return {"UKR.1": Vocabulary.parse(UKR)}


def _table(text: bytes) -> Table:
    """Any text that is read is one whose lines can be named."""
    table = read_text(text, "paper", {"id", "reason", "target"})
    for key in table.written():
        line_of(text, "", key)
    return table


def _scope(octets: bytes) -> Scope:
    return Scope.parse(worded(octets))


def _statements() -> tuple[bytes, ...]:
    return tuple(entry.statement.encode() for entry in world().entries)


def _entries() -> tuple[bytes, ...]:
    return tuple(entry.encode() for entry in world().entries)


def _endorsements() -> tuple[bytes, ...]:
    return tuple(shown.endorsement.encode() for shown in world().message().shown)


def _bundles() -> tuple[bytes, ...]:
    return tuple(bundle.encoded for bundle in (partner_bundle(), source_bundle(), gateway_bundle()))


SUBJECTS: dict[str, Entry] = {
    "statement": Entry((parse_statement,), lambda: Subject(_statements(), parse_statement, encoded)),
    "signatures": Entry(
        (parse_signatures,),
        lambda: Subject(
            (encode_signatures(world().entries[1].signed.signatures), *vectors("control.suspend_signatures")),
            parse_signatures,
            lambda value, _: encode_signatures(value),
        ),
    ),
    "signed statement": Entry(
        (SignedStatement.read,),
        lambda: Subject(tuple(e.signed.encode() for e in world().entries), _signed_statement, encoded),
    ),
    "endorsement": Entry((parse_endorsement,), lambda: Subject(_endorsements(), parse_endorsement, encoded)),
    "dir": Entry((parse_dir,), lambda: Subject((world().newest.encode(), *vectors("control.dir")), parse_dir, encoded)),
    "directory message": Entry(
        (parse_directory_message,),
        lambda: Subject(
            (world().message().encode(), *vectors("control.directory_message")), parse_directory_message, encoded
        ),
    ),
    "endorsement list": Entry(
        (parse_endorsement_list,),
        lambda: Subject(
            (world().entries[-1].attachments[0],),
            parse_endorsement_list,
            lambda value, _: encode_endorsement_list(value),
        ),
    ),
    "control entry": Entry((parse_entry,), lambda: Subject(_entries(), parse_entry, encoded)),
    "restore": Entry(
        (Restore.parse, Restore.read), lambda: Subject(vectors("control.restore_body"), Restore.parse, encoded)
    ),
    "enrolment bundle": Entry(
        (parse_bundle,), lambda: Subject(_bundles(), parse_bundle, lambda value, _: value.encoded)
    ),
    "renewal": Entry(
        (parse_renewal,),
        lambda: Subject(
            (a_renewal().encoded, *vectors("identity.renewal")), parse_renewal, lambda value, _: value.encoded
        ),
    ),
    "kept trust": Entry((Trust.decode,), lambda: Subject((world().trust().encode(),), Trust.decode, encoded, (Fault,))),
    "text": Entry((read_text, line_of), lambda: Subject((REASON, b'id = "a"\n' + REASON), _table, grammar=Text)),
    "scope": Entry(
        (Scope.parse,), lambda: Subject(SCOPES, _scope, lambda value, _: octets_of(value.text), grammar=Text)
    ),
    "roster text": Entry((Roster.parse,), lambda: Subject((roster_text(),), Roster.parse, grammar=Text)),
    "source text": Entry(
        (SourceAdmission.parse,),
        lambda: Subject((source_text(), source_text(scope="tactic//REAL")), SourceAdmission.parse, grammar=Text),
    ),
    "partner text": Entry(
        (PartnerAdmission.parse,),
        lambda: Subject(
            (partner_text(), partner_text("gbr/dstl", "GBR"), partner_text() + Issuer(keys={}).table().encode()),
            PartnerAdmission.parse,
            grammar=Text,
        ),
    ),
    "agreement text": Entry(
        (Agreement.parse,),
        lambda: Subject(
            (agreement_text(), agreement_text(**REQUIRED), *vectors("control.agreement")), Agreement.parse, grammar=Text
        ),
    ),
    "guide text": Entry(
        (Guide.parse,), lambda: Subject((GUIDE,), _guide, grammar=partial(Text, words=("UKR.1", "T", "DSK", "REL")))
    ),
    "suspension text": Entry(
        (Suspension.parse,),
        lambda: Subject((b'target = "partner/usa/arl"\n' + REASON,), Suspension.parse, grammar=Text),
    ),
    "lift text": Entry(
        (Lift.parse,), lambda: Subject((b'target = "source/src-3f07"\n' + REASON,), Lift.parse, grammar=Text)
    ),
    "objection text": Entry(
        (Objection.parse,),
        lambda: Subject((naming(world().entries[-1].signed) + REASON,), Objection.parse, grammar=Text),
    ),
    "end text": Entry(
        (AgreementEnd.parse,), lambda: Subject((b'agreement = "UA-1"\n' + REASON,), AgreementEnd.parse, grammar=Text)
    ),
    "confirmation text": Entry(
        (named_proposal,), lambda: Subject((naming(world().entries[-1].signed),), named_proposal, grammar=Text)
    ),
}
