"""How the catalogue file says that a resource's meter serves several contracts, and what it may not say."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from bpp.catalog_file.entry import Entry

Share = Annotated[Decimal, Field(gt=0, le=100, decimal_places=6)]
"""Per cent of a meter."""


class SharingRule(StrEnum):
    """The rules by which this node shares out what a producer's meter exports."""

    FIFO = "FIFO"
    STATIC_KEY = "STATIC_KEY"


class SharingEntry(Entry):
    """How the meter of a resource serves several contracts at one time."""

    rule: Annotated[
        SharingRule, BeforeValidator(lambda word: word.upper() if isinstance(word, str) else word)
    ]


def check_share(rule: SharingRule, share_percent: Decimal | None) -> None:
    """Let an offer have a share of the meter under STATIC_KEY, and only there. Raises: ValueError."""
    if rule is SharingRule.STATIC_KEY and share_percent is None:
        raise ValueError("each offer of a resource that is shared by STATIC_KEY needs a share_percent")
    if rule is SharingRule.FIFO and share_percent is not None:
        raise ValueError(
            "share_percent needs `sharing: {rule: STATIC_KEY}` of the resource, which is served first in, "
            "first out"
        )
