"""Which meter goes by an id, and when; which version of a registration holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kernel.interval import Interval
from metering.registration.record import MeterIdentity, MeterRegistration, MeterTerms, in_force
from metering.registration.tenure import conflicts, holder_at, holders_within, tenures_of

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = MeterIdentity(mrid="A".zfill(32)), MeterIdentity(mrid="B".zfill(32))
DEVICE = MeterIdentity(mrid=OLD.mrid, device_lfdi="AB" * 20)


def _version(
    meter: MeterIdentity, hour: int, *external_ids: str, version: int = 1, owner: str | None = None
) -> MeterRegistration:
    return MeterRegistration(
        meter=meter,
        version=version,
        terms=MeterTerms(external_ids=external_ids, owner=owner),
        valid_from=NOON + hour * HOUR,
        recorded_at=NOON,
        holder=None,
        made_by="op",
        why="new",
    )


EXCHANGED = [_version(OLD, 0, "M1", "M1a"), _version(OLD, 5, "M1a", version=2), _version(NEW, 5, "M1")]


def test_an_id_passes_from_the_old_meter_to_the_new_one() -> None:
    tenures = tenures_of("M1", EXCHANGED)
    assert holder_at(tenures, NOON - HOUR) is None
    assert holder_at(tenures, NOON + 4 * HOUR) == OLD
    assert holder_at(tenures, NOON + 5 * HOUR) == NEW
    assert holder_at(tenures_of("M1a", EXCHANGED), NOON + 9 * HOUR) == OLD


def test_a_window_across_an_exchange_is_shared_by_both_meters() -> None:
    window = Interval(NOON + 3 * HOUR, NOON + 8 * HOUR)
    parts = holders_within(tenures_of("M1", EXCHANGED), window, otherwise=None)
    assert parts == [
        (OLD, Interval(NOON + 3 * HOUR, NOON + 5 * HOUR)),
        (NEW, Interval(NOON + 5 * HOUR, NOON + 8 * HOUR)),
    ]


def test_where_no_meter_goes_by_the_id_its_reading_as_an_mrid_counts_if_it_has_one() -> None:
    window = Interval(NOON - HOUR, NOON + HOUR)
    tenures = tenures_of("M1", EXCHANGED)
    assert holders_within(tenures, window, otherwise=None) == [(OLD, Interval(NOON, NOON + HOUR))]
    assert [meter for meter, _ in holders_within(tenures, window, otherwise=NEW)] == [NEW, OLD]
    assert holders_within([], window, otherwise=NEW) == [(NEW, window)]


def test_a_change_that_leaves_the_meter_its_id_cuts_no_window() -> None:
    versions = [_version(OLD, 0, "M1"), _version(OLD, 1, "M1", version=2)]
    window = Interval(NOON, NOON + 3 * HOUR)
    assert holders_within(tenures_of("M1", versions), window, otherwise=None) == [(OLD, window)]


def test_what_is_known_of_the_device_goes_before() -> None:
    versions = [_version(OLD, 0, "M1", owner="anybody"), _version(DEVICE, 1, "M1", owner="Asha")]
    assert holder_at(tenures_of("M1", versions), NOON + HOUR) == DEVICE
    for hour, owner in ((0, "anybody"), (1, "Asha")):
        found = in_force(versions, NOON + hour * HOUR)
        assert found is not None
        assert found.terms.owner == owner


def test_what_is_said_later_of_an_earlier_time_does_not_change_a_later_time() -> None:
    versions = [
        _version(OLD, 0, owner="first"),
        _version(OLD, 5, owner="second", version=2),
        _version(OLD, 2, owner="late", version=3),
        _version(OLD, 5, owner="mended", version=4),
    ]
    owners = {}
    for hour in (0, 2, 4, 5, 9):
        found = in_force(versions, NOON + hour * HOUR)
        owners[hour] = found.terms.owner if found else None
    assert owners == {0: "first", 2: "late", 4: "late", 5: "mended", 9: "mended"}
    assert in_force(versions, NOON - HOUR) is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (OLD, OLD, False),
        (OLD, NEW, True),
        (OLD, DEVICE, False),
        (DEVICE, MeterIdentity(mrid=OLD.mrid, device_lfdi="CD" * 20), True),
    ],
)
def test_two_meters_differ_by_their_mrid_or_by_devices_that_are_both_known(
    one: MeterIdentity, other: MeterIdentity, expected: bool
) -> None:
    assert conflicts(one, other) is expected
