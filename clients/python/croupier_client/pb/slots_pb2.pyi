from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SlotsBet(_message.Message):
    __slots__ = ("stake_micros",)
    STAKE_MICROS_FIELD_NUMBER: _ClassVar[int]
    stake_micros: int
    def __init__(self, stake_micros: _Optional[int] = ...) -> None: ...

class SlotsOutcome(_message.Message):
    __slots__ = ("spins",)
    SPINS_FIELD_NUMBER: _ClassVar[int]
    spins: _containers.RepeatedCompositeFieldContainer[SlotsSpin]
    def __init__(self, spins: _Optional[_Iterable[_Union[SlotsSpin, _Mapping]]] = ...) -> None: ...

class SlotsSpin(_message.Message):
    __slots__ = ("mode", "stops", "window", "lines", "scatter", "multiplier", "free_spins_won", "free_spins_left", "payout_micros")
    MODE_FIELD_NUMBER: _ClassVar[int]
    STOPS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SCATTER_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    FREE_SPINS_WON_FIELD_NUMBER: _ClassVar[int]
    FREE_SPINS_LEFT_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_MICROS_FIELD_NUMBER: _ClassVar[int]
    mode: str
    stops: _containers.RepeatedScalarFieldContainer[int]
    window: _containers.RepeatedScalarFieldContainer[int]
    lines: _containers.RepeatedCompositeFieldContainer[SlotsLineWin]
    scatter: SlotsScatterWin
    multiplier: int
    free_spins_won: int
    free_spins_left: int
    payout_micros: int
    def __init__(self, mode: _Optional[str] = ..., stops: _Optional[_Iterable[int]] = ..., window: _Optional[_Iterable[int]] = ..., lines: _Optional[_Iterable[_Union[SlotsLineWin, _Mapping]]] = ..., scatter: _Optional[_Union[SlotsScatterWin, _Mapping]] = ..., multiplier: _Optional[int] = ..., free_spins_won: _Optional[int] = ..., free_spins_left: _Optional[int] = ..., payout_micros: _Optional[int] = ...) -> None: ...

class SlotsLineWin(_message.Message):
    __slots__ = ("line", "symbol", "count", "payout_micros")
    LINE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_MICROS_FIELD_NUMBER: _ClassVar[int]
    line: int
    symbol: int
    count: int
    payout_micros: int
    def __init__(self, line: _Optional[int] = ..., symbol: _Optional[int] = ..., count: _Optional[int] = ..., payout_micros: _Optional[int] = ...) -> None: ...

class SlotsScatterWin(_message.Message):
    __slots__ = ("count", "payout_micros")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_MICROS_FIELD_NUMBER: _ClassVar[int]
    count: int
    payout_micros: int
    def __init__(self, count: _Optional[int] = ..., payout_micros: _Optional[int] = ...) -> None: ...
