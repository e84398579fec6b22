from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DiceSide(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DICE_SIDE_UNSPECIFIED: _ClassVar[DiceSide]
    DICE_SIDE_OVER: _ClassVar[DiceSide]
    DICE_SIDE_UNDER: _ClassVar[DiceSide]
DICE_SIDE_UNSPECIFIED: DiceSide
DICE_SIDE_OVER: DiceSide
DICE_SIDE_UNDER: DiceSide

class DiceBet(_message.Message):
    __slots__ = ("stake_micros", "side", "target")
    STAKE_MICROS_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    stake_micros: int
    side: DiceSide
    target: int
    def __init__(self, stake_micros: _Optional[int] = ..., side: _Optional[_Union[DiceSide, str]] = ..., target: _Optional[int] = ...) -> None: ...

class DiceOutcome(_message.Message):
    __slots__ = ("roll", "won", "multiplier_numerator", "multiplier_denominator")
    ROLL_FIELD_NUMBER: _ClassVar[int]
    WON_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_NUMERATOR_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_DENOMINATOR_FIELD_NUMBER: _ClassVar[int]
    roll: int
    won: bool
    multiplier_numerator: int
    multiplier_denominator: int
    def __init__(self, roll: _Optional[int] = ..., won: _Optional[bool] = ..., multiplier_numerator: _Optional[int] = ..., multiplier_denominator: _Optional[int] = ...) -> None: ...
