from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class RenewRequest(_message.Message):
    __slots__ = ("renewal",)
    RENEWAL_FIELD_NUMBER: _ClassVar[int]
    renewal: bytes
    def __init__(self, renewal: _Optional[bytes] = ...) -> None: ...

class RenewResponse(_message.Message):
    __slots__ = ("certificate",)
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    certificate: bytes
    def __init__(self, certificate: _Optional[bytes] = ...) -> None: ...

class ListRenewalsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRenewalsResponse(_message.Message):
    __slots__ = ("renewal",)
    RENEWAL_FIELD_NUMBER: _ClassVar[int]
    renewal: bytes
    def __init__(self, renewal: _Optional[bytes] = ...) -> None: ...

class AnswerRenewalRequest(_message.Message):
    __slots__ = ("renewal_digest", "certificate")
    RENEWAL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    renewal_digest: bytes
    certificate: bytes
    def __init__(self, renewal_digest: _Optional[bytes] = ..., certificate: _Optional[bytes] = ...) -> None: ...

class AnswerRenewalResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCertificatesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCertificatesResponse(_message.Message):
    __slots__ = ("certificate", "first_used_ms", "last_used_ms", "issued_ms", "follows", "since_ms", "forgotten")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    FIRST_USED_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_USED_MS_FIELD_NUMBER: _ClassVar[int]
    ISSUED_MS_FIELD_NUMBER: _ClassVar[int]
    FOLLOWS_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    FORGOTTEN_FIELD_NUMBER: _ClassVar[int]
    certificate: bytes
    first_used_ms: int
    last_used_ms: int
    issued_ms: int
    follows: bytes
    since_ms: int
    forgotten: int
    def __init__(self, certificate: _Optional[bytes] = ..., first_used_ms: _Optional[int] = ..., last_used_ms: _Optional[int] = ..., issued_ms: _Optional[int] = ..., follows: _Optional[bytes] = ..., since_ms: _Optional[int] = ..., forgotten: _Optional[int] = ...) -> None: ...
