from sluice.v1 import portion_pb2 as _portion_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TacticStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TACTIC_STATUS_UNSPECIFIED: _ClassVar[TacticStatus]
    TACTIC_STATUS_OBSERVED: _ClassVar[TacticStatus]
    TACTIC_STATUS_IDENTIFIED: _ClassVar[TacticStatus]
    TACTIC_STATUS_VALIDATED: _ClassVar[TacticStatus]
    TACTIC_STATUS_WITHDRAWN: _ClassVar[TacticStatus]

class Reliability(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELIABILITY_UNSPECIFIED: _ClassVar[Reliability]
    RELIABILITY_A: _ClassVar[Reliability]
    RELIABILITY_B: _ClassVar[Reliability]
    RELIABILITY_C: _ClassVar[Reliability]
    RELIABILITY_D: _ClassVar[Reliability]
    RELIABILITY_E: _ClassVar[Reliability]
    RELIABILITY_F: _ClassVar[Reliability]

class ElectronicWarfare(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ELECTRONIC_WARFARE_UNSPECIFIED: _ClassVar[ElectronicWarfare]
    ELECTRONIC_WARFARE_NONE: _ClassVar[ElectronicWarfare]
    ELECTRONIC_WARFARE_GNSS_JAMMING: _ClassVar[ElectronicWarfare]
    ELECTRONIC_WARFARE_GNSS_SPOOFING: _ClassVar[ElectronicWarfare]
    ELECTRONIC_WARFARE_CONTROL_JAMMING: _ClassVar[ElectronicWarfare]
    ELECTRONIC_WARFARE_VIDEO_JAMMING: _ClassVar[ElectronicWarfare]
    ELECTRONIC_WARFARE_DIRECTION_FINDING: _ClassVar[ElectronicWarfare]

class Weather(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEATHER_UNSPECIFIED: _ClassVar[Weather]
    WEATHER_CLEAR: _ClassVar[Weather]
    WEATHER_CLOUD: _ClassVar[Weather]
    WEATHER_FOG: _ClassVar[Weather]
    WEATHER_RAIN: _ClassVar[Weather]
    WEATHER_SNOW: _ClassVar[Weather]
    WEATHER_ICING: _ClassVar[Weather]
    WEATHER_STRONG_WIND: _ClassVar[Weather]
    WEATHER_SMOKE: _ClassVar[Weather]

class Terrain(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TERRAIN_UNSPECIFIED: _ClassVar[Terrain]
    TERRAIN_OPEN: _ClassVar[Terrain]
    TERRAIN_FOREST: _ClassVar[Terrain]
    TERRAIN_TREE_LINE: _ClassVar[Terrain]
    TERRAIN_URBAN: _ClassVar[Terrain]
    TERRAIN_TRENCH: _ClassVar[Terrain]
    TERRAIN_HILLS: _ClassVar[Terrain]
    TERRAIN_WATER: _ClassVar[Terrain]

class Light(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIGHT_UNSPECIFIED: _ClassVar[Light]
    LIGHT_DAY: _ClassVar[Light]
    LIGHT_TWILIGHT: _ClassVar[Light]
    LIGHT_NIGHT: _ClassVar[Light]
TACTIC_STATUS_UNSPECIFIED: TacticStatus
TACTIC_STATUS_OBSERVED: TacticStatus
TACTIC_STATUS_IDENTIFIED: TacticStatus
TACTIC_STATUS_VALIDATED: TacticStatus
TACTIC_STATUS_WITHDRAWN: TacticStatus
RELIABILITY_UNSPECIFIED: Reliability
RELIABILITY_A: Reliability
RELIABILITY_B: Reliability
RELIABILITY_C: Reliability
RELIABILITY_D: Reliability
RELIABILITY_E: Reliability
RELIABILITY_F: Reliability
ELECTRONIC_WARFARE_UNSPECIFIED: ElectronicWarfare
ELECTRONIC_WARFARE_NONE: ElectronicWarfare
ELECTRONIC_WARFARE_GNSS_JAMMING: ElectronicWarfare
ELECTRONIC_WARFARE_GNSS_SPOOFING: ElectronicWarfare
ELECTRONIC_WARFARE_CONTROL_JAMMING: ElectronicWarfare
ELECTRONIC_WARFARE_VIDEO_JAMMING: ElectronicWarfare
ELECTRONIC_WARFARE_DIRECTION_FINDING: ElectronicWarfare
WEATHER_UNSPECIFIED: Weather
WEATHER_CLEAR: Weather
WEATHER_CLOUD: Weather
WEATHER_FOG: Weather
WEATHER_RAIN: Weather
WEATHER_SNOW: Weather
WEATHER_ICING: Weather
WEATHER_STRONG_WIND: Weather
WEATHER_SMOKE: Weather
TERRAIN_UNSPECIFIED: Terrain
TERRAIN_OPEN: Terrain
TERRAIN_FOREST: Terrain
TERRAIN_TREE_LINE: Terrain
TERRAIN_URBAN: Terrain
TERRAIN_TRENCH: Terrain
TERRAIN_HILLS: Terrain
TERRAIN_WATER: Terrain
LIGHT_UNSPECIFIED: Light
LIGHT_DAY: Light
LIGHT_TWILIGHT: Light
LIGHT_NIGHT: Light

class AltitudeBand(_message.Message):
    __slots__ = ("low_m", "high_m")
    LOW_M_FIELD_NUMBER: _ClassVar[int]
    HIGH_M_FIELD_NUMBER: _ClassVar[int]
    low_m: int
    high_m: int
    def __init__(self, low_m: _Optional[int] = ..., high_m: _Optional[int] = ...) -> None: ...

class EvidenceRecord(_message.Message):
    __slots__ = ("record", "digest")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    record: _portion_pb2.RecordName
    digest: bytes
    def __init__(self, record: _Optional[_Union[_portion_pb2.RecordName, _Mapping]] = ..., digest: _Optional[bytes] = ...) -> None: ...

class TacticAbout(_message.Message):
    __slots__ = ("title", "topic", "platform_class", "status", "supersedes", "valid_from_ms", "valid_until_ms", "source_reliability", "info_credibility", "lang")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_CLASS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDES_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_MS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_RELIABILITY_FIELD_NUMBER: _ClassVar[int]
    INFO_CREDIBILITY_FIELD_NUMBER: _ClassVar[int]
    LANG_FIELD_NUMBER: _ClassVar[int]
    title: _portion_pb2.Text
    topic: _containers.RepeatedScalarFieldContainer[str]
    platform_class: _containers.RepeatedScalarFieldContainer[_portion_pb2.PlatformClass]
    status: TacticStatus
    supersedes: _portion_pb2.RecordName
    valid_from_ms: int
    valid_until_ms: int
    source_reliability: Reliability
    info_credibility: int
    lang: _containers.RepeatedScalarFieldContainer[_portion_pb2.Language]
    def __init__(self, title: _Optional[_Union[_portion_pb2.Text, _Mapping]] = ..., topic: _Optional[_Iterable[str]] = ..., platform_class: _Optional[_Iterable[_Union[_portion_pb2.PlatformClass, str]]] = ..., status: _Optional[_Union[TacticStatus, str]] = ..., supersedes: _Optional[_Union[_portion_pb2.RecordName, _Mapping]] = ..., valid_from_ms: _Optional[int] = ..., valid_until_ms: _Optional[int] = ..., source_reliability: _Optional[_Union[Reliability, str]] = ..., info_credibility: _Optional[int] = ..., lang: _Optional[_Iterable[_Union[_portion_pb2.Language, str]]] = ...) -> None: ...

class TacticConditions(_message.Message):
    __slots__ = ("ew", "weather", "terrain", "light", "altitude_m", "counter_indications")
    EW_FIELD_NUMBER: _ClassVar[int]
    WEATHER_FIELD_NUMBER: _ClassVar[int]
    TERRAIN_FIELD_NUMBER: _ClassVar[int]
    LIGHT_FIELD_NUMBER: _ClassVar[int]
    ALTITUDE_M_FIELD_NUMBER: _ClassVar[int]
    COUNTER_INDICATIONS_FIELD_NUMBER: _ClassVar[int]
    ew: _containers.RepeatedScalarFieldContainer[ElectronicWarfare]
    weather: _containers.RepeatedScalarFieldContainer[Weather]
    terrain: _containers.RepeatedScalarFieldContainer[Terrain]
    light: _containers.RepeatedScalarFieldContainer[Light]
    altitude_m: AltitudeBand
    counter_indications: _containers.RepeatedCompositeFieldContainer[_portion_pb2.Text]
    def __init__(self, ew: _Optional[_Iterable[_Union[ElectronicWarfare, str]]] = ..., weather: _Optional[_Iterable[_Union[Weather, str]]] = ..., terrain: _Optional[_Iterable[_Union[Terrain, str]]] = ..., light: _Optional[_Iterable[_Union[Light, str]]] = ..., altitude_m: _Optional[_Union[AltitudeBand, _Mapping]] = ..., counter_indications: _Optional[_Iterable[_Union[_portion_pb2.Text, _Mapping]]] = ...) -> None: ...

class TacticNarrative(_message.Message):
    __slots__ = ("text", "machine_translated")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MACHINE_TRANSLATED_FIELD_NUMBER: _ClassVar[int]
    text: _portion_pb2.Text
    machine_translated: bool
    def __init__(self, text: _Optional[_Union[_portion_pb2.Text, _Mapping]] = ..., machine_translated: _Optional[bool] = ...) -> None: ...

class TacticEvidence(_message.Message):
    __slots__ = ("records", "sample_count", "successes", "trials")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    SUCCESSES_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[EvidenceRecord]
    sample_count: int
    successes: int
    trials: int
    def __init__(self, records: _Optional[_Iterable[_Union[EvidenceRecord, _Mapping]]] = ..., sample_count: _Optional[int] = ..., successes: _Optional[int] = ..., trials: _Optional[int] = ...) -> None: ...

class TacticUnit(_message.Message):
    __slots__ = ("originator", "point_of_contact")
    ORIGINATOR_FIELD_NUMBER: _ClassVar[int]
    POINT_OF_CONTACT_FIELD_NUMBER: _ClassVar[int]
    originator: str
    point_of_contact: str
    def __init__(self, originator: _Optional[str] = ..., point_of_contact: _Optional[str] = ...) -> None: ...
