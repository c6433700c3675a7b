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
