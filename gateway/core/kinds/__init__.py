"""Record kinds: what a portion's bytes mean, and every check of them that needs no label and no key.

    content = telemetry.position(t0_us=…, t_ms=[0, 100], lat_e7=[504500000, None], lon_e7=[305200000, None])
    message = parse_portion(Schema.TELEMETRY_1, 1, content)      # canonical, or refused
    check_portion(Schema.TELEMETRY_1, 1, message)                # fields, texts, column lengths
    ranges.check_ranges(Schema.TELEMETRY_1, 1, message)          # at the gateway: every value of every column
    check_record(Schema.TELEMETRY_1, {0: …, 1: message})         # at the gateway: portions against each other

`telemetry` and `tactic` hold the tables, the laws and the builders sources use; `registry` knows all kinds. `ranges`
needs numpy and is imported by use cases only: nothing else in this room may import it. This room refuses what it does
not know: schemas, slots, fields, enum numbers, characters. Rules: SPEC.md section 8.
"""

from gateway.core.kinds.registry import (
    KINDS,
    SCHEMAS,
    check_portion,
    check_record,
    design_of,
    kind_of,
    parse_portion,
    portion_of,
    portion_texts,
    portion_to_json,
)
from gateway.core.kinds.shape import Kind, Portion

__all__ = [
    "KINDS",
    "SCHEMAS",
    "Kind",
    "Portion",
    "check_portion",
    "check_record",
    "design_of",
    "kind_of",
    "parse_portion",
    "portion_of",
    "portion_texts",
    "portion_to_json",
]
