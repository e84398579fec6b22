from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RouletteWagerKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROULETTE_WAGER_KIND_UNSPECIFIED: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_STRAIGHT: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_SPLIT: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_STREET: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_CORNER: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_SIX_LINE: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_FIRST_FOUR: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_TOP_LINE: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_DOZEN: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_COLUMN: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_RED: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_BLACK: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_EVEN: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_ODD: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_LOW: _ClassVar[RouletteWagerKind]
    ROULETTE_WAGER_KIND_HIGH: _ClassVar[RouletteWagerKind]
ROULETTE_WAGER_KIND_UNSPECIFIED: RouletteWagerKind
ROULETTE_WAGER_KIND_STRAIGHT: RouletteWagerKind
ROULETTE_WAGER_KIND_SPLIT: RouletteWagerKind
ROULETTE_WAGER_KIND_STREET: RouletteWagerKind
ROULETTE_WAGER_KIND_CORNER: RouletteWagerKind
ROULETTE_WAGER_KIND_SIX_LINE: RouletteWagerKind
ROULETTE_WAGER_KIND_FIRST_FOUR: RouletteWagerKind
ROULETTE_WAGER_KIND_TOP_LINE: RouletteWagerKind
ROULETTE_WAGER_KIND_DOZEN: RouletteWagerKind
ROULETTE_WAGER_KIND_COLUMN: RouletteWagerKind
ROULETTE_WAGER_KIND_RED: RouletteWagerKind
ROULETTE_WAGER_KIND_BLACK: RouletteWagerKind
ROULETTE_WAGER_KIND_EVEN: RouletteWagerKind
ROULETTE_WAGER_KIND_ODD: RouletteWagerKind
ROULETTE_WAGER_KIND_LOW: RouletteWagerKind
ROULETTE_WAGER_KIND_HIGH: RouletteWagerKind

class RouletteBet(_message.Message):
    __slots__ = ("wagers",)
    WAGERS_FIELD_NUMBER: _ClassVar[int]
    wagers: _containers.RepeatedCompositeFieldContainer[RouletteWager]
    def __init__(self, wagers: _Optional[_Iterable[_Union[RouletteWager, _Mapping]]] = ...) -> None: ...

class RouletteWager(_message.Message):
    __slots__ = ("kind", "numbers", "stake_micros")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    STAKE_MICROS_FIELD_NUMBER: _ClassVar[int]
    kind: RouletteWagerKind
    numbers: _containers.RepeatedScalarFieldContainer[int]
    stake_micros: int
    def __init__(self, kind: _Optional[_Union[RouletteWagerKind, str]] = ..., numbers: _Optional[_Iterable[int]] = ..., stake_micros: _Optional[int] = ...) -> None: ...

class RouletteOutcome(_message.Message):
    __slots__ = ("pocket", "payouts_micros")
    POCKET_FIELD_NUMBER: _ClassVar[int]
    PAYOUTS_MICROS_FIELD_NUMBER: _ClassVar[int]
    pocket: int
    payouts_micros: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, pocket: _Optional[int] = ..., payouts_micros: _Optional[_Iterable[int]] = ...) -> None: ...
