"""The native engine. Bets, actions, outcomes and pay tables are encoded croupier.v1 messages, so nothing here knows a game family."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Never, final

class EngineError(Exception):
    """The engine refused or stopped; `message` says why. Base of all errors here."""

    message: str

class ModelError(EngineError):
    """A model file is malformed; `line` counts from 1, 0 if no line is to blame."""

    line: int

class BetError(EngineError):
    """The model does not offer this bet; `field` is the path inside it."""

    field: str

class ActionError(EngineError):
    """The round does not allow this action now."""

class StateError(EngineError):
    """A stored round cannot be resumed by this engine."""

class AmountError(EngineError):
    """An amount left the range of checked integer money."""

class RngUnhealthyError(EngineError):
    """A random source failed a health test; nothing drawn may be used."""

class NotExactError(EngineError):
    """The model has no exact figure of the kind that was asked for."""

class SqliteError(Exception):
    """SQLite refused or failed; `str()` is SQLite's own sentence."""

class SqliteConstraintError(SqliteError):
    """A row breaks a rule of the schema: a key that is there already, a CHECK."""

@final
class Connection:
    """One connection to a SQLite file. Calls from two threads wait for each other; each releases the GIL while SQLite works."""

    def __new__(cls, path: Path, /, *, read_only: bool = False, busy_ms: int = 5000, cache_kib: int = 2048) -> Connection:
        """Opens the file, which is made when first written to unless `read_only`. Raises SqliteError, at the latest with the first statement."""
    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
    def query(self, statement: str, parameters: Sequence[str | int | bytes | None] | None = None, /) -> list[tuple[Any, ...]]:
        """Runs one statement; its rows, of None, int, float, str and bytes. Raises SqliteError."""
    def execute(self, statement: str, parameters: Sequence[str | int | bytes | None] | None = None, /) -> int:
        """Runs one statement; how many rows it inserted, updated or deleted. Raises SqliteError."""
    def script(self, statements: str, /) -> None:
        """Runs several statements, separated by semicolons. Raises SqliteError."""
    def backup(self, target: Connection, pages: int, progress: Callable[[int, int], object], /) -> None:
        """Copies the whole database into `target`, `pages` at a time. `progress` gets pages left and pages in all after each step, and what it
        raises ends the copy. Raises SqliteError.
        """
    def close(self) -> None:
        """Closes the file; the last connection to close folds the log into it. Closing twice does nothing."""

@final
class WalletRows:
    """Rows of wallets in one database: read and written by batches, each in one call that releases the GIL."""

    def __new__(cls, connection: Connection, statements: Mapping[str, str], kinds: Mapping[str, int], /) -> WalletRows:
        """`kinds` has the stored number of each kind of record. `statements` are, with the parameters that they are given:
        find_wallet (operator, player, currency) for the number, read_wallet (number), read_record (kind, id, number) for the body,
        insert_wallet (the head's columns, operator, player, currency), update_wallet (the head's columns, number, expected revision),
        insert_record and replace_record (kind, id, number, body), insert_entry (number, the entry's columns).
        """
    def load(self, keys: bytes, /) -> list[bytes | None]:
        """The rows under `keys` (a list of model.Key as MessagePack), as they stood at one moment: MessagePack each, a wallet as an array of its
        columns, or None where there is no row. Raises SqliteError.
        """
    def write(self, writes: bytes, /) -> list[int]:
        """Carries out `writes` (a list of model.WalletWrite as MessagePack) in one transaction: durable when this returns. The positions of those
        whose condition did not hold; the others are applied. Raises SqliteError, after which it is not known what was applied.
        """

@final
class Model:
    """One version of a game's maths and rules, read from a TOML file. Immutable, safe to share between threads."""

    def __new__(cls, *args: Never) -> Never: ...
    @staticmethod
    def parse(text: str) -> Model:
        """Reads a model file's text; raises ModelError with the line, what is wrong and what would be right."""
    @property
    def name(self) -> str:
        """The game's id."""
    @property
    def title(self) -> str:
        """The name for people."""
    @property
    def version(self) -> int:
        """Version of this game's maths, from 1."""
    @property
    def family(self) -> str:
        """The family: "slots", "roulette", "dice" or "blackjack"."""
    @property
    def hash(self) -> bytes:
        """SHA-256 of the file, 32 bytes."""
    def play(
        self, server_seed: bytes, client_seed: str, number: int, bet: bytes, step_micros: int, /
    ) -> tuple[int, int | None, bytes, bytes]:
        """Starts round `number` (from 1).

        Returns (stake_micros, payout_micros or None while open, encoded croupier.v1.Outcome, state for `act`).
        """
    def act(
        self, server_seed: bytes, client_seed: str, number: int, bet: bytes, step_micros: int, state: bytes, action: bytes, /
    ) -> tuple[int, int | None, bytes, bytes]:
        """Takes the next step of an open round; returns what `play` returns."""
    def pay_table(self) -> bytes:
        """What the model pays, as an encoded croupier.v1.PayTable."""
    def analyse(self, threads: int, /) -> str:
        """The exact figures of every kind of bet, as JSON: the PAR sheet. Raises NotExactError where there are none."""
    def simulate(
        self, rounds: int, seed: int, threads: int, progress: Callable[[int], object] | None = None, bet: bytes | None = None, /
    ) -> str:
        """Plays `bet` (under a step of 10,000 micros; None: the reference bet) `rounds` times; return, variance and z-score as JSON.

        The same seed gives the same result on every number of threads. `progress` is called with the rounds done so far, from any thread;
        what it raises stops the run.
        """

def bench_draws(n: int, /) -> float:
    """Seconds for `n` unbiased draws below 43, on one thread."""

def bench_spins(model: Model, rounds: int, threads: int, /) -> tuple[float, int]:
    """(seconds, spins) for `rounds` whole rounds of a slots model; spins count the free ones too."""

def bench_scan(model: Model, threads: int, /) -> tuple[float, int]:
    """(seconds, combinations) for one full enumeration of every mode of a slots model."""

def encode_field(number: int, encoded: bytes, /) -> bytes:
    """A field that holds an encoded message; fields side by side make up the message around them.

    https://protobuf.dev/programming-guides/encoding/
    """

def encode_round(
    outer: int,
    wallet: str,
    currency: str,
    round_row: tuple[Any, ...],
    step_row: tuple[Any, ...],
    actions: list[bytes],
    create_time_ms: int,
    settled: bool,
    /,
) -> bytes:
    """A croupier.v1.Round as it stood after a step, as field `outer` of the message around it.

    `wallet` is the wallet's name, `round_row` and `step_row` are the rows as tuples, `actions` those up to the step. Bet, actions and outcome go in as they
    are.
    """

def chain_hash(
    previous: bytes,
    revision: int,
    epoch: int,
    kind: int,
    reference: bytes,
    session: bytes,
    step: int,
    stake: int,
    payout: int,
    transfer: int,
    balance: int,
    time_ms: int,
    detail: bytes,
    /,
) -> bytes:
    """SHA-256 over the chain hash before and the fields of an entry; ValueError or OverflowError for what does not fit."""

def digest(*parts: bytes) -> bytes:
    """SHA-256 over parts, each behind its length in four bytes, big-endian."""

def uuid7_bytes(text: str, /) -> bytes | None:
    """The 16 bytes of a UUIDv7 (RFC 9562) in its canonical text form, lower case; None for any other text."""

def entropy(n: int, /) -> bytes:
    """`n` bytes of the operating system's entropy, at most 16 MiB; raises RngUnhealthyError if a health test fails, now or before."""

def raw(n: int, /) -> bytes:
    """`n` bytes of raw generator output for test batteries, before any scaling, at most 16 MiB."""

def self_test() -> None:
    """Checks the generator against published known answers; raises RngUnhealthyError if one does not hold."""

@final
class Inbox:
    """Where hot calls wait for the owner thread, and through which its answers go back: one wake-up a batch in each direction."""

    def __new__(cls, max_calls: int, /) -> Inbox:
        """Of the calls that wait here or were taken and not answered, the door lets at most `max_calls` in."""
    @property
    def waiting(self) -> int:
        """Calls that wait here, or were taken and not answered."""
    def notify(self) -> None:
        """Something else waits for the owner. Any thread."""
    def wait(self, wanted: int, timeout_s: float | None, /) -> bool:
        """Blocks, without the GIL, until the calls that wait here and the notifications since a wait last returned true are `wanted`
        together; false at the timeout, after which those notifications still count. One thread at a time.
        """
    def fileno(self) -> int:
        """A descriptor that is readable from when a call is put here until `take`, for an event loop to watch where no thread waits. It stays
        open as long as this object. Raises OSError.
        """
    def take(self) -> list[tuple[int, int, bytes, int, str, str, str, int]]:
        """Everything that waits, oldest first: (ticket, index of the method, message, deadline in Unix ms or 0, header `authorization` or
        "", common name of the caller's certificate or "", its "ip:port", microseconds since its headers came).

        A stream asks first whether it may be opened, as a call of the method -1 - index without a message, to be answered b"" or refused.
        Calls whose caller has gone or whose deadline has passed are left out.
        """
    def answer(self, answers: list[tuple[int, bytes] | tuple[int, int, str, bytes]], /) -> None:
        """Sends (ticket, message), or (ticket, gRPC code other than 0, message for people, encoded google.rpc.Status or b""). Each ticket
        that was taken is answered once; one that nobody waits for any more is passed over. Raises TypeError and sends none if one of them
        is neither.
        """

@final
class Front:
    """The front door: serves the hot methods from their inboxes and forwards every other call to the server on a Unix socket.

    Forwarded calls carry `croupier-peer` ("ip:port") and `croupier-certificate` (common name, percent-encoded, absent without a
    certificate); headers of callers that begin with `croupier-` are taken away.
    """

    def __new__(
        cls,
        listen: str,
        backend: str,
        methods: list[tuple[str, bool, Inbox]],
        /,
        *,
        inner: str | None = None,
        shares_port: bool = False,
        tls: tuple[bytes, bytes, bytes | None] | None = None,
        refusals: dict[str, tuple[int, str, bytes]] | None = None,
        stream_overloaded: dict[str, bytes] | None = None,
        latency_bounds_us: list[int] | None = None,
        connections_max: int = 20_000,
        calls_max: int = 20_000,
        streams_max: int = 1_024,
        message_bytes_max: int = 1_048_576,
        held_bytes_max: int = 67_108_864,
        header_bytes_max: int = 16_384,
        stream_waiting_max: int = 256,
        handshake_s: float = 10.0,
        body_s: float = 20.0,
        keepalive_s: float = 30.0,
        keepalive_timeout_s: float = 20.0,
        age_s: float = 0.0,
        age_grace_s: float = 60.0,
    ) -> Front:
        """Binds "host:port" and nothing more yet; raises OSError where it is not to be had.

        `backend` is the path of the other server's Unix socket. `methods`: (path "/package.Service/Method", whether each message of a
        stream is a call of its own, inbox). `refusals`: what the door's own refusals say, by name: "overloaded", "too_large",
        "deadline_exceeded", "malformed", "encoding_unknown", "draining", "backend_unavailable".
        `inner`: a Unix socket for other doors of the same node, whose word for who calls is taken. `shares_port`: other processes may listen
        at the same port too, each for a share of the connections.
        `tls`: PEM of the chain (own certificate first), of its key, of the authorities of callers' certificates or None to ask for none.
        Raises ValueError for a certificate that is no good and for a refusal of another name.
        `stream_overloaded`: by path, what a message of a stream is answered where too many calls wait; without, the stream is not read on.
        `calls_max` bounds the calls and streams of every kind that are open, `held_bytes_max` the hot messages that wait or are arriving;
        one connection may have an eighth of it arriving.
        `latency_bounds_us` rise. `age_s` is the age at which a connection is asked to go, 0 for never; its calls then have `age_grace_s`.
        """
    @property
    def address(self) -> str:
        """Where it listens, as "ip:port"."""
    @property
    def running(self) -> bool:
        """False before the start, and once its thread has ended, be it of itself: then the process serves nobody."""
    def start(self) -> None:
        """Serves, on a thread of its own that never takes the GIL."""
    def drain(self) -> None:
        """Accepts nothing more and asks every connection to go; what runs may finish, hot streams end once what they asked is answered."""
    def stop(self, grace_s: float, /) -> bool:
        """Drains, and cuts off what is left after `grace_s`; true if nothing was. Releases the GIL meanwhile."""
    def counts(self) -> dict[str, int]:
        """connections, connections_refused, waiting (hot calls without an answer), forwarded (other calls under way), forwarded_refused."""
    def method_counts(self) -> list[tuple[str, list[int], int, dict[str, int]]]:
        """For each hot method: path, calls by latency (one bucket more than bounds, not cumulative), sum of latencies in microseconds,
        calls that the door itself ended by the refusal's name, or as "cancelled".
        """
