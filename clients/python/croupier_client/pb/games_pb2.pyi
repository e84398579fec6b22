from . import blackjack_pb2 as _blackjack_pb2
from . import dice_pb2 as _dice_pb2
from . import roulette_pb2 as _roulette_pb2
from . import slots_pb2 as _slots_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DrawPurpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DRAW_PURPOSE_UNSPECIFIED: _ClassVar[DrawPurpose]
    DRAW_PURPOSE_REEL_STOP: _ClassVar[DrawPurpose]
    DRAW_PURPOSE_POCKET: _ClassVar[DrawPurpose]
    DRAW_PURPOSE_ROLL: _ClassVar[DrawPurpose]
    DRAW_PURPOSE_PLAYER_CARD: _ClassVar[DrawPurpose]
    DRAW_PURPOSE_DEALER_CARD: _ClassVar[DrawPurpose]
    DRAW_PURPOSE_HOLE_CARD: _ClassVar[DrawPurpose]
DRAW_PURPOSE_UNSPECIFIED: DrawPurpose
DRAW_PURPOSE_REEL_STOP: DrawPurpose
DRAW_PURPOSE_POCKET: DrawPurpose
DRAW_PURPOSE_ROLL: DrawPurpose
DRAW_PURPOSE_PLAYER_CARD: DrawPurpose
DRAW_PURPOSE_DEALER_CARD: DrawPurpose
DRAW_PURPOSE_HOLE_CARD: DrawPurpose

class Bet(_message.Message):
    __slots__ = ("slots", "roulette", "dice", "blackjack")
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    ROULETTE_FIELD_NUMBER: _ClassVar[int]
    DICE_FIELD_NUMBER: _ClassVar[int]
    BLACKJACK_FIELD_NUMBER: _ClassVar[int]
    slots: _slots_pb2.SlotsBet
    roulette: _roulette_pb2.RouletteBet
    dice: _dice_pb2.DiceBet
    blackjack: _blackjack_pb2.BlackjackBet
    def __init__(self, slots: _Optional[_Union[_slots_pb2.SlotsBet, _Mapping]] = ..., roulette: _Optional[_Union[_roulette_pb2.RouletteBet, _Mapping]] = ..., dice: _Optional[_Union[_dice_pb2.DiceBet, _Mapping]] = ..., blackjack: _Optional[_Union[_blackjack_pb2.BlackjackBet, _Mapping]] = ...) -> None: ...

class Action(_message.Message):
    __slots__ = ("blackjack",)
    BLACKJACK_FIELD_NUMBER: _ClassVar[int]
    blackjack: _blackjack_pb2.BlackjackAction
    def __init__(self, blackjack: _Optional[_Union[_blackjack_pb2.BlackjackAction, _Mapping]] = ...) -> None: ...

class Draw(_message.Message):
    __slots__ = ("purpose", "range", "value", "word")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    WORD_FIELD_NUMBER: _ClassVar[int]
    purpose: DrawPurpose
    range: int
    value: int
    word: int
    def __init__(self, purpose: _Optional[_Union[DrawPurpose, str]] = ..., range: _Optional[int] = ..., value: _Optional[int] = ..., word: _Optional[int] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("draws", "slots", "roulette", "dice", "blackjack")
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    ROULETTE_FIELD_NUMBER: _ClassVar[int]
    DICE_FIELD_NUMBER: _ClassVar[int]
    BLACKJACK_FIELD_NUMBER: _ClassVar[int]
    draws: _containers.RepeatedCompositeFieldContainer[Draw]
    slots: _slots_pb2.SlotsOutcome
    roulette: _roulette_pb2.RouletteOutcome
    dice: _dice_pb2.DiceOutcome
    blackjack: _blackjack_pb2.BlackjackOutcome
    def __init__(self, draws: _Optional[_Iterable[_Union[Draw, _Mapping]]] = ..., slots: _Optional[_Union[_slots_pb2.SlotsOutcome, _Mapping]] = ..., roulette: _Optional[_Union[_roulette_pb2.RouletteOutcome, _Mapping]] = ..., dice: _Optional[_Union[_dice_pb2.DiceOutcome, _Mapping]] = ..., blackjack: _Optional[_Union[_blackjack_pb2.BlackjackOutcome, _Mapping]] = ...) -> None: ...
