"""What the seller side works with, put together at the start; its catalogue changes as it is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from bpp.showcase.showcase import Showcase
from kernel.ids import IdSource, random_id
from node.correspondence import Correspondent
from settlement.settle import COLLECTION_DEADLINE
from storage.unit_of_work import UnitOfWork
from trading.availability.store import AvailabilityStore
from trading.offer import Catalogue


@dataclass(slots=True, kw_only=True)
class Bpp:
    """A seller's platform.

    `catalogue` is what is sold now: another one takes its place whole, by `sell_from`.

    `hold_for` is how long an init holds its quantity. A proposed change waits for `proposal_ttl` for its
    answer; a delivery can be followed until `tracking_lasts` after its contract ended. `sells_past` lets
    windows be bought that are over already, for replays of old data; readings of a cycle are waited for
    until `collection_deadline` after its end. `new_id` makes order ids, which nobody may guess. Within
    `status_interval` a buyer is told once of what changes in a contract, unless its status changes. One
    answer to a search tells `most_found` items. `plugs` are the connectors that a station moves; sessions
    at others start and stop by their buyers' word.
    """

    catalogue: Catalogue
    correspondent: Correspondent
    hold_for: timedelta = timedelta(minutes=15)
    status_interval: timedelta = timedelta(minutes=1)
    proposal_ttl: timedelta = timedelta(minutes=30)
    tracking_lasts: timedelta = timedelta(hours=24)
    sells_past: bool = False
    collection_deadline: timedelta = COLLECTION_DEADLINE
    plugs: frozenset[str] = frozenset()
    new_id: IdSource = random_id
    showcase: Showcase = field(default_factory=Showcase)
    most_found: int = 500

    @property
    def subscriber_id(self) -> str:
        return self.correspondent.subscriber_id

    @property
    def url(self) -> str:
        return self.correspondent.url

    async def open_shop(self, uow: UnitOfWork) -> None:
        """Put the catalogue's resources on stock; what is held or sold stays so."""
        await AvailabilityStore(uow.connection).put(self.catalogue.resources)

    def sell_from(self, catalogue: Catalogue) -> None:
        """Sell from `catalogue` from now on; who looks at the one before finishes with that."""
        self.catalogue = catalogue
