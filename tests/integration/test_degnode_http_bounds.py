"""Bounds on requests, on a real server: what never becomes whole is ended, what is whole is answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from degnode.http_bounds import bounded_protocol

POST = b"POST /x HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the headers that begin with x; with an endless answer where the body says so.

    A WebSocket is told what it said.
    """
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        return
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    headers = [(b"x-seen", name) for name, _ in scope["headers"] if name.startswith(b"x-")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if body == b"long":
        await send({"type": "http.response.body", "body": b"began", "more_body": True})
        await asyncio.sleep(0.6)  # longer than a request may take
    await send({"type": "http.response.body", "body": b"done"})


@asynccontextmanager
async def serving(*, request_timeout: timedelta) -> AsyncIterator[int]:
    """Run a server that takes a kilobyte of head; yield its port."""
    protocol = bounded_protocol(request_timeout=request_timeout, max_head_bytes=1_024)
    server = uvicorn.Server(
        uvicorn.Config(
            echo,
            http=protocol,
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=1,
        )
    )
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await task


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port of a server that gives callers 0.3 s for a request."""
    async with serving(request_timeout=timedelta(seconds=0.3)) as port:
        yield port


@pytest.fixture
async def patient_port() -> AsyncIterator[int]:
    """The port of a server that waits for what a busy machine sends, too."""
    async with serving(request_timeout=timedelta(seconds=20)) as port:
        yield port


async def said(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Return all that the server says until it closes the connection."""
    heard = bytearray()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def listen() -> None:
        with suppress(ConnectionResetError):  # for what was written after the end
            while piece := await reader.read(1_024):
                heard.extend(piece)

    listening = asyncio.create_task(listen())
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause)
    async with asyncio.timeout(30):
        await listening
    writer.close()
    return bytes(heard)


@pytest.mark.parametrize("pieces", [(), (b"POST /x HT",), (POST,), (POST + b"hal",)])
async def test_a_request_that_never_becomes_whole_is_ended(port: int, pieces: tuple[bytes, ...]) -> None:
    assert (await said(port, *pieces)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


async def test_a_request_that_comes_drop_by_drop_is_ended(port: int) -> None:
    drops = [POST[index : index + 1] for index in range(12)]
    assert (await said(port, *drops, pause=0.05)).startswith(b"HTTP/1.1 408 ")


async def test_a_head_without_end_is_refused(patient_port: int) -> None:
    lines = [b"x-%d: %s\r\n" % (number, b"y" * 100) for number in range(15)]
    assert (await said(patient_port, b"POST /x HTTP/1.1\r\n", *lines, pause=0.005)).startswith(
        b"HTTP/1.1 431 "
    )


async def test_a_long_head_that_comes_at_once_is_refused_before_anybody_reads_it(patient_port: int) -> None:
    head = b"POST /x HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\nx-long: %s\r\n\r\n" % (b"y" * 1_024)
    answers = await said(patient_port, head + b"abcd")
    assert answers.startswith(b"HTTP/1.1 431 ")
    assert b"done" not in answers
    assert (await said(patient_port, POST + b"abcd" + head + b"abcd")).startswith(b"HTTP/1.1 431 ")


async def test_a_long_body_is_no_long_head(patient_port: int) -> None:
    body = b"z" * 5_000
    head = b"POST /x HTTP/1.1\r\nhost: here\r\ncontent-length: 5000\r\nconnection: close\r\n\r\n"
    assert (await said(patient_port, head + body)).startswith(b"HTTP/1.1 200 OK")


CHUNKED = (
    b"POST /x HTTP/1.1\r\nhost: here\r\nconnection: close\r\nx-first: 1\r\ntransfer-encoding: chunked\r\n\r\n"
)


async def test_a_line_after_the_body_is_no_header(patient_port: int) -> None:
    trailers = b"x-forwarded-for: 192.0.2.1\r\nx-last: 1\r\n\r\n"
    for pieces in ((CHUNKED + b"1\r\nz\r\n0\r\n" + trailers,), (CHUNKED + b"1\r\nz\r\n0\r\n", trailers)):
        answer = await said(patient_port, *pieces, pause=0.05)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert answer.count(b"x-seen") == 1


@pytest.mark.parametrize("endless", [b"x-more: %s\r\n" % (b"y" * 100), b"y" * 100])
async def test_lines_without_end_after_the_body_are_refused(patient_port: int, endless: bytes) -> None:
    pieces = (CHUNKED + b"1\r\nz\r\n0\r\nx-more: ", *[endless] * 15)
    assert (await said(patient_port, *pieces, pause=0.005)).startswith(b"HTTP/1.1 431 ")


async def test_a_body_in_many_small_pieces_is_taken(patient_port: int) -> None:
    pieces = (CHUNKED, *[b"1\r\nz\r\n"] * 50, b"0\r\n\r\n")
    assert (await said(patient_port, *pieces, pause=0.002)).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("nonsense", [b"NONSENSE\r\n\r\n", b"\0" * 3_000, POST + b"abcd" + b"\0" * 3_000])
async def test_what_is_no_request_is_refused_as_such(patient_port: int, nonsense: bytes) -> None:
    assert b"HTTP/1.1 400 " in await said(patient_port, nonsense)


async def test_requests_that_are_whole_are_answered_one_after_the_other(port: int) -> None:
    answers = await said(port, POST + b"abcd" + POST, b"efgh", b"\r\n", pause=0.05)
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.endswith(b"connection: close\r\n\r\n")  # bytes that begin no request get no time either


async def test_an_answer_under_way_is_not_written_into(port: int) -> None:
    answers = await said(port, POST + b"long", b"\r\n", pause=0.05)
    assert b"began" in answers
    assert b"408" not in answers


async def test_a_websocket_lives_longer_than_a_request_may_take(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/") as websocket:
        await asyncio.sleep(0.7)  # the bound is looked at twice by then
        await websocket.send("still here")
        assert await websocket.recv() == "still here"
