"""Every value of every column, at the gateway: exact bounds, time order, and the one base.

numpy looks at a column of a thousand rows in a few microseconds; a loop in Python would cost more than all other checks
together. So this module is imported by use cases only, and a partner, whose views passed here before, does without.
Source: SPEC.md section 8.
"""

from __future__ import annotations

import numpy as np
from google.protobuf.message import Message

from gateway.core.errors import Refused
from gateway.core.kinds.columns import Column, base_of, greatest
from gateway.core.kinds.registry import portion_of

_DTYPES = {width: np.dtype(f"<i{width}") for width in (1, 2, 4)}


def check_ranges(schema: int, slot: int, message: Message) -> None:
    """Refuses `range` for a value out of bounds or a time that decreases, `content-not-canonical` for another encoding.

    message: passed by `check_portion`, so that every column has a whole number of elements.
    """
    portion = portion_of(schema, slot)
    for column in portion.columns:
        octets = column.octets(message)
        if octets:
            _check(column, octets, column.base(message), f"{portion.name}.{column.name}")


def _check(column: Column, octets: bytes, base: int, at: str) -> None:
    elements = np.frombuffer(octets, _DTYPES[column.width])
    low, high = int(np.minimum.reduce(elements)), int(np.maximum.reduce(elements))
    lowest = -greatest(column.width) - 1
    if low == lowest:
        if column.ascends:
            raise Refused("range", f"`{column.name}` must be known in every row", at=at)
        known = elements[elements != lowest]
        if not known.size:
            raise Refused("content-not-canonical", f"`{column.name}` must be absent if nothing in it is known", at=at)
        low = int(np.minimum.reduce(known))
    if base + low < column.low or base + high > column.high:
        raise Refused("range", f"`{column.name}` must be {column.low} to {column.high} {column.unit}", at=at)
    if base != base_of(base + low, base + high, column.width):
        raise Refused("content-not-canonical", f"the base of `{column.name}` must be the one its values give", at=at)
    if column.ascends and np.logical_or.reduce(elements[1:] < elements[:-1]):
        raise Refused("range", f"`{column.name}` must never decrease", at=at)
