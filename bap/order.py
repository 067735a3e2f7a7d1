"""What an order says of itself: its identity, its standing, and the parts that people look for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from kernel.clock import parse_instant
from kernel.errors import NodeError
from trading.mapping import wire_of
from trading.mapping.find import Json, find_object, find_objects, find_text
from trading.mapping.parts import OrderParts

RELEASE_CANDIDATE: Final = "v2_rc"
"""The wire of an order that nothing else is known of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """When an order was stated, and when its contract had changed last by then.

    A contract that claims to change after it is told of counts as changed when it is told of.
    """

    at: datetime
    contract_updated_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.contract_updated_at is not None and self.contract_updated_at > self.at:
            object.__setattr__(self, "contract_updated_at", self.at)

    def is_older_than(self, other: Statement) -> bool:
        """Say whether `other` knows more: by the contract's own time where both have one."""
        if self.contract_updated_at is None or other.contract_updated_at is None:
            return self.at < other.at
        return (self.contract_updated_at, self.at) < (other.contract_updated_at, other.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the seller's platform stated it on the wire of `profile`; unknown keys are kept."""

    document: Json
    profile: str = RELEASE_CANDIDATE

    @property
    def id(self) -> str | None:
        return _printable(self._parts.order_id)

    @property
    def status(self) -> str | None:
        return _printable(self._parts.status)

    @property
    def contract(self) -> Json | None:
        """The contract that rides in the order's attributes."""
        return self._parts.contract

    @property
    def contract_status(self) -> str | None:
        return _printable(find_text(self.contract, "contractStatus"))

    @property
    def contract_updated_at(self) -> datetime | None:
        try:
            return parse_instant(find_text(self.contract, "lastUpdated") or "")
        except (ValueError, OverflowError):
            return None

    @property
    def delivery(self) -> Json | None:
        """What has been delivered, from the attributes of the fulfilment."""
        return self._parts.delivery

    @property
    def proposal(self) -> Json | None:
        """The newest change that a side proposed, with what became of it."""
        return self._parts.proposal

    @property
    def bill(self) -> Json:
        """The money: what the order costs, and the cycles it is settled and billed in."""
        return {
            "order_value": self._parts.value,
            "wheeling_charges": find_object(self.contract, "wheelingCharges") or None,
            "settlement_cycles": find_objects(self.contract, "settlementCycles"),
            "billing_cycles": find_objects(self.contract, "billingCycles"),
        }

    @property
    def lines(self) -> list[Order]:
        """The order taken apart into orders of one line each; itself alone, if there is one or nobody can."""
        try:
            alone = wire_of(self.profile).split_order(self.document)
        except NodeError:
            return [self]
        return [self] if len(alone) < 2 else [replace(self, document=each) for each in alone]

    @property
    def _parts(self) -> OrderParts:
        return wire_of(self.profile).find_parts(self.document)


def find_order(message: Mapping[str, Any], *, profile: str = RELEASE_CANDIDATE) -> Order | None:
    """Return the order that `message`, of the wire of `profile`, carries, if it does."""
    document = message.get(wire_of(profile).ORDER_KEY)
    return Order(document=document, profile=profile) if isinstance(document, dict) else None


def _printable(text: str | None) -> str | None:
    """Return text that may stand in a column; PostgreSQL keeps no NUL."""
    return text if text is not None and text.isprintable() else None
