"""What `tests.bench.revoke` makes of a round: its figures, its table, and whether anything came that must not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.core.sealing.frame import parse_disclosure_entry

DISCLOSE = b"SLUICE1/disclose\x00"
_COUNTED = (
    ("sent_to_effective_ms", "sent -> effective, ms"),
    ("applied_to_effective_ms", "counted -> effective, ms"),
    ("streams_ended", "streams ended, says the gateway"),
    ("frames_read", "frames read and verified"),
    ("messages_behind_an_end", "messages behind a stream's end"),
    ("frames_read_after_effective", "frames in transit when effective"),
    ("longest_in_transit_ms", "the last of them read after, ms"),
    ("batches_made_after_applied", "batches made after it counted"),
    ("frames_of_records_made_after_applied", "frames of records made after it counted"),
    ("disclosures_entered_after_the_statement", "disclosures entered after it"),
    ("streams_over_in_the_log_after_effective", "streams over only after effective"),
)


_MUST_BE_ZERO = (
    "refused_by_a_reader",
    "messages_behind_an_end",
    "frames_of_records_made_after_applied",
    "disclosures_entered_after_the_statement",
    "streams_over_in_the_log_after_effective",
)


@dataclass(frozen=True)
class Cut:
    """One round. sent_ns, applied_ns, effective_ns: when the statement left the operator, counted, and was effective.

    entered: the entry that says so in the house's account. sealed_ns: when each batch was made, by H(B).
    """

    name: str
    partner: str
    sent_ns: int
    applied_ns: int
    effective_ns: int
    ended: int
    position: int
    entered: bytes
    streams: list[dict[str, Any]]
    sealed_ns: dict[str, int]


def spread(streams: list[dict[str, Any]], since_ns: int) -> dict[str, float]:
    """From `since_ns` to the end of each stream as its reader read it, milliseconds."""
    took = sorted((one["ended_ns"] - since_ns) / 1e6 for one in streams)
    at = {"p50": len(took) // 2, "p99": len(took) * 99 // 100, "max": len(took) - 1}
    return {name: round(took[index], 1) for name, index in at.items()}


def facts_of(cut: Cut, log: list[dict[str, Any]], entries: list[bytes]) -> dict[str, Any]:
    """The figures of one round."""
    frames = [frame for one in cut.streams for frame in one["frames"]]
    late = [at_ns for at_ns, _ in frames if at_ns >= cut.effective_ns]
    stored_later = sum(cut.sealed_ns[batch] >= cut.applied_ns for _, batches in frames for batch in batches)
    own = next(number for number, line in enumerate(log) if line.get("position") == cut.position)
    over = [
        number for number, line in enumerate(log) if line["event"] == "stream.ended" and line["partner"] == cut.partner
    ]
    behind = entries[entries.index(cut.entered) :]
    disclosed = [parse_disclosure_entry(one).partner_id for one in behind if one.startswith(DISCLOSE)]
    return {
        "round": cut.name,
        "streams_ended": cut.ended,
        "reasons": sorted({one["reason"] or one["refused"] for one in cut.streams}),
        "refused_by_a_reader": sum(bool(one["refused"]) for one in cut.streams),
        "frames_read": len(frames),
        "messages_behind_an_end": sum(one["behind"] for one in cut.streams),
        "frames_read_after_effective": len(late),
        "longest_in_transit_ms": round(max((at_ns - cut.effective_ns for at_ns in late), default=0) / 1e6, 1),
        "batches_made_after_applied": sum(made_ns >= cut.applied_ns for made_ns in cut.sealed_ns.values()),
        "frames_of_records_made_after_applied": stored_later,
        "disclosures_entered_after_the_statement": disclosed.count(cut.partner),
        "streams_over_in_the_log_before_effective": sum(number < own for number in over),
        "streams_over_in_the_log_after_effective": sum(number > own for number in over),
        "sent_to_effective_ms": round((cut.effective_ns - cut.sent_ns) / 1e6, 1),
        "applied_to_effective_ms": round((cut.effective_ns - cut.applied_ns) / 1e6, 1),
        "applied_to_end_ms": spread(cut.streams, cut.applied_ns),
        "effective_to_end_ms": spread(cut.streams, cut.effective_ns),
    }


def is_clean(facts: dict[str, Any]) -> bool:
    """Whether every stream ended, and every count that must be 0 is."""
    rounds = facts["rounds"]
    # A LOCKDOWN ends the call of the source too.
    is_whole = all(one["streams_ended"] >= facts["streams"] for one in rounds)
    return is_whole and not any(one[name] for one in rounds for name in _MUST_BE_ZERO)


def table(facts: dict[str, Any]) -> str:
    """For people."""
    lines = [f"{facts['streams']} live streams, {facts['readers']} reader processes, load {facts['load_before']:.1f}"]
    lines.append(f"{'milliseconds':40}{'p50':>9}{'p99':>9}{'max':>9}")
    for one in facts["rounds"]:
        lines.append(one["round"])
        lines.append(_line("counted -> end read", one["applied_to_end_ms"]))
        lines.append(_line("effective -> end read", one["effective_to_end_ms"]))
        lines += [f"  {label:38}{one[name]:>9}" for name, label in _COUNTED]
    for one in facts["bare"]:
        lines += [one["round"], _line("cut -> end read", one["cut_to_end_ms"])]
    return "\n".join(lines) + "\n"


def _line(label: str, took: dict[str, float]) -> str:
    return f"  {label:38}" + "".join(f"{took[name]:9.1f}" for name in ("p50", "p99", "max"))
