"""The standard health question, asked without a dependency: whether the gateway is serving.

`grpc.health.v1.Health/Check` with an empty request; the answer is one enum in field 1. Anything but SERVING, also an
answer that is not understood, is told as not serving.
"""

from __future__ import annotations

import grpc

_CHECK = "/grpc.health.v1.Health/Check"
_STATES = {b"": "UNKNOWN", b"\x08\x01": "SERVING", b"\x08\x02": "NOT_SERVING", b"\x08\x03": "SERVICE_UNKNOWN"}
CALL_SECONDS = 10.0


async def read_health(channel: grpc.aio.Channel) -> str:
    """`SERVING`, `NOT_SERVING`, `SERVICE_UNKNOWN` or `UNKNOWN`; raises grpc's errors."""
    answer: bytes = await channel.unary_unary(_CHECK, bytes, bytes)(b"", timeout=CALL_SECONDS)
    return _STATES.get(answer, "UNKNOWN")
