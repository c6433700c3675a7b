"""Every parser there is, in one list: name -> entry. What is missing here is missing in the law that reads it."""

from __future__ import annotations

from tests.fuzz import (
    subjects_accounts,
    subjects_clients,
    subjects_control,
    subjects_kinds,
    subjects_labels,
    subjects_ledger,
    subjects_reader,
    subjects_records,
    subjects_stops,
    subjects_tokens,
)
from tests.fuzz.subject import Entry

ROOMS: dict[str, dict[str, Entry]] = {
    "records": subjects_records.SUBJECTS,
    "ledger": subjects_ledger.SUBJECTS,
    "accounts": subjects_accounts.SUBJECTS,
    "control": subjects_control.SUBJECTS,
    "stops": subjects_stops.SUBJECTS,
    "tokens": subjects_tokens.SUBJECTS,
    "labels": subjects_labels.SUBJECTS,
    "kinds": subjects_kinds.SUBJECTS,
    "clients": subjects_clients.SUBJECTS,
    "second reader": subjects_reader.SUBJECTS,
}
REGISTRY: dict[str, Entry] = {name: entry for room in ROOMS.values() for name, entry in room.items()}
