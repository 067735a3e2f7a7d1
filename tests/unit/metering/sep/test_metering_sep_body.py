"""The body of a meter's request: media types, gzip, and the limit that stops the reading."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator

import pytest
from starlette.requests import Request
from starlette.types import Message

from metering.sep.body import CompressionBroken, MediaTypeUnsupported, read_sep_body
from metering.sep.elements import MAX_DOCUMENT_BYTES, MeterDocumentTooLarge

_CHUNK = 65_536


class _Socket:
    """A peer's connection that counts what is read from it."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self.bytes_read = 0

    async def receive(self) -> Message:
        chunk = next(self._chunks, None)
        self.bytes_read += len(chunk or b"")
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}


def _request(socket: _Socket, **headers: str) -> Request:
    stated = {"content-type": "application/sep+xml"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    raw = [(name.encode(), value.encode()) for name, value in stated.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, socket.receive)


@pytest.mark.parametrize(
    "content_type",
    ["application/sep+xml", "application/sep+xml; level=+S1", "Application/XML;charset=utf-8"],
)
async def test_sep_xml_and_plain_xml_are_taken_whatever_their_parameters(content_type: str) -> None:
    request = _request(_Socket([b"<a", b"/>"]), content_type=content_type)
    assert await read_sep_body(request) == b"<a/>"


@pytest.mark.parametrize("content_type", ["application/sep-exi", "application/json", "text/xml", ""])
async def test_other_media_types_are_refused_unread(content_type: str) -> None:
    socket = _Socket([b"<a/>"])
    with pytest.raises(MediaTypeUnsupported) as refused:
        await read_sep_body(_request(socket, content_type=content_type))
    assert (refused.value.http_status, socket.bytes_read) == (415, 0)


async def test_reading_stops_at_the_limit() -> None:
    socket = _Socket(b"x" * _CHUNK for _ in range(1000))
    with pytest.raises(MeterDocumentTooLarge):
        await read_sep_body(_request(socket))
    assert MAX_DOCUMENT_BYTES < socket.bytes_read <= MAX_DOCUMENT_BYTES + _CHUNK


async def test_one_byte_over_the_limit_is_too_much() -> None:
    exact = _Socket([b"x" * MAX_DOCUMENT_BYTES])
    assert len(await read_sep_body(_request(exact))) == MAX_DOCUMENT_BYTES
    with pytest.raises(MeterDocumentTooLarge):
        await read_sep_body(_request(_Socket([b"x" * MAX_DOCUMENT_BYTES, b"x"])))


async def test_a_body_that_says_it_is_too_large_is_not_read_at_all() -> None:
    socket = _Socket([b"x"])
    with pytest.raises(MeterDocumentTooLarge):
        await read_sep_body(_request(socket, content_length=str(MAX_DOCUMENT_BYTES + 1)))
    assert socket.bytes_read == 0


async def test_gzip_is_taken() -> None:
    socket = _Socket([gzip.compress(b"<a/>", mtime=0)])
    assert await read_sep_body(_request(socket, content_encoding="GZIP")) == b"<a/>"


async def test_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(b" " * 200_000_000, compresslevel=9, mtime=0)
    assert len(bomb) < MAX_DOCUMENT_BYTES
    with pytest.raises(MeterDocumentTooLarge):
        await read_sep_body(_request(_Socket([bomb]), content_encoding="gzip"))


@pytest.mark.parametrize(
    "body",
    [
        b"<a/>",
        b"",
        gzip.compress(b"<a/>", mtime=0)[:-4],
        gzip.compress(b"<a/>", mtime=0) + b"x",
        gzip.compress(b"<a/>", mtime=0) * 2,
    ],
)
async def test_broken_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(CompressionBroken):
        await read_sep_body(_request(_Socket([body]), content_encoding="gzip"))


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
async def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(MediaTypeUnsupported):
        await read_sep_body(_request(_Socket([b"<a/>"]), content_encoding=encoding))
