"""What no mirror may take: every hostile document is refused, says why, and leaves nothing."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient
from sqlalchemy import func, select

from kernel.clock import ManualClock
from metering.documents import MirrorUsagePoint
from metering.sep.elements import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    NAMESPACE,
    parse_document,
    qualified,
)
from metering.sep.mirror_server import mirror_router
from metering.sep.reader import read_mirror_document
from metering.sep.writer import in_legacy_namespace
from metering.tables import (
    meter_documents,
    meter_quarantined_readings,
    meter_readings,
    meter_registers,
    meter_usage_points,
)
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import NOW, document, reading

GOOD: Final = document(reading(1_000))
VALUE: Final = b"<value>1000</value>"
GZIP: Final = {"content-encoding": "gzip"}
FILE: Final = Path(__file__).as_uri()  # what no answer may give away


def with_dtd(subset: str, value: str = "1000", *, external: str = "") -> bytes:
    """Return the good document with a DOCTYPE, and `value` for its value."""
    doctype = f"<!DOCTYPE MirrorUsagePoint {external} [{subset}]>" if subset else f"<!DOCTYPE x {external}>"
    return GOOD.replace(b"?>", b"?>" + doctype.encode(), 1).replace(VALUE, f"<value>{value}</value>".encode())


def laughs(levels: int, each: int) -> str:
    """Return entities that grow `each` times with every level."""
    first = '<!ENTITY a0 "1">'
    return first + "".join(
        f'<!ENTITY a{level} "{f"&a{level - 1};" * each}">' for level in range(1, levels + 1)
    )


def nested(depth: int) -> bytes:
    return GOOD.replace(b"<roleFlags>", b"<x>" * depth + b"</x>" * depth + b"<roleFlags>")


def bomb(size: int) -> bytes:
    """Return a gzip stream that unfolds to `size` bytes: one packed block of a million, over and over."""
    block, packer = b" " * 1_000_000, zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    times, checksum = size // len(block), 0
    for _ in range(times):
        checksum = zlib.crc32(block, checksum)
    head = gzip.compress(b"", mtime=0)[:10]
    return head + packed * times + packer.flush() + struct.pack("<II", checksum, size)


DOCUMENTS: Final[dict[str, tuple[bytes, dict[str, str], int, str]]] = {
    "an entity that is a file": (
        with_dtd(f'<!ENTITY a SYSTEM "{FILE}">', "&a;"), {}, 400, "0"),
    "an entity that is an address": (
        with_dtd('<!ENTITY a SYSTEM "http://127.0.0.1:9/x">', "&a;"), {}, 400, "0"),
    "an entity with a value": (with_dtd('<!ENTITY a "1000">', "&a;"), {}, 400, "0"),
    "a parameter entity": (with_dtd(f'<!ENTITY % p SYSTEM "{FILE}"> %p;'), {}, 400, "0"),
    "a billion laughs": (with_dtd(laughs(9, 10), "&a9;"), {}, 400, "0"),
    "a hundred thousand laughs": (with_dtd(laughs(5, 10), "&a5;"), {}, 400, "0"),
    "a quadratic blow-up": (
        with_dtd(f'<!ENTITY a "{"1" * 50_000}">', "&a;" * 20_000), {}, 400, "0"),
    "an external DTD": (with_dtd("", external='SYSTEM "http://127.0.0.1:9/sep.dtd"'), {}, 400, "0"),
    "a public DTD": (with_dtd("", external='PUBLIC "-//x" "http://127.0.0.1:9/x"'), {}, 400, "0"),
    "an empty DTD": (with_dtd(" "), {}, 400, "0"),
    "a DTD in UTF-16": (
        with_dtd('<!ENTITY a "1">').replace(b"UTF-8", b"UTF-16").decode().encode("utf-16"), {}, 400, "0"),
    "a DTD within gzip": (gzip.compress(with_dtd('<!ENTITY a "1">'), mtime=0), GZIP, 400, "0"),
    "300 levels": (nested(300), {}, 400, "0"),
    "100,000 levels": (nested(100_000), {}, 400, "0"),
    "one level too many": (nested(MAX_DEPTH), {}, 400, "0"),
    "a value twice": (GOOD.replace(VALUE, VALUE + b"<value>2000</value>"), {}, 400, "0"),
    "the same value twice": (GOOD.replace(VALUE, VALUE * 2), {}, 400, "0"),
    "an mRID twice": (GOOD.replace(b"<roleFlags>", b"<mRID>01</mRID><roleFlags>"), {}, 400, "0"),
    "a timePeriod twice": (
        GOOD.replace(VALUE, b"<timePeriod><duration>1</duration><start>1</start></timePeriod>" + VALUE),
        {}, 400, "0"),
    "a value with elements inside": (GOOD.replace(b">1000<", b">10<x/>00<"), {}, 400, "0"),
    "no namespace": (GOOD.replace(f' xmlns="{NAMESPACE}"'.encode(), b""), {}, 400, "0"),
    "a strange namespace": (GOOD.replace(NAMESPACE.encode(), b"urn:example"), {}, 400, "0"),
    "a namespace but for its case": (
        GOOD.replace(NAMESPACE.encode(), NAMESPACE.upper().encode()), {}, 400, "0"),
    "the namespace of 2013": (in_legacy_namespace(GOOD), {}, 400, "0"),
    "a root in one namespace and the rest in another": (
        GOOD.replace(b"<MirrorUsagePoint", b"<s:MirrorUsagePoint").replace(
            b"</MirrorUsagePoint", b"</s:MirrorUsagePoint"
        ).replace(b"xmlns=", b'xmlns="urn:x" xmlns:s='),
        {}, 400, "0"),
    "another root": (GOOD.replace(b"MirrorUsagePoint", b"UsagePoint"), {}, 400, "0"),
    "an underscore in a number": (GOOD.replace(b">1000<", b">1_000<"), {}, 400, "1"),
    "an Arabic number": (GOOD.replace(b">1000<", ">١٠٠٠<".encode()), {}, 400, "1"),
    "a fraction": (GOOD.replace(b">1000<", b">1000.0<"), {}, 400, "1"),
    "more than Int48": (GOOD.replace(b">1000<", b">140737488355329<"), {}, 400, "1"),
    "a number of 100,000 digits": (GOOD.replace(b">1000<", b">" + b"9" * 100_000 + b"<"), {}, 400, "1"),
    "an mRID of an odd length": (GOOD.replace(b">0100200300<", b">100200300<"), {}, 400, "1"),
    "an mRID of 34 digits": (GOOD.replace(b">0100200300<", b">" + b"01" * 17 + b"<"), {}, 400, "1"),
    "no mRID": (GOOD.replace(b"<mRID>0100200300</mRID>", b""), {}, 400, "0"),
    "a zero byte": (GOOD.replace(b">1000<", b">10\x0000<"), {}, 400, "0"),
    "an encoding that is none": (GOOD.replace(b"UTF-8", b"klingon"), {}, 400, "0"),
    "bytes that are no UTF-8": (GOOD.replace(b">1000<", b">\xff\xfe<"), {}, 400, "0"),
    "something after the end": (GOOD + b"<more/>", {}, 400, "0"),
    "nothing": (b"", {}, 400, "0"),
    "JSON": (b'{"mRID": "01"}', {}, 400, "0"),
    "2 MB and one byte": (GOOD.ljust(MAX_DOCUMENT_BYTES + 1), {}, 413, "2"),
    "2 MB and one byte within gzip": (
        gzip.compress(GOOD.ljust(MAX_DOCUMENT_BYTES + 1), mtime=0), GZIP, 413, "2"),
    "a gzip bomb": (bomb(1_000_000_000), GZIP, 413, "2"),
    "a gzip within a gzip": (gzip.compress(gzip.compress(GOOD, mtime=0), mtime=0), GZIP, 400, "0"),
    "a gzip that is cut off": (gzip.compress(GOOD, mtime=0)[:-4], GZIP, 400, "0"),
    "a gzip with something behind it": (gzip.compress(GOOD, mtime=0) + b"x", GZIP, 400, "0"),
    "XML said to be gzip": (GOOD, GZIP, 400, "0"),
    "another compression": (zlib.compress(GOOD), {"content-encoding": "deflate"}, 415, "3"),
    "EXI": (GOOD, {"content-type": "application/sep-exi"}, 415, "3"),
    "no media type": (GOOD, {"content-type": ""}, 415, "3"),
}  # fmt: skip


@pytest.fixture
async def mirror(uow_factory: UnitOfWorkFactory) -> AsyncIterator[AsyncClient]:
    async def utility(_request: Request) -> str:
        return "utility"

    app = FastAPI()
    app.include_router(mirror_router(uow_factory=uow_factory, clock=ManualClock(NOW), authenticate=utility))
    headers = {"content-type": "application/sep+xml"}
    async with AsyncClient(
        transport=ASGITransport(app=app), base_url="http://mirror", headers=headers
    ) as client:
        yield client


async def rows(uow_factory: UnitOfWorkFactory) -> int:
    """Return how many rows metering keeps of anything."""
    kept = (
        meter_usage_points, meter_documents, meter_registers, meter_readings, meter_quarantined_readings
    )  # fmt: skip
    async with uow_factory() as uow:
        counts = [await uow.connection.scalar(select(func.count()).select_from(table)) for table in kept]
    return sum(count or 0 for count in counts)


async def test_every_hostile_document_is_refused_with_its_reason_and_leaves_nothing(
    mirror: AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    for name, (body, headers, *expected) in DOCUMENTS.items():
        answer = await mirror.post("/mup", content=body, headers=headers)
        assert answer.headers["content-type"] == "application/sep+xml", name
        error = parse_document(answer.content)
        assert error.tag == qualified("Error"), name
        assert [answer.status_code, error.findtext(qualified("reasonCode"))] == expected, name
        assert "DOCUMENTS" not in answer.text, name
        assert await rows(uow_factory) == 0, name
    assert (await mirror.post("/mup", content=GOOD)).status_code == 201


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (b">1000<!-- -->0<", 10_000),
        (b"><!-- 9 -->10<!-- -->00<!-- 9 --><", 1_000),
        (b">1000<?pi 9?>0<", 10_000),
        (b"><![CDATA[1000]]><", 1_000),
        (b">&#49;000<", 1_000),
        (b">\n 1000\t<", 1_000),
    ],
)
def test_a_value_is_all_of_its_text(written: bytes, value: int) -> None:
    told = read_mirror_document(GOOD.replace(b">1000<", written))
    assert isinstance(told, MirrorUsagePoint)
    ((taken, _),) = told.meter_readings[0].readings()
    assert taken.value == value
