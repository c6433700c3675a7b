"""The second reader: everything that is received under `SLUICE1`, checked again from protos/SPEC.md alone.

It was written from the text of the format, before its author had seen another reader, and shares no line with the
product. It decides nothing and sends nothing; it takes bytes and says yes, or raises a `Refusal` whose code is one of
annex E. Standard library and `cryptography` only. A reviewer reads it in a day, in this order (an hour is enough for
what decides whether a byte is believed: octets, suite, trees, trust, ledger, stream and frame; decision 0021):

    octets, suite, trees       bytes, hashes and signatures, trees          sections 1.1 to 1.6
    texts, statements, trust   what operators signed, and what that opens   sections 2.1 to 2.9
    control, enrol, stops      the CONTROL journal, as an auditor reads it  sections 2.3 to 2.10
    guide, token               the lowest labels; whose token is good       sections 2.6 and 12.6
    origin                     portions, records, batches, parcels          section 3
    ledger, source             accounts and ticks; a source's connection    sections 3.7 and 6
    stream, frame              a stream to one partner and its frames       sections 4 and 5
    kinds, content, labels     what stands in a portion, and who may read   sections 8 and 9
    accounts, receipt          who was shown what, proven under one tick    sections 6.5 and 13.1
    profile, evidence          a party's anchor; a recording of all this    sections 11 and 13

**The readers.** Each is a state machine. `copy()` costs a handful of references, a refused message leaves the state as
it was, and all copies share one `Memory` of signatures that verified. Times are milliseconds since 1970, UTC.

    trust   = Trust(genesis, memory)                   or profile.trust(memory)
    trust.take(message, now_ms)                        a directory message, without its type byte

    ledger  = Ledger()                                 or Ledger.parse(ledger_state)   section 13

    stream  = StreamReader(profile, trust, ledger, hello_and_signature, kem_key, ephemeral_key)
    stream.receive(message, now_ms)                    any message of Follow, with its type byte

    connection = ConnectionReader(source_id, trust, ledger, begin)          begin without its type byte
    connection.receive(message, now_ms)                any message of Publish to a source, with its type byte

    control = ControlReader(memory)
    control.take(entry)                                the next `entry` of the journal

    parcel  = ParcelReader(ingest_key, genesis, trust or None)
    parcel.read(whole)                                 or parcel.take(piece): the header, then each item

    session = Session(profile or None, kem_key, ingest_key)
    session.take(item_type, item)                      the next item of an evidence file, `items(file)` cuts one
    session.reader                                     the stream or connection that is being read
    session.copy()

After a message a reader shows what it holds: `stream.trust`, `stream.ledger`, `stream.masks`, `stream.quarantined`,
`counts` (a dict of what was verified) and so on. KEM keys are what `suite.kem_private_key(pem)` returns.
"""

from __future__ import annotations

from .control import ControlReader
from .evidence import Session, items
from .ledger import Ledger
from .octets import Refusal
from .origin import ParcelReader
from .profile import Profile
from .source import ConnectionReader
from .stream import StreamReader
from .suite import Memory
from .trust import Trust

__all__ = [
    "ConnectionReader",
    "ControlReader",
    "Ledger",
    "Memory",
    "ParcelReader",
    "Profile",
    "Refusal",
    "Session",
    "StreamReader",
    "Trust",
    "items",
]
