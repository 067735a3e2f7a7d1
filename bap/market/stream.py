"""What happens to an account's searches, quotes and orders, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from fastapi.sse import format_sse_event

from bap.events import EventHub, Pulse
from bap.exact_json import dump
from bap.market.events import list_events
from storage.unit_of_work import UnitOfWorkFactory

_MOST_AT_ONCE: Final = 50


@dataclass(slots=True, kw_only=True)
class MarketStream:
    """The events of an account, or of one thing of it, after number `after`.

    A comment is sent after `heartbeat_seconds` of silence, so that nobody in between closes the connection.
    The first bears the number to go on after, should the connection break off before any event.
    """

    uow_factory: UnitOfWorkFactory
    hub: EventHub
    account: str
    thread_id: str | None
    after: int
    heartbeat_seconds: float = 15.0

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield events until the hub is closed or nobody reads them."""
        with self.hub.subscribe(self.thread_id) as subscription:
            yield format_sse_event(comment="listening", id=str(self.after))
            pulse = Pulse(seconds=self.heartbeat_seconds)
            while not subscription.is_closed:
                async with self.uow_factory() as uow:
                    events = await list_events(
                        uow,
                        account=self.account,
                        thread_id=self.thread_id,
                        after=self.after,
                        limit=_MOST_AT_ONCE,
                    )
                for event in events:
                    self.after = event.sequence
                    yield format_sse_event(
                        event=event.type.value, data_str=dump(event.to_json()), id=str(event.sequence)
                    )
                if events:
                    pulse.told()
                elif await pulse.is_due(subscription):
                    yield format_sse_event(comment="still here")
