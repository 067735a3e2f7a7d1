"""What may go wrong with a purchase."""

from __future__ import annotations

from degnode.client.models import Problem


class MarketProblem(Exception):
    """The BAP refused a request; `problem` says what is wrong, where, and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class PurchaseFailed(MarketProblem):
    """The seller refused, could not be reached or offered other terms than were quoted; or it has ended."""


class MarketUnreachable(Exception):
    """The BAP could not be reached, or broke, several times in a row."""


class StillWaiting(Exception):
    """What was waited for has not come yet; it may still come."""
