"""What a rule finds, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from metering.vee.evidence import Evidence


class Severity(StrEnum):
    """How much a finding matters.

    Source: Oracle Utilities' VEE: information only; an issue, which blocks at the end; terminate, after
    which no further rule is asked.
    """

    INFO = "info"
    ISSUE = "issue"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong from `start` to `end`, in a sentence with its numbers.

    Units: seconds since 1970 UTC; one instant where both are the same.
    """

    start: int
    end: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A flaw, with the rule that found it and how much that rule matters on that day."""

    rule: str
    severity: Severity
    flaw: Flaw


Settings = Mapping[str, int]
"""The parameters of one rule: whole numbers, each with its unit in its name."""

Check = Callable[[Evidence, Settings], Iterable[Flaw]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with what it is unless somebody says otherwise; the source is in its check's docstring."""

    code: str
    severity: Severity
    check: Check
    settings: Settings

    @property
    def meaning(self) -> str:
        """What the rule says, in one line."""
        return (self.check.__doc__ or "").strip().splitlines()[0]

    @property
    def source(self) -> str:
        """Where the rule comes from."""
        lines = [line.strip() for line in (self.check.__doc__ or "").splitlines()]
        return next((line.removeprefix("Source: ") for line in lines if line.startswith("Source: ")), "")
