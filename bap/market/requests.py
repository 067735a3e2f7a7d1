"""What was asked of sellers, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, Field
from sqlalchemy import insert, select, update

from bap.buyer import SentCall
from bap.market.amounts import Instant
from bap.market.problem import Problem, make_problem
from bap.market.tables import RequestState, market_requests
from kernel.clock import format_instant
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

PLAIN: Final = {
    Action.DISCOVER: "search",
    Action.SELECT: "quote",
    Action.INIT: "order",
    Action.CONFIRM: "confirm",
    Action.STATUS: "news",
    Action.TRACK: "tracking",
    Action.UPDATE: "change",
    Action.CANCEL: "cancel",
    Action.RATING: "rating",
    Action.SUPPORT: "support",
}
"""What each request is called where no wire is known."""


class RequestView(BaseModel):
    """Something that was asked of the seller."""

    id: str
    what: str = Field(description="quote, order, confirm, change, cancel, tracking, rating, support, …")
    state: str = Field(
        description="waiting, done, refused, unreachable, unreadable, or silent: no answer came in time; one "
        "that comes later is still taken."
    )
    sent_at: Instant
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request to a seller; `ended_at` is None while nothing is known of it."""

    id: str
    number: int
    thread_id: str
    action: Action
    bpp_id: str
    state: RequestState
    sent_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    problem: Json | None = None
    result: Json | None = None

    def is_open(self, now: datetime) -> bool:
        """Say whether an answer is still worth waiting for."""
        return self.state is RequestState.WAITING and now < self.expires_at

    def state_at(self, now: datetime) -> str:
        """Return how it stands: one whose time is over is `silent`."""
        is_silent = self.state is RequestState.WAITING and now >= self.expires_at
        return "silent" if is_silent else self.state.value

    def problem_at(self, now: datetime) -> Problem | None:
        """Return why it came to nothing, None if it did not."""
        if self.problem is not None:
            return Problem(**self.problem)
        if self.state_at(now) != "silent":
            return None
        return make_problem(
            "seller-silent", f"{self.bpp_id} did not answer before {format_instant(self.expires_at)}."
        )


def tell_quote_status(state: str) -> str:
    """Return how a quote stands whose request stands like that."""
    return "ready" if state == RequestState.DONE else state


def tell_request(asked: Asked, now: datetime) -> RequestView:
    """Return a request as apps read of it."""
    return RequestView(
        id=asked.id,
        what=PLAIN[asked.action],
        state=asked.state_at(now),
        sent_at=format_instant(asked.sent_at),
        problem=asked.problem_at(now),
    )


async def record_request(
    uow: UnitOfWork, call: SentCall, *, thread_id: str, now: datetime, expires_at: datetime
) -> None:
    """Keep that something was asked of a seller; the call is in the same unit of work."""
    await uow.connection.execute(
        insert(market_requests).values(
            id=call.message_id,
            thread_id=thread_id,
            action=call.action,
            bpp_id=call.bpp_id,
            state=RequestState.WAITING,
            sent_at=now,
            expires_at=expires_at,
        )
    )


async def record_unsent(
    uow: UnitOfWork, *, request_id: str, thread_id: str, bpp_id: str, problem: Problem, now: datetime
) -> None:
    """Keep why a seller could not be asked to search at all."""
    await uow.connection.execute(
        insert(market_requests).values(
            id=request_id,
            thread_id=thread_id,
            action=Action.DISCOVER,
            bpp_id=bpp_id,
            state=RequestState.UNREACHABLE,
            sent_at=now,
            expires_at=now,
            ended_at=now,
            problem=problem.model_dump(exclude_none=True),
        )
    )


async def end_request(
    uow: UnitOfWork,
    request_id: str,
    state: RequestState,
    *,
    now: datetime,
    problem: Problem | None = None,
    result: Json | None = None,
) -> None:
    """Keep what came of a request."""
    await uow.connection.execute(
        update(market_requests)
        .where(market_requests.c.id == request_id)
        .values(
            state=state,
            ended_at=now,
            problem=None if problem is None else problem.model_dump(exclude_none=True),
            result=result,
        )
    )


async def find_request(uow: UnitOfWork, request_id: str) -> Asked | None:
    """Return the request of that id, if it was sent for the plain API."""
    rows = await uow.connection.execute(select(market_requests).where(market_requests.c.id == request_id))
    row = rows.mappings().one_or_none()
    return None if row is None else _read(row)


async def list_requests(uow: UnitOfWork, thread_id: str) -> list[Asked]:
    """Return what was asked in a search or a purchase, the first first."""
    rows = await uow.connection.execute(
        select(market_requests)
        .where(market_requests.c.thread_id == thread_id)
        .order_by(market_requests.c.number)
    )
    return [_read(row) for row in rows.mappings()]


def latest(requests: list[Asked], action: Action) -> Asked | None:
    """Return the last request of a kind."""
    return next((asked for asked in reversed(requests) if asked.action is action), None)


def _read(row: Any) -> Asked:  # noqa: ANN401  a row
    return Asked(**{**row, "action": Action(row["action"]), "state": RequestState(row["state"])})
