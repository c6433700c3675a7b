from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProposeRequest(_message.Message):
    __slots__ = ("statement", "signatures", "attachments", "reason")
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    statement: bytes
    signatures: bytes
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    reason: str
    def __init__(self, statement: _Optional[bytes] = ..., signatures: _Optional[bytes] = ..., attachments: _Optional[_Iterable[bytes]] = ..., reason: _Optional[str] = ...) -> None: ...

class ProposeResponse(_message.Message):
    __slots__ = ("change_id", "state", "position", "signatures_have", "signatures_need", "effective_at_ms", "streams_ended")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_HAVE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_NEED_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_AT_MS_FIELD_NUMBER: _ClassVar[int]
    STREAMS_ENDED_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    state: str
    position: int
    signatures_have: int
    signatures_need: int
    effective_at_ms: int
    streams_ended: int
    def __init__(self, change_id: _Optional[str] = ..., state: _Optional[str] = ..., position: _Optional[int] = ..., signatures_have: _Optional[int] = ..., signatures_need: _Optional[int] = ..., effective_at_ms: _Optional[int] = ..., streams_ended: _Optional[int] = ...) -> None: ...

class ApproveRequest(_message.Message):
    __slots__ = ("change_id", "signatures", "reason")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    signatures: bytes
    reason: str
    def __init__(self, change_id: _Optional[str] = ..., signatures: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class ApproveResponse(_message.Message):
    __slots__ = ("change_id", "state", "position", "signatures_have", "signatures_need", "effective_at_ms", "streams_ended")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_HAVE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_NEED_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_AT_MS_FIELD_NUMBER: _ClassVar[int]
    STREAMS_ENDED_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    state: str
    position: int
    signatures_have: int
    signatures_need: int
    effective_at_ms: int
    streams_ended: int
    def __init__(self, change_id: _Optional[str] = ..., state: _Optional[str] = ..., position: _Optional[int] = ..., signatures_have: _Optional[int] = ..., signatures_need: _Optional[int] = ..., effective_at_ms: _Optional[int] = ..., streams_ended: _Optional[int] = ...) -> None: ...

class RejectRequest(_message.Message):
    __slots__ = ("change_id", "reason")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    reason: str
    def __init__(self, change_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RejectResponse(_message.Message):
    __slots__ = ("change_id", "overtaken")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    OVERTAKEN_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    overtaken: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, change_id: _Optional[str] = ..., overtaken: _Optional[_Iterable[str]] = ...) -> None: ...

class ListChangesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListChangesResponse(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    def __init__(self, changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("change_id", "statement", "signatures", "attachments", "reason", "signatures_need")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_NEED_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    statement: bytes
    signatures: bytes
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    reason: str
    signatures_need: int
    def __init__(self, change_id: _Optional[str] = ..., statement: _Optional[bytes] = ..., signatures: _Optional[bytes] = ..., attachments: _Optional[_Iterable[bytes]] = ..., reason: _Optional[str] = ..., signatures_need: _Optional[int] = ...) -> None: ...

class ReadControlRequest(_message.Message):
    __slots__ = ("from_position",)
    FROM_POSITION_FIELD_NUMBER: _ClassVar[int]
    from_position: int
    def __init__(self, from_position: _Optional[int] = ...) -> None: ...

class ReadControlResponse(_message.Message):
    __slots__ = ("entry",)
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    entry: bytes
    def __init__(self, entry: _Optional[bytes] = ...) -> None: ...

class ReadConditionRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReadConditionResponse(_message.Message):
    __slots__ = ("timed", "wall_ms", "now_ms", "forks", "keys_in_use")
    TIMED_FIELD_NUMBER: _ClassVar[int]
    WALL_MS_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    FORKS_FIELD_NUMBER: _ClassVar[int]
    KEYS_IN_USE_FIELD_NUMBER: _ClassVar[int]
    timed: bool
    wall_ms: int
    now_ms: int
    forks: _containers.RepeatedCompositeFieldContainer[Fork]
    keys_in_use: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, timed: _Optional[bool] = ..., wall_ms: _Optional[int] = ..., now_ms: _Optional[int] = ..., forks: _Optional[_Iterable[_Union[Fork, _Mapping]]] = ..., keys_in_use: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Fork(_message.Message):
    __slots__ = ("source_id", "kept", "refused")
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    source_id: str
    kept: bytes
    refused: bytes
    def __init__(self, source_id: _Optional[str] = ..., kept: _Optional[bytes] = ..., refused: _Optional[bytes] = ...) -> None: ...
