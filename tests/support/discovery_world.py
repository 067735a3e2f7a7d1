"""A discovery service for tests: what sellers publish, what buyers ask, and every answer checked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import simplejson

from discovery.service import DiscoveryService
from kernel.clock import ManualClock
from node.correspondence import Correspondent
from node.message import Inbound
from protocol.actions import CALLBACK_OF, PUBLISHING, Action, Role, sender_side
from protocol.context import Context, read_context, write_context
from protocol.profile import PROFILES, V2_RC, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import AUTHORIZATION, BAP_ID, BPP_ID, NOW, Json, catalogue, require_valid
from trading.listing import Listing, list_catalogue
from trading.mapping import publication_wire_of, wire_of
from trading.offer import Catalogue, Provider
from trading.publication import Publication, PublicationResult
from trading.request import Criteria

CDS_ID: Final = "discovery.example"
OTHER_BPP: Final = "bpp.hill-wind.example"


def shop(*ids: str, name: str = "Rooftop solar", **changes: Any) -> Catalogue:
    """Return a catalogue of resources of these ids, alike but for that."""
    plain = catalogue()
    [resource], [offer] = plain.resources, plain.offers
    return replace(
        plain,
        resources=tuple(replace(resource, id=key, name=f"{name} {key}", **changes) for key in ids),
        offers=tuple(replace(offer, id=f"for-{key}", resource_id=key) for key in ids),
    )


@dataclass(frozen=True, kw_only=True)
class DiscoveryWorld:
    """A discovery service on a real database, with a clock that is moved by hand."""

    uow_factory: UnitOfWorkFactory
    service: DiscoveryService = field(default_factory=DiscoveryService)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    correspondent: Correspondent = field(
        default_factory=lambda: Correspondent(
            role=Role.CDS,
            subscriber_id=CDS_ID,
            url=f"https://{CDS_ID}",
            domain="beckn.one:deg:p2p-trading:2.0.0",
            profile=V2_RC,
            request_ttl=timedelta(seconds=30),
            callback_ttl=timedelta(hours=24),
        )
    )

    async def publish(
        self,
        sold: Catalogue,
        *,
        by: str = BPP_ID,
        named: str | None = None,
        profile: Profile = V2_RC,
        gone: tuple[Provider, ...] = (),
        **heads: Any,
    ) -> list[PublicationResult]:
        """Have a seller's platform publish all that it sells; `heads` are written into each catalogue."""
        wire = publication_wire_of(profile.name)
        told = Publication(listing=list_catalogue(sold, left={}), gone=gone)
        message = wire.write_publication(told, bpp_id=named or by, bpp_url=f"https://{named or by}")
        for catalogue_ in message["catalogs"]:
            catalogue_ |= {key.replace("__", ":"): value for key, value in heads.items()}
        return await self.publish_message(message, by=by, profile=profile)

    async def publish_message(
        self, message: Json, *, by: str = BPP_ID, profile: Profile = V2_RC
    ) -> list[PublicationResult]:
        answer = await self._send(PUBLISHING.request, message, by=by, profile=profile)
        return publication_wire_of(profile.name).read_publication_results(answer)

    async def search(self, criteria: Criteria = Criteria(), *, profile: Profile = V2_RC) -> Json:  # noqa: B008
        """Return the message that tells a buyer what fits."""
        message = wire_of(profile.name).write_criteria(criteria)
        return await self._send(Action.DISCOVER, message, by=BAP_ID, profile=profile)

    async def found(self, criteria: Criteria = Criteria(), *, profile: Profile = V2_RC) -> list[str]:  # noqa: B008
        """Return the ids of the items that fit."""
        listings = await self.listings(criteria, profile=profile)
        return [resource.id for listing in listings for resource in listing.resources]

    async def listings(self, criteria: Criteria, *, profile: Profile) -> list[Listing]:
        return wire_of(profile.name).read_catalog(await self.search(criteria, profile=profile))

    async def _send(self, action: Action, message: Json, *, by: str, profile: Profile) -> Json:
        inbound = self._inbound(action, message, by=by, profile=profile)
        prepared = self.service.preparations(self.uow_factory, self.clock)
        handler = await prepared[action](inbound) if action in prepared else self.service.handlers()[action]
        async with self.uow_factory() as uow:
            content = await handler(inbound, uow, self.clock.now())
        assert content is not None
        sealed = self.correspondent.answer(inbound, content, now=self.clock.now())
        answer: Json = require_valid(CALLBACK_OF[action], sealed.body, profile=PROFILES[sealed.profile])[
            "message"
        ]
        return answer

    def _inbound(self, action: Action, message: Json, *, by: str, profile: Profile) -> Inbound:
        assert sender_side(action) is Role.BAP
        context = Context(
            version=profile.version,
            action=profile.wire_names[action],
            domain="beckn.one:deg:p2p-trading:2.0.0",
            timestamp=self.clock.now(),
            message_id=str(uuid4()),
            transaction_id=str(uuid4()),
            bap_id=by,
            bap_uri=f"https://{by}",
            bpp_id=CDS_ID,
            bpp_uri=f"https://{CDS_ID}",
            ttl=timedelta(seconds=30),
        )
        document = {"context": write_context(context, profile), "message": message}
        raw = simplejson.dumps(document, use_decimal=True).encode()
        exact = require_valid(action, raw, profile=profile)
        return Inbound(
            profile=profile,
            action=action,
            context=read_context(exact, profile),
            message=exact["message"],
            error=None,
            sender=by,
            authorization=AUTHORIZATION,
            received_at=self.clock.now(),
            raw=raw,
        )
