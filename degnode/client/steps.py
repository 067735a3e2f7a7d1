"""Steps of the client's calls: requests that may be sent again, pauses, and what comes of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import uuid4

from degnode.client.errors import MarketProblem, MarketUnreachable
from degnode.client.models import Problem

WAIT: Final = 10.0
"""Seconds that one request waits for sellers."""

_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)  # s; between tries
AGAIN: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses of what may be over soon."""

Kwh = Decimal | int | str
Times = tuple[datetime, datetime]
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A request that may be sent again: it reads, or bears an Idempotency-Key."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """So many seconds of nothing."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a step: an answer, or `failure` when there was none."""

    status: int = 0
    content: Any = None
    retry_after: float | None = None
    failure: str | None = None


Flow = Generator[Send | Pause, Outcome, R]


def get(path: str, params: Mapping[str, str], *, wait: float | None = None) -> Flow[Any]:
    return (yield from _perform(Send(method="GET", path=path, params={**params, **_waiting(wait)})))


def post(path: str, form: Mapping[str, Any], *, wait: float) -> Flow[Any]:
    body = {key: value for key, value in form.items() if value is not None}
    headers = {"Idempotency-Key": str(uuid4())}  # so that it can be sent again
    call = Send(method="POST", path=path, params=_waiting(wait), body=body or None, headers=headers)
    return (yield from _perform(call))


def _perform(call: Send) -> Flow[Any]:
    """Return the answer's content; what may be over soon is tried again."""
    outcome = Outcome(failure="nothing was sent")
    for pause in (*_PAUSES, None):
        outcome = yield call
        if outcome.failure is None and outcome.status not in AGAIN:
            break
        if pause is not None:
            yield Pause(max(pause, outcome.retry_after or 0))
    if outcome.failure is not None:
        raise MarketUnreachable(f"{call.method} {call.path}: {outcome.failure}")
    if outcome.status < 400:
        return outcome.content
    raise refusal_of(outcome, f"{call.method} {call.path}")


def refusal_of(outcome: Outcome, what: str) -> MarketProblem | MarketUnreachable:
    """Return the error of an answer that says no: the BAP's own words, if they are such."""
    if not isinstance(outcome.content, dict) or "type" not in outcome.content:
        return MarketUnreachable(f"{what}: it answered {outcome.status}")
    return MarketProblem(Problem.model_validate(outcome.content))


def _waiting(wait: float | None) -> dict[str, str]:
    return {} if not wait else {"wait": f"{wait:g}"}


def text_of(number: Kwh | None) -> str | None:
    if isinstance(number, float):
        raise TypeError(f"write {number!r} as a Decimal, an int or text: floats are not exact")
    return None if number is None else str(number)


def span_of(window: Times | None) -> dict[str, str] | None:
    return None if window is None else {"start": window[0].isoformat(), "end": window[1].isoformat()}
