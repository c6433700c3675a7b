"""What one operator stops, how it comes back, and a change that travels as a file: their parsers, for the registry."""

from __future__ import annotations

from functools import cache

from cryptography import x509

from clients.operator.ca import Authority
from clients.operator.carried import Carried
from clients.operator.kept_chain import encode_kept, parse_kept
from clients.operator.revocation_list import read_revocation_list
from gateway.core.control.compromise import Revocation, Taint
from gateway.core.control.equivalence import Equivalence
from gateway.core.control.hold import Hold, Lockdown
from gateway.core.control.moment import TrueTime
from gateway.core.control.restore import Restore
from gateway.core.control.restoring import RestoreRequest
from gateway.core.control.statement import SignedStatement
from gateway.core.control.stops import read_target
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import StatementKind
from tests.fuzz.engine import Subject
from tests.fuzz.mutation_texts import Text
from tests.fuzz.subject import Entry, encoded
from tests.fuzz.subjects_control import REASON, world
from tests.unit.control.test_equivalence import NATO, table
from tests.unit.control.world import UKR
from tests.unit.operator.lists import DAY, NOW, a_list, as_pem, point

_KEY = b'target = "key/' + b"0a" * 48 + b'"\n'
_RECORD = b'target = "record/' + b"0a" * 48 + b'.4"\n'
_CERTIFICATE = b'target = "certificate/' + b"0a" * 32 + b'"\n'
_SERIALS = b'target = "root/' + b"0a" * 32 + b'"\nserials = [\n  "7b",\n  "1f2e3d",\n]\n'
_HOURS = b"from = 2026-11-20T14:00:00Z\nuntil = 2026-11-20T16:00:00Z\n"


@cache
def _vocabularies() -> dict[str, Vocabulary]:
    return {name: Vocabulary.parse(text) for name, text in (("UKR.1", UKR), ("NATO.1", NATO))}


def _change_files() -> tuple[bytes, ...]:
    entries = tuple(world().entries)
    whole = Carried(entries[:2], entries[2:4], {"officer-1": "a reason", "officer-2": "another"})
    return whole.encode(), Carried(entries[:1], entries[1:2], {}).encode()


def _revocation_list() -> Subject:
    authority = Authority.create("usa.example", NOW - DAY)
    number = [(x509.CRLNumber(17), False), (point(), True)]
    reason = [(x509.CRLReason(x509.ReasonFlags.key_compromise), False)]
    short, whole = a_list(authority), a_list(authority, 0x7B, 0x1F2E, extensions=number, of_entries=reason)
    return Subject((short, whole, as_pem(whole)), lambda octets: read_revocation_list(octets, [authority.root], NOW))


def _requests() -> tuple[bytes, ...]:
    entries = tuple(world().entries)
    body = Restore(b"the old life 16b", b"the new life 16b", 1, b"k" * 48).encode()
    lockdown = b'target = "gateway"\n' + REASON
    restoring = SignedStatement(world().statement(StatementKind.RESTORE, body), ())
    stop = SignedStatement(world().statement(StatementKind.LOCKDOWN, lockdown), entries[1].signed.signatures[:1])
    whole = RestoreRequest(b"the old life 16b", 9, 5, 2, entries[:2], (restoring, stop), {"officer-1": "a reason"})
    return whole.encode(), RestoreRequest(bytes(16), 0, 0, 0, entries[:1], (restoring,), {}).encode()


SUBJECTS: dict[str, Entry] = {
    "taint text": Entry(
        (Taint.parse,), lambda: Subject((_KEY + b"since = 2026-11-01\n" + REASON,), Taint.parse, grammar=Text)
    ),
    "revocation text": Entry(
        (Revocation.parse,),
        lambda: Subject((_KEY + REASON, _CERTIFICATE + REASON, _SERIALS + REASON), Revocation.parse, grammar=Text),
    ),
    "revocation list": Entry((read_revocation_list,), _revocation_list),
    "hold text": Entry(
        (Hold.parse, read_target),
        lambda: Subject((_RECORD + REASON, b'target = "agreement/UA-1"\n' + REASON), Hold.parse, grammar=Text),
    ),
    "lockdown text": Entry(
        (Lockdown.parse,), lambda: Subject((b'target = "gateway"\n' + REASON,), Lockdown.parse, grammar=Text)
    ),
    "time text": Entry((TrueTime.parse,), lambda: Subject((_HOURS + REASON,), TrueTime.parse, grammar=Text)),
    "equivalence text": Entry(
        (Equivalence.parse,),
        lambda: Subject((table(),), lambda text: Equivalence.parse(text, _vocabularies()), grammar=Text),
    ),
    "restore request": Entry((RestoreRequest.parse,), lambda: Subject(_requests(), RestoreRequest.parse, encoded)),
    "kept chain": Entry(
        (parse_kept,),
        lambda: Subject(
            (encode_kept(world().entries[:2]), encode_kept(world().entries[:1])),
            parse_kept,
            lambda entries, _: encode_kept(entries),
        ),
    ),
    "change file": Entry((Carried.parse,), lambda: Subject(_change_files(), Carried.parse)),
}
