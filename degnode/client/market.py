"""The client itself, twice over one description: `Market` waits, `AsyncMarket` is awaited."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from types import TracebackType
from typing import Any, Final, Generic, ParamSpec, Self, TypeVar, overload

import httpx

from degnode.client import flows, order_flows
from degnode.client.errors import MarketUnreachable
from degnode.client.models import Event
from degnode.client.steps import AGAIN, Flow, Outcome, Pause, Send, refusal_of

PREFIX: Final = "/api/v1/market"
_EVENTS_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)  # s; the server says something every 15 s
_TIMEOUT: Final = httpx.Timeout(75.0, connect=5.0)  # s; longer than any request waits for sellers

P = ParamSpec("P")
R = TypeVar("R")


class Operation(Generic[P, R]):
    """A flow as a method: of `Market` it returns, of `AsyncMarket` it is awaited."""

    def __init__(self, flow: Callable[P, Flow[R]]) -> None:
        self._flow = flow
        self.__doc__ = flow.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: Market, owner: type) -> Callable[P, R]: ...

    @overload
    def __get__(self, instance: AsyncMarket, owner: type) -> Callable[P, Awaitable[R]]: ...

    def __get__(self, instance: Market | AsyncMarket | None, owner: type) -> Any:
        if instance is None:
            return self

        @wraps(self._flow)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401  a result, or one to come
            return instance.run(self._flow(*args, **kwargs))

        return call


class Operations:
    """What can be asked of a BAP; each call says in its own words what it does."""

    search = Operation(flows.search)
    get_search = Operation(flows.get_search)
    quote = Operation(flows.quote)
    quote_together = Operation(flows.quote_together)
    get_quote = Operation(flows.get_quote)
    order = Operation(flows.order)
    buy = Operation(flows.buy)
    buy_together = Operation(flows.buy_together)
    orders = Operation(flows.orders)
    order_page = Operation(flows.order_page)
    get_order = Operation(flows.get_order)
    bills = Operation(flows.bills)
    wait_until = Operation(flows.wait_until)
    confirm = Operation(order_flows.confirm)
    cancel = Operation(order_flows.cancel)
    change = Operation(order_flows.change)
    accept_proposal = Operation(order_flows.accept_proposal)
    refuse_proposal = Operation(order_flows.refuse_proposal)
    start_session = Operation(order_flows.start_session)
    stop_session = Operation(order_flows.stop_session)
    rate = Operation(order_flows.rate)
    support = Operation(order_flows.support)
    track = Operation(order_flows.track)


class Market(Operations):
    """A BAP's plain API for ordinary code; use it as a context manager, or `close` it."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str,
        account: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Use the BAP at `url`; `account` names one of your users, whose orders are kept apart."""
        self._http = httpx.Client(
            base_url=_base(url), headers=_headers(api_key, account), timeout=_TIMEOUT, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def run(self, flow: Flow[R]) -> R:
        """Go through a flow, step by step, and return what it returns."""
        outcome: Outcome | None = None
        while True:
            try:
                step = flow.send(outcome) if outcome else next(flow)
            except StopIteration as end:
                result: R = end.value
                return result
            outcome = self._take(step)

    def events(self, order_id: str | None = None, *, after: int | None = None) -> Iterator[Event]:
        """Yield what happens to an order, from its quote on, or to anything of the account, from now on.

        A connection that breaks off is made anew, without losing or repeating an event.
        """
        reader = EventReader(order_id=order_id, last=after)
        while True:
            try:
                with self._http.stream(
                    "GET", reader.path, headers=reader.headers, timeout=_EVENTS_TIMEOUT
                ) as stream:
                    if stream.status_code != httpx.codes.OK:
                        stream.read()
                    reader.open(stream)
                    for line in stream.iter_lines():
                        if event := reader.take(line):
                            yield event
            except (httpx.TransportError, StreamRefused) as error:
                reader.count_failure(error)
            time.sleep(reader.pause)

    def _take(self, step: Send | Pause) -> Outcome:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return Outcome()
        try:
            response = self._http.request(
                step.method, step.path, params=dict(step.params), json=step.body, headers=dict(step.headers)
            )
        except httpx.TransportError as error:
            return Outcome(failure=str(error) or type(error).__name__)
        return _outcome(response)


class AsyncMarket(Operations):
    """A BAP's plain API for asyncio; use it as an async context manager, or `aclose` it."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str,
        account: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Use the BAP at `url`; `account` names one of your users, whose orders are kept apart."""
        self._http = httpx.AsyncClient(
            base_url=_base(url), headers=_headers(api_key, account), timeout=_TIMEOUT, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def run(self, flow: Flow[R]) -> R:
        """Go through a flow, step by step, and return what it returns."""
        outcome: Outcome | None = None
        while True:
            try:
                step = flow.send(outcome) if outcome else next(flow)
            except StopIteration as end:
                result: R = end.value
                return result
            outcome = await self._take(step)

    async def events(self, order_id: str | None = None, *, after: int | None = None) -> AsyncIterator[Event]:
        """Yield what happens to an order, from its quote on, or to anything of the account, from now on.

        A connection that breaks off is made anew, without losing or repeating an event.
        """
        reader = EventReader(order_id=order_id, last=after)
        while True:
            try:
                async with self._http.stream(
                    "GET", reader.path, headers=reader.headers, timeout=_EVENTS_TIMEOUT
                ) as stream:
                    if stream.status_code != httpx.codes.OK:
                        await stream.aread()
                    reader.open(stream)
                    async for line in stream.aiter_lines():
                        if event := reader.take(line):
                            yield event
            except (httpx.TransportError, StreamRefused) as error:
                reader.count_failure(error)
            await asyncio.sleep(reader.pause)

    async def _take(self, step: Send | Pause) -> Outcome:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return Outcome()
        try:
            response = await self._http.request(
                step.method, step.path, params=dict(step.params), json=step.body, headers=dict(step.headers)
            )
        except httpx.TransportError as error:
            return Outcome(failure=str(error) or type(error).__name__)
        return _outcome(response)


class StreamRefused(Exception):
    """The BAP has no stream of events just now."""


@dataclass(slots=True, kw_only=True)
class EventReader:
    """Reads server-sent events line by line, and knows where to go on after a break."""

    order_id: str | None
    last: int | None
    pause: float = 0.5  # s; before a broken connection is made anew
    _failures: int = 0
    _lines: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return "/events" if self.order_id is None else f"/orders/{self.order_id}/events"

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.last is None else {"Last-Event-ID": str(self.last)}

    def open(self, response: httpx.Response) -> None:
        """Begin with a stream, whatever broke off in the one before; what is no stream is read already.

        Raises: StreamRefused, if it may come later; MarketProblem, MarketUnreachable.
        """
        self._lines.clear()
        if response.status_code == httpx.codes.OK:
            self._failures = 0
            return
        what, outcome = f"GET {self.path}", _outcome(response)
        if outcome.status in AGAIN:
            raise StreamRefused(f"it answered {outcome.status}")
        raise refusal_of(outcome, what)

    def count_failure(self, error: Exception) -> None:
        """Raises: MarketUnreachable, after some failures in a row."""
        self._failures += 1
        if self._failures > 10:
            raise MarketUnreachable(f"GET {self.path}: {error}") from error

    def take(self, line: str) -> Event | None:
        """Return the event that ends with this line, if one does."""
        if line:
            key, _, value = line.partition(":")
            self._lines[key] = value.removeprefix(" ")
            return None
        lines, self._lines = self._lines, {}
        if "id" in lines:
            self.last = int(lines["id"])
        if "data" not in lines or self.last is None:
            return None
        return Event.model_validate(json.loads(lines["data"]) | {"number": self.last})


def _base(url: str) -> str:
    return url.rstrip("/") + PREFIX


def _headers(api_key: str, account: str | None) -> dict[str, str]:
    return {"X-Api-Key": api_key} | ({} if account is None else {"X-Account": account})


def _outcome(response: httpx.Response) -> Outcome:
    try:
        content = response.json()
    except ValueError:
        content = None
    retry_after = response.headers.get("Retry-After", "")
    return Outcome(
        status=response.status_code,
        content=content,
        retry_after=float(retry_after) if retry_after.isdecimal() else None,
    )
