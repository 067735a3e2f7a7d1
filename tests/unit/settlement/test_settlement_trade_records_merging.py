"""What a write makes of a record: agreed once, added to by either, never changed."""

from __future__ import annotations

from decimal import Decimal

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from settlement.trade_records.merging import NEEDED, agree, begin, canonical, row_digest
from settlement.trade_records.refusals import RefusalCode, Refused

RECORDS = st.dictionaries(
    st.text(max_size=5), st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
)


@pytest.mark.parametrize("field", NEEDED)
def test_a_record_does_not_begin_without_its_parties(field: str) -> None:
    with pytest.raises(Refused, match=field) as refused:
        begin({name: "x" for name in NEEDED if name != field})
    assert (refused.value.code, refused.value.field) == (RefusalCode.MISSING_REQUIRED, field)


def test_a_record_begins_as_it_was_sent_and_shares_nothing_with_that() -> None:
    sent = dict.fromkeys(NEEDED, "x") | {"note": "more"}
    record = begin(sent)
    assert record == sent
    record["note"] = "less"
    assert sent["note"] == "more"


def test_the_same_number_written_otherwise_is_no_change() -> None:
    record = {"qty": Decimal("12.5")}
    assert canonical(agree(record, {"qty": Decimal("12.50")})) == canonical(record)
    with pytest.raises(Refused):
        agree(record, {"qty": Decimal("12.51")})


@given(record=RECORDS, change=RECORDS)
def test_what_was_written_stays(record: dict[str, Decimal], change: dict[str, Decimal]) -> None:
    differs = any(record.get(name, value) != value for name, value in change.items())
    if differs:
        with pytest.raises(Refused):
            agree(record, change)
    else:
        assert agree(record, change) == record | change


@given(record=RECORDS)
def test_the_canonical_text_is_the_record_whatever_the_order(record: dict[str, Decimal]) -> None:
    written = canonical(record)
    assert simplejson.loads(written, use_decimal=True) == record
    assert canonical(dict(reversed(list(record.items())))) == written


def test_a_digest_depends_on_the_one_before() -> None:
    assert row_digest("", "{}") != row_digest(row_digest("", "{}"), "{}")
