"""Every number of the format in one place; SPEC.md prints the same tables.

A value not listed here is unknown, and unknown means no: parsers refuse it by constructing the enum.
"""

from __future__ import annotations

from enum import IntEnum

SUITE = 1
HASH_BYTES = 48
SALT_BYTES = 32
ID_BYTES = 16

MAX_BATCH_RECORDS = 256
MAX_BATCH_BYTES = 3 * 1024 * 1024
MAX_CONTENT_BYTES = 1024 * 1024
MAX_LABEL_BYTES = 512
MAX_ROWS = 4096
MAX_BODY_BYTES = 3_670_016
MAX_SECTIONS = 64
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_TICK_LEAVES = 16_384
MAX_END_TEXT_BYTES = 512
MAX_PARCEL_BATCHES = 64
SLOT_COUNTS = (1, 2, 4, 8, 16)

MAX_TEXT_BYTES = 64 * 1024
MAX_SIGNATURES = 48
MAX_ATTACHMENTS = 2
MAX_ATTACHMENT_BYTES = 3 * 1024 * 1024
MAX_SCOPE_BYTES = 128
MAX_REQUEST_BYTES = 8192
MAX_RENEWAL_BYTES = 32 * 1024
MAX_DIRECTORY_STATEMENTS = 256
MAX_ENDORSEMENTS = 4096

MAX_DIRECTORY_NO = 2**48 - 1
MAX_REDATES = 2**16
DIRECTORY_LIFE_MS = 7 * 24 * 3600 * 1000
CLOCK_SKEW_MS = 300_000
HELLO_SKEW_MS = 120_000
NONCE_MEMORY_MS = 240_000
STREAM_LIFE_MS = 900_000
STREAM_LIFE_LIMIT_MS = 1_200_000
TICK_EVERY_MS = 10_000
SILENCE_MS = 30_000
OWED_LEAF_MS = 120_000


class StatementKind(IntEnum):
    """What an operator's statement does (SPEC.md section 2)."""

    GENESIS = 1
    ROSTER_PROPOSE = 2
    ROSTER = 3
    OBJECT = 4
    DIRECTORY = 5
    DIRECTORY_REDATE = 6
    SOURCE = 7
    PARTNER = 8
    AGREEMENT = 9
    END = 10
    GUIDE = 11
    VOCABULARY = 12
    EQUIVALENCE = 13
    RULE_ADD = 14
    RULE_WITHDRAW = 15
    HOLD = 16
    SUSPEND = 17
    LOCKDOWN = 18
    LIFT = 19
    TAINT = 20
    REVOKE = 21
    TIME = 22
    RESTORE = 23


class Role(IntEnum):
    """What an endorsed key or file is for."""

    SOURCE = 1
    GATEWAY_STREAM = 2
    GATEWAY_LEDGER = 3
    GATEWAY_INGEST = 4
    PARTNER_KEM = 5
    PARTNER_SIGN = 6
    VOCABULARY = 7
    SCHEMA = 8


class Holder(IntEnum):
    """Whose certificate a renewal is for."""

    SOURCE = 1
    PARTNER = 2
    OPERATOR = 3
    GATEWAY = 4


class KeyState(IntEnum):
    """State of an endorsement: retired keys verify batches only, tainted keys verify nothing."""

    ACTIVE = 1
    RETIRED = 2
    TAINTED = 3


class RecordKind(IntEnum):
    """Kind of a batch's records; bit j of a Hello's `kinds` is kind j."""

    TELEMETRY = 1
    TACTIC = 2
    DESIGN = 3
    CHUNK = 4


class DataMode(IntEnum):
    """Where the facts come from; REAL never shares a stream with another mode."""

    REAL = 1
    EXERCISE = 2
    SIMULATED = 3
    TEST = 4


class Schema(IntEnum):
    """Version of a kind's portions."""

    TELEMETRY_1 = 1
    TACTIC_1 = 2


class UpMessage(IntEnum):
    """Publish, source to gateway."""

    BEGIN = 0
    ITEM = 1
    PARCEL_END = 2
    PARCEL = 3


class PublishMessage(IntEnum):
    """Publish, gateway to source."""

    DIRECTORY = 0
    TICK = 1
    STORED = 2
    WAITING = 3
    REFUSED = 4
    ENTRIES = 5


class StreamMessage(IntEnum):
    """Follow, gateway to partner."""

    DIRECTORY = 0
    OPEN = 1
    TICK = 2
    LEAVES = 3
    OLD = 4
    FRAME = 5
    NOTICE = 6
    END = 7


class RefusalCode(IntEnum):
    """Why a batch was refused or waits, or a record was quarantined."""

    MALFORMED = 1
    FORK = 2
    CHAIN = 3
    SCOPE = 4
    SCHEMA = 5
    LABEL = 6
    LABEL_BELOW_GUIDE = 7
    CONTENT_NOT_CANONICAL = 8
    RANGE = 9
    TEXT = 10
    COARSE_MISMATCH = 11
    MARKING_IN_TEXT = 12
    MUST = 13
    SIZE = 14
    NUMBER_AHEAD = 15
    SOURCE_HELD = 16
    ABOUT_LABELS_DIFFER = 17
    LABEL_ABOVE_CLEARANCE = 18


class EndReason(IntEnum):
    """Why a stream ended, or what a notice says."""

    LIFETIME = 1
    CERTIFICATE_EXPIRED = 2
    AGREEMENT_ENDED = 3
    DIRECTORY_EXPIRED = 4
    CHANGED = 5
    SUSPENDED = 6
    FENCED = 7
    SHUTDOWN = 8
    CAUGHT_UP = 9
    QUOTA = 10
    UNTIMED = 11
