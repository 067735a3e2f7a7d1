"""A seller's back office as the node deals with it: with patience, and not at all while it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

import structlog

from bpp.provider.breaker import Breaker
from bpp.provider.port import Answer, Event, ProviderAway, ProviderPort, ProviderUnreached, Question
from kernel.clock import Clock
from kernel.errors import NodeError

log = structlog.get_logger(__name__)

_NO_ANSWER: Final = "no answer in time"
AGAIN: Final = "Send the same request again in a while, under a new message id."
_Said = TypeVar("_Said")


class ProviderSilent(NodeError):
    """The seller's back office gave no answer in time; the buyer may ask again, this node does not."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, False


class ProviderResting(ProviderAway):
    """The back office was silent again and again, and is left alone for a while."""


def _uncounted(_outcome: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Asks and tells `port`, for `patience` at most; who waited in vain again and again leaves it alone.

    Questions have `breaker`, events one of their own: one that takes no events can still sell.
    `count` is told what came of each question: accepted, refused, countered, left, silent or
    resting.
    """

    name: str
    port: ProviderPort
    patience: timedelta
    breaker: Breaker
    event_breaker: Breaker
    clock: Clock
    count: Callable[[str], None] = _uncounted

    async def ask(self, question: Question) -> Answer:
        """Return what is answered to a question. Raises: ProviderSilent."""
        try:
            answer = await self._within_patience(partial(self.port.ask, question), self.breaker)
        except (TimeoutError, ProviderAway) as error:
            log.warning(
                "provider.silent", office=self.name, question=question.id, reason=str(error) or _NO_ANSWER
            )
            self.count("resting" if isinstance(error, ProviderResting) else "silent")
        except Exception:
            log.exception("provider.failed", office=self.name, question=question.id)
            self.count("silent")
        else:
            self.count(_outcome(answer))
            return answer
        raise ProviderSilent("the seller's back office gave no answer in time", hint=AGAIN)

    async def tell(self, event: Event) -> str | None:
        """Tell of an event; return what stood in the way, None if nothing did."""
        try:
            await self._within_patience(partial(self.port.tell, event), self.event_breaker)
        except (TimeoutError, ProviderAway) as error:
            return str(error) or _NO_ANSWER
        except Exception as error:
            log.exception("provider.failed", office=self.name, event_id=event.id)
            return type(error).__name__
        return None

    async def _within_patience(self, call: Callable[[], Awaitable[_Said]], breaker: Breaker) -> _Said:
        """Return what a call gives. Raises: ProviderResting, TimeoutError, and what the call does."""
        if not breaker.lets_through(self.clock.now()):
            raise ProviderResting("the back office was silent again and again, and is left alone for a while")
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                said = await call()
        except (TimeoutError, ProviderUnreached):
            if breaker.missed(self.clock.now()):
                log.warning("provider.left_alone", office=self.name)
            raise
        except Exception:  # it said something, if nothing sensible; who is cancelled learns nothing
            breaker.heard()
            raise
        breaker.heard()
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Offices:
    """The back offices of a node: those of single providers, and the `usual` one of all others.

    None is for providers of whom nobody is asked or told.
    """

    usual: Office | None = None
    by_provider: Mapping[str, Office | None] = field(default_factory=dict)

    def of(self, provider_id: str) -> Office | None:
        """Return the back office of a provider, None if it has none."""
        return self.by_provider.get(provider_id, self.usual)

    def __bool__(self) -> bool:
        return any(office is not None for office in (self.usual, *self.by_provider.values()))


def _outcome(answer: Answer) -> str:
    if answer.counter is not None:
        return "countered"
    return {True: "accepted", False: "refused", None: "left"}[answer.accepted]
