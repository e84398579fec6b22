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

class TransferKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSFER_KIND_UNSPECIFIED: _ClassVar[TransferKind]
    TRANSFER_KIND_DEPOSIT: _ClassVar[TransferKind]
    TRANSFER_KIND_WITHDRAWAL: _ClassVar[TransferKind]

class EntryKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTRY_KIND_UNSPECIFIED: _ClassVar[EntryKind]
    ENTRY_KIND_DEPOSIT: _ClassVar[EntryKind]
    ENTRY_KIND_WITHDRAWAL: _ClassVar[EntryKind]
    ENTRY_KIND_ROUND: _ClassVar[EntryKind]
    ENTRY_KIND_SESSION_OPENED: _ClassVar[EntryKind]
    ENTRY_KIND_SESSION_CLOSED: _ClassVar[EntryKind]
    ENTRY_KIND_SEED_ROTATED: _ClassVar[EntryKind]
    ENTRY_KIND_CLIENT_SEED_SET: _ClassVar[EntryKind]
TRANSFER_KIND_UNSPECIFIED: TransferKind
TRANSFER_KIND_DEPOSIT: TransferKind
TRANSFER_KIND_WITHDRAWAL: TransferKind
ENTRY_KIND_UNSPECIFIED: EntryKind
ENTRY_KIND_DEPOSIT: EntryKind
ENTRY_KIND_WITHDRAWAL: EntryKind
ENTRY_KIND_ROUND: EntryKind
ENTRY_KIND_SESSION_OPENED: EntryKind
ENTRY_KIND_SESSION_CLOSED: EntryKind
ENTRY_KIND_SEED_ROTATED: EntryKind
ENTRY_KIND_CLIENT_SEED_SET: EntryKind

class Wallet(_message.Message):
    __slots__ = ("name", "currency_code", "balance_micros", "revision", "chain_hash", "deposited_micros", "withdrawn_micros", "staked_micros", "paid_micros")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    BALANCE_MICROS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CHAIN_HASH_FIELD_NUMBER: _ClassVar[int]
    DEPOSITED_MICROS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_MICROS_FIELD_NUMBER: _ClassVar[int]
    STAKED_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAID_MICROS_FIELD_NUMBER: _ClassVar[int]
    name: str
    currency_code: str
    balance_micros: int
    revision: int
    chain_hash: str
    deposited_micros: int
    withdrawn_micros: int
    staked_micros: int
    paid_micros: int
    def __init__(self, name: _Optional[str] = ..., currency_code: _Optional[str] = ..., balance_micros: _Optional[int] = ..., revision: _Optional[int] = ..., chain_hash: _Optional[str] = ..., deposited_micros: _Optional[int] = ..., withdrawn_micros: _Optional[int] = ..., staked_micros: _Optional[int] = ..., paid_micros: _Optional[int] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("name", "kind", "currency_code", "amount_micros", "balance_micros", "revision", "reference", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_MICROS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: TransferKind
    currency_code: str
    amount_micros: int
    balance_micros: int
    revision: int
    reference: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[TransferKind, str]] = ..., currency_code: _Optional[str] = ..., amount_micros: _Optional[int] = ..., balance_micros: _Optional[int] = ..., revision: _Optional[int] = ..., reference: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("name", "revision", "kind", "reference_id", "step", "currency_code", "stake_micros", "payout_micros", "transfer_micros", "balance_micros", "create_time", "chain_hash", "session_id", "detail_hash", "epoch")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    STAKE_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_MICROS_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_MICROS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CHAIN_HASH_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DETAIL_HASH_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    name: str
    revision: int
    kind: EntryKind
    reference_id: str
    step: int
    currency_code: str
    stake_micros: int
    payout_micros: int
    transfer_micros: int
    balance_micros: int
    create_time: _timestamp_pb2.Timestamp
    chain_hash: str
    session_id: str
    detail_hash: str
    epoch: int
    def __init__(self, name: _Optional[str] = ..., revision: _Optional[int] = ..., kind: _Optional[_Union[EntryKind, str]] = ..., reference_id: _Optional[str] = ..., step: _Optional[int] = ..., currency_code: _Optional[str] = ..., stake_micros: _Optional[int] = ..., payout_micros: _Optional[int] = ..., transfer_micros: _Optional[int] = ..., balance_micros: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., chain_hash: _Optional[str] = ..., session_id: _Optional[str] = ..., detail_hash: _Optional[str] = ..., epoch: _Optional[int] = ...) -> None: ...

class GetWalletRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetWalletResponse(_message.Message):
    __slots__ = ("wallet",)
    WALLET_FIELD_NUMBER: _ClassVar[int]
    wallet: Wallet
    def __init__(self, wallet: _Optional[_Union[Wallet, _Mapping]] = ...) -> None: ...

class DepositRequest(_message.Message):
    __slots__ = ("wallet", "transfer_id", "amount_micros", "reference")
    WALLET_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    wallet: str
    transfer_id: str
    amount_micros: int
    reference: str
    def __init__(self, wallet: _Optional[str] = ..., transfer_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., reference: _Optional[str] = ...) -> None: ...

class DepositResponse(_message.Message):
    __slots__ = ("transfer",)
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    transfer: Transfer
    def __init__(self, transfer: _Optional[_Union[Transfer, _Mapping]] = ...) -> None: ...

class WithdrawRequest(_message.Message):
    __slots__ = ("wallet", "transfer_id", "amount_micros", "reference")
    WALLET_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    wallet: str
    transfer_id: str
    amount_micros: int
    reference: str
    def __init__(self, wallet: _Optional[str] = ..., transfer_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., reference: _Optional[str] = ...) -> None: ...

class WithdrawResponse(_message.Message):
    __slots__ = ("transfer",)
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    transfer: Transfer
    def __init__(self, transfer: _Optional[_Union[Transfer, _Mapping]] = ...) -> None: ...

class GetTransferRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetTransferResponse(_message.Message):
    __slots__ = ("transfer",)
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    transfer: Transfer
    def __init__(self, transfer: _Optional[_Union[Transfer, _Mapping]] = ...) -> None: ...

class ListTransfersRequest(_message.Message):
    __slots__ = ("wallet", "page_size", "page_token")
    WALLET_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    wallet: str
    page_size: int
    page_token: str
    def __init__(self, wallet: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTransfersResponse(_message.Message):
    __slots__ = ("transfers", "next_page_token")
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    next_page_token: str
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListEntriesRequest(_message.Message):
    __slots__ = ("wallet", "page_size", "page_token")
    WALLET_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    wallet: str
    page_size: int
    page_token: str
    def __init__(self, wallet: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEntriesResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchWalletRequest(_message.Message):
    __slots__ = ("name", "resume_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    resume_token: str
    def __init__(self, name: _Optional[str] = ..., resume_token: _Optional[str] = ...) -> None: ...

class WatchWalletResponse(_message.Message):
    __slots__ = ("entry", "resume_token")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entry: Entry
    resume_token: str
    def __init__(self, entry: _Optional[_Union[Entry, _Mapping]] = ..., resume_token: _Optional[str] = ...) -> None: ...

class GetTrialBalanceRequest(_message.Message):
    __slots__ = ("operator",)
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    operator: str
    def __init__(self, operator: _Optional[str] = ...) -> None: ...

class GetTrialBalanceResponse(_message.Message):
    __slots__ = ("balances",)
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    balances: _containers.RepeatedCompositeFieldContainer[TrialBalance]
    def __init__(self, balances: _Optional[_Iterable[_Union[TrialBalance, _Mapping]]] = ...) -> None: ...

class TrialBalance(_message.Message):
    __slots__ = ("currency_code", "wallets", "deposited_micros", "withdrawn_micros", "staked_micros", "paid_micros", "balance_micros", "drift_micros")
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    WALLETS_FIELD_NUMBER: _ClassVar[int]
    DEPOSITED_MICROS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_MICROS_FIELD_NUMBER: _ClassVar[int]
    STAKED_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAID_MICROS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_MICROS_FIELD_NUMBER: _ClassVar[int]
    DRIFT_MICROS_FIELD_NUMBER: _ClassVar[int]
    currency_code: str
    wallets: int
    deposited_micros: int
    withdrawn_micros: int
    staked_micros: int
    paid_micros: int
    balance_micros: int
    drift_micros: int
    def __init__(self, currency_code: _Optional[str] = ..., wallets: _Optional[int] = ..., deposited_micros: _Optional[int] = ..., withdrawn_micros: _Optional[int] = ..., staked_micros: _Optional[int] = ..., paid_micros: _Optional[int] = ..., balance_micros: _Optional[int] = ..., drift_micros: _Optional[int] = ...) -> None: ...
