"""Whose a meter is, what is kept of it, and many documents of it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from metering.documents import MirrorMeterReadings
from metering.doubt import Reason
from metering.ingest import record_mirror_document, record_submission
from metering.query import (
    MeterAmbiguous,
    total_energy,
)
from metering.sep.elements import (
    MeterDocumentMalformed,
)
from metering.sep.writer import (
    write_mirror_meter_reading,
    write_mirror_meter_reading_list,
    write_mirror_usage_point,
)
from metering.submission import Submission
from metering.tables import APPEND_ONLY
from metering.usage_point import UsagePointForeign, UsagePointUnknown
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    NOW,
    day_of_readings,
    document,
    meter,
    reading,
    register,
)
from tests.support.metering_intake import (
    counts,
    energy,
    quarter,
    reasons,
    record,
    rows,
)


async def test_a_meter_may_be_registered_without_readings_and_told_more_later(
    uow_factory: UnitOfWorkFactory,
) -> None:
    created = await record(uow_factory, write_mirror_usage_point(meter()))
    assert (created.created, counts(created)) == (True, (0, 0, 0, 0))
    unknown = write_mirror_meter_reading(register([reading(10)], kind=None))
    first = await record(uow_factory, unknown, usage_point=created.usage_point)
    assert reasons(first) == [Reason.NO_READING_TYPE]
    typed = await record(uow_factory, write_mirror_usage_point(meter(register([]))))
    assert (typed.created, typed.usage_point) == (False, created.usage_point)
    several = [register([reading(20, quarter=1)], kind=None), register([reading(30, quarter=2)], kind=None)]
    second = await record(
        uow_factory, write_mirror_meter_reading_list(several), usage_point=created.usage_point
    )
    assert counts(second) == (2, 0, 0, 0)
    assert counts(await record(uow_factory, unknown, usage_point=created.usage_point)) == (1, 0, 0, 0)
    assert total_energy(await energy(uow_factory)).watt_hours == 60


async def test_a_meter_belongs_to_who_registered_it(uow_factory: UnitOfWorkFactory) -> None:
    point = (await record(uow_factory, document(reading(10)))).usage_point
    alone = write_mirror_meter_reading(register([reading(99)], kind=None))
    with pytest.raises(UsagePointForeign):
        await record(uow_factory, document(reading(99)), sender="somebody else")
    with pytest.raises(UsagePointForeign):
        await record(uow_factory, alone, sender="somebody else", usage_point=point)
    for nobody in (point + 1, 2**63, -1):
        with pytest.raises(UsagePointUnknown):
            await record(uow_factory, alone, usage_point=nobody)
    with pytest.raises(MeterDocumentMalformed):
        await record(uow_factory, document(reading(99)), usage_point=point)
    assert total_energy(await energy(uow_factory)).watt_hours == 10


async def test_two_devices_may_use_one_mrid_but_then_it_must_be_said_which(
    uow_factory: UnitOfWorkFactory,
) -> None:
    for lfdi, value in (("AA" * 20, 1), ("BB" * 20, 2)):
        raw = write_mirror_usage_point(meter(register([reading(value)]), lfdi=lfdi))
        assert (await record(uow_factory, raw, sender=lfdi)).created
    with pytest.raises(MeterAmbiguous):
        await energy(uow_factory)
    assert total_energy(await energy(uow_factory, device_lfdi="bb" * 20)).watt_hours == 2


async def test_what_is_said_of_a_meter_is_kept_up_to_date(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, write_mirror_usage_point(meter()))
    await record(uow_factory, write_mirror_usage_point(replace(meter(), role_flags=1, description="roof")))
    async with uow_factory() as uow:
        row = (
            await uow.connection.execute(text("SELECT role_flags, description FROM meter_usage_points"))
        ).one()
    assert tuple(row) == (1, "roof")


@pytest.mark.parametrize("table", [table.name for table in APPEND_ONLY])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_what_was_received_cannot_be_changed(
    uow_factory: UnitOfWorkFactory, table: str, change: str
) -> None:
    await record(uow_factory, document(reading(1)))
    column = "watt_hours" if table == "meter_readings" else "id"
    with pytest.raises(DBAPIError, match="append-only"):
        async with uow_factory() as uow:
            await uow.connection.execute(text(change.format(table, column)))


async def test_identical_documents_at_once_give_one_set_of_rows(uow_factory: UnitOfWorkFactory) -> None:
    raw = document(*day_of_readings())
    results = await asyncio.gather(*(record(uow_factory, raw) for _ in range(8)))
    assert sorted(counts(item) for item in results) == [(0, 96, 0, 0)] * 7 + [(96, 0, 0, 0)]
    assert sum(item.created for item in results) == 1
    assert (await rows(uow_factory)) == {
        "meter_usage_points": 1, "meter_documents": 1, "meter_registers": 1, "meter_reading_types": 1,
        "meter_channels": 1, "meter_readings": 96, "meter_quarantined_readings": 0,
    }  # fmt: skip


async def test_different_documents_at_once_are_judged_one_after_the_other(
    uow_factory: UnitOfWorkFactory,
) -> None:
    raws = [document(reading(10 + number), reading(5, quarter=number + 1)) for number in range(8)]
    results = await asyncio.gather(*(record(uow_factory, raw) for raw in raws))
    assert sorted(item.revised for item in results) == [0] + [1] * 7
    first = (await energy(uow_factory))[0]
    assert first.revision == 7
    assert total_energy(await energy(uow_factory, quarter(1, 8))).watt_hours == 40


async def test_nothing_stays_of_a_document_whose_unit_of_work_fails(uow_factory: UnitOfWorkFactory) -> None:
    async def fail(raws: Iterable[bytes]) -> None:
        async with uow_factory() as uow:
            for raw in raws:
                await record_mirror_document(raw, uow=uow, now=NOW, sender="utility")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await fail([document(*day_of_readings())])
    assert set((await rows(uow_factory)).values()) == {0}


LFDI = "AB" * 20


@pytest.mark.parametrize("by_number", [False, True])
async def test_a_device_takes_over_the_meter_that_a_key_had_made_in_its_name(
    uow_factory: UnitOfWorkFactory, *, by_number: bool
) -> None:
    async def post(sender: str, value: int, *, number: int | None = None) -> int:
        of_device = meter(register([reading(value)]), lfdi=LFDI)
        document = (
            of_device if number is None else MirrorMeterReadings(meter_readings=of_device.meter_readings)
        )
        submitted = Submission(document=document, raw=str(value).encode(), sender=sender, usage_point=number)
        async with uow_factory() as uow:
            return (await record_submission(submitted, uow=uow, now=NOW)).usage_point

    made = await post("mallory", 1)
    with capture_logs() as logs:
        assert await post(f"lfdi:{LFDI}", 2, number=made if by_number else None) == made
    assert [(line["event"], line["former"]) for line in logs] == [("meter.taken_over", "mallory")]
    with pytest.raises(UsagePointForeign):
        await post("mallory", 3)


@pytest.mark.parametrize("maker", ["utility:north", f"lfdi:{'CD' * 20}", f"signed:{LFDI}"])
async def test_a_device_takes_no_meter_of_whoever_did_not_come_with_a_key(
    uow_factory: UnitOfWorkFactory, maker: str
) -> None:
    of_device = meter(register([reading(1)]), lfdi=LFDI)
    first = Submission(document=of_device, raw=b"1", sender=maker)
    async with uow_factory() as uow:
        await record_submission(first, uow=uow, now=NOW)
    with pytest.raises(UsagePointForeign):
        async with uow_factory() as uow:
            await record_submission(replace(first, raw=b"2", sender=f"lfdi:{LFDI}"), uow=uow, now=NOW)


async def test_a_device_takes_no_meter_of_another_device(uow_factory: UnitOfWorkFactory) -> None:
    first = Submission(document=meter(register([reading(1)]), lfdi=LFDI), raw=b"1", sender="roof")
    async with uow_factory() as uow:
        await record_submission(first, uow=uow, now=NOW)
    with pytest.raises(UsagePointForeign):
        async with uow_factory() as uow:
            await record_submission(replace(first, raw=b"2", sender=f"lfdi:{'CD' * 20}"), uow=uow, now=NOW)
