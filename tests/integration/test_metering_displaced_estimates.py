"""Estimates that give way to measured energy: what flowed counts once, and what they leave is not lost."""

from __future__ import annotations

import pytest

from metering.doubt import Reason
from metering.quality import ESTIMATED_BY_REFERENCE_DAY
from metering.query import total_energy
from metering.vee.document import DecisionRefused
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import QUARTER, document, reading
from tests.support.metering_intake import counts, energy, quarter, reasons, record
from tests.support.metering_vee import edit

_AN_HOUR = 4 * QUARTER


async def _watt_hours(uow_factory: UnitOfWorkFactory) -> int:
    return total_energy(await energy(uow_factory)).watt_hours


@pytest.fixture
async def estimated(uow_factory: UnitOfWorkFactory) -> UnitOfWorkFactory:
    """A meter with an estimated hour of 4 kWh."""
    guess = reading(4000, duration=_AN_HOUR, quality=ESTIMATED_BY_REFERENCE_DAY)
    await record(uow_factory, document(guess))
    return uow_factory


async def test_an_hour_that_was_measured_by_quarters_is_not_counted_again(
    estimated: UnitOfWorkFactory,
) -> None:
    quarters = [reading(1000, quarter=number) for number in range(4)]
    assert counts(await record(estimated, document(*quarters))) == (4, 0, 0, 0)
    again = await record(estimated, document(reading(4000, duration=_AN_HOUR)))
    assert (reasons(again), again.touched) == ([Reason.OVERLAP], ())
    assert await _watt_hours(estimated) == 4000
    with pytest.raises(DecisionRefused, match="count energy twice"):
        await edit(estimated, 4000, quarter=0, length=4)
    assert await _watt_hours(estimated) == 4000


async def test_a_measured_quarter_touches_the_hour_whose_estimate_it_displaces(
    estimated: UnitOfWorkFactory,
) -> None:
    result = await record(estimated, document(reading(1000, quarter=1)))
    assert [item.span for item in result.touched] == [quarter(0, 4)]
    assert await _watt_hours(estimated) == 1000


async def test_what_a_displaced_estimate_leaves_open_is_estimated_anew(estimated: UnitOfWorkFactory) -> None:
    await record(estimated, document(reading(1000, quarter=0)))
    far = reading(900, quarter=2, quality=ESTIMATED_BY_REFERENCE_DAY)
    assert counts(await record(estimated, document(far))) == (1, 0, 0, 0)
    assert await _watt_hours(estimated) == 1900
