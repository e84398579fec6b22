"""An independent second evaluator of every family, in plain Python.

From a model, a revealed seed, a bet and actions it gives the outcome and its money.

It was written from docs/fairness.md, docs/models.md and proto/, shares no code with the engine, and is compared with it in tests/golden.
"""

from .blackjack import total_of
from .evaluation import Evaluation, NotOffered
from .ledger import chain_hash, round_detail, verify_ledger
from .report import VerifyReport, evaluate, verify_round

__all__ = [
    "Evaluation",
    "NotOffered",
    "VerifyReport",
    "chain_hash",
    "evaluate",
    "round_detail",
    "total_of",
    "verify_ledger",
    "verify_round",
]
