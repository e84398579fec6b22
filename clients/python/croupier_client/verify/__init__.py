"""An independent second evaluator of every family, in plain Python.

From a model, a revealed seed, a bet and actions it gives the outcome and its money.

It was written from docs/fairness.md, docs/models.md and proto/, shares no code with the engine, and is compared with it in tests/golden.
"""

from .blackjack import total_of
from .evaluation import Evaluation, NotOffered
from .report import VerifyReport, evaluate, verify_round

__all__ = ["Evaluation", "NotOffered", "VerifyReport", "evaluate", "total_of", "verify_round"]
