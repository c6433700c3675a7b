from sluice.v1 import portion_pb2 as _portion_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SourceFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCE_FORMAT_UNSPECIFIED: _ClassVar[SourceFormat]
    SOURCE_FORMAT_MAVLINK: _ClassVar[SourceFormat]
    SOURCE_FORMAT_DATAFLASH: _ClassVar[SourceFormat]
    SOURCE_FORMAT_ULOG: _ClassVar[SourceFormat]
    SOURCE_FORMAT_COT: _ClassVar[SourceFormat]
    SOURCE_FORMAT_ST0601: _ClassVar[SourceFormat]

class TimeSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIME_SOURCE_UNSPECIFIED: _ClassVar[TimeSource]
    TIME_SOURCE_GNSS: _ClassVar[TimeSource]
    TIME_SOURCE_RTC: _ClassVar[TimeSource]
    TIME_SOURCE_LOG_BOOT: _ClassVar[TimeSource]

class Dropped(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DROPPED_UNSPECIFIED: _ClassVar[Dropped]
    DROPPED_HOME: _ClassVar[Dropped]
    DROPPED_ENDS: _ClassVar[Dropped]
    DROPPED_IDENTIFIERS: _ClassVar[Dropped]
    DROPPED_PARAMETERS: _ClassVar[Dropped]
    DROPPED_MISSION: _ClassVar[Dropped]
    DROPPED_FREE_TEXT: _ClassVar[Dropped]
    DROPPED_UNREADABLE: _ClassVar[Dropped]
SOURCE_FORMAT_UNSPECIFIED: SourceFormat
SOURCE_FORMAT_MAVLINK: SourceFormat
SOURCE_FORMAT_DATAFLASH: SourceFormat
SOURCE_FORMAT_ULOG: SourceFormat
SOURCE_FORMAT_COT: SourceFormat
SOURCE_FORMAT_ST0601: SourceFormat
TIME_SOURCE_UNSPECIFIED: TimeSource
TIME_SOURCE_GNSS: TimeSource
TIME_SOURCE_RTC: TimeSource
TIME_SOURCE_LOG_BOOT: TimeSource
DROPPED_UNSPECIFIED: Dropped
DROPPED_HOME: Dropped
DROPPED_ENDS: Dropped
DROPPED_IDENTIFIERS: Dropped
DROPPED_PARAMETERS: Dropped
DROPPED_MISSION: Dropped
DROPPED_FREE_TEXT: Dropped
DROPPED_UNREADABLE: Dropped

class TelemetryAbout(_message.Message):
    __slots__ = ("rows", "t0_ms", "t1_ms", "platform_class", "sidc", "design_id", "area_mgrs100k", "source_format", "time_source", "dropped")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    T0_MS_FIELD_NUMBER: _ClassVar[int]
    T1_MS_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_CLASS_FIELD_NUMBER: _ClassVar[int]
    SIDC_FIELD_NUMBER: _ClassVar[int]
    DESIGN_ID_FIELD_NUMBER: _ClassVar[int]
    AREA_MGRS100K_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FORMAT_FIELD_NUMBER: _ClassVar[int]
    TIME_SOURCE_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    rows: int
    t0_ms: int
    t1_ms: int
    platform_class: _portion_pb2.PlatformClass
    sidc: str
    design_id: str
    area_mgrs100k: str
    source_format: SourceFormat
    time_source: TimeSource
    dropped: _containers.RepeatedScalarFieldContainer[Dropped]
    def __init__(self, rows: _Optional[int] = ..., t0_ms: _Optional[int] = ..., t1_ms: _Optional[int] = ..., platform_class: _Optional[_Union[_portion_pb2.PlatformClass, str]] = ..., sidc: _Optional[str] = ..., design_id: _Optional[str] = ..., area_mgrs100k: _Optional[str] = ..., source_format: _Optional[_Union[SourceFormat, str]] = ..., time_source: _Optional[_Union[TimeSource, str]] = ..., dropped: _Optional[_Iterable[_Union[Dropped, str]]] = ...) -> None: ...

class TelemetryPosition(_message.Message):
    __slots__ = ("rows", "t0_us", "t_ms", "lat_e7", "lon_e7", "alt_msl_mm", "alt_hae_mm", "h_acc_mm", "v_acc_mm", "fix_type", "dead_reckoning")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    T0_US_FIELD_NUMBER: _ClassVar[int]
    T_MS_FIELD_NUMBER: _ClassVar[int]
    LAT_E7_FIELD_NUMBER: _ClassVar[int]
    LON_E7_FIELD_NUMBER: _ClassVar[int]
    ALT_MSL_MM_FIELD_NUMBER: _ClassVar[int]
    ALT_HAE_MM_FIELD_NUMBER: _ClassVar[int]
    H_ACC_MM_FIELD_NUMBER: _ClassVar[int]
    V_ACC_MM_FIELD_NUMBER: _ClassVar[int]
    FIX_TYPE_FIELD_NUMBER: _ClassVar[int]
    DEAD_RECKONING_FIELD_NUMBER: _ClassVar[int]
    rows: int
    t0_us: int
    t_ms: bytes
    lat_e7: bytes
    lon_e7: bytes
    alt_msl_mm: bytes
    alt_hae_mm: bytes
    h_acc_mm: bytes
    v_acc_mm: bytes
    fix_type: bytes
    dead_reckoning: bytes
    def __init__(self, rows: _Optional[int] = ..., t0_us: _Optional[int] = ..., t_ms: _Optional[bytes] = ..., lat_e7: _Optional[bytes] = ..., lon_e7: _Optional[bytes] = ..., alt_msl_mm: _Optional[bytes] = ..., alt_hae_mm: _Optional[bytes] = ..., h_acc_mm: _Optional[bytes] = ..., v_acc_mm: _Optional[bytes] = ..., fix_type: _Optional[bytes] = ..., dead_reckoning: _Optional[bytes] = ...) -> None: ...

class TelemetryPositionCoarse(_message.Message):
    __slots__ = ("rows", "t_s", "t_s_base", "mgrs_1km")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    T_S_FIELD_NUMBER: _ClassVar[int]
    T_S_BASE_FIELD_NUMBER: _ClassVar[int]
    MGRS_1KM_FIELD_NUMBER: _ClassVar[int]
    rows: int
    t_s: bytes
    t_s_base: int
    mgrs_1km: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, rows: _Optional[int] = ..., t_s: _Optional[bytes] = ..., t_s_base: _Optional[int] = ..., mgrs_1km: _Optional[_Iterable[str]] = ...) -> None: ...

class TelemetryKinematics(_message.Message):
    __slots__ = ("rows", "t_ms", "vn_cms", "ve_cms", "vd_cms", "course_cdeg", "course_cdeg_base", "roll_cdeg", "pitch_cdeg", "yaw_cdeg", "yaw_cdeg_base", "airspeed_cms", "rel_alt_mm")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    T_MS_FIELD_NUMBER: _ClassVar[int]
    VN_CMS_FIELD_NUMBER: _ClassVar[int]
    VE_CMS_FIELD_NUMBER: _ClassVar[int]
    VD_CMS_FIELD_NUMBER: _ClassVar[int]
    COURSE_CDEG_FIELD_NUMBER: _ClassVar[int]
    COURSE_CDEG_BASE_FIELD_NUMBER: _ClassVar[int]
    ROLL_CDEG_FIELD_NUMBER: _ClassVar[int]
    PITCH_CDEG_FIELD_NUMBER: _ClassVar[int]
    YAW_CDEG_FIELD_NUMBER: _ClassVar[int]
    YAW_CDEG_BASE_FIELD_NUMBER: _ClassVar[int]
    AIRSPEED_CMS_FIELD_NUMBER: _ClassVar[int]
    REL_ALT_MM_FIELD_NUMBER: _ClassVar[int]
    rows: int
    t_ms: bytes
    vn_cms: bytes
    ve_cms: bytes
    vd_cms: bytes
    course_cdeg: bytes
    course_cdeg_base: int
    roll_cdeg: bytes
    pitch_cdeg: bytes
    yaw_cdeg: bytes
    yaw_cdeg_base: int
    airspeed_cms: bytes
    rel_alt_mm: bytes
    def __init__(self, rows: _Optional[int] = ..., t_ms: _Optional[bytes] = ..., vn_cms: _Optional[bytes] = ..., ve_cms: _Optional[bytes] = ..., vd_cms: _Optional[bytes] = ..., course_cdeg: _Optional[bytes] = ..., course_cdeg_base: _Optional[int] = ..., roll_cdeg: _Optional[bytes] = ..., pitch_cdeg: _Optional[bytes] = ..., yaw_cdeg: _Optional[bytes] = ..., yaw_cdeg_base: _Optional[int] = ..., airspeed_cms: _Optional[bytes] = ..., rel_alt_mm: _Optional[bytes] = ...) -> None: ...

class TelemetryVehicle(_message.Message):
    __slots__ = ("rows", "t_ms", "mode", "armed", "failsafe_bits", "voltage_mv", "voltage_mv_base", "current_ca", "consumed_mah", "remaining_pct", "temp_cdegc", "rpm")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    T_MS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    ARMED_FIELD_NUMBER: _ClassVar[int]
    FAILSAFE_BITS_FIELD_NUMBER: _ClassVar[int]
    VOLTAGE_MV_FIELD_NUMBER: _ClassVar[int]
    VOLTAGE_MV_BASE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_CA_FIELD_NUMBER: _ClassVar[int]
    CONSUMED_MAH_FIELD_NUMBER: _ClassVar[int]
    REMAINING_PCT_FIELD_NUMBER: _ClassVar[int]
    TEMP_CDEGC_FIELD_NUMBER: _ClassVar[int]
    RPM_FIELD_NUMBER: _ClassVar[int]
    rows: int
    t_ms: bytes
    mode: bytes
    armed: bytes
    failsafe_bits: bytes
    voltage_mv: bytes
    voltage_mv_base: int
    current_ca: bytes
    consumed_mah: bytes
    remaining_pct: bytes
    temp_cdegc: bytes
    rpm: bytes
    def __init__(self, rows: _Optional[int] = ..., t_ms: _Optional[bytes] = ..., mode: _Optional[bytes] = ..., armed: _Optional[bytes] = ..., failsafe_bits: _Optional[bytes] = ..., voltage_mv: _Optional[bytes] = ..., voltage_mv_base: _Optional[int] = ..., current_ca: _Optional[bytes] = ..., consumed_mah: _Optional[bytes] = ..., remaining_pct: _Optional[bytes] = ..., temp_cdegc: _Optional[bytes] = ..., rpm: _Optional[bytes] = ...) -> None: ...

class TelemetryLink(_message.Message):
    __slots__ = ("rows", "t_ms", "device", "band_mhz", "rssi", "rssi_base", "remote_rssi", "remote_rssi_base", "noise", "noise_base", "remote_noise", "remote_noise_base", "rx_errors", "lost")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    T_MS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BAND_MHZ_FIELD_NUMBER: _ClassVar[int]
    RSSI_FIELD_NUMBER: _ClassVar[int]
    RSSI_BASE_FIELD_NUMBER: _ClassVar[int]
    REMOTE_RSSI_FIELD_NUMBER: _ClassVar[int]
    REMOTE_RSSI_BASE_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    NOISE_BASE_FIELD_NUMBER: _ClassVar[int]
    REMOTE_NOISE_FIELD_NUMBER: _ClassVar[int]
    REMOTE_NOISE_BASE_FIELD_NUMBER: _ClassVar[int]
    RX_ERRORS_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    rows: int
    t_ms: bytes
    device: str
    band_mhz: int
    rssi: bytes
    rssi_base: int
    remote_rssi: bytes
    remote_rssi_base: int
    noise: bytes
    noise_base: int
    remote_noise: bytes
    remote_noise_base: int
    rx_errors: bytes
    lost: bytes
    def __init__(self, rows: _Optional[int] = ..., t_ms: _Optional[bytes] = ..., device: _Optional[str] = ..., band_mhz: _Optional[int] = ..., rssi: _Optional[bytes] = ..., rssi_base: _Optional[int] = ..., remote_rssi: _Optional[bytes] = ..., remote_rssi_base: _Optional[int] = ..., noise: _Optional[bytes] = ..., noise_base: _Optional[int] = ..., remote_noise: _Optional[bytes] = ..., remote_noise_base: _Optional[int] = ..., rx_errors: _Optional[bytes] = ..., lost: _Optional[bytes] = ...) -> None: ...

class TelemetryGnss(_message.Message):
    __slots__ = ("rows", "t_ms", "satellites", "fix_type", "hdop_c", "hdop_c_base", "noise_per_ms", "noise_per_ms_base", "jamming_indicator", "jamming_state", "spoofing_state")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    T_MS_FIELD_NUMBER: _ClassVar[int]
    SATELLITES_FIELD_NUMBER: _ClassVar[int]
    FIX_TYPE_FIELD_NUMBER: _ClassVar[int]
    HDOP_C_FIELD_NUMBER: _ClassVar[int]
    HDOP_C_BASE_FIELD_NUMBER: _ClassVar[int]
    NOISE_PER_MS_FIELD_NUMBER: _ClassVar[int]
    NOISE_PER_MS_BASE_FIELD_NUMBER: _ClassVar[int]
    JAMMING_INDICATOR_FIELD_NUMBER: _ClassVar[int]
    JAMMING_STATE_FIELD_NUMBER: _ClassVar[int]
    SPOOFING_STATE_FIELD_NUMBER: _ClassVar[int]
    rows: int
    t_ms: bytes
    satellites: bytes
    fix_type: bytes
    hdop_c: bytes
    hdop_c_base: int
    noise_per_ms: bytes
    noise_per_ms_base: int
    jamming_indicator: bytes
    jamming_state: bytes
    spoofing_state: bytes
    def __init__(self, rows: _Optional[int] = ..., t_ms: _Optional[bytes] = ..., satellites: _Optional[bytes] = ..., fix_type: _Optional[bytes] = ..., hdop_c: _Optional[bytes] = ..., hdop_c_base: _Optional[int] = ..., noise_per_ms: _Optional[bytes] = ..., noise_per_ms_base: _Optional[int] = ..., jamming_indicator: _Optional[bytes] = ..., jamming_state: _Optional[bytes] = ..., spoofing_state: _Optional[bytes] = ...) -> None: ...

class TelemetryUnit(_message.Message):
    __slots__ = ("unit_name", "callsign", "serial", "tail", "mission_ref", "operator_ref")
    UNIT_NAME_FIELD_NUMBER: _ClassVar[int]
    CALLSIGN_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    TAIL_FIELD_NUMBER: _ClassVar[int]
    MISSION_REF_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_REF_FIELD_NUMBER: _ClassVar[int]
    unit_name: str
    callsign: str
    serial: str
    tail: str
    mission_ref: str
    operator_ref: str
    def __init__(self, unit_name: _Optional[str] = ..., callsign: _Optional[str] = ..., serial: _Optional[str] = ..., tail: _Optional[str] = ..., mission_ref: _Optional[str] = ..., operator_ref: _Optional[str] = ...) -> None: ...
