"""What flowed, as the demo shows it: the readings of both meters side by side, or of a session's plug."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from degnode.demo.app import Json

_MOST_ROWS: Final = 12
_NOUGHT: Final = Decimal(0)


def delivered_in(transaction: Json) -> Decimal:
    """Return what was delivered by what the buyer's platform knows. Units: kWh."""
    delivery = transaction["delivery"]
    delivered: Decimal = delivery.get("deliveredQuantity", delivery.get("meteredEnergyKWh", _NOUGHT))
    return delivered


def readings_of(transaction: Json) -> list[Json]:
    """Return the readings, each with its `energyFlow` since the one before; of a session its plug's."""
    delivery = transaction["delivery"]
    if "meterReadings" in delivery:
        readings: list[Json] = delivery["meterReadings"]
        return readings
    return list(_of_session(transaction["contract"]["tradeStartTime"], delivery.get("chargingTelemetry", [])))


def _of_session(start: str, telemetry: Sequence[Json]) -> Iterator[Json]:
    stands = [(start, _NOUGHT), *((event["eventTime"], _energy_in(event)) for event in telemetry)]
    yield _row(start, _NOUGHT, _NOUGHT)
    for (_, before), (at, stand) in pairwise(stands):
        yield _row(at, stand, stand - before)


def _row(at: str, stand: Decimal, flow: Decimal) -> Json:
    return {"timestamp": at, "sourceReading": stand, "targetReading": stand, "energyFlow": flow}


def _energy_in(event: Json) -> Decimal:
    """Return the energy since the session's start that an event tells of. Units: kWh."""
    return next((Decimal(each["value"]) for each in event["metrics"] if each["name"] == "ENERGY"), _NOUGHT)


def as_kwh(energy: Decimal) -> str:
    """Return an amount to the watt-hour, so that one stands below the other."""
    return f"{energy:.3f}"


def thinned(readings: Sequence[Json]) -> list[Json]:
    """Return a dozen rows at most, the first and the last among them: each flow since the row before."""
    first, later = readings[:1], readings[1:]
    size = max(1, -(-len(later) // (_MOST_ROWS - 1)))
    begin = len(later) % size
    groups = [later[:begin]] * bool(begin) + [later[at : at + size] for at in range(begin, len(later), size)]
    flows = (sum((row["energyFlow"] for row in group), _NOUGHT) for group in groups)
    return [
        *first,
        *({**group[-1], "energyFlow": flow} for group, flow in zip(groups, flows, strict=True)),
    ]
