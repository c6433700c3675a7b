"""A second decider, written from SPEC.md section 9 alone, to disagree with the first where one of them is wrong.

Naive on purpose: plain dictionaries and strings in, a set of slot numbers out, nothing kept, nothing shared. It
imports neither `gateway` nor `clients`, reads label texts and vocabulary tables itself, and asks every question the
long way round: which grades lie at or below this one, who all may read this tag.

A case is what a person would write down:

    now           UTC milliseconds, or None while the clock is not trusted
    vocabularies  name -> the vocabulary file as TOML gives it
    partner       id, nation, clearance {policy: {level, TAG: [values]}}, suspended, certificate [from, until],
                  directory_until, token (until, kinds, ceiling or None) or None where none is required
    agreement     to, starts, ends (ISO dates), ended, kinds, modes, sources (list or "all"), designs,
                  ceiling [policy, level], withhold, origin ("hidden" or "shown")
    record        kind, mode, source, source_suspended, unverifiable, design, held, slots, labels (text or None),
                  must (slot numbers)
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

Case = dict[str, Any]

_VALUE = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_TAG = f"//[A-Z][A-Z0-9-]{{0,31}} {_VALUE}(?:,{_VALUE})*"
_LABEL = re.compile(rf"[A-Z]{{3,8}}\.[1-9][0-9]{{0,3}} [A-Z][A-Z0-9-]{{0,31}}(?:{_TAG})*")


def released(case: Case) -> set[int]:
    """Slot numbers that the partner may have; empty means nothing of the record."""
    if not _circumstances_permit(case):
        return set()
    record = case["record"]
    visible = {
        slot
        for slot, text in enumerate(record["labels"])
        if text is not None and _portion_may_go(case, record["slots"][slot], text)
    }
    return visible if set(record["must"]) <= visible else set()


def _circumstances_permit(case: Case) -> bool:
    now, partner, agreement, record = case["now"], case["partner"], case["agreement"], case["record"]
    if now is None or partner["suspended"] or record["source_suspended"] or record["held"] or agreement["ended"]:
        return False
    if record["unverifiable"]:
        return False
    first = datetime.fromisoformat(agreement["starts"]).replace(tzinfo=UTC)
    after = datetime.fromisoformat(agreement["ends"]).replace(tzinfo=UTC) + timedelta(days=1)
    moments = {
        "agreement": (first.timestamp() * 1000, after.timestamp() * 1000),
        "certificate": tuple(partner["certificate"]),
        "directory": (float("-inf"), partner["directory_until"]),
    }
    if any(now < begin or now >= end for begin, end in moments.values()):
        return False
    if agreement["to"] != partner["id"]:
        return False
    token = partner["token"]
    if token is not None and (token["until"] <= now or record["kind"] not in token["kinds"]):
        return False
    return _is_inside(record, agreement) and _hangs_together(record)


def _is_inside(record: Case, agreement: Case) -> bool:
    mixed = "REAL" in agreement["modes"] and set(agreement["modes"]) != {"REAL"}
    wrong_kind = record["kind"] == "chunk" or record["kind"] not in agreement["kinds"]
    wrong_mode = mixed or record["mode"] not in agreement["modes"]
    wrong_source = agreement["sources"] != "all" and record["source"] not in agreement["sources"]
    wrong_design = record["design"] != "" and record["design"] not in agreement["designs"]
    return not (wrong_kind or wrong_mode or wrong_source or wrong_design)


def _hangs_together(record: Case) -> bool:
    count = len(record["slots"])
    return 0 < count <= 16 and count == len(record["labels"]) and 0 in record["must"] and max(record["must"]) < count


def _portion_may_go(case: Case, slot_name: str, text: str) -> bool:
    agreement = case["agreement"]
    if f"{case['record']['kind']}.{slot_name}" in agreement["withhold"]:
        return False
    if slot_name == "unit" and agreement["origin"] == "hidden":
        return False
    label = parse_label(text, case["vocabularies"])
    if label is None:
        return False
    vocabulary, level, tags = label
    ceiling_policy, ceiling_level = agreement["ceiling"]
    ceilings = [ceiling_level, (case["partner"]["token"] or {}).get("ceiling") or ceiling_level]
    if vocabulary["policy"] != ceiling_policy or any(level not in _grades_up_to(vocabulary, one) for one in ceilings):
        return False
    clearance = case["partner"]["clearance"].get(vocabulary["policy"])
    if clearance is None or level not in _grades_up_to(vocabulary, clearance["level"]):
        return False
    return all(
        _tag_is_satisfied(case, vocabulary, code, tags.get(code, []), clearance.get(code, []))
        for code in vocabulary["tag"]
    )


def _tag_is_satisfied(case: Case, vocabulary: Case, code: str, on_label: list[str], held: list[str]) -> bool:
    tag = vocabulary["tag"][code]
    if tag["kind"] == "informative":
        return True
    if tag["kind"] == "restrictive":
        owned = case["agreement"]["designs"] if tag["held"] == "agreement" else held
        return set(on_label) - set(owned) == set()
    if not on_label and tag["absent"] == "unrestricted":
        return True
    if code != vocabulary["releasability"]:
        return any(value in on_label for value in held)
    readers = list(vocabulary["owner"]) + on_label
    return case["partner"]["nation"] in readers and any(value in readers for value in held)


def _grades_up_to(vocabulary: Case, level: str) -> set[str]:
    """Every grade that someone cleared to `level` may read; none if the vocabulary does not know it."""
    grades = [entry["code"] for entry in vocabulary["level"]]
    return set(grades[: grades.index(level) + 1]) if level in grades else set()


def parse_label(text: str, vocabularies: dict[str, Case]) -> tuple[Case, str, dict[str, list[str]]] | None:
    """Vocabulary, level and tags of a canonical label; None for anything else."""
    if len(text) > 512 or not _LABEL.fullmatch(text):
        return None
    head, *rest = text.split("//")
    name, level = head.split(" ")
    vocabulary = vocabularies.get(name)
    if vocabulary is None or level not in [entry["code"] for entry in vocabulary["level"]]:
        return None
    tags = {part.split(" ")[0]: part.split(" ")[1].split(",") for part in rest}
    if [part.split(" ")[0] for part in rest] != sorted(tags):
        return None
    for code, values in tags.items():
        if code not in vocabulary["tag"] or values != sorted(set(values)):
            return None
        permitted = vocabulary["tag"][code]["values"]
        if permitted != "identifiers" and not set(values) <= set(permitted):
            return None
    return vocabulary, level, tags
