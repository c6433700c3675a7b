from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ReadAccountsRequest(_message.Message):
    __slots__ = ("partner_id", "incarnation", "next_tick", "ended")
    PARTNER_ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    NEXT_TICK_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    partner_id: str
    incarnation: bytes
    next_tick: int
    ended: bytes
    def __init__(self, partner_id: _Optional[str] = ..., incarnation: _Optional[bytes] = ..., next_tick: _Optional[int] = ..., ended: _Optional[bytes] = ...) -> None: ...

class ReadAccountsResponse(_message.Message):
    __slots__ = ("ledger_nodes", "items")
    LEDGER_NODES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    ledger_nodes: _containers.RepeatedScalarFieldContainer[bytes]
    items: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, ledger_nodes: _Optional[_Iterable[bytes]] = ..., items: _Optional[_Iterable[bytes]] = ...) -> None: ...
