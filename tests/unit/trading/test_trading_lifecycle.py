"""The life cycle of a contract: the whole table, and nothing but the table."""

from __future__ import annotations

from itertools import product

import pytest

from trading.lifecycle import (
    FINAL,
    NEXT,
    ContractEvent,
    ContractStatus,
    StateTransitionInvalid,
    next_status,
)

EXPECTED = {
    ("PENDING", "CONFIRM"): "ACTIVE",
    ("PENDING", "CANCEL"): "TERMINATED",
    ("PENDING", "EXPIRE"): "TERMINATED",
    ("PENDING", "FAIL"): "TERMINATED",
    ("ACTIVE", "COMPLETE"): "COMPLETED",
    ("ACTIVE", "CANCEL"): "TERMINATED",
    ("ACTIVE", "FAIL"): "TERMINATED",
}


@pytest.mark.parametrize(("status", "event"), list(product(ContractStatus, ContractEvent)))
def test_every_event_does_what_the_table_says_or_is_refused(
    status: ContractStatus, event: ContractEvent
) -> None:
    expected = EXPECTED.get((status.value, event.value))
    if expected is not None:
        assert next_status(status, event) == expected
        return
    with pytest.raises(StateTransitionInvalid) as refused:
        next_status(status, event)
    assert refused.value.http_status == 409
    assert refused.value.code == "BIZ_INVALID_STATE_TRANSITION"


def test_nothing_leads_out_of_a_final_state() -> None:
    assert not any(status in FINAL for status, _ in NEXT)


def test_a_refusal_says_what_is_possible() -> None:
    with pytest.raises(StateTransitionInvalid, match="Possible now: COMPLETE, CANCEL, FAIL"):
        next_status(ContractStatus.ACTIVE, ContractEvent.CONFIRM)
    with pytest.raises(StateTransitionInvalid, match="COMPLETED is final"):
        next_status(ContractStatus.COMPLETED, ContractEvent.CANCEL)
