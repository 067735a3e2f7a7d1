"""Both sides of many contracts over time, by a rule that sees all of their meters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.allocation.joint import allocate_jointly
from settlement.allocation.rules import AllocationInvalid, AllocationRule, AppliedRule
from settlement.allocation.series import Allocated, Entitlement, Series, in_order, watt_hours_by_period
from settlement.allocation.trades import Trade
from settlement.side import MeteredInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a contract may take, and from which meter to which."""

    entitlement: Entitlement
    source: str
    target: str

    @property
    def contract_id(self) -> str:
        return self.entitlement.contract_id


def share_jointly(
    deliveries: Collection[Delivery],
    *,
    exported: Mapping[str, Series],
    imported: Mapping[str, Series],
    rule: AllocationRule,
) -> dict[str, Allocated]:
    """Return what each contract is given by both of its meters alike, by its id, in order of time.

    A contract has every interval within its window that any meter reported, those of nought too.
    Raises: AllocationInvalid, if the meters do not count by the same intervals or a contract comes twice;
    ReadingsInvalid.
    """
    given: dict[str, list[MeteredInterval]] = {each.contract_id: [] for each in deliveries}
    if len(given) < len(deliveries):
        raise AllocationInvalid("a contract trades twice")
    taken = dict.fromkeys(given, 0)
    exports, imports = _by_meter(exported), _by_meter(imported)
    for period in _grid([*exports.values(), *imports.values()]):
        running = [each for each in deliveries if _lies_within(period, each.entitlement.window)]
        settled = allocate_jointly(
            [_trade(each, period, taken[each.contract_id]) for each in running],
            exported={meter: of_meter.get(period, 0) for meter, of_meter in exports.items()},
            imported={meter: of_meter.get(period, 0) for meter, of_meter in imports.items()},
            rule=rule,
        )
        for contract_id, watt_hours in settled.items():
            taken[contract_id] += watt_hours
            given[contract_id].append((period, Energy(watt_hours)))
    return {
        contract_id: Allocated(applied=AppliedRule.of(rule), intervals=tuple(intervals))
        for contract_id, intervals in given.items()
    }


def _by_meter(metered: Mapping[str, Series]) -> dict[str, Mapping[Interval, int]]:
    return {meter: watt_hours_by_period(in_order(series)) for meter, series in metered.items()}


def _grid(of_meters: Collection[Mapping[Interval, int]]) -> list[Interval]:
    periods = sorted({period for of_meter in of_meters for period in of_meter})
    for earlier, later in pairwise(periods):
        if earlier.overlaps(later):
            raise AllocationInvalid(
                f"meters do not count by the same intervals from {later.start.isoformat()} on"
            )
    return periods


def _lies_within(period: Interval, window: Interval) -> bool:
    return window.start <= period.start and period.end <= window.end


def _trade(delivery: Delivery, period: Interval, taken: int) -> Trade:
    entitlement = delivery.entitlement
    return Trade(
        contract_id=delivery.contract_id,
        source=delivery.source,
        target=delivery.target,
        watt_hours=entitlement.quantity.ask(period, taken),
        traded_at=entitlement.traded_at,
    )
