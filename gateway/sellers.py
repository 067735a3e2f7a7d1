"""Who sells: the sellers' platforms that the registry has for a domain and a place.

An answer is remembered for a while, so that not every search is a look-up; while the registry does not
answer, for longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from kernel.clock import Clock
from node.correspondence import Peer
from protocol.errors import RegistryUnavailable
from registry_client.bounded import Bounded
from registry_client.keyring import KeyRing
from registry_client.ports import Wanted
from registry_client.single_flight import SingleFlight
from registry_client.subscriber import Place, SubscriberRecord, SubscriberRole

log = structlog.get_logger(__name__)

Area = tuple[str, Place | None]  # domain, and where in it; None for everywhere

_RETRY: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The sellers of an area, until when that is relied on, and until when without the registry."""

    sellers: tuple[Peer, ...]
    until: datetime
    last_until: datetime


class Sellers:
    """Finds the sellers' platforms of an area.

    `keep_for` is how long an answer is relied on, `grace` how much longer while the registry is away.
    """

    def __init__(
        self,
        keyring: KeyRing,
        *,
        clock: Clock,
        keep_for: timedelta = timedelta(seconds=30),
        grace: timedelta = timedelta(hours=1),
        max_areas: int = 1_000,
    ) -> None:
        self._keyring = keyring
        self._clock = clock
        self._keep_for = keep_for
        self._grace = grace
        self._found: Bounded[Area, _Found] = Bounded(max_areas)
        self._flights: SingleFlight[Area, _Found] = SingleFlight()

    async def find(self, *, domain: str, place: Place | None) -> tuple[Peer, ...]:
        """Return every seller's platform that is subscribed there, each once, in the order of their names.

        Raises: RegistryUnavailable; DirectoryCannotSearch, where there is no search.
        """
        area = (domain, place)
        found = self._found.get(area)
        if found is None or found.until <= self._clock.now():
            found = await self._flights.run(area, partial(self._learn, area))
        return found.sellers

    async def _learn(self, area: Area) -> _Found:
        domain, place = area
        now = self._clock.now()
        try:
            wanted = Wanted(role=SubscriberRole.BPP, domain=domain, place=place)
            records = await self._keyring.find(wanted)
        except RegistryUnavailable as error:
            known = self._found.get(area)
            if known is None or known.last_until <= now:
                raise
            log.warning("gateway.sellers_outdated", domain=domain, reason=str(error))
            found = replace(known, until=min(now + _RETRY, known.last_until))
        else:
            until = now + self._keep_for
            found = _Found(sellers=_reachable(records), until=until, last_until=until + self._grace)
        self._found.remember(area, found)
        return found


def _reachable(records: Iterable[SubscriberRecord]) -> tuple[Peer, ...]:
    """Return each subscriber once, with the URL of its newest key; those without a URL are left out."""
    newest: dict[str, str] = {}
    for record in sorted(records, key=lambda record: record.began_at):
        if record.endpoint is None:
            log.warning("gateway.seller_without_url", subscriber=record.subscriber_id)
        else:
            newest[record.subscriber_id] = record.endpoint
    return tuple(Peer(subscriber_id=name, url=url) for name, url in sorted(newest.items()))
