"""What an order says of itself: its identity, its standing, and the parts that people look for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kernel.clock import parse_instant

Json = dict[str, Any]

_ATTRIBUTES: Final = "beckn:orderAttributes"
_FULFILLMENT: Final = "beckn:fulfillment"
_DELIVERY: Final = "beckn:deliveryAttributes"


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
    """An order as the seller's platform stated it; unknown keys are kept."""

    document: Json

    @property
    def id(self) -> str | None:
        return _text(self.document.get("beckn:id"))

    @property
    def status(self) -> str | None:
        return _text(self.document.get("beckn:orderStatus"))

    @property
    def contract(self) -> Json | None:
        """The contract that rides in the order's attributes."""
        return _object(self.document.get(_ATTRIBUTES))

    @property
    def contract_status(self) -> str | None:
        return _text((self.contract or {}).get("contractStatus"))

    @property
    def contract_updated_at(self) -> datetime | None:
        try:
            return parse_instant(str((self.contract or {})["lastUpdated"]))
        except (KeyError, ValueError, OverflowError):
            return None

    @property
    def delivery(self) -> Json | None:
        """What has been delivered, from the attributes of the fulfilment."""
        return _object((_object(self.document.get(_FULFILLMENT)) or {}).get(_DELIVERY))

    @property
    def bill(self) -> Json:
        """The money: what the order costs, and the cycles it is settled and billed in."""
        contract = self.contract or {}
        return {
            "order_value": _object(self.document.get("beckn:orderValue")),
            "wheeling_charges": _object(contract.get("wheelingCharges")),
            "settlement_cycles": _objects(contract.get("settlementCycles")),
            "billing_cycles": _objects(contract.get("billingCycles")),
        }


def find_order(message: Mapping[str, Any]) -> Order | None:
    """Return the order that `message` carries, if it does."""
    document = _object(message.get("order"))
    return None if document is None else Order(document=document)


def _text(value: object) -> str | None:
    """Return short text that may stand in a column; PostgreSQL keeps no NUL."""
    return value if isinstance(value, str) and value.isprintable() else None


def _object(value: object) -> Json | None:
    return value if isinstance(value, dict) else None


def _objects(value: object) -> list[Json]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
