"""What a utility says of a trade unasked: a performance of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trading.mapping.find import Json, find, find_object, find_objects


def write_statement(contract: Mapping[str, Any], bag: Mapping[str, Any], *, meter: str) -> Json:
    """Return a contract with what is said of it; the provider's `meter` has no place there."""
    del meter
    said = {
        "id": f"statement-{contract['id']}",
        "commitmentIds": [find(contract, "commitments", 0, "id")],
        "status": {"code": bag["deliveryStatus"]},
        "performanceAttributes": dict(bag),
    }
    return dict(contract) | {"performance": [*find_objects(contract, "performance"), said]}


def find_statements(contract: Mapping[str, Any]) -> list[Json]:
    """Return where something may be said of a contract's delivery."""
    return [find_object(entry, "performanceAttributes") for entry in find_objects(contract, "performance")]
