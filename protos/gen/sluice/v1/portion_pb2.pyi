from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class PlatformClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLATFORM_CLASS_UNSPECIFIED: _ClassVar[PlatformClass]
    PLATFORM_CLASS_MULTIROTOR: _ClassVar[PlatformClass]
    PLATFORM_CLASS_FIXED_WING: _ClassVar[PlatformClass]
    PLATFORM_CLASS_VTOL: _ClassVar[PlatformClass]
    PLATFORM_CLASS_GROUND: _ClassVar[PlatformClass]
    PLATFORM_CLASS_SURFACE: _ClassVar[PlatformClass]

class Language(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANGUAGE_UNSPECIFIED: _ClassVar[Language]
    LANGUAGE_UK: _ClassVar[Language]
    LANGUAGE_EN: _ClassVar[Language]
PLATFORM_CLASS_UNSPECIFIED: PlatformClass
PLATFORM_CLASS_MULTIROTOR: PlatformClass
PLATFORM_CLASS_FIXED_WING: PlatformClass
PLATFORM_CLASS_VTOL: PlatformClass
PLATFORM_CLASS_GROUND: PlatformClass
PLATFORM_CLASS_SURFACE: PlatformClass
LANGUAGE_UNSPECIFIED: Language
LANGUAGE_UK: Language
LANGUAGE_EN: Language

class Text(_message.Message):
    __slots__ = ("uk", "en")
    UK_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    uk: str
    en: str
    def __init__(self, uk: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class RecordName(_message.Message):
    __slots__ = ("batch", "idx")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    IDX_FIELD_NUMBER: _ClassVar[int]
    batch: bytes
    idx: int
    def __init__(self, batch: _Optional[bytes] = ..., idx: _Optional[int] = ...) -> None: ...
