"""What a running mirror refuses or sets aside of meters' documents, and that everything else is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from degnode.processes import Network
from kernel.clock import SystemClock
from metering.sep.elements import MAX_DOCUMENT_BYTES, qualified
from node.api_keys import HEADER
from tests.support.calling import calling
from tests.support.metering_documents import QUARTER, document, reading
from tests.support.network import contents_of
from tests.support.processes import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEP_XML = "application/sep+xml"
NOW = int(SystemClock().now().timestamp())
START = NOW - NOW % QUARTER - 4 * QUARTER  # an hour ago, on the quarter
GOOD = document(reading(250, start=START))
DTD = GOOD.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a "250">]>', 1)
TOO_LARGE = GOOD.ljust(MAX_DOCUMENT_BYTES + 1)


async def post(network: Network, body: bytes, **headers: str) -> httpx.Response:
    """Post a document as a meter that knows the key, unless `headers` say otherwise."""
    usual = {"Content-Type": SEP_XML, HEADER: network.api_key}
    names = {"content_type": "Content-Type", "key": HEADER, "encoding": "Content-Encoding"}
    changed = usual | {names[name]: value for name, value in headers.items()}
    async with calling() as client:
        return await client.post(
            f"{network.bpp.url}/mup",
            content=body,
            headers={name: value for name, value in changed.items() if value},
        )


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (DTD, {}, 400, "without a DTD"),
        (TOO_LARGE, {}, 413, "more than 2000000 bytes"),
        (GOOD, {"content_type": "application/sep-exi"}, 415, "EXI is not spoken here"),
        (GOOD, {"content_type": "application/json"}, 415, "send application/sep+xml"),
        (GOOD, {"encoding": "gzip"}, 400, "no gzip"),
        (GOOD, {"key": ""}, 401, "an API key is needed"),
        (GOOD, {"key": "dgn_guessed"}, 401, "is not known here"),
        (GOOD[:-1], {}, 400, "not well-formed"),
        (b"", {}, 400, "not well-formed"),
        (GOOD.replace(b">250<", b">a lot<"), {}, 400, "no whole number"),
    ],
)
async def test_a_document_that_cannot_be_taken_is_refused_in_words_and_changes_no_row(
    network: Network, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    before = await contents_of(network.database_urls["bpp"])
    refusal = await post(network, body, **headers)
    assert (refusal.status_code, refusal.headers["content-type"]) == (status, SEP_XML)
    error = ET.fromstring(refusal.content)  # noqa: S314  our own node's
    assert error.tag == qualified("Error")
    assert int(error.findtext(qualified("reasonCode")) or "-1") >= 0
    assert words in (error.findtext(qualified("message")) or "")
    assert await contents_of(network.database_urls["bpp"]) == before


async def test_a_doubtful_reading_is_set_aside_with_its_reason_and_the_others_are_kept(
    network: Network,
) -> None:
    future = START + int(timedelta(days=2).total_seconds())
    taken = await post(
        network,
        document(
            reading(250, start=START),
            reading(-1, start=START + QUARTER),
            reading(251, start=future),
            reading(252, start=START + 2 * QUARTER),
        ),
    )
    assert taken.status_code == 201
    assert await _kept(network) == [250, 252]
    assert await _set_aside(network) == {1: "NEGATIVE", 2: "FUTURE"}


async def _kept(network: Network) -> list[Any]:
    found = await rows(
        network.database_urls["bpp"], "SELECT watt_hours FROM meter_readings ORDER BY period_end"
    )
    return [row["watt_hours"] for row in found]


async def _set_aside(network: Network) -> dict[Any, Any]:
    found = await rows(network.database_urls["bpp"], "SELECT ordinal, reason FROM meter_quarantined_readings")
    return {row["ordinal"]: row["reason"] for row in found}
