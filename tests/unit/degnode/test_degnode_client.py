"""The typed client: one description for both kinds of code; it repeats what may be and loses no event."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from degnode.client import (
    AsyncMarket,
    Item,
    Market,
    MarketProblem,
    MarketUnreachable,
    PurchaseFailed,
    StillWaiting,
    order_flows,
)
from degnode.client import flows as flows_module
from degnode.client import steps as steps_module
from degnode.client.market import Operation, Operations

Json = dict[str, Any]

OFFER: Json = {
    "id": "o-1",
    "name": "Noon sun",
    "what": "sun",
    "description": "",
    "seller": {"id": "s", "name": "S", "platform": "bpp.example"},
    "source": "solar",
    "handed_over": "grid_injection",
    "price": {"model": "per_kwh", "per_kwh": {"amount": "0.15", "currency": "USD"}},
    "kwh_available": "30.5",
    "produced": {"start": "2026-06-11T10:00:00Z", "end": "2026-06-11T18:00:00Z"},
    "unknown_to_this_client": 1,
}
ORDER: Json = {
    "id": "q-1",
    "status": "active",
    "offer": OFFER,
    "kwh": "10",
    "created_at": "2026-06-11T10:00:00Z",
    "updated_at": "2026-06-11T10:00:00Z",
    "confirm_wanted": True,
    "price": {"total": {"amount": "4.00", "currency": "USD"}, "lines": []},
}
QUOTE: Json = {
    "id": "q-1",
    "status": "ready",
    "offer": OFFER,
    "kwh": "10",
    "price": {"total": {"amount": "4.00", "currency": "USD"}, "lines": []},
}
PROBLEM: Json = {
    "type": "urn:degnode:problem:x",
    "title": "X",
    "status": 409,
    "detail": "no",
    "seller_said": "no",
}
RATED: Json = {"id": "r-1", "what": "rating", "state": "waiting"}


class Bap:
    """Answers what it is told to answer, one after the other, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps_module, "_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(flows_module, "_LOOK_AGAIN", 0.001)


def market(bap: Callable[[httpx.Request], httpx.Response], **options: Any) -> Market:
    return Market("http://bap/", api_key="k", transport=httpx.MockTransport(bap), **options)


def answer(content: object, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=content, headers=headers)


def test_a_purchase_is_two_requests_each_under_a_key_of_its_own() -> None:
    bap = Bap(answer(QUOTE, 201), answer(ORDER, 201))
    with market(bap, account="ann") as client:
        order = client.buy("o-1", "10", meter="m")
    assert (order.status, order.total.amount, order.kwh) == ("active", Decimal("4.00"), Decimal(10))
    assert [request.url.path for request in bap.asked] == ["/api/v1/market/quotes", "/api/v1/market/orders"]
    keys = [request.headers["Idempotency-Key"] for request in bap.asked]
    assert len(set(keys)) == 2
    assert {request.headers["X-Account"] for request in bap.asked} == {"ann"}
    assert bap.asked[0].url.params["wait"] == "10"


def test_what_failed_on_the_way_is_sent_again_under_the_same_key() -> None:
    bap = Bap(httpx.ConnectError("refused"), answer({}, 503, **{"Retry-After": "0"}), answer(QUOTE, 201))
    assert market(bap).quote("o-1", 10).total.currency == "USD"
    assert len({request.headers["Idempotency-Key"] for request in bap.asked}) == 1
    assert len({request.content for request in bap.asked}) == 1


@pytest.mark.parametrize(
    "answers",
    [
        [httpx.ConnectError("refused")] * 3,
        [answer({}, 503)] * 3,
        [httpx.Response(404, text="a proxy's page")],
    ],
    ids=["away", "down", "something else"],
)
def test_a_bap_that_stays_away_is_told_as_such(answers: Sequence[httpx.Response | Exception]) -> None:
    with pytest.raises(MarketUnreachable):
        market(Bap(*answers)).get_order("q-1")


def test_a_refusal_of_the_bap_is_raised_as_its_problem() -> None:
    with pytest.raises(MarketProblem, match=r"X: no\. The seller said: no\.") as refused:
        market(Bap(answer(PROBLEM, 409))).get_order("q-1")
    assert refused.value.problem.status == 409


def test_a_refusal_of_the_seller_is_raised_too() -> None:
    refused = QUOTE | {"status": "refused", "price": None, "problem": PROBLEM}
    with pytest.raises(PurchaseFailed):
        market(Bap(answer(refused, 201))).quote("o-1", 10)
    with pytest.raises(PurchaseFailed):
        market(Bap(answer(ORDER | {"status": "held", "problem": PROBLEM}, 201))).order("q-1", confirm=True)
    with pytest.raises(PurchaseFailed):
        market(Bap(answer(ORDER | {"problem": PROBLEM}))).cancel("q-1")


def test_what_has_not_come_yet_is_still_waited_for() -> None:
    with pytest.raises(StillWaiting):
        market(Bap(answer(QUOTE | {"status": "waiting", "price": None}, 201))).quote("o-1", 10)
    with pytest.raises(StillWaiting):
        market(Bap(answer(QUOTE, 201), answer(ORDER | {"status": "requested"}, 201))).buy("o-1", 10)
    with pytest.raises(ValueError, match="no price"):
        market(Bap(answer(ORDER | {"price": None}))).get_order("q-1").total  # noqa: B018
    with pytest.raises(StillWaiting):
        market(Bap(*[answer(ORDER)] * 9)).wait_until("q-1", seconds=0.002)


def test_a_silent_seller_is_still_waited_for() -> None:
    silent = PROBLEM | {"type": "urn:degnode:problem:seller-silent"}
    with pytest.raises(StillWaiting):
        market(Bap(answer(QUOTE | {"status": "silent", "price": None, "problem": silent}, 201))).quote("o", 1)
    with pytest.raises(StillWaiting):
        market(Bap(answer(ORDER | {"status": "requested", "problem": silent}, 201))).order("q-1")
    with pytest.raises(StillWaiting):
        market(Bap(answer(ORDER | {"problem": silent}))).cancel("q-1")


def test_what_the_seller_has_not_answered_yet_is_not_done() -> None:
    asked = {"id": "m", "what": "cancel", "state": "waiting"}
    waiting = ORDER | {"requests": [asked | {"what": "confirm", "state": "done"}, asked]}
    with pytest.raises(StillWaiting, match="q-1 is active"):
        market(Bap(answer(waiting))).cancel("q-1")
    assert market(Bap(answer(waiting))).cancel("q-1", wait=0).status == "active"
    done = ORDER | {"requests": [asked | {"state": "done"}]}
    assert market(Bap(answer(done))).cancel("q-1").status == "active"


def test_an_order_is_waited_for_until_it_is_over() -> None:
    bap = Bap(answer(ORDER), answer(ORDER | {"status": "completed"}))
    assert market(bap).wait_until("q-1").status == "completed"
    failed = ORDER | {"status": "failed", "problem": PROBLEM}
    with pytest.raises(PurchaseFailed):
        market(Bap(answer(failed))).wait_until("q-1", "active")
    cancelled = ORDER | {"status": "cancelled"}
    with pytest.raises(PurchaseFailed, match="q-1 is cancelled"):
        market(Bap(answer(cancelled))).wait_until("q-1", "active")
    assert market(Bap(answer(cancelled))).wait_until("q-1").status == "cancelled"


def test_all_pages_are_read() -> None:
    summary = {key: ORDER[key] for key in ("id", "status", "offer", "kwh", "created_at", "updated_at")}
    bap = Bap(answer({"items": [summary], "next": "c"}), answer({"items": [summary], "next": None}))
    assert len(market(bap).orders(status="active")) == 2
    assert [request.url.params.get("cursor") for request in bap.asked] == [None, "c"]


def test_floats_are_refused() -> None:
    with pytest.raises(TypeError, match="floats are not exact"):
        market(Bap()).quote("o-1", 0.1)  # type: ignore[arg-type]  # that is the point


def test_events_go_on_where_a_connection_broke_off() -> None:
    event = 'event: order.updated\ndata: {"type": "order.updated", "timestamp": "2026-06-11T10:00:00Z", '
    first = f': listening\n\nid: 7\n{event}"data": {{"status": "held"}}}}\n\n'
    second = f'id: 9\n{event}"data": {{"status": "active"}}}}\n\n'
    bap = Bap(httpx.Response(200, text=first), httpx.Response(200, text=second))
    told = market(bap).events("q-1")
    assert [(event.number, event.data["status"]) for event in (next(told), next(told))] == [
        (7, "held"),
        (9, "active"),
    ]
    assert bap.asked[1].headers["Last-Event-ID"] == "7"
    with pytest.raises(MarketUnreachable):
        next(market(Bap(answer({}, 404))).events())
    with pytest.raises(MarketProblem, match="X: no"):
        next(market(Bap(answer(PROBLEM, 404))).events())


def test_no_event_is_lost_in_a_break_before_or_within_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("degnode.client.market.time.sleep", lambda _seconds: None)
    data = 'data: {"type": "order.updated", "timestamp": "2026-06-11T10:00:00Z", "data": {}}'
    bap = Bap(
        httpx.Response(200, text=": listening\nid: 6\n\n"),
        httpx.Response(200, text=f": listening\nid: 6\n\nevent: order.updated\n{data}\n"),  # broke off
        answer(PROBLEM, 503),
        httpx.Response(200, text=f"event: order.updated\n{data}\nid: 7\n\n"),
    )
    assert next(market(bap).events()).number == 7
    assert [request.headers.get("Last-Event-ID") for request in bap.asked] == [None, "6", "6", "6"]


async def test_the_same_calls_are_awaited_of_an_async_market() -> None:
    bap = Bap(answer(QUOTE, 201), httpx.ConnectError("refused"), answer(ORDER, 201))
    async with AsyncMarket("http://bap", api_key="k", transport=httpx.MockTransport(bap)) as client:
        assert (await client.buy("o-1", 10)).status == "active"


def test_reasons_comments_and_answers_are_sent_as_they_are_said() -> None:
    bap = Bap(answer(ORDER), answer(ORDER), answer(ORDER), answer(ORDER), answer(RATED, 201))
    with market(bap) as client:
        client.cancel("o-9", reason="we are moving")
        client.cancel("o-9")
        client.accept_proposal("o-9", "p-1")
        client.refuse_proposal("o-9", "p-1")
        client.rate("o-9", 5, comment="quick")
    sent = [(request.url.path.rpartition("/")[2], request.content) for request in bap.asked]
    assert [(name, json.loads(content) if content else None) for name, content in sent] == [
        ("cancel", {"reason": "we are moving"}),
        ("cancel", None),
        ("proposal", {"proposal_id": "p-1", "answer": "accept"}),
        ("proposal", {"proposal_id": "p-1", "answer": "refuse"}),
        ("ratings", {"stars": "5", "about": "order", "comment": "quick"}),
    ]


def test_several_offers_are_asked_for_at_once_each_with_its_time() -> None:
    bap = Bap(answer(QUOTE, 201), answer(ORDER, 201))
    start = datetime(2026, 1, 9, 10, tzinfo=UTC)
    items = [
        Item("o-1", 15, (start, start + timedelta(hours=4))),
        Item("o-2", Decimal("2.5"), code="SUN"),
    ]
    with market(bap) as client:
        client.buy_together(items, meter="98765456", payment="prepaid")
    assert json.loads(bap.asked[0].content) == {
        "items": [
            {
                "offer_id": "o-1",
                "kwh": "15",
                "window": {"start": "2026-01-09T10:00:00+00:00", "end": "2026-01-09T14:00:00+00:00"},
            },
            {"offer_id": "o-2", "kwh": "2.5", "code": "SUN"},
        ],
        "meter": "98765456",
        "payment": "prepaid",
    }


def test_a_search_of_which_a_seller_has_more_is_not_whole() -> None:
    asked = {"platform": "bpp.example", "state": "done", "offers": 2}
    search = {"id": "s", "status": "closed", "created_at": "2026-01-09T10:00:00Z", "offers": []}
    part = {"told": 2, "of": 3, "what_to_do": "Search again with more words."}
    with market(
        Bap(answer(search | {"sellers": [asked]}), answer(search | {"sellers": [asked | {"part": part}]}))
    ) as client:
        assert client.get_search("s").is_whole
        cut = client.get_search("s")
    assert not cut.is_whole
    assert cut.sellers[0].part is not None
    assert (cut.sellers[0].part.told, cut.sellers[0].part.of) == (2, 3)


def test_every_call_says_what_it_does_and_is_there_twice() -> None:
    names = [name for name, value in vars(Operations).items() if isinstance(value, Operation)]
    assert len(names) > 15
    for name in names:
        assert inspect.getdoc(getattr(flows_module, name, None) or getattr(order_flows, name))
        assert callable(getattr(market(Bap()), name))
    assert not [name for name in names if name in vars(Market) or name in vars(AsyncMarket)]
