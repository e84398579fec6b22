"""What a decision refuses for its size, its age or its number: the part of the settings that operations know."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True):
    """What a decision refuses."""

    max_stake_micros: int = 10_000_000_000
    """Of a whole round, its steps included, in micros."""
    max_transfer_micros: int = 1_000_000_000_000
    max_balance_micros: int = 1_000_000_000_000_000
    dedupe_window_ms: int = 30 * 24 * 3_600_000
    """Ids older than this are refused, so that no id can be forgotten and used again."""
    clock_ahead_ms: int = 300_000
    """Ids further ahead than this are refused."""
    seed_max_rounds: int = 10_000
    """Rounds under one server seed; after the last of them it rotates by itself (R3)."""
    seed_max_age_ms: int = 24 * 3_600_000
    """Age of a server seed; after the first round that is settled at this age or later it rotates by itself (R3)."""
    epoch_max_entries: int = 10_000
    """Entries in one epoch of a wallet."""
