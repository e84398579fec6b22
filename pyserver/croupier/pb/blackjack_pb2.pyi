from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BlackjackActionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BLACKJACK_ACTION_KIND_UNSPECIFIED: _ClassVar[BlackjackActionKind]
    BLACKJACK_ACTION_KIND_HIT: _ClassVar[BlackjackActionKind]
    BLACKJACK_ACTION_KIND_STAND: _ClassVar[BlackjackActionKind]
    BLACKJACK_ACTION_KIND_DOUBLE: _ClassVar[BlackjackActionKind]
    BLACKJACK_ACTION_KIND_SPLIT: _ClassVar[BlackjackActionKind]
    BLACKJACK_ACTION_KIND_INSURE: _ClassVar[BlackjackActionKind]
    BLACKJACK_ACTION_KIND_DECLINE_INSURANCE: _ClassVar[BlackjackActionKind]
    BLACKJACK_ACTION_KIND_SURRENDER: _ClassVar[BlackjackActionKind]

class BlackjackResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BLACKJACK_RESULT_UNSPECIFIED: _ClassVar[BlackjackResult]
    BLACKJACK_RESULT_LOSE: _ClassVar[BlackjackResult]
    BLACKJACK_RESULT_PUSH: _ClassVar[BlackjackResult]
    BLACKJACK_RESULT_WIN: _ClassVar[BlackjackResult]
    BLACKJACK_RESULT_BLACKJACK: _ClassVar[BlackjackResult]
    BLACKJACK_RESULT_BUST: _ClassVar[BlackjackResult]
    BLACKJACK_RESULT_SURRENDER: _ClassVar[BlackjackResult]
BLACKJACK_ACTION_KIND_UNSPECIFIED: BlackjackActionKind
BLACKJACK_ACTION_KIND_HIT: BlackjackActionKind
BLACKJACK_ACTION_KIND_STAND: BlackjackActionKind
BLACKJACK_ACTION_KIND_DOUBLE: BlackjackActionKind
BLACKJACK_ACTION_KIND_SPLIT: BlackjackActionKind
BLACKJACK_ACTION_KIND_INSURE: BlackjackActionKind
BLACKJACK_ACTION_KIND_DECLINE_INSURANCE: BlackjackActionKind
BLACKJACK_ACTION_KIND_SURRENDER: BlackjackActionKind
BLACKJACK_RESULT_UNSPECIFIED: BlackjackResult
BLACKJACK_RESULT_LOSE: BlackjackResult
BLACKJACK_RESULT_PUSH: BlackjackResult
BLACKJACK_RESULT_WIN: BlackjackResult
BLACKJACK_RESULT_BLACKJACK: BlackjackResult
BLACKJACK_RESULT_BUST: BlackjackResult
BLACKJACK_RESULT_SURRENDER: BlackjackResult

class BlackjackBet(_message.Message):
    __slots__ = ("stake_micros",)
    STAKE_MICROS_FIELD_NUMBER: _ClassVar[int]
    stake_micros: int
    def __init__(self, stake_micros: _Optional[int] = ...) -> None: ...

class BlackjackAction(_message.Message):
    __slots__ = ("kind",)
    KIND_FIELD_NUMBER: _ClassVar[int]
    kind: BlackjackActionKind
    def __init__(self, kind: _Optional[_Union[BlackjackActionKind, str]] = ...) -> None: ...

class BlackjackHand(_message.Message):
    __slots__ = ("cards", "stake_micros", "doubled", "split", "finished", "result", "payout_micros")
    CARDS_FIELD_NUMBER: _ClassVar[int]
    STAKE_MICROS_FIELD_NUMBER: _ClassVar[int]
    DOUBLED_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_MICROS_FIELD_NUMBER: _ClassVar[int]
    cards: _containers.RepeatedScalarFieldContainer[int]
    stake_micros: int
    doubled: bool
    split: bool
    finished: bool
    result: BlackjackResult
    payout_micros: int
    def __init__(self, cards: _Optional[_Iterable[int]] = ..., stake_micros: _Optional[int] = ..., doubled: _Optional[bool] = ..., split: _Optional[bool] = ..., finished: _Optional[bool] = ..., result: _Optional[_Union[BlackjackResult, str]] = ..., payout_micros: _Optional[int] = ...) -> None: ...

class BlackjackOutcome(_message.Message):
    __slots__ = ("hands", "dealer", "active_hand", "legal", "insurance_stake_micros", "insurance_payout_micros")
    HANDS_FIELD_NUMBER: _ClassVar[int]
    DEALER_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_HAND_FIELD_NUMBER: _ClassVar[int]
    LEGAL_FIELD_NUMBER: _ClassVar[int]
    INSURANCE_STAKE_MICROS_FIELD_NUMBER: _ClassVar[int]
    INSURANCE_PAYOUT_MICROS_FIELD_NUMBER: _ClassVar[int]
    hands: _containers.RepeatedCompositeFieldContainer[BlackjackHand]
    dealer: _containers.RepeatedScalarFieldContainer[int]
    active_hand: int
    legal: _containers.RepeatedScalarFieldContainer[BlackjackActionKind]
    insurance_stake_micros: int
    insurance_payout_micros: int
    def __init__(self, hands: _Optional[_Iterable[_Union[BlackjackHand, _Mapping]]] = ..., dealer: _Optional[_Iterable[int]] = ..., active_hand: _Optional[int] = ..., legal: _Optional[_Iterable[_Union[BlackjackActionKind, str]]] = ..., insurance_stake_micros: _Optional[int] = ..., insurance_payout_micros: _Optional[int] = ...) -> None: ...
