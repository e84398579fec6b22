import datetime

from . import errors_pb2 as _errors_pb2
from . import games_pb2 as _games_pb2
from . import options_pb2 as _options_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RoundState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROUND_STATE_UNSPECIFIED: _ClassVar[RoundState]
    ROUND_STATE_OPEN: _ClassVar[RoundState]
    ROUND_STATE_SETTLED: _ClassVar[RoundState]
ROUND_STATE_UNSPECIFIED: RoundState
ROUND_STATE_OPEN: RoundState
ROUND_STATE_SETTLED: RoundState

class Round(_message.Message):
    __slots__ = ("name", "session_id", "number", "model", "state", "step", "bet", "actions", "outcome", "currency_code", "stake_micros", "payout_micros", "balance_before_micros", "balance_micros", "revision", "seed_number", "server_seed_hash", "client_seed", "create_time", "settle_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    BET_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    STAKE_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_MICROS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_BEFORE_MICROS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_MICROS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SEED_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SERVER_SEED_HASH_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SEED_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SETTLE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    session_id: str
    number: int
    model: str
    state: RoundState
    step: int
    bet: _games_pb2.Bet
    actions: _containers.RepeatedCompositeFieldContainer[_games_pb2.Action]
    outcome: _games_pb2.Outcome
    currency_code: str
    stake_micros: int
    payout_micros: int
    balance_before_micros: int
    balance_micros: int
    revision: int
    seed_number: int
    server_seed_hash: str
    client_seed: str
    create_time: _timestamp_pb2.Timestamp
    settle_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., session_id: _Optional[str] = ..., number: _Optional[int] = ..., model: _Optional[str] = ..., state: _Optional[_Union[RoundState, str]] = ..., step: _Optional[int] = ..., bet: _Optional[_Union[_games_pb2.Bet, _Mapping]] = ..., actions: _Optional[_Iterable[_Union[_games_pb2.Action, _Mapping]]] = ..., outcome: _Optional[_Union[_games_pb2.Outcome, _Mapping]] = ..., currency_code: _Optional[str] = ..., stake_micros: _Optional[int] = ..., payout_micros: _Optional[int] = ..., balance_before_micros: _Optional[int] = ..., balance_micros: _Optional[int] = ..., revision: _Optional[int] = ..., seed_number: _Optional[int] = ..., server_seed_hash: _Optional[str] = ..., client_seed: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., settle_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PlayRequest(_message.Message):
    __slots__ = ("session", "round_id", "bet")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ROUND_ID_FIELD_NUMBER: _ClassVar[int]
    BET_FIELD_NUMBER: _ClassVar[int]
    session: str
    round_id: str
    bet: _games_pb2.Bet
    def __init__(self, session: _Optional[str] = ..., round_id: _Optional[str] = ..., bet: _Optional[_Union[_games_pb2.Bet, _Mapping]] = ...) -> None: ...

class PlayResponse(_message.Message):
    __slots__ = ("round",)
    ROUND_FIELD_NUMBER: _ClassVar[int]
    round: Round
    def __init__(self, round: _Optional[_Union[Round, _Mapping]] = ...) -> None: ...

class ActRequest(_message.Message):
    __slots__ = ("round", "step", "action")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    round: str
    step: int
    action: _games_pb2.Action
    def __init__(self, round: _Optional[str] = ..., step: _Optional[int] = ..., action: _Optional[_Union[_games_pb2.Action, _Mapping]] = ...) -> None: ...

class ActResponse(_message.Message):
    __slots__ = ("round",)
    ROUND_FIELD_NUMBER: _ClassVar[int]
    round: Round
    def __init__(self, round: _Optional[_Union[Round, _Mapping]] = ...) -> None: ...

class PlayBatchRequest(_message.Message):
    __slots__ = ("plays",)
    PLAYS_FIELD_NUMBER: _ClassVar[int]
    plays: _containers.RepeatedCompositeFieldContainer[PlayRequest]
    def __init__(self, plays: _Optional[_Iterable[_Union[PlayRequest, _Mapping]]] = ...) -> None: ...

class PlayBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[PlayResult]
    def __init__(self, results: _Optional[_Iterable[_Union[PlayResult, _Mapping]]] = ...) -> None: ...

class PlayResult(_message.Message):
    __slots__ = ("round", "refusal")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    round: Round
    refusal: _errors_pb2.Refusal
    def __init__(self, round: _Optional[_Union[Round, _Mapping]] = ..., refusal: _Optional[_Union[_errors_pb2.Refusal, _Mapping]] = ...) -> None: ...

class PlayStreamRequest(_message.Message):
    __slots__ = ("play",)
    PLAY_FIELD_NUMBER: _ClassVar[int]
    play: PlayRequest
    def __init__(self, play: _Optional[_Union[PlayRequest, _Mapping]] = ...) -> None: ...

class PlayStreamResponse(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: PlayResult
    def __init__(self, result: _Optional[_Union[PlayResult, _Mapping]] = ...) -> None: ...

class GetRoundRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetRoundResponse(_message.Message):
    __slots__ = ("round",)
    ROUND_FIELD_NUMBER: _ClassVar[int]
    round: Round
    def __init__(self, round: _Optional[_Union[Round, _Mapping]] = ...) -> None: ...

class GetOpenRoundRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class GetOpenRoundResponse(_message.Message):
    __slots__ = ("round",)
    ROUND_FIELD_NUMBER: _ClassVar[int]
    round: Round
    def __init__(self, round: _Optional[_Union[Round, _Mapping]] = ...) -> None: ...

class ListRoundsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRoundsResponse(_message.Message):
    __slots__ = ("rounds", "next_page_token")
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rounds: _containers.RepeatedCompositeFieldContainer[Round]
    next_page_token: str
    def __init__(self, rounds: _Optional[_Iterable[_Union[Round, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class VerifyRoundRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class VerifyRoundResponse(_message.Message):
    __slots__ = ("matches", "difference", "recomputed", "recomputed_stake_micros", "recomputed_payout_micros", "server_seed", "client_seed", "number")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    RECOMPUTED_FIELD_NUMBER: _ClassVar[int]
    RECOMPUTED_STAKE_MICROS_FIELD_NUMBER: _ClassVar[int]
    RECOMPUTED_PAYOUT_MICROS_FIELD_NUMBER: _ClassVar[int]
    SERVER_SEED_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SEED_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    matches: bool
    difference: str
    recomputed: _games_pb2.Outcome
    recomputed_stake_micros: int
    recomputed_payout_micros: int
    server_seed: str
    client_seed: str
    number: int
    def __init__(self, matches: _Optional[bool] = ..., difference: _Optional[str] = ..., recomputed: _Optional[_Union[_games_pb2.Outcome, _Mapping]] = ..., recomputed_stake_micros: _Optional[int] = ..., recomputed_payout_micros: _Optional[int] = ..., server_seed: _Optional[str] = ..., client_seed: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...
