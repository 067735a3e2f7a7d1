"""From documents to energy: directions, tiers, registers, edges of windows."""

from __future__ import annotations

from datetime import timedelta

from kernel.interval import Interval
from metering.doubt import Reason
from metering.quality import DERIVED, VALID
from metering.query import (
    total_energy,
)
from metering.sep.writer import (
    write_mirror_usage_point,
)
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DELTA_EXPORT,
    EXPORT_REGISTER,
    MIDNIGHT,
    START,
    SUMMATION,
    document,
    meter,
    reading,
    register,
    stand,
)
from tests.support.metering_intake import (
    EXPORT,
    counts,
    energy,
    quarter,
    reasons,
    record,
)


async def test_import_and_export_are_kept_apart(uow_factory: UnitOfWorkFactory) -> None:
    house = meter(register([reading(10)]), register([reading(3)], mrid=EXPORT_REGISTER, kind=DELTA_EXPORT))
    await record(uow_factory, write_mirror_usage_point(house))
    assert total_energy(await energy(uow_factory)).watt_hours == 10
    assert total_energy(await energy(uow_factory, direction=EXPORT)).watt_hours == 3


async def test_tiers_that_share_a_start_are_all_kept(uow_factory: UnitOfWorkFactory) -> None:
    tiers = [reading(1, tou_tier=1), reading(2, tou_tier=2), reading(4, tou_tier=3)]
    assert counts(await record(uow_factory, document(*tiers))) == (3, 0, 0, 0)
    assert counts(await record(uow_factory, document(reading(7)))) == (0, 0, 0, 1)
    (interval,) = await energy(uow_factory)
    assert interval.energy.watt_hours == 7


async def test_a_registers_stands_become_energy_in_whatever_order_they_come(
    uow_factory: UnitOfWorkFactory,
) -> None:
    for raw in (
        document(stand(1500, quarter=6), stand(1000, quarter=0), kind=SUMMATION),
        document(stand(1600, quarter=8), kind=SUMMATION),
        document(stand(1100, quarter=2), kind=SUMMATION),
    ):
        result = await record(uow_factory, raw)
        assert not result.quarantined
    assert [item.span for item in result.touched] == [quarter(0, 6)]
    intervals = await energy(uow_factory)
    assert [(item.period, item.energy.watt_hours) for item in intervals] == [
        (quarter(0, 2), 100), (quarter(2, 4), 400), (quarter(6, 2), 100),
    ]  # fmt: skip
    inside = await energy(uow_factory, quarter(3))
    assert [(item.period, item.energy.watt_hours) for item in inside] == [(quarter(3), 100)]


async def test_a_register_that_falls_does_not_move_the_base(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, document(stand(1000, quarter=0), kind=SUMMATION))
    fallen = await record(uow_factory, document(stand(0, quarter=50), kind=SUMMATION))
    assert (reasons(fallen), fallen.touched) == ([Reason.REGISTER_FELL], ())
    recovered = await record(uow_factory, document(stand(1010, quarter=90), kind=SUMMATION))
    assert counts(recovered) == (1, 0, 0, 0)
    assert total_energy(await energy(uow_factory)).watt_hours == 10


async def test_interval_energy_is_preferred_to_a_second_register(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, document(reading(10), reading(30, quarter=2)))
    stands = [stand(total, quarter=number) for number, total in enumerate((0, 11, 32, 63))]
    await record(uow_factory, document(*stands, kind=SUMMATION, mrid="0A"))
    intervals = await energy(uow_factory)
    assert [item.energy.watt_hours for item in intervals] == [10, 21, 30]
    middle = Interval(MIDNIGHT + timedelta(minutes=10), MIDNIGHT + timedelta(minutes=20))
    assert [item.energy.watt_hours for item in await energy(uow_factory, middle)] == [4, 7]


async def test_an_interval_across_the_windows_edge_is_prorated(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, document(reading(10, quality=VALID)))
    halves = [
        Interval(MIDNIGHT, MIDNIGHT + timedelta(seconds=600)),
        Interval(MIDNIGHT + timedelta(seconds=600), MIDNIGHT + timedelta(days=1)),
    ]
    parts = [item for half in halves for item in await energy(uow_factory, half)]
    assert [(item.energy.watt_hours, item.quality) for item in parts] == [
        (6, VALID | DERIVED),
        (4, VALID | DERIVED),
    ]


async def test_a_long_interval_is_found_from_any_window_inside(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, document(reading(3000, start=START - 30 * 86_400, duration=30 * 86_400)))
    inside = Interval(MIDNIGHT - timedelta(days=20), MIDNIGHT - timedelta(days=19))
    assert total_energy(await energy(uow_factory, inside)).watt_hours == 100
    overlapping = await record(uow_factory, document(reading(1, start=START - 86_400)))
    assert reasons(overlapping) == [Reason.OVERLAP]


async def test_a_meter_that_never_reported_has_no_energy(uow_factory: UnitOfWorkFactory) -> None:
    assert await energy(uow_factory, meter="ABCDEF") == []
