"""What holds of every file: whatever form a day comes in, it is the same energy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from metering.documents import MirrorMeterReading
from metering.doubt import Doubt
from metering.energy import Measurement, measure, scale_of
from metering.quality import FORECAST, words_of
from metering.sep.writer import write_mirror_usage_point
from metering.sources.amounts import KWH_DECIMALS, watt_hours_of
from metering.sources.csv_source import CsvSource
from metering.sources.ports import Batch, Found, MeterSource
from metering.sources.sep_source import SepSource
from tests.support.metering_documents import DELTA_EXPORT, EXPORT_REGISTER, METER, meter, reading, register

Slot = tuple[int, int, int]
"""Which quarter hour, how many Wh, which quality."""

slots = st.lists(
    st.tuples(st.integers(0, 99), st.integers(0, 10**9), st.integers(0, 2 * FORECAST - 1)),
    unique_by=lambda slot: slot[0],
    min_size=1,
    max_size=100,
)
offsets = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(quarters * timedelta(minutes=15)))


def as_mirror_document(taken: Sequence[Slot], given_away: Sequence[Slot]) -> bytes:
    def readings(of: Sequence[Slot]) -> MirrorMeterReading:
        return register(reading(wh, quarter=quarter, quality=bits) for quarter, wh, bits in of)

    exported = register(
        [reading(wh, quarter=quarter, quality=bits) for quarter, wh, bits in given_away],
        mrid=EXPORT_REGISTER,
        kind=DELTA_EXPORT,
    )
    return write_mirror_usage_point(meter(readings(taken), exported))


def as_csv(rows: Iterable[tuple[str, Slot]], *, zone: timezone, kwh: bool) -> bytes:
    lines = [f"meter,direction,start,end,{'kwh' if kwh else 'wh'},quality"]
    for direction, (quarter, wh, bits) in rows:
        period = reading(wh, quarter=quarter).time_period
        assert period is not None
        start, end = (
            datetime.fromtimestamp(second, UTC).astimezone(zone).isoformat(sep=" ")
            for second in (period.start, period.start + period.duration)
        )
        amount = f"{wh // 1000}.{wh % 1000:03}" if kwh else str(wh)
        lines.append(f"{METER},{direction},{start},{end},{amount},{' '.join(words_of(bits))}")
    return "\n".join(lines).encode()


def measurements(source: MeterSource, raw: bytes) -> tuple[set[str], list[Measurement]]:
    """Return the meters that a file is about, and what it says of them, in order."""
    batches: list[Found] = list(source.read(BytesIO(raw)))
    meters: set[str] = set()
    found: list[Measurement] = []
    for batch in batches:
        assert isinstance(batch, Batch)
        meters.add(batch.document.mrid)
        for of_register in batch.document.meter_readings:
            assert of_register.reading_type is not None
            scale = scale_of(of_register.reading_type)
            assert not isinstance(scale, Doubt)
            outcomes = [measure(each, scale) for each, _ in of_register.readings()]
            found += [each for each in outcomes if isinstance(each, Measurement)]
            assert len(found) >= len(outcomes)
    return meters, sorted(found, key=lambda each: each.key)


@given(slots, slots, offsets, st.booleans(), st.randoms(use_true_random=False))
def test_a_day_in_csv_is_the_same_energy_as_in_2030_5(
    taken: list[Slot], given_away: list[Slot], zone: timezone, kwh: bool, random: Random
) -> None:
    rows = [("import", slot) for slot in taken] + [("export", slot) for slot in given_away]
    random.shuffle(rows)
    expected = measurements(SepSource(), as_mirror_document(taken, given_away))
    assert len(expected[1]) == len(rows)
    assert measurements(CsvSource(), as_csv(rows, zone=zone, kwh=kwh)) == expected


@given(st.integers(0, 10**14), st.integers(0, 9))
def test_whole_watt_hours_survive_being_written_as_kilowatt_hours(watt_hours: int, zeros: int) -> None:
    text = f"{watt_hours // 1000}.{watt_hours % 1000:03}" + "0" * zeros
    assert watt_hours_of(text, decimals=KWH_DECIMALS) == watt_hours
    finer = f"{text}1"
    assert isinstance(watt_hours_of(finer, decimals=KWH_DECIMALS), Doubt)


@given(st.binary(max_size=2_000))
def test_whatever_bytes_a_csv_file_holds_each_line_is_taken_or_rejected(noise: bytes) -> None:
    heading = b"meter,direction,start,end,wh\n"
    found = list(CsvSource().read(BytesIO(heading + noise)))
    assert all(not isinstance(item, Batch) or item.document.meter_readings for item in found)
