"""What is wrong with data that was handed in: the file, the row and the column, and why."""

from __future__ import annotations

from kernel.errors import NodeError


class DataInvalid(NodeError):
    """Readings or contracts that cannot be settled; `path` is the place, like `day.parquet, row 7, start`."""

    code, http_status, retryable = "SETTLEMENT_DATA_INVALID", 422, False


class EngineUnavailable(NodeError):
    """An engine needs what is not installed or not said."""

    code, http_status, retryable = "SETTLEMENT_ENGINE_UNAVAILABLE", 501, False


class EnergyTooLarge(NodeError):
    """A sum of watt-hours might leave 64 bits, in which some engines would go on with a wrong number."""

    code, http_status, retryable = "SETTLEMENT_ENERGY_TOO_LARGE", 422, False


MOST_WATT_HOURS = 2**63
"""What no sum may reach. Units: Wh."""


def check_sum(largest: int, count: int, *, what: str) -> None:
    """Refuse where `count` numbers of at most `largest` Wh might add up to more than an engine can hold.

    Raises: EnergyTooLarge.
    """
    if largest * count >= MOST_WATT_HOURS:
        raise EnergyTooLarge(
            f"{count} {what} of up to {largest} Wh may add up to more than 2^63 Wh",
            hint="Settle them in parts.",
        )
