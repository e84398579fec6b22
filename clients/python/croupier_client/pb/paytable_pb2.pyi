from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PayTable(_message.Message):
    __slots__ = ("unit", "rows", "symbols", "window_rows", "lines")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_ROWS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    unit: str
    rows: _containers.RepeatedCompositeFieldContainer[PayTableRow]
    symbols: _containers.RepeatedScalarFieldContainer[str]
    window_rows: int
    lines: _containers.RepeatedCompositeFieldContainer[PayTableLine]
    def __init__(self, unit: _Optional[str] = ..., rows: _Optional[_Iterable[_Union[PayTableRow, _Mapping]]] = ..., symbols: _Optional[_Iterable[str]] = ..., window_rows: _Optional[int] = ..., lines: _Optional[_Iterable[_Union[PayTableLine, _Mapping]]] = ...) -> None: ...

class PayTableRow(_message.Message):
    __slots__ = ("label", "pays_numerator", "pays_denominator")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PAYS_NUMERATOR_FIELD_NUMBER: _ClassVar[int]
    PAYS_DENOMINATOR_FIELD_NUMBER: _ClassVar[int]
    label: str
    pays_numerator: int
    pays_denominator: int
    def __init__(self, label: _Optional[str] = ..., pays_numerator: _Optional[int] = ..., pays_denominator: _Optional[int] = ...) -> None: ...

class PayTableLine(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, rows: _Optional[_Iterable[int]] = ...) -> None: ...
