"""Canonical content: one message, one encoding, and what its fields may hold. SPEC.md sections 8.1 to 8.5.

A reader that parses with a common library discards unknown fields, encodes again and compares. Here nothing is parsed
that would not be encoded so: fields ascend, numbers and lengths are minimal, and what is not in the table is refused.
"""

from __future__ import annotations

import itertools
import re
import struct
import unicodedata
from collections.abc import Sequence

from .kinds import LESSON, MESSAGES, SCHEMAS, Field
from .octets import Refusal, require

MOST = 1_048_576
# What prints nothing, beside what its category forbids (8.3).
_INVISIBLE = re.compile(
    "[\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2800\\u3164\\ufe00-\\ufe0f\\uffa0\\U000e0100-\\U000e01ef]"
)
_FORMATS = {1: "b", 2: "h", 4: "i"}
_FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_WIDENED = re.compile("(?:32|34|36)X")
Value = int | bytes | str | list["Value"] | dict[str, "Value"]


def check_content(schema: int, slot: int, raw: bytes) -> None:
    """Nothing, if the bytes are a content of that slot, else a refusal with a code of annex B.10 in lower case."""
    name, message = SCHEMAS[schema].slots[slot]
    require(len(raw) <= MOST, "size", name)
    _check_message(message, _parse(message, raw, name), name)


def _varint(raw: bytes, place: int, at: str) -> tuple[int, int]:
    value = shift = 0
    while True:
        require(place < len(raw) and shift < 70, "content-not-canonical", at)
        byte = raw[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            # A last byte of zero behind another is an over-long number.
            require((byte or shift == 7) and value < 2**64, "content-not-canonical", at)
            return value, place


def _parse(message: str, raw: bytes, at: str) -> dict[str, Value]:
    """The fields that are there, each canonically encoded (8.1)."""
    fields, found, place, last = MESSAGES[message], dict[str, Value](), 0, 0
    while place < len(raw):
        key, place = _varint(raw, place, at)
        no = key >> 3
        known = 1 <= no <= len(fields) and key & 7 == fields[no - 1].wire
        repeated = known and no == last and fields[no - 1].kind in {"forms", "parts"}
        require(known and (no > last or repeated), "content-not-canonical", f"{at}.{no}")
        field, last = fields[no - 1], no
        value, place = _varint(raw, place, at)
        if field.wire == 0:
            require(value, "content-not-canonical", f"{at}.{field.name}")
            found[field.name] = _scalar(field, value, at)
            continue
        require(value <= len(raw) - place, "content-not-canonical", f"{at}.{field.name}")
        piece, place = raw[place : place + value], place + value
        read = _piece(field, piece, f"{at}.{field.name}")
        if field.kind in {"forms", "parts"}:
            held = found.get(field.name, [])
            found[field.name] = [*(held if isinstance(held, list) else ()), read]
        else:
            found[field.name] = read
    return found


def _scalar(field: Field, value: int, at: str) -> int:
    at = f"{at}.{field.name}"
    if field.kind in {"zigzag", "base"}:
        require(value < 2 ** (64 if field.kind == "base" else 32), "content-not-canonical", at)
        return value >> 1 ^ -(value & 1)
    if field.kind == "flag":
        require(value == 1, "content-not-canonical", at)
    elif field.kind in {"enum", "enums"}:
        # One below zero is canonical, and on no list.
        require(value < 2**31 or value >= 2**64 - 2**31, "content-not-canonical", at)
    elif not field.name.endswith(("_ms", "_us")):
        require(value < 2**32, "content-not-canonical", at)
    return value


def _piece(field: Field, piece: bytes, at: str) -> Value:
    if field.kind in {"part", "parts"}:
        return _parse(field.part, piece, at)
    # What is empty is not written, but an entry of a list may be.
    require(piece or field.kind == "forms", "content-not-canonical", at)
    if field.kind == "enums":
        numbers: list[Value] = []
        place = 0
        while place < len(piece):
            value, place = _varint(piece, place, at)
            numbers.append(_scalar(field, value, at))
        return numbers
    if field.kind in {"text", "form", "forms"}:
        try:
            return piece.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refusal("content-not-canonical", at) from error
    return piece


def _check_message(message: str, found: dict[str, Value], at: str) -> None:
    """The fields in order, then what stands below the table, then values of columns (8.2, 8.5 to 8.8)."""
    fields = MESSAGES[message]
    bases = {field.name.removesuffix("_base") for field in fields if field.kind == "base"}
    for field in fields:
        here = f"{at}.{field.name}"
        if field.kind == "column":
            _check_length(field, found, here)
        elif field.name not in found:
            # A number that is absent is zero, and zero is out of its range.
            require(not field.required, "range" if field.kind == "number" else "schema", here)
        elif field.kind != "base":
            _check_field(field, found[field.name], here)
    _RULES.get(message, _no_rule)(found, at)
    for field in fields:
        raw, base = found.get(field.name), found.get(f"{field.name}_base", 0)
        if field.kind == "column" and isinstance(raw, bytes) and isinstance(base, int):
            _check_values(field, raw, base, f"{at}.{field.name}", has_base=field.name in bases)


def _check_field(field: Field, value: Value, at: str) -> None:
    if isinstance(value, int) and field.kind in {"number", "zigzag"}:
        require(field.low <= value <= field.high, "range", at)
    elif field.kind == "enum":
        require(isinstance(value, int) and 1 <= value <= field.high, "schema", at)
    elif field.kind == "digest":
        require(isinstance(value, bytes) and len(value) == 48, "schema", at)
    elif isinstance(value, str):
        check_text(
            value, field.high if field.kind == "text" else field.width, at, lines=at.split(".", maxsplit=1)[0] in LESSON
        )
        require(field.kind == "text" or _has_form(field, value), "schema", at)
    elif isinstance(value, dict):
        _check_message(field.part, value, at)
    elif isinstance(value, list):
        _check_list(field, value, at)


def _check_list(field: Field, values: list[Value], at: str) -> None:
    if field.kind == "enums":
        numbers = [one for one in values if isinstance(one, int)]
        listed = all(1 <= one <= field.high for one in numbers)
        require(listed and all(a < b for a, b in itertools.pairwise(numbers)), "schema", at)
        return
    require(len(values) <= field.high, "schema", at)
    for one in values:
        if isinstance(one, str):
            check_text(one, field.width, at)
            require(_has_form(field, one), "schema", at)
        elif isinstance(one, dict):
            _check_message(field.part, one, at)
    if field.name == "topic":
        _ascend(values, "schema", at)


def _has_form(field: Field, value: str) -> bool:
    return bool(re.fullmatch(field.pattern, value)) and not ("mgrs" in field.name and _WIDENED.match(value))


def check_text(value: str, most: int, at: str, *, lines: bool = False) -> None:
    """Nothing, if the text holds only what prints (8.3)."""
    require(len(value.encode()) <= most, "text", at)
    for char in set(value):
        category = unicodedata.category(char)
        plain = category not in _FORBIDDEN or (lines and char == "\n")
        require(plain and (category != "Zs" or char in " \u00a0"), "text", at)
    composed = unicodedata.is_normalized("NFC", value) and not _INVISIBLE.search(value)
    require(composed and value == value.strip(), "text", at)


def _check_length(field: Field, found: dict[str, Value], at: str) -> None:
    """A column of whole rows, or neither a column nor a base."""
    raw, rows = found.get(field.name), found.get("rows", 0)
    if raw is None:
        require(not field.required and f"{field.name}_base" not in found, "schema", at)
        return
    right = isinstance(raw, bytes) and isinstance(rows, int) and len(raw) == rows * field.width
    require(right, "schema", at)


def _check_values(field: Field, raw: bytes, base: int, at: str, *, has_base: bool) -> None:
    """Every value of a column, the base that they give, and the order of times (8.2)."""
    elements = struct.unpack(f"<{len(raw) // field.width}{_FORMATS[field.width]}", raw)
    lowest = -(2 ** (8 * field.width - 1))
    known = [base + one for one in elements if one != lowest]
    is_time = field.name in {"t_ms", "t_s"}
    require(not is_time or len(known) == len(elements), "range", at)
    require(known, "content-not-canonical", at)
    low, high = min(known), max(known)
    require(field.low <= low and high <= field.high, "range", at)
    if has_base:
        fits = lowest < low and high < -lowest
        require(base == (0 if fits else (low + high) // 2), "content-not-canonical", at)
    require(not is_time or all(a <= b for a, b in itertools.pairwise(known)), "range", at)


def _known(found: dict[str, Value], name: str, width: int) -> list[bool]:
    raw = found.get(name, b"")
    lowest = b"\0" * (width - 1) + b"\x80"
    return [raw[i : i + width] != lowest for i in range(0, len(raw), width)] if isinstance(raw, bytes) else []


def _no_rule(found: dict[str, Value], at: str) -> None:
    """What has no rule below its table."""


def _one_at_least(found: dict[str, Value], at: str) -> None:
    require(found, "schema", at)


def _text(found: dict[str, Value], at: str) -> None:
    require(found, "schema", at)


def _position(found: dict[str, Value], at: str) -> None:
    require(_known(found, "lat_e7", 4) == _known(found, "lon_e7", 4), "schema", f"{at}.lon_e7")


def _coarse(found: dict[str, Value], at: str) -> None:
    raw, base, squares = found.get("t_s"), found.get("t_s_base", 0), found.get("mgrs_1km", [])
    if not isinstance(raw, bytes) or not isinstance(base, int) or not isinstance(squares, list):
        raise Refusal("schema", at)
    minutes = [base + one for one in struct.unpack(f"<{len(raw) // 4}i", raw)]
    whole = all(one % 60 == 0 for one in minutes) and all(a < b for a, b in itertools.pairwise(minutes))
    require(whole, "range", f"{at}.t_s")
    require(len(squares) == len(minutes), "schema", f"{at}.mgrs_1km")


def _about(found: dict[str, Value], at: str) -> None:
    start, end = found.get("valid_from_ms", 0), found.get("valid_until_ms")
    if isinstance(start, int) and isinstance(end, int):
        require(start < end, "range", f"{at}.valid_until_ms")


def _ascend(values: Value | Sequence[tuple[Value, Value]], code: str, at: str) -> None:
    ordered = isinstance(values, list) and all(a < b for a, b in itertools.pairwise(values))
    require(ordered, code, at)


def _conditions(found: dict[str, Value], at: str) -> None:
    require(found, "schema", at)
    band, against = found.get("altitude_m"), found.get("counter_indications", [])
    if isinstance(band, dict):
        low, high = band.get("low_m", 0), band.get("high_m", 0)
        require(isinstance(low, int) and isinstance(high, int) and low < high, "range", f"{at}.altitude_m")
    for one in against if isinstance(against, list) else ():
        _most(one, 1024, f"{at}.counter_indications")


def _most(words: Value | None, most: int, at: str) -> None:
    languages = words.values() if isinstance(words, dict) else ()
    require(all(isinstance(one, str) and len(one.encode()) <= most for one in languages), "text", at)


def _narrative(found: dict[str, Value], at: str) -> None:
    words = found.get("text")
    _most(words, 16_384, f"{at}.text")
    both = isinstance(words, dict) and len(words) == 2
    require(both or not found.get("machine_translated"), "schema", f"{at}.machine_translated")


def _evidence(found: dict[str, Value], at: str) -> None:
    require(any(name in found for name in ("records", "trials", "sample_count")), "schema", at)
    successes, trials = found.get("successes", 0), found.get("trials", 0)
    right = isinstance(successes, int) and isinstance(trials, int) and successes <= trials
    require(right, "range", f"{at}.successes")
    records = found.get("records", [])
    names = [one["record"] for one in records if isinstance(one, dict)] if isinstance(records, list) else []
    ordered = [(one["batch"], one.get("idx", 0)) for one in names if isinstance(one, dict)]
    _ascend(ordered, "schema", f"{at}.records")


_RULES = {
    "Text": _text,
    "TelemetryPosition": _position,
    "TelemetryPositionCoarse": _coarse,
    "TelemetryUnit": _one_at_least,
    "TacticAbout": _about,
    "TacticConditions": _conditions,
    "TacticNarrative": _narrative,
    "TacticEvidence": _evidence,
    "TacticUnit": _one_at_least,
}
