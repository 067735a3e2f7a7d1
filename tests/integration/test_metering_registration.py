"""Registrations in PostgreSQL: versions, ids that pass on, whose word counts, what was known when."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel.interval import Interval
from metering.energy import Direction
from metering.ingest import record_mirror_document
from metering.query import interval_energy, total_energy
from metering.register_rule import Exchange, Terms
from metering.registration.exchanges import (
    RegisterExchange,
    list_exchanges,
    record_exchange,
    register_rules,
)
from metering.registration.overview import view_meter_whole
from metering.registration.record import (
    ExternalIdTaken,
    MeterAmbiguous,
    MeterIdentity,
    MeterRegistration,
    MeterRegistrationInvalid,
    MeterRole,
    MeterTerms,
)
from metering.registration.registry import MeterRegistry
from metering.registration.resolver import (
    MeterIdUnknown,
    find_registration,
    resolve_meter,
    resolve_within,
)
from metering.sep.writer import write_mirror_usage_point
from metering.usage_point import UsagePointForeign, UsagePointUnknown
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DAY,
    METER,
    MIDNIGHT,
    NOW,
    START,
    document,
    meter,
    reading,
    register,
)

HOUR = timedelta(hours=1)
ROOF = MeterIdentity.of(mrid=METER, device_lfdi=None)
OTHER = MeterIdentity.of(mrid="ABCDEF", device_lfdi=None)
LFDI = "AB" * 20


async def say(
    uow_factory: UnitOfWorkFactory,
    identity: MeterIdentity = ROOF,
    *external_ids: str,
    valid_from: datetime = MIDNIGHT,
    now: datetime = NOW,
    holder: str | None = None,
    **terms: Any,
) -> MeterRegistration:
    async with uow_factory() as uow:
        return await MeterRegistry(uow.connection).add(
            identity,
            MeterTerms(external_ids=external_ids, **terms),
            valid_from=valid_from,
            holder=holder,
            made_by="the operator",
            why="a new meter",
            now=now,
        )


async def resolve(uow_factory: UnitOfWorkFactory, meter: str, **at: Any) -> MeterIdentity:
    async with uow_factory() as uow:
        return await resolve_meter(uow.connection, meter, **({"at": NOW} | at))


async def report(uow_factory: UnitOfWorkFactory, raw: bytes, *, sender: str = "utility") -> None:
    async with uow_factory() as uow:
        await record_mirror_document(raw, uow=uow, now=NOW, sender=sender)


async def test_everything_that_is_said_of_a_meter_is_read_back_as_it_was_said(
    uow_factory: UnitOfWorkFactory,
) -> None:
    made = await say(
        uow_factory, ROOF, "100200300", "M1", "der://meter/7", "urn:uuid:8f3c1a52-0001",
        role=MeterRole.SOURCE, owner="Asha", zone="Asia/Kolkata", sanctioned_watts=5_000,
        import_modulus=10**8, export_modulus=10**7, interval_seconds=900, inverter_id="INV-7",
    )  # fmt: skip
    async with uow_factory() as uow:
        found = await find_registration(uow.connection, ROOF, at=NOW)
    assert found == made
    assert (made.version, made.meter) == (1, ROOF)


async def test_every_id_of_a_meter_and_every_spelling_of_its_mrid_names_it(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await say(uow_factory, ROOF, "M1", "der://meter/7")
    for name in ("M1", "der://meter/7", "100200300", "0100200300", ROOF.mrid, ROOF.mrid.lower()):
        assert await resolve(uow_factory, name) == ROOF
    for nobody in ("M2", "m1", "der://meter/70", "", "\x00", "M1 "):
        with pytest.raises(MeterIdUnknown):
            await resolve(uow_factory, nobody)
    with pytest.raises(MeterIdUnknown, match="degnode meter register"):
        await resolve(uow_factory, "M1", at=MIDNIGHT - HOUR)


async def test_a_registered_id_goes_before_its_reading_as_an_mrid(uow_factory: UnitOfWorkFactory) -> None:
    await say(uow_factory, OTHER, "100200300")
    assert await resolve(uow_factory, "100200300") == OTHER
    assert await resolve(uow_factory, "0100200300") == ROOF


async def test_a_change_is_a_version_of_its_own_that_holds_from_its_time_on(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await say(uow_factory, owner="Asha")
    changed = await say(uow_factory, owner="Ravi", valid_from=MIDNIGHT + 5 * HOUR, now=NOW + HOUR)
    assert changed.version == 2
    for at, as_of, owner in (
        (MIDNIGHT + 4 * HOUR, None, "Asha"),
        (MIDNIGHT + 5 * HOUR, None, "Ravi"),
        (MIDNIGHT + 5 * HOUR, NOW, "Asha"),
    ):
        async with uow_factory() as uow:
            found = await find_registration(uow.connection, ROOF, at=at, as_of=as_of)
        assert found is not None
        assert found.terms.owner == owner
    async with uow_factory() as uow:
        assert await find_registration(uow.connection, ROOF, at=MIDNIGHT - HOUR) is None
        assert await find_registration(uow.connection, ROOF, at=NOW, as_of=MIDNIGHT) is None


async def test_an_exchanged_device_takes_over_the_id_and_the_energy_goes_on(
    uow_factory: UnitOfWorkFactory,
) -> None:
    noon = MIDNIGHT + 12 * HOUR
    await report(uow_factory, document(*(reading(10, quarter=number) for number in range(48))))
    new = meter(register([reading(20, quarter=number) for number in range(48, 96)]), mrid="ABCDEF")
    await report(uow_factory, write_mirror_usage_point(new))
    await say(uow_factory, ROOF, "M1")
    with pytest.raises(ExternalIdTaken) as caught:
        await say(uow_factory, OTHER, "M1", valid_from=noon)
    assert ROOF.mrid in caught.value.message
    await say(uow_factory, ROOF, valid_from=noon)
    await say(uow_factory, OTHER, "M1", valid_from=noon)
    async with uow_factory() as uow:
        parts = await resolve_within(uow.connection, "M1", window=DAY)
        assert parts == [(ROOF, Interval(MIDNIGHT, noon)), (OTHER, Interval(noon, NOW))]
        intervals = await interval_energy(uow.connection, meter="M1", direction=Direction.IMPORT, window=DAY)
    assert len(intervals) == 96
    assert total_energy(intervals).watt_hours == 48 * 10 + 48 * 20


async def test_nobody_takes_the_mrid_of_another_meter_for_an_id(uow_factory: UnitOfWorkFactory) -> None:
    await report(uow_factory, document(reading(1)))
    with pytest.raises(ExternalIdTaken):
        await say(uow_factory, OTHER, "100200300")
    await say(uow_factory, ROOF, "100200300")
    assert await resolve(uow_factory, "100200300") == ROOF


async def test_an_id_that_reads_as_an_mrid_yet_unknown_is_the_operators_to_give(
    uow_factory: UnitOfWorkFactory,
) -> None:
    with pytest.raises(ExternalIdTaken, match="mRID of another"):
        await say(uow_factory, OTHER, "100200300", holder="mallory")
    await say(uow_factory, OTHER, "abcdef", "M1", holder="mallory")
    await say(uow_factory, ROOF, "4711")
    assert await resolve(uow_factory, "4711") == ROOF


async def test_a_holder_acts_on_a_meter_that_is_known_to_be_its_own(uow_factory: UnitOfWorkFactory) -> None:
    await report(
        uow_factory, write_mirror_usage_point(meter(register([reading(1)]), lfdi=LFDI)), sender="roof"
    )
    await say(uow_factory, OTHER, holder="roof")
    theirs = MeterIdentity.of(mrid=METER, device_lfdi=LFDI)
    another_device = MeterIdentity.of(mrid=METER, device_lfdi="CD" * 20)
    async with uow_factory() as uow:
        registry = MeterRegistry(uow.connection)
        for own in (ROOF, theirs, OTHER):
            await registry.check_known(own, "roof")
            with pytest.raises(UsagePointForeign):
                await registry.check_known(own, "mallory")
        for unknown in (another_device, MeterIdentity.of(mrid="AB", device_lfdi=None)):
            await registry.check_known(unknown, None)
            with pytest.raises(UsagePointUnknown):
                await registry.check_known(unknown, "mallory")


async def test_whoever_feeds_a_meter_registers_it_and_nobody_elses(uow_factory: UnitOfWorkFactory) -> None:
    await report(uow_factory, document(reading(1)), sender="roof")
    await say(uow_factory, holder="roof", owner="Asha")
    with pytest.raises(UsagePointForeign, match="degnode meter register"):
        await say(uow_factory, holder="somebody else", owner="Mallory")
    await say(uow_factory, OTHER, holder="somebody else")
    with pytest.raises(UsagePointForeign):
        await say(uow_factory, OTHER, holder="roof")
    assert (await say(uow_factory, owner="the operator knows better")).version == 2
    with pytest.raises(UsagePointForeign):  # what the operator has said is the operator's to change
        await say(uow_factory, holder="roof", owner="Asha")


async def test_a_meter_whose_device_is_not_told_is_that_of_the_only_one_that_reports_it(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await report(uow_factory, write_mirror_usage_point(meter(register([reading(1)]), lfdi=LFDI)))
    made = await say(uow_factory, ROOF, "M1")
    assert made.meter.device_lfdi == LFDI
    assert (await say(uow_factory, ROOF, "M1")).version == 2
    assert await resolve(uow_factory, "M1") == made.meter


async def test_of_two_devices_with_one_mrid_each_is_registered_and_it_must_be_said_which(
    uow_factory: UnitOfWorkFactory,
) -> None:
    devices = [MeterIdentity.of(mrid=METER, device_lfdi=lfdi * 20) for lfdi in ("AA", "BB")]
    for device, name in zip(devices, ("M1", "M2"), strict=True):
        await say(uow_factory, device, name, owner=name)
    assert [await resolve(uow_factory, name) for name in ("M1", "M2")] == devices
    with pytest.raises(ExternalIdTaken):
        await say(uow_factory, devices[0], "M2")
    async with uow_factory() as uow:
        with pytest.raises(MeterAmbiguous):
            await find_registration(uow.connection, ROOF, at=NOW)


async def test_of_two_that_want_one_id_at_once_one_gets_it(uow_factory: UnitOfWorkFactory) -> None:
    results = await asyncio.gather(
        say(uow_factory, ROOF, "M1"), say(uow_factory, OTHER, "M1"), return_exceptions=True
    )
    assert sorted(isinstance(result, ExternalIdTaken) for result in results) == [False, True]


async def test_meters_are_listed_page_by_page_as_they_are_now(uow_factory: UnitOfWorkFactory) -> None:
    for number in range(5):
        identity = MeterIdentity.of(mrid=f"A{number}", device_lfdi=None)
        await say(uow_factory, identity, owner="before")
        await say(uow_factory, identity, owner="now", valid_from=MIDNIGHT + HOUR)
        await say(uow_factory, identity, owner="later", valid_from=NOW + HOUR)
    await say(uow_factory, OTHER, owner="to come", valid_from=NOW + HOUR)
    async with uow_factory() as uow:
        registry = MeterRegistry(uow.connection)
        first = await registry.page(at=NOW, limit=4)
        rest = await registry.page(at=NOW, after=first[-1].meter, limit=4)
    assert [item.terms.owner for item in first + rest] == ["now"] * 5 + ["to come"]
    assert sorted(item.meter.mrid for item in first + rest) == [item.meter.mrid for item in first + rest]


async def test_exchanges_are_kept_withdrawn_and_known_as_of_their_time(
    uow_factory: UnitOfWorkFactory,
) -> None:
    at = MIDNIGHT + 6 * HOUR
    import_, export = Direction.IMPORT, Direction.EXPORT
    told = [
        (RegisterExchange(direction=import_, at=at, last=900), NOW),
        (RegisterExchange(direction=import_, at=at, last=950, first=3), NOW + HOUR),
        (RegisterExchange(direction=export, at=at), NOW),
        (RegisterExchange(direction=export, at=at, withdrawn=True), NOW + HOUR),
    ]
    for exchange, now in told:
        async with uow_factory() as uow:
            await record_exchange(uow.connection, ROOF, exchange, made_by="op", why="new meter", now=now)
    async with uow_factory() as uow:
        assert await list_exchanges(uow.connection, ROOF) == [told[1][0]]
        assert len(await list_exchanges(uow.connection, ROOF, as_of=NOW)) == 2
        await MeterRegistry(uow.connection).add(
            ROOF, MeterTerms(sanctioned_watts=5_000, import_modulus=10**6), valid_from=MIDNIGHT,
            holder=None, made_by="op", why="w", now=NOW,
        )  # fmt: skip
        rules = await register_rules(uow.connection, ROOF)
    assert rules[import_].terms == [Terms(START, 10**6, 5_000)]
    assert rules[export].terms == [Terms(START, None, 5_000)]
    assert rules[import_].exchanges == [Exchange(START + 6 * 3600, 950, 3)]
    assert rules[export].exchanges == []


@pytest.mark.parametrize(
    "exchange",
    [
        RegisterExchange(direction=Direction.IMPORT, at=NOW + HOUR),
        RegisterExchange(direction=Direction.IMPORT, at=NOW, last=-1),
        RegisterExchange(direction=Direction.IMPORT, at=NOW, first=10**15 + 1),
    ],
)
async def test_an_exchange_that_cannot_have_been_is_refused(
    uow_factory: UnitOfWorkFactory, exchange: RegisterExchange
) -> None:
    async with uow_factory() as uow:
        with pytest.raises(MeterRegistrationInvalid):
            await record_exchange(uow.connection, ROOF, exchange, made_by="op", why="w", now=NOW)


async def test_all_that_is_known_of_a_meter_is_shown_together(uow_factory: UnitOfWorkFactory) -> None:
    await report(uow_factory, document(reading(1)), sender="roof")
    async with uow_factory() as uow:
        unregistered = await view_meter_whole(uow.connection, METER, at=NOW)
    assert (unregistered.in_force, unregistered.history) == (None, [])
    assert [item.sender for item in unregistered.reporting] == ["roof"]
    await say(uow_factory, ROOF, "M1", owner="Asha")
    async with uow_factory() as uow:
        whole = await view_meter_whole(uow.connection, "M1", at=NOW)
        assert whole.in_force is not None
        assert whole.in_force.terms.owner == "Asha"
        with pytest.raises(MeterIdUnknown):
            await view_meter_whole(uow.connection, "FFEE", at=NOW)


@pytest.mark.parametrize("change", ["UPDATE {} SET mrid = ''", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["meter_registrations", "meter_register_exchanges"])
async def test_what_was_registered_cannot_be_changed(
    uow_factory: UnitOfWorkFactory, table: str, change: str
) -> None:
    await say(uow_factory)
    with pytest.raises(DBAPIError, match="append-only"):
        async with uow_factory() as uow:
            await uow.connection.execute(text(change.format(table)))
