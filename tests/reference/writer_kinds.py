"""The contents of portions, encoded by hand from SPEC.md section 8: no protobuf library, nothing of the product.

`python -m tests.reference.writer_kinds` makes `protos/vectors/kinds/*.json` again, one file a kind: per portion its
bytes field by field (`layout`), what a reader prints of them (`…_printed`), and bytes to refuse (`refused_…`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.reference.writer_octets import Fields, Vectors, h, join

FOLDER = Path(__file__).resolve().parents[2] / "protos" / "vectors" / "kinds"
BATCH, LEAF = bytes(range(48)), bytes(range(48, 96))
# Field 1007 of wire type 2, six bytes long: what a hidden message would look like.
HIDDEN = bytes.fromhex("fa3e06") + b"secret"
WIDTH_ENDS = {1: 127, 2: 32_767, 4: 2_147_483_647}


def varint(number: int) -> bytes:
    """Seven bits a byte, low first, the high bit on all but the last."""
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def number(field: int, value: int) -> bytes:
    """An unsigned number, an enum or a flag; nothing for zero."""
    return varint(field << 3) + varint(value) if value else b""


def signed(field: int, value: int) -> bytes:
    """A signed number in zigzag; nothing for zero."""
    return number(field, value * 2 if value >= 0 else -value * 2 - 1)


def octets(field: int, value: bytes) -> bytes:
    """Bytes, a text or a message; a text or bytes of no length are not written."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    """A text in UTF-8."""
    return octets(field, value.encode())


def packed(field: int, values: Sequence[int]) -> bytes:
    """A list of numbers in one piece."""
    return octets(field, b"".join(varint(value) for value in values))


def column(field: int, width: int, values: Sequence[int | None], *, has_base: bool = False) -> bytes:
    """A column, and behind it its base where the schema gives it one."""
    known, end = [value for value in values if value is not None], WIDTH_ENDS[width]
    base = 0 if -end <= min(known) and max(known) <= end else (min(known) + max(known)) // 2
    elements = [-end - 1 if value is None else value - base for value in values]
    packed_elements = b"".join(element.to_bytes(width, "little", signed=True) for element in elements)
    return octets(field, packed_elements) + (signed(field + 1, base) if has_base else b"")


def write_telemetry(vectors: Vectors) -> None:
    """A segment of three rows near Kyiv: the third a minute after the first, the second without a fix."""
    t_ms = [0, 100, 65_000]
    start_us = 1_780_000_000_250_000
    hour = 3_600_000
    t0_ms = start_us // 1000 // hour * hour
    portions: dict[str, tuple[Fields, dict[str, object]]] = {
        "about": (
            [
                ("rows", number(1, 3)),
                ("t0_ms", number(2, t0_ms)),
                ("t1_ms", number(3, t0_ms + hour)),
                ("platform_class", number(4, 1)),
                ("sidc", text(5, "10030100001104000000")),
                ("design_id", text(6, "FPV-7")),
                ("area_mgrs100k", text(7, "36UUA")),
                ("source_format", number(8, 2)),
                ("time_source", number(9, 1)),
                ("dropped", packed(10, [1, 5, 6])),
            ],
            {
                "rows": 3, "t0_ms": t0_ms, "t1_ms": t0_ms + hour, "platform_class": "MULTIROTOR",
                "sidc": "10030100001104000000", "design_id": "FPV-7", "area_mgrs100k": "36UUA",
                "source_format": "DATAFLASH", "time_source": "GNSS", "dropped": ["HOME", "MISSION", "FREE_TEXT"],
            },
        ),
        "position": (
            [
                ("rows", number(1, 3)),
                ("t0_us", number(2, start_us)),
                ("t_ms", column(3, 4, t_ms)),
                ("lat_e7", column(4, 4, [504_500_000, None, 504_500_050])),
                ("lon_e7", column(5, 4, [305_200_000, None, 305_199_990])),
                ("alt_msl_mm", column(6, 4, [182_400, 182_650, 190_000])),
                ("h_acc_mm", column(8, 4, [900, None, 850])),
                ("fix_type", column(10, 1, [3, 1, 4])),
                ("dead_reckoning", column(11, 1, [0, 1, 0])),
            ],
            {
                "rows": 3, "t0_us": start_us, "t_ms": t_ms, "lat_e7": [504_500_000, None, 504_500_050],
                "lon_e7": [305_200_000, None, 305_199_990], "alt_msl_mm": [182_400, 182_650, 190_000],
                "h_acc_mm": [900, None, 850], "fix_type": ["FIX_3D", "NO_FIX", "DGNSS"],
                "dead_reckoning": [False, True, False],
            },
        ),
        "position_coarse": (
            [
                ("rows", number(1, 2)),
                ("t_s, t_s_base", column(2, 4, [1_779_999_960, 1_780_000_020], has_base=True)),
                ("mgrs_1km", text(4, "36UUA2391") + text(4, "36UUA2391")),
            ],
            {"rows": 2, "t_s": [1_779_999_960, 1_780_000_020], "mgrs_1km": ["36UUA2391", "36UUA2391"]},
        ),
        "kinematics": (
            [
                ("rows", number(1, 3)),
                ("t_ms", column(2, 4, t_ms)),
                ("vn_cms", column(3, 2, [1250, 1260, -40])),
                ("ve_cms", column(4, 2, [-300, None, 0])),
                ("vd_cms", column(5, 2, [0, -25, 10])),
                ("course_cdeg, course_cdeg_base", column(6, 2, [34_650, None, 1_800], has_base=True)),
                ("roll_cdeg", column(8, 2, [-120, 0, 45])),
                ("yaw_cdeg, yaw_cdeg_base", column(10, 2, [100, 200, 300], has_base=True)),
            ],
            {
                "rows": 3, "t_ms": t_ms, "vn_cms": [1250, 1260, -40], "ve_cms": [-300, None, 0], "vd_cms": [0, -25, 10],
                "course_cdeg": [34_650, None, 1_800], "roll_cdeg": [-120, 0, 45], "yaw_cdeg": [100, 200, 300],
            },
        ),
        "vehicle": (
            [
                ("rows", number(1, 2)),
                ("t_ms", column(2, 4, [0, 1000])),
                ("mode", column(3, 1, [6, 8])),
                ("armed", column(4, 1, [1, 1])),
                ("failsafe_bits", column(5, 2, [0, 4])),
                ("voltage_mv, voltage_mv_base", column(6, 2, [44_100, 43_900], has_base=True)),
                ("current_ca", column(8, 2, [2_150, 2_300])),
                ("remaining_pct", column(10, 1, [31, 30])),
            ],
            {
                "rows": 2, "t_ms": [0, 1000], "mode": ["MISSION", "RETURN"], "armed": [True, True],
                "failsafe_bits": [0, 4], "voltage_mv": [44_100, 43_900], "current_ca": [2_150, 2_300],
                "remaining_pct": [31, 30],
            },
        ),
        "link": (
            [
                ("rows", number(1, 2)),
                ("t_ms", column(2, 4, [0, 1000])),
                ("device", text(3, "SiK 433")),
                ("band_mhz", number(4, 433)),
                ("rssi, rssi_base", column(5, 1, [201, 88], has_base=True)),
                ("noise, noise_base", column(9, 1, [40, None], has_base=True)),
                ("lost", column(14, 4, [0, 17])),
            ],
            {
                "rows": 2, "t_ms": [0, 1000], "device": "SiK 433", "band_mhz": 433, "rssi": [201, 88],
                "noise": [40, None], "lost": [0, 17],
            },
        ),
        "gnss": (
            [
                ("rows", number(1, 2)),
                ("t_ms", column(2, 4, [0, 1000])),
                ("satellites", column(3, 1, [14, 6])),
                ("fix_type", column(4, 1, [3, 2])),
                ("hdop_c, hdop_c_base", column(5, 2, [80, 240], has_base=True)),
                ("jamming_indicator", column(9, 2, [12, 201])),
                ("jamming_state", column(10, 1, [1, 3])),
                ("spoofing_state", column(11, 1, [1, None])),
            ],
            {
                "rows": 2, "t_ms": [0, 1000], "satellites": [14, 6], "fix_type": ["FIX_3D", "FIX_2D"],
                "hdop_c": [80, 240], "jamming_indicator": [12, 201], "jamming_state": ["OK", "DETECTED"],
                "spoofing_state": ["OK", None],
            },
        ),
        "unit": (
            [("unit_name", text(1, "47 омбр")), ("callsign", text(2, "Шуліка-3"))],
            {"unit_name": "47 омбр", "callsign": "Шуліка-3"},
        ),
    }  # fmt: skip
    _write(vectors, "telemetry", portions)
    unit = join(portions["unit"][0])
    row = number(1, 1) + column(3, 4, [0])
    course, about = number(1, 1) + column(2, 4, [0]), join(portions["about"][0])
    refused = {
        "unknown_field_at_the_end": (7, unit + HIDDEN, "content-not-canonical"),
        "unknown_field_first": (7, HIDDEN + unit, "content-not-canonical"),
        "text_twice": (7, text(1, "A") + unit, "content-not-canonical"),
        "fields_in_another_order": (7, text(2, "A") + text(1, "A"), "content-not-canonical"),
        "text_of_no_length": (7, unit + text(3, ""), "content-not-canonical"),
        "overlong_length": (7, bytes.fromhex("0a810041"), "content-not-canonical"),
        "nothing": (7, b"", "schema"),
        "hidden_character": (7, text(2, "a\u200bb"), "text"),
        "half_a_row": (1, number(1, 1) + octets(3, bytes(3)), "schema"),
        "one_coordinate": (1, row + column(4, 4, [0]), "schema"),
        "half_a_fix": (1, number(1, 2) + octets(3, bytes(8)) + _fix([0, None], [0, 0]), "schema"),
        "latitude_beyond_the_pole": (1, row + _fix([900_000_001], [0]), "range"),
        "time_that_falls_back": (1, number(1, 2) + column(3, 4, [1, 0]), "range"),
        "unknown_time": (1, number(1, 2) + column(3, 4, [0, None]), "range"),
        "column_that_knows_nothing": (1, row + octets(6, b"\0\0\0\x80"), "content-not-canonical"),
        "base_that_need_not_be": (3, course + octets(6, b"\xff\xff") + signed(7, 1), "content-not-canonical"),
        "base_without_a_column": (3, course + signed(7, 18_000), "schema"),
        "unlisted_fix_type": (6, number(1, 1) + column(2, 4, [0]) + column(4, 1, [9]), "range"),
        "half_a_minute": (2, number(1, 1) + octets(2, b"\x1e\0\0\0") + text(4, "36UUA2391"), "range"),
        "symbol_of_another_form": (0, about.replace(text(5, "10030100001104000000"), text(5, "1003")), "schema"),
        "square_too_few": (2, number(1, 1) + octets(2, bytes(4)), "schema"),
        "unlisted_platform": (0, about.replace(number(4, 1), number(4, 6)), "schema"),
    }
    _refuse(vectors, "telemetry", refused)


def _fix(lat: Sequence[int | None], lon: Sequence[int | None]) -> bytes:
    return column(4, 4, lat) + column(5, 4, lon)


def words(field: int, uk: str, en: str) -> bytes:
    """A text in two languages; a language without words is not written."""
    return octets(field, (text(1, uk) if uk else b"") + (text(2, en) if en else b""))


def _narrative(uk: str, en: str, *, translated: bool) -> tuple[Fields, dict[str, object]]:
    fields = [("text", words(1, uk, en)), ("machine_translated", number(2, int(translated)))]
    return fields, {"text": {"uk": uk, "en": en}, "machine_translated": translated}


def write_tactic(vectors: Vectors) -> None:
    """A lesson in two languages with evidence."""
    record = octets(1, BATCH) + number(2, 7)
    evidence = octets(1, record) + octets(2, LEAF)
    portions: dict[str, tuple[Fields, dict[str, object]]] = {
        "about": (
            [
                ("title", words(1, "Обхід завад", "Flying round jamming")),
                ("topic", text(2, "ew") + text(2, "fpv")),
                ("platform_class", packed(3, [1])),
                ("status", number(4, 3)),
                ("supersedes", octets(5, octets(1, BATCH))),
                ("valid_from_ms", number(6, 1_793_491_200_000)),
                ("valid_until_ms", number(7, 1_814_400_000_000)),
                ("source_reliability", number(8, 2)),
                ("info_credibility", number(9, 2)),
                ("lang", packed(10, [1, 2])),
            ],
            {
                "title": {"uk": "Обхід завад", "en": "Flying round jamming"}, "topic": ["ew", "fpv"],
                "platform_class": ["MULTIROTOR"], "status": "VALIDATED",
                "supersedes": {"batch": BATCH.hex(), "idx": 0}, "valid_from_ms": 1_793_491_200_000,
                "valid_until_ms": 1_814_400_000_000, "source_reliability": "B", "info_credibility": 2,
                "lang": ["UK", "EN"],
            },
        ),
        "conditions": (
            [
                ("ew", packed(1, [2, 4])),
                ("weather", packed(2, [1, 2])),
                ("terrain", packed(3, [3])),
                ("light", packed(4, [1])),
                ("altitude_m", octets(5, signed(1, -20) + signed(2, 120))),
                ("counter_indications", words(6, "Не вночі", "Not at night")),
            ],
            {
                "ew": ["GNSS_JAMMING", "CONTROL_JAMMING"], "weather": ["CLEAR", "CLOUD"], "terrain": ["TREE_LINE"],
                "light": ["DAY"], "altitude_m": {"low_m": -20, "high_m": 120},
                "counter_indications": [{"uk": "Не вночі", "en": "Not at night"}],
            },
        ),
        "observation": _narrative("Перше.\nДруге.", "One.\nTwo.", translated=True),
        "discussion": _narrative("Чому.", "Why.", translated=False),
        "conclusion": _narrative("Отже.", "So.", translated=False),
        "recommendation": _narrative("Робіть так.", "Do this.", translated=False),
        "evidence": (
            [
                ("records", octets(1, evidence)),
                ("sample_count", number(2, 18_204)),
                ("successes", number(3, 31)),
                ("trials", number(4, 40)),
            ],
            {
                "records": [{"record": {"batch": BATCH.hex(), "idx": 7}, "digest": LEAF.hex()}],
                "sample_count": 18_204, "successes": 31, "trials": 40,
            },
        ),
        "unit": (
            [("originator", text(1, "47 омбр")), ("point_of_contact", text(2, "офіцер із засвоєння досвіду"))],
            {"originator": "47 омбр", "point_of_contact": "офіцер із засвоєння досвіду"},
        ),
    }  # fmt: skip
    _write(vectors, "tactic", portions)
    about, topic = join(portions["about"][0]), text(2, "ew") + text(2, "fpv")
    until = number(7, 1_814_400_000_000)
    refused = {
        "unknown_field_inside": (2, octets(1, text(2, "A") + HIDDEN), "content-not-canonical"),
        "unknown_field_two_deep": (6, octets(1, octets(1, record + HIDDEN) + octets(2, LEAF)), "content-not-canonical"),
        "part_twice": (2, words(1, "", "A") + words(1, "А", ""), "content-not-canonical"),
        "flag_that_says_no": (2, words(1, "", "A") + bytes.fromhex("1000"), "content-not-canonical"),
        "list_in_two_pieces": (1, packed(1, [2]) + packed(1, [4]), "content-not-canonical"),
        "list_not_packed": (1, number(1, 2), "content-not-canonical"),
        "overlong_number": (6, number(4, 1)[:1] + bytes.fromhex("8100"), "content-not-canonical"),
        "unlisted_condition": (1, packed(1, [7]), "schema"),
        "list_out_of_order": (1, packed(1, [4, 2]), "schema"),
        "text_without_words": (2, octets(1, b""), "schema"),
        "text_not_composed": (2, words(1, "И\u0306", ""), "text"),
        "more_successes_than_trials": (6, number(3, 2) + number(4, 1), "range"),
        "number_of_nothing": (6, bytes.fromhex("1000") + number(4, 1), "content-not-canonical"),
        "number_beyond_its_type": (6, number(2, 1 << 32), "content-not-canonical"),
        "piece_beyond_the_end": (1, bytes.fromhex("0a0501"), "content-not-canonical"),
        "signed_number_beyond_its_type": (1, octets(5, number(1, 1 << 33)), "content-not-canonical"),
        "flag_of_two": (2, words(1, "А", "A") + number(2, 2), "content-not-canonical"),
        "enum_beyond_its_type": (0, about.replace(number(4, 3), number(4, 1 << 31)), "content-not-canonical"),
        "enum_below_zero": (0, about.replace(number(4, 3), number(4, 2**64 - 1)), "schema"),
        "bytes_that_are_no_text": (7, octets(1, b"\xff"), "content-not-canonical"),
        "seventeen_topics": (0, about.replace(topic, b"".join(text(2, f"ew-{one:02}") for one in range(17))), "schema"),
        "topics_out_of_order": (0, about.replace(topic, text(2, "fpv") + text(2, "ew")), "schema"),
        "topic_in_capitals": (0, about.replace(topic, text(2, "EW")), "schema"),
        "text_too_long": (7, text(1, "o" * 257), "text"),
        "words_too_long": (1, words(6, "", "o" * 1025), "text"),
        "end_at_its_beginning": (0, about.replace(until, number(7, 1_793_491_200_000)), "range"),
        "conditions_of_nothing": (1, b"", "schema"),
        "band_of_no_height": (1, octets(5, signed(1, 5) + signed(2, 5)), "range"),
        "translation_of_one_language": (2, words(1, "", "A") + number(2, 1), "schema"),
        "evidence_of_nothing": (6, b"", "schema"),
        "evidence_twice": (6, octets(1, evidence) * 2, "schema"),
        "record_name_cut_short": (6, octets(1, octets(1, octets(1, BATCH[:47])) + octets(2, LEAF)), "schema"),
    }
    _refuse(vectors, "tactic", refused)


def _write(vectors: Vectors, kind: str, portions: dict[str, tuple[Fields, dict[str, object]]]) -> None:
    for name, (fields, printed) in portions.items():
        vectors.fields(f"{kind}.{name}", [(label, part) for label, part in fields if part])
        vectors.value(f"{kind}.{name}_printed", printed)


def _refuse(vectors: Vectors, kind: str, refused: dict[str, tuple[int, bytes, str]]) -> None:
    for name, (slot, content, code) in refused.items():
        vectors.value(f"{kind}.refused_{name}", {"slot": slot, "content": content.hex(), "code": code})


def write_chunk(vectors: Vectors) -> None:
    """The second of two parts of a file that a portion names: its number and layout stand, it is built later."""
    whole = b"a file that is cut in two, of which this is the end"
    part = whole[24:]
    vectors.fields(
        "chunk.about",
        [
            ("parent", octets(1, octets(1, BATCH) + number(2, 7) + number(3, 6))),
            ("part", number(2, 1)),
            ("parts", number(3, 2)),
            ("media_type", number(4, 1)),
            ("digest", octets(5, h(part))),
        ],
    )
    vectors.fields("chunk.data", [("data", octets(1, part))])


def write_all(folder: Path) -> list[Path]:
    """One file a kind."""
    vectors = Vectors(folder)
    write_telemetry(vectors)
    write_tactic(vectors)
    return vectors.write()


if __name__ == "__main__":
    for written in write_all(FOLDER):
        sys.stdout.write(f"{written.relative_to(FOLDER.parents[2])}\n")
