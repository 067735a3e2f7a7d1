"""Mirror documents from XML and back."""

from __future__ import annotations

import pytest

from metering.documents import (
    MirrorMeterReadings,
    MirrorUsagePoint,
    Reading,
    ReadingType,
    TimePeriod,
)
from metering.sep.elements import NAMESPACE, MeterDocumentMalformed, MeterDocumentRefused, MeterValueInvalid
from metering.sep.reader import read_mirror_document
from metering.sep.writer import (
    write_mirror_meter_reading,
    write_mirror_meter_reading_list,
    write_mirror_usage_point,
)
from tests.support.metering_documents import DELTA, day_of_readings, meter, reading, register

# What a meter that posts one snapshot per quantity sends: lower case, no flags, elements out of order.
_PLAIN = f"""
<MirrorUsagePoint xmlns="{NAMESPACE}" xmlns:x="urn:extension">
  <deviceLFDI>3e4f45ab31edfe5b67e343e5e4562e31984e23e5</deviceLFDI>
  <status>1</status><serviceCategoryKind>0</serviceCategoryKind><roleFlags>09</roleFlags>
  <x:colour>green</x:colour>
  <MirrorMeterReading>
    <ReadingType><uom>72</uom><flowDirection>19</flowDirection><powerOfTenMultiplier>-3</powerOfTenMultiplier>
      <accumulationBehaviour>9</accumulationBehaviour><futureField>7</futureField></ReadingType>
    <Reading subscribable="0"><value>12345678</value>
      <timePeriod><start>1773446400</start><duration>0</duration></timePeriod></Reading>
    <mRID>0a0b0c</mRID>
  </MirrorMeterReading>
  <mRID>100200300a</mRID>
  <postRate>60</postRate>
</MirrorUsagePoint>
"""


def _usage_point(content: str, mrid: str = "<mRID>01</mRID>") -> bytes:
    return f'<MirrorUsagePoint xmlns="{NAMESPACE}">{mrid}{content}</MirrorUsagePoint>'.encode()


def _register(content: str) -> bytes:
    return _usage_point(f"<MirrorMeterReading><mRID>02</mRID>{content}</MirrorMeterReading>")


def test_a_plain_document_is_read_in_whatever_order_it_comes() -> None:
    document = read_mirror_document(_PLAIN.encode())
    assert isinstance(document, MirrorUsagePoint)
    assert (document.mrid, document.mrid_as_sent) == ("0000000000000000000000100200300A", "100200300a")
    assert document.device_lfdi == "3E4F45AB31EDFE5B67E343E5E4562E31984E23E5"
    assert (document.role_flags, document.post_rate) == (9, 60)
    (only,) = document.meter_readings
    assert only.reading_type == ReadingType(
        accumulation_behaviour=9, flow_direction=19, power_of_ten_multiplier=-3, uom=72
    )
    assert only.reading == Reading(value=12345678, time_period=TimePeriod(start=1773446400, duration=0))


def test_a_meter_without_readings_is_a_document() -> None:
    assert read_mirror_document(_usage_point("")) == MirrorUsagePoint(mrid="01".zfill(32), mrid_as_sent="01")


def test_readings_alone_are_a_document_singly_or_in_a_list() -> None:
    import_register = register(day_of_readings(), kind=None)
    single = read_mirror_document(write_mirror_meter_reading(import_register))
    several = read_mirror_document(write_mirror_meter_reading_list([import_register, import_register]))
    assert single == MirrorMeterReadings(meter_readings=(import_register,))
    assert several == MirrorMeterReadings(meter_readings=(import_register, import_register))


def test_elements_are_written_in_the_order_of_the_schema() -> None:
    full = reading(5, quality=1, tou_tier=2, consumption_block=3)
    text = write_mirror_usage_point(meter(register([full]), lfdi="AB" * 20)).decode()
    expected = (
        "mRID", "roleFlags", "serviceCategoryKind", "status", "deviceLFDI", "MirrorMeterReading",
        "MirrorReadingSet", "Reading", "consumptionBlock", "qualityFlags", "timePeriod", "duration", "start",
        "touTier", "value", "ReadingType", "accumulationBehaviour", "commodity", "dataQualifier",
        "flowDirection", "intervalLength", "kind", "powerOfTenMultiplier", "uom",
    )  # fmt: skip
    positions = [text.index(f"<{name}>") for name in expected]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    "content",
    [
        "<Reading><value>1</value><value>2</value></Reading>",
        "<Reading><value>1</value></Reading><Reading><value>2</value></Reading>",
        "<ReadingType/><ReadingType/>",
        "<Reading><timePeriod><start>0</start></timePeriod></Reading>",
        "<Reading><timePeriod><duration>0</duration></timePeriod></Reading>",
        "<mRID>03</mRID>",
    ],
)
def test_a_register_of_the_wrong_shape_is_refused(content: str) -> None:
    with pytest.raises(MeterDocumentMalformed):
        read_mirror_document(_register(content))


@pytest.mark.parametrize(
    "content",
    [
        "<Reading><value>140737488355329</value></Reading>",
        "<Reading><value>1_000</value></Reading>",
        "<Reading><qualityFlags>1</qualityFlags></Reading>",
        "<Reading><touTier>256</touTier></Reading>",
        "<Reading><timePeriod><start>0</start><duration>-900</duration></timePeriod></Reading>",
        "<ReadingType><powerOfTenMultiplier>10</powerOfTenMultiplier></ReadingType>",
        "<MirrorReadingSet><mRID>1</mRID></MirrorReadingSet>",
    ],
)
def test_a_register_with_an_impossible_value_is_refused(content: str) -> None:
    with pytest.raises(MeterValueInvalid):
        read_mirror_document(_register(content))


@pytest.mark.parametrize(
    "raw",
    [
        _usage_point("", mrid=""),
        _usage_point("", mrid="<mRID>100200300</mRID>"),
        _usage_point("", mrid='<mRID xmlns="">01</mRID>'),
        _usage_point("<deviceLFDI>" + "0" * 42 + "</deviceLFDI>"),
        f'<EndDevice xmlns="{NAMESPACE}"/>'.encode(),
        f'<Reading xmlns="{NAMESPACE}"/>'.encode(),
    ],
)
def test_a_document_that_is_no_mirror_document_is_refused(raw: bytes) -> None:
    with pytest.raises(MeterDocumentRefused) as refused:
        read_mirror_document(raw)
    assert refused.value.http_status == 400


def test_text_survives_the_way_through_xml() -> None:
    told = MirrorUsagePoint(mrid="01".zfill(32), mrid_as_sent="01", description='<"Anna" & Ben>\rÄ')
    assert read_mirror_document(write_mirror_usage_point(told)) == told


def test_a_set_keeps_its_mrid_and_version() -> None:
    raw = _register("<MirrorReadingSet><mRID>0A</mRID><version>3</version></MirrorReadingSet>")
    document = read_mirror_document(raw)
    (reading_set,) = document.meter_readings[0].reading_sets
    assert (reading_set.mrid, reading_set.version) == ("0A".zfill(32), 3)
    assert [within for _, within in register([reading(1)], kind=DELTA).readings()] != [None]
