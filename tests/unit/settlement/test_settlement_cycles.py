"""Settlement cycles: their ends on the wire, and the way they go."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from settlement.cycles import (
    CycleEvent,
    CycleStatus,
    CycleTransitionInvalid,
    SettlementCycle,
    next_cycle_status,
)
from tests.support.agreements import WINDOW, between

LEGAL = {
    (CycleStatus.PENDING, CycleEvent.POSTED): CycleStatus.SETTLED,
    (CycleStatus.PENDING, CycleEvent.GIVEN_UP): CycleStatus.FAILED,
    (CycleStatus.FAILED, CycleEvent.REQUEUED): CycleStatus.PENDING,
}


@pytest.mark.parametrize("status", CycleStatus)
@pytest.mark.parametrize("event", CycleEvent)
def test_a_cycle_goes_the_ways_of_the_table_and_no_other(status: CycleStatus, event: CycleEvent) -> None:
    if (status, event) in LEGAL:
        assert next_cycle_status(status, event) is LEGAL[status, event]
        return
    with pytest.raises(CycleTransitionInvalid, match=f"that is {status} cannot be {event}") as refused:
        next_cycle_status(status, event)
    assert refused.value.http_status == 409


def test_on_the_wire_a_cycle_ends_with_its_last_second() -> None:
    cycle = SettlementCycle(
        contract_id="contract-1",
        cycle_id="settle-2024-10-04-001",
        period=between("2024-10-04T00:00:00Z", "2024-10-05T00:00:00Z"),
        metered=WINDOW,
        status=CycleStatus.PENDING,
        amount=Money.zero(Currency("USD")),
        delivered=Energy(0),
    )
    assert cycle.wire_start == datetime(2024, 10, 4, tzinfo=UTC)
    assert cycle.wire_end == datetime(2024, 10, 4, 23, 59, 59, tzinfo=UTC)
    assert not cycle.is_settled
    assert cycle.run == 1
