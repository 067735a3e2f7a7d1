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


def require_earlier(is_there: bool, *, files: object) -> None:
    """Refuse where contracts began before the day and no reading did. Raises: DataInvalid."""
    if not is_there:
        raise DataInvalid(
            "contracts began before the day, and there are no readings of that time",
            path=str(files),
            hint="Give the files of the earlier days, too: what is left of a quantity depends on them.",
        )


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
