"""A seller's back office as the node deals with it: with patience, and not at all while it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

import structlog

from bpp.provider.breaker import Breaker
from bpp.provider.port import Answer, Event, ProviderAway, ProviderPort, ProviderUnreached, Question
from kernel.clock import Clock
from kernel.errors import NodeError
from trading.contract_news import Providers

log = structlog.get_logger(__name__)

NO_ANSWER: Final = "gave an answer that counts for nothing"
AGAIN: Final = "Send the same request again in a while, under a new message id."
_SILENCE: Final = (TimeoutError, ProviderUnreached)
_EXPECTED: Final = (TimeoutError, ProviderAway)
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

    async def ask(self, questions: Sequence[Question]) -> list[Answer | ProviderSilent]:
        """Return what is answered to the questions about one order, which are asked at the same time.

        That none of them is answered is one silence, however many they are.
        """
        found = await self._within_patience(
            [partial(self.port.ask, each) for each in questions], self.breaker
        )
        return [self._answer(question, said) for question, said in zip(questions, found, strict=True)]

    async def tell(self, event: Event) -> str | None:
        """Tell of an event; return what stood in the way, None if nothing did."""
        [said] = await self._within_patience([partial(self.port.tell, event)], self.event_breaker)
        if said is None:
            return None
        if isinstance(said, _EXPECTED):
            return _reason(said)
        log.error("provider.failed", office=self.name, event_id=event.id, exc_info=said)
        return type(said).__name__

    def _answer(self, question: Question, said: Answer | Exception) -> Answer | ProviderSilent:
        """Return what came of a question; count it, and tell the log of what is no answer."""
        if isinstance(said, Answer):
            self.count(_outcome(said))
            return said
        if isinstance(said, _EXPECTED):
            reason = _reason(said)
            log.warning("provider.silent", office=self.name, question=question.id, reason=reason)
        else:
            log.error("provider.failed", office=self.name, question=question.id, exc_info=said)
        self.count("resting" if isinstance(said, ProviderResting) else "silent")
        return ProviderSilent(f"the seller's back office {_told(said)}", hint=AGAIN)

    async def _within_patience(
        self, calls: Sequence[Callable[[], Awaitable[_Said]]], breaker: Breaker
    ) -> list[_Said | Exception]:
        """Return what came of each call, or that the back office is left alone."""
        if not await breaker.lets_through(self.clock.now()):
            why = "the back office was silent again and again, and is left alone for a while"
            return [ProviderResting(why) for _ in calls]
        found = await asyncio.gather(*(self._outcome_of(call) for call in calls))
        if not all(isinstance(said, _SILENCE) for said in found):  # it said something, if nothing sensible
            await breaker.heard()
        elif await breaker.missed(self.clock.now()):
            log.warning("provider.left_alone", office=self.name)
        return found

    async def _outcome_of(self, call: Callable[[], Awaitable[_Said]]) -> _Said | Exception:
        """Return what a call gives, or raises."""
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                return await call()
        except Exception as error:  # noqa: BLE001  whatever it is, it is the outcome
            return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The providers whose orders a back office is told of; None is for who has none."""

    providers: Providers
    office: Office | None


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

    def lanes(self) -> list[Lane]:
        """Return the lanes in which they are told: each has one, and keeps no other waiting."""
        named = self.by_provider.items()
        lanes = [Lane(providers=Providers(alone=(each,)), office=office) for each, office in named if office]
        nobody = [provider for provider, office in named if office is None]
        lanes += [Lane(providers=Providers(alone=nobody), office=None)] if nobody else []
        return [*lanes, Lane(providers=Providers(but=self.by_provider.keys()), office=self.usual)]

    def __bool__(self) -> bool:
        return any(office is not None for office in (self.usual, *self.by_provider.values()))


def _reason(error: Exception) -> str:
    """Return what the log is told."""
    return str(error) or "no answer in time"


def _told(error: Exception) -> str:
    """Return what the buyer is told that a back office does; what is wrong with it is the seller's affair."""
    if isinstance(error, ProviderResting):
        return "has given no answers lately, and is not asked for a while"
    return "gave no answer in time" if isinstance(error, _SILENCE) else NO_ANSWER


def _outcome(answer: Answer) -> str:
    if answer.counter is not None:
        return "countered"
    return {True: "accepted", False: "refused", None: "left"}[answer.accepted]
