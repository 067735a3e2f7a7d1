"""Posting simulated documents to a mirror of any make: order, waiting, refusals in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from degnode.simulation.posting import Mirror, MirrorRefused, MirrorUnreachable, post_runs, write_runs
from degnode.simulation.run import MeterRun, run
from metering.documents import MirrorUsagePoint
from metering.sep.reader import read_mirror_document
from metering.sep.writer import write_error
from tests.support.loopback_server import LoopbackServer
from tests.support.simulated_world import plan

Answer = Callable[[str, int], Response]
KEY = "a key"
REFUSAL = write_error(3, "not from you")


def taken(path: str, _: int) -> Response:
    return Response(status_code=201, headers={"Location": f"{path}/1" if path == "/mup" else path})


def busy_at_first(path: str, before: int) -> Response:
    return taken(path, before) if before else Response(status_code=429, headers={"Retry-After": "0"})


class Scribe:
    """A mirror that writes down what is posted, and answers as it is told."""

    def __init__(self, answer: Answer = taken) -> None:
        self.posted: list[tuple[str, bytes]] = []
        self.keys: set[str | None] = set()
        self._answer = answer

    async def take(self, request: Request) -> Response:
        self.keys.add(request.headers.get("x-api-key"))
        path, before = request.url.path, len(self.posted)
        self.posted.append((path, await request.body()))
        return self._answer(path, before)


async def post(scribe: Scribe, runs: Iterable[MeterRun], **options: Any) -> int:
    """Post everything to `scribe`, and return how much of it was said to be taken."""
    progress: list[None] = []
    app = Starlette(routes=[Route("/mup{rest:path}", scribe.take, methods=["POST"])])
    async with LoopbackServer(app) as server:
        mirror = Mirror(url=f"{server.url}/", api_key=KEY, **options)
        await post_runs(runs, mirror, progress=lambda: progress.append(None))
    return len(progress)


async def test_the_meter_is_posted_first_and_its_readings_to_the_address_that_it_got() -> None:
    scribe = Scribe()
    (one,) = run(plan("duplicate@1:3", meters=1))
    progressed = await post(scribe, [one])
    assert scribe.posted == [
        ("/mup", one.introduction.on_its_own()),
        *(("/mup/1", document.for_known_meter()) for document in one.documents),
    ]
    assert scribe.keys == {KEY}
    assert progressed == len(scribe.posted) == 1 + 24 + 1


async def test_a_busy_mirror_is_asked_again_with_the_same_document() -> None:
    scribe = Scribe(busy_at_first)
    (one,) = run(plan(meters=1))
    await post(scribe, [one])
    assert [path for path, _ in scribe.posted[:3]] == ["/mup", "/mup", "/mup/1"]
    assert scribe.posted[0] == scribe.posted[1]


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response(REFUSAL, status_code=403), "answers 403: not from you"),
        (Response("<html>\x1b[2Jno", status_code=502), r"answers 502: <html>.\[2Jno"),
        (Response(status_code=404), "answers 404: it does not say why"),
        (Response(status_code=429, headers={"Retry-After": "0"}), "answers 429"),
        (Response(status_code=201), "does not say where its readings go"),
    ],
)
async def test_what_a_mirror_does_not_take_ends_the_run_in_words(response: Response, words: str) -> None:
    with pytest.raises(MirrorRefused, match=words):
        await post(Scribe(lambda _path, _before: response), run(plan(meters=2)))


async def test_a_mirror_that_is_not_there_ends_the_run_in_words() -> None:
    server = LoopbackServer(Starlette())
    await server.start()
    await server.stop()
    with pytest.raises(MirrorUnreachable, match="cannot be reached"):
        await post_runs(run(plan(meters=1)), Mirror(url=server.url, api_key=KEY))


async def test_no_more_meters_are_made_than_are_being_posted() -> None:
    made: list[MeterRun] = []

    def making() -> Iterator[MeterRun]:
        for one in run(plan(meters=12)):
            made.append(one)
            yield one

    with pytest.raises(MirrorRefused):
        await post(Scribe(lambda _path, _before: Response(status_code=400)), making(), connections=3)
    assert len(made) == 3


async def test_in_real_time_a_document_waits_until_its_time_is_over() -> None:
    waited: list[datetime] = []

    async def wait(instant: datetime) -> None:
        waited.append(instant)

    (one,) = run(plan("late@1:2", meters=1))
    await post(Scribe(), [one], wait=wait)
    assert waited == [datetime.fromtimestamp(document.due, UTC) for document in one.documents]
    assert waited == sorted(waited)
    assert (waited[0].hour, waited[-1].day) == (1, 2)


def test_files_stand_on_their_own_and_hold_every_reading(tmp_path: Path) -> None:
    runs = list(run(plan("late@1:2", telemetry=True)))
    files = sorted(tmp_path.rglob("*.xml")) if write_runs(runs, tmp_path) else []
    assert len(files) == sum(1 + len(one.documents) for one in runs)
    read = [read_mirror_document(file.read_bytes()) for file in files]
    assert {point.mrid for point in read if isinstance(point, MirrorUsagePoint)} == {
        f"00{one.history.premises.mrid}" for one in runs
    }
    assert sum(1 for point in read for register in point.meter_readings for _ in register.readings()) == sum(
        document.readings for one in runs for document in one.documents
    )
