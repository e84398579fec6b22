import datetime

from . import options_pb2 as _options_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATE_UNSPECIFIED: _ClassVar[NodeState]
    NODE_STATE_SERVING: _ClassVar[NodeState]
    NODE_STATE_DRAINING: _ClassVar[NodeState]
    NODE_STATE_OUT_OF_SERVICE: _ClassVar[NodeState]
    NODE_STATE_STARTING: _ClassVar[NodeState]
NODE_STATE_UNSPECIFIED: NodeState
NODE_STATE_SERVING: NodeState
NODE_STATE_DRAINING: NodeState
NODE_STATE_OUT_OF_SERVICE: NodeState
NODE_STATE_STARTING: NodeState

class Node(_message.Message):
    __slots__ = ("name", "version", "state", "reason", "start_time", "queued_calls", "rounds", "store", "disabled_games", "problems")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    QUEUED_CALLS_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    DISABLED_GAMES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    state: NodeState
    reason: str
    start_time: _timestamp_pb2.Timestamp
    queued_calls: int
    rounds: int
    store: str
    disabled_games: _containers.RepeatedCompositeFieldContainer[DisabledGame]
    problems: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., state: _Optional[_Union[NodeState, str]] = ..., reason: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., queued_calls: _Optional[int] = ..., rounds: _Optional[int] = ..., store: _Optional[str] = ..., disabled_games: _Optional[_Iterable[_Union[DisabledGame, _Mapping]]] = ..., problems: _Optional[_Iterable[str]] = ...) -> None: ...

class DisabledGame(_message.Message):
    __slots__ = ("game", "reason", "disable_time", "actor")
    GAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DISABLE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    game: str
    reason: str
    disable_time: _timestamp_pb2.Timestamp
    actor: str
    def __init__(self, game: _Optional[str] = ..., reason: _Optional[str] = ..., disable_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ...) -> None: ...

class GetNodeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetNodeResponse(_message.Message):
    __slots__ = ("node",)
    NODE_FIELD_NUMBER: _ClassVar[int]
    node: Node
    def __init__(self, node: _Optional[_Union[Node, _Mapping]] = ...) -> None: ...

class DrainNodeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DrainNodeResponse(_message.Message):
    __slots__ = ("node",)
    NODE_FIELD_NUMBER: _ClassVar[int]
    node: Node
    def __init__(self, node: _Optional[_Union[Node, _Mapping]] = ...) -> None: ...

class EnableGameRequest(_message.Message):
    __slots__ = ("game",)
    GAME_FIELD_NUMBER: _ClassVar[int]
    game: str
    def __init__(self, game: _Optional[str] = ...) -> None: ...

class EnableGameResponse(_message.Message):
    __slots__ = ("disabled_games",)
    DISABLED_GAMES_FIELD_NUMBER: _ClassVar[int]
    disabled_games: _containers.RepeatedCompositeFieldContainer[DisabledGame]
    def __init__(self, disabled_games: _Optional[_Iterable[_Union[DisabledGame, _Mapping]]] = ...) -> None: ...

class DisableGameRequest(_message.Message):
    __slots__ = ("game", "reason")
    GAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    game: str
    reason: str
    def __init__(self, game: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DisableGameResponse(_message.Message):
    __slots__ = ("disabled_games",)
    DISABLED_GAMES_FIELD_NUMBER: _ClassVar[int]
    disabled_games: _containers.RepeatedCompositeFieldContainer[DisabledGame]
    def __init__(self, disabled_games: _Optional[_Iterable[_Union[DisabledGame, _Mapping]]] = ...) -> None: ...
