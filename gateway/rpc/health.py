"""The standard health question, for parties of this gateway: whether it is serving.

Only `Check`, and only for the whole server: `Watch` would hold a call open for nothing that a party needs.
"""

from __future__ import annotations

from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.core.errors import CallerError
from gateway.rpc.boundary import Boundary, Context
from gateway.usecases.peer import Peer


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # shipped without types
    """SERVING until the gateway is on its way down."""

    def __init__(self, boundary: Boundary) -> None:
        self._boundary = boundary
        self.serving = True

    async def Check(  # noqa: N802 - the name is the contract's
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """The state of the whole server."""

        async def body(peer: Peer) -> health_pb2.HealthCheckResponse:
            if request.service:
                raise CallerError("malformed", "health is asked of the whole server, with an empty service name")
            states = health_pb2.HealthCheckResponse
            return states(status=states.SERVING if self.serving else states.NOT_SERVING)

        return await self._boundary.run(context, body)
