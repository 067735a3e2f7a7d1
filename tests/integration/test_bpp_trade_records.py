"""The ledger API: who may write what, what is refused and how, and who sees what."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.unit_of_work import UnitOfWorkFactory
from tests.support.trade_records import (
    ACTUALS,
    BUYER,
    BUYER_DISCOM,
    KEY,
    PUT,
    SELLER,
    SELLER_DISCOM,
    STRANGER,
    TradeLedger,
)


@pytest.fixture
def ledger(uow_factory: UnitOfWorkFactory) -> TradeLedger:
    return TradeLedger(uow_factory)


async def test_a_record_is_put_recorded_and_read(ledger: TradeLedger) -> None:
    put = (await ledger.call("put", PUT, by=BUYER)).json()
    assert put["success"]
    assert put["creationTime"] == "2026-01-15T10:20:31Z"
    ledger.clock.advance(timedelta(hours=2))
    recorded = (await ledger.call("record", ACTUALS, by=BUYER_DISCOM)).json()
    assert recorded["recordId"] == put["recordId"]
    assert recorded["creationTime"] == put["creationTime"]
    assert recorded["rowDigest"] != put["rowDigest"]
    (found,) = await ledger.get(BUYER, **KEY)
    assert found["rowDigest"] == recorded["rowDigest"]
    assert found["statusBuyerDiscom"] == "COMPLETED"
    assert found["tradeDetails"][0]["tradeQty"] == Decimal("12.5")
    assert [found] == await ledger.get(BUYER, recordId=put["recordId"])


@pytest.mark.parametrize(
    ("path", "change", "by", "status", "code"),
    [
        ("put", {"role": "SELLER"}, BUYER, 403, "AUT_NOT_AUTHORIZED"),
        ("put", {"role": "BUYER_DISCOM"}, BUYER_DISCOM, 403, "AUT_NOT_AUTHORIZED"),
        ("put", {"buyerId": "CA-2"}, BUYER, 409, "PRC_CONFLICT"),
        ("put", {"recordId": "rec-1"}, BUYER, 409, "PRC_CONFLICT"),
        ("put", {"statusBuyerDiscom": "COMPLETED"}, BUYER, 400, "SCH_FIELD_NOT_ALLOWED"),
        ("put", {"tradeTime": "2026-01-15"}, BUYER, 400, "SCH_FIELD_NOT_ALLOWED"),
        ("put", {"tradeTime": 1}, BUYER, 400, "SCH_FIELD_NOT_ALLOWED"),
        ("put", {"buyerId": None}, BUYER, 400, "SCH_FIELD_NOT_ALLOWED"),
        ("put", {"tradeDetails": [{"tradeQty": 1, "tradeUnit": "KW"}]}, BUYER, 400, "SCH_MISSING_REQUIRED"),
        ("put", {"orderItemId": "item-2"}, STRANGER, 403, "AUT_NOT_AUTHORIZED"),
        ("record", {}, SELLER_DISCOM, 403, "AUT_NOT_AUTHORIZED"),
        ("record", {"role": "SELLER_DISCOM"}, SELLER_DISCOM, 403, "AUT_NOT_AUTHORIZED"),
        ("record", {"role": "BUYER"}, BUYER, 400, "SCH_FIELD_NOT_ALLOWED"),
        ("record", {"orderItemId": "item-2"}, BUYER_DISCOM, 404, "PRC_NOT_FOUND"),
        ("record", {"recordId": "rec-1"}, BUYER_DISCOM, 404, "PRC_NOT_FOUND"),
        ("get", {"limit": 501}, BUYER, 400, "SCH_FIELD_NOT_ALLOWED"),
    ],
)
async def test_what_may_not_be_is_refused_and_changes_nothing(
    ledger: TradeLedger, path: str, change: dict[str, Any], by: str, status: int, code: str
) -> None:
    await ledger.call("put", PUT, by=BUYER)
    before = await ledger.get(BUYER)
    body = {"put": PUT, "record": ACTUALS, "get": {}}[path] | change
    answer = await ledger.call(path, body, by=by)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await ledger.get(BUYER) == before


async def test_what_is_missing_is_named(ledger: TradeLedger) -> None:
    answer = await ledger.call("put", {name: PUT[name] for name in PUT if name != "sellerId"}, by=BUYER)
    assert (answer.status_code, answer.json()["code"]) == (400, "SCH_MISSING_REQUIRED")
    assert answer.json()["details"]["field"] == "sellerId"
    answer = await ledger.call("record", {"role": "BUYER_DISCOM"}, by=BUYER_DISCOM)
    assert answer.json()["code"] == "SCH_MISSING_REQUIRED"


@pytest.mark.parametrize("headers", [{"Digest": "BLAKE-512=AAAA"}, {"Digest": ""}, {"Authorization": ""}])
async def test_a_call_is_signed_with_the_digest_of_its_body(
    ledger: TradeLedger, headers: dict[str, str]
) -> None:
    answer = await ledger.call("put", PUT, by=BUYER, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "AUT_SIGNATURE_INVALID")


async def test_a_repetition_under_its_reference_is_answered_as_before(ledger: TradeLedger) -> None:
    first = await ledger.call("put", PUT | {"clientReference": "c-1"}, by=BUYER)
    later = PUT | {"role": "SELLER", "deliveryStartTime": "2026-01-15T16:30:00+05:30"}
    assert (await ledger.call("put", later, by=SELLER)).json() != first.json()
    again = await ledger.call("put", PUT | {"clientReference": "c-1"}, by=BUYER)
    assert again.json() == first.json()
    other = PUT | {"clientReference": "c-1", "deliveryEndTime": "2026-01-15T12:00:00Z"}
    assert (await ledger.call("put", other, by=BUYER)).status_code == 409
    (found,) = await ledger.get(BUYER)
    assert found["deliveryStartTime"] == "2026-01-15T11:00:00Z"


async def test_two_at_once_make_one_record(ledger: TradeLedger, uow_factory: UnitOfWorkFactory) -> None:
    answers = await asyncio.gather(
        ledger.call("put", PUT, by=BUYER), ledger.call("put", PUT | {"role": "SELLER"}, by=SELLER)
    )
    assert answers[0].json() == answers[1].json()
    assert len(await _versions(uow_factory)) == 1


async def test_every_state_stays_chained_to_the_one_before(
    ledger: TradeLedger, uow_factory: UnitOfWorkFactory
) -> None:
    await ledger.call("put", PUT, by=BUYER)
    await ledger.call("record", ACTUALS, by=BUYER_DISCOM)
    await ledger.call("record", ACTUALS | {"note": "read again"}, by=BUYER_DISCOM)
    before = ""
    versions = await _versions(uow_factory)
    assert [version for version, _, _ in versions] == [1, 2, 3]
    for _, content, row_digest in versions:
        assert row_digest == "sha256:" + sha256(f"{before}\n{content}".encode()).hexdigest()
        before = row_digest
    with pytest.raises(DBAPIError, match="append-only"):
        async with uow_factory() as uow:
            await uow.connection.execute(text("DELETE FROM trade_record_versions"))


async def test_parties_alone_see_a_record_each_its_own_customer(ledger: TradeLedger) -> None:
    await ledger.call("put", PUT, by=BUYER)
    seen = {
        by: [(each["buyerId"], each["sellerId"]) for each in await ledger.get(by)]
        for by in (BUYER, SELLER, BUYER_DISCOM, SELLER_DISCOM, STRANGER)
    }
    assert seen == {
        BUYER: [("CA-0000123", "MASKED")],
        BUYER_DISCOM: [("CA-0000123", "MASKED")],
        SELLER: [("MASKED", "DER-9981")],
        SELLER_DISCOM: [("MASKED", "DER-9981")],
        STRANGER: [],
    }
    assert len(await ledger.get(BUYER, buyerId="CA-0000123")) == 1
    assert await ledger.get(SELLER, buyerId="CA-0000123") == []  # else a masked id could be guessed at


async def test_records_are_filtered_ordered_and_paged(ledger: TradeLedger) -> None:
    times = ["2026-01-15T10:00:00Z", "2026-01-15T12:00:00Z", "2026-01-15T11:00:00Z"]
    for number, time in enumerate(times):
        await ledger.call("put", PUT | {"orderItemId": f"item-{number}", "tradeTime": time}, by=BUYER)
    bare = {name: PUT[name] for name in PUT if name != "tradeTime"} | {"orderItemId": "item-3"}
    await ledger.call("put", bare, by=BUYER)

    async def items(**filters: Any) -> list[str]:
        return [each["orderItemId"] for each in await ledger.get(BUYER, **filters)]

    assert await items(sort="tradeTime") == ["item-1", "item-2", "item-0", "item-3"]
    assert await items(sort="tradeTime", sortOrder="asc") == ["item-0", "item-2", "item-1", "item-3"]
    assert await items(sort="tradeTime", limit=2, offset=1) == ["item-2", "item-0"]
    assert await items(tradeTimeFrom=times[0], tradeTimeTo=times[2]) == ["item-0"]
    assert await items(recordId="none") == []


async def _versions(uow_factory: UnitOfWorkFactory) -> list[tuple[int, str, str]]:
    query = text("SELECT version, content, row_digest FROM trade_record_versions ORDER BY version")
    async with uow_factory() as uow:
        return [(row.version, row.content, row.row_digest) for row in await uow.connection.execute(query)]
