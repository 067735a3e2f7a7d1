"""The seller's platform: sells from a catalogue, takes readings in, settles, tells the buyer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from fastapi import APIRouter
from pydantic import Field

from bpp.admission import SellerAdmission
from bpp.api.allocations import allocation_router
from bpp.api.bills import bill_router
from bpp.api.contracts import contract_router
from bpp.api.curtailments import curtailment_router
from bpp.api.meters import meter_router
from bpp.api.plug_limits import plug_limit_router
from bpp.api.provider import provider_router, tracking_router
from bpp.api.signed_calls import SignedCalls
from bpp.api.tickets import ticket_router
from bpp.api.trade_records import trade_record_router
from bpp.api.validation import vee_router
from bpp.bindings import bind
from bpp.cascade.answers import record_unreached
from bpp.cascade.asking import QUESTIONS_CHANNEL
from bpp.cascade.desk import CascadeDesk
from bpp.deliveries.station_desk import StationDesk
from bpp.deliveries.upkeep import CONTRACTS_CHANNEL, DeliveryDesk
from bpp.handlers.discover import Searching
from bpp.meters.news import tell_of_readings
from bpp.platform import Bpp
from bpp.publishing.adapter import callback_putter
from degnode.roles.browser_search import seller_search
from degnode.roles.catalogue import CatalogueParts, CatalogueSettings, file_of, open_catalogue
from degnode.roles.configuration import load_settings
from degnode.roles.meter_door import MeterDoorSettings, meter_doors, mirror_policy
from degnode.roles.meter_feeds import MeterFeedSettings, meter_feeds
from degnode.roles.participant import RoleParts, run_participant
from degnode.roles.payments import PaymentSettings, payment_parts
from degnode.roles.provider import ProviderParts, ProviderSettings, provider_parts
from degnode.roles.search_settings import SearchSettings
from degnode.roles.seller_jobs import CollectionSettings, job_desk, seller_kinds
from degnode.roles.signed_readings import SignedReadingsSettings, signed_readings
from degnode.roles.stations import StationParts, StationSettings, load_roster, station_parts
from metering.ingest import IngestResult
from metering.sep.mirror import Mirror
from metering.sep.mirror_server import routes_to
from metering.sep.post_door import PostDoor
from metering.vee.desk import ValidationDesk
from node.callers import authenticator, security_of
from node.cascade import Cascade
from node.correspondence import Peer
from node.runtime import Foundation
from node.scopes import Scope
from node.worker import Worker
from protocol.actions import Role
from registry_client.subscriber import SubscriberRole
from settlement.settle import COLLECTION_DEADLINE
from storage.unit_of_work import Transaction
from trading.offer import NOTHING_FOR_SALE

log = structlog.get_logger(__name__)


class SellerSettings(
    CatalogueSettings,
    MeterDoorSettings,
    MeterFeedSettings,
    SignedReadingsSettings,
    PaymentSettings,
    CollectionSettings,
    SearchSettings,
    StationSettings,
    ProviderSettings,
):
    """The settings of a seller's platform."""

    hold_for: timedelta = Field(
        timedelta(minutes=15), description="How long a quantity is held between init and confirm."
    )
    sells_past: bool = Field(
        False, description="Whether a time that is over can be bought, to play old readings back in trials."
    )
    collection_deadline: timedelta = Field(
        COLLECTION_DEADLINE,
        ge=timedelta(0),
        le=timedelta(days=427),
        description=(
            "How long after the end of a settlement cycle its readings are waited for; what is missing "
            "then counts as nought."
        ),
    )
    tracking_lasts: timedelta = Field(
        timedelta(hours=24),
        ge=timedelta(0),
        description="How long after its end a contract's delivery can be followed by its link.",
    )
    proposal_ttl: timedelta = Field(
        timedelta(minutes=30),
        gt=timedelta(0),
        description="How long a proposed change of a contract waits for the other side's answer.",
    )
    status_interval: timedelta = Field(
        timedelta(minutes=1),
        ge=timedelta(0),
        description=(
            "How long news of a contract waits after an unsolicited on_status, to be told as one; "
            "a change of status never waits. PT0S: nothing waits."
        ),
    )


async def run() -> None:
    """Run the seller's platform until its process is told to stop."""
    settings = load_settings(SellerSettings)
    document = file_of(settings)
    roster = load_roster(settings)

    async def build(foundation: Foundation) -> RoleParts:
        seller = Bpp(
            catalogue=NOTHING_FOR_SALE,
            correspondent=foundation.correspondent,
            hold_for=settings.hold_for,
            proposal_ttl=settings.proposal_ttl,
            tracking_lasts=settings.tracking_lasts,
            most_found=settings.search_results,
            status_interval=settings.status_interval,
            sells_past=settings.sells_past,
            collection_deadline=settings.collection_deadline,
            plugs=frozenset(place.resource for place in roster.places),
        )
        catalogue = await open_catalogue(seller, foundation, settings, document)
        moved = await station_parts(
            roster,
            foundation,
            heard_by=StationDesk(bpp=seller),
            on_recorded=_note_recorded,
            certificate_header=settings.certificate_header(),
        )
        parts = _parts(foundation, seller, settings, moved, catalogue)
        return _asked_first(parts, await provider_parts(settings, seller, foundation))

    await run_participant(Role.BPP, settings, build)


async def _note_recorded(uow: Transaction, results: Sequence[IngestResult], now: datetime) -> None:
    """Tell the log of what was set aside, and contracts of what is known anew."""
    for result in results:
        if set_aside := result.quarantined:
            reasons = sorted({reading.doubt.reason.value for reading in set_aside})
            log.warning(
                "readings.set_aside",
                usage_point=result.usage_point,
                count=len(set_aside),
                reasons=reasons,
            )
    await tell_of_readings(uow, results, now)


def _asked_first(parts: RoleParts, provider: ProviderParts) -> RoleParts:
    """Return the parts with a back office that is asked before energy is sold, if there is one."""
    preparations = {**parts.preparations, **provider.preparations}
    handlers = {action: each for action, each in parts.handlers.items() if action not in preparations}
    return replace(
        parts,
        handlers=handlers,
        preparations=preparations,
        workers=(*parts.workers, *provider.workers),
    )


def _parts(
    foundation: Foundation,
    seller: Bpp,
    settings: SellerSettings,
    moved: StationParts,
    catalogue: CatalogueParts,
) -> RoleParts:
    uow_factory, clock = foundation.uow_factory, foundation.clock
    mirror = Mirror(
        uow_factory=uow_factory,
        clock=clock,
        authenticate=authenticator(Scope.METERS_WRITE),
        on_recorded=_note_recorded,
        policy=mirror_policy(settings),
    )
    feeds = meter_feeds(settings, foundation, on_recorded=_note_recorded)
    payments = payment_parts(settings, uow_factory=uow_factory, clock=clock)
    kinds = seller_kinds(settings, foundation, collects=bool(payments.jobs))
    jobs = job_desk([*kinds, *payments.jobs, *catalogue.jobs], foundation)
    return RoleParts(
        title=f"degnode BPP {seller.subscriber_id}",
        description="Sells energy over Beckn, takes meter readings in (IEEE 2030.5), settles contracts.",
        handlers=bind(seller),
        preparations=Searching(bpp=seller, uow_factory=uow_factory, clock=clock).preparations(),
        admission=SellerAdmission(uow_factory=uow_factory),
        routers=(
            foundation.adapter(callback_putter(foundation.wires.pins)).router(),
            *catalogue.routers,
            *_contract_routers(foundation, seller),
            trade_record_router(_signed_calls(foundation), uow_factory=uow_factory, clock=clock),
            vee_router(uow_factory=uow_factory, clock=clock),  # before the meters' own, which take any path
            meter_router(uow_factory=uow_factory, clock=clock),
            routes_to(mirror, security=security_of(Scope.METERS_WRITE)),
            *feeds.routers,
            *seller_search(settings, seller, foundation),
            *payments.routers,
            *signed_readings(settings, uow_factory=uow_factory, clock=clock, on_recorded=_note_recorded),
            *moved.routers,
        ),
        on_undeliverable=partial(record_unreached, seller),
        cascade=Cascade(asks=True),
        workers=(
            *catalogue.workers,
            _follow_contracts(foundation, seller),
            _ask_utilities(foundation, seller),
            _validate(foundation),
            jobs,
            *feeds.workers,
            *moved.workers,
        ),
        doors=meter_doors(settings),
        chores=moved.chores,
        short_way=PostDoor(mirror),
        websockets=moved.websockets,
        on_stop=feeds.on_stop,
    )


def _validate(foundation: Foundation) -> Worker:
    """Return who validates meters' days."""
    desk = ValidationDesk(uow_factory=foundation.uow_factory, clock=foundation.clock)
    return Worker("validation", desk.step, poll_interval=foundation.settings.poll_interval)


def _follow_contracts(foundation: Foundation, seller: Bpp) -> Worker:
    """Return who settles contracts and tells buyers of it."""
    desk = DeliveryDesk(bpp=seller, uow_factory=foundation.uow_factory, clock=foundation.clock)
    worker = Worker("contracts", desk.step, poll_interval=foundation.settings.poll_interval)
    foundation.listener.on(CONTRACTS_CHANNEL, worker.wake)
    return worker


def _contract_routers(foundation: Foundation, seller: Bpp) -> tuple[APIRouter, ...]:
    """Return the routes on contracts: the operator's, and that by which a delivery is followed."""
    uow_factory, clock = foundation.uow_factory, foundation.clock
    return (
        provider_router(uow_factory=uow_factory, clock=clock),
        bill_router(uow_factory=uow_factory, clock=clock),
        curtailment_router(seller, uow_factory=uow_factory, clock=clock),
        plug_limit_router(uow_factory=uow_factory, clock=clock),
        allocation_router(uow_factory=uow_factory),
        contract_router(seller, uow_factory=uow_factory, clock=clock),
        ticket_router(uow_factory=uow_factory, clock=clock),
        tracking_router(uow_factory=uow_factory, clock=clock, lasts=seller.tracking_lasts),
    )


def _ask_utilities(foundation: Foundation, seller: Bpp) -> Worker:
    """Return who sends what utilities are asked."""

    async def find_peer(subscriber_id: str) -> Peer:
        url = await foundation.keyring.endpoint_of(subscriber_id, SubscriberRole.BPP)
        return Peer(subscriber_id=subscriber_id, url=url)

    desk = CascadeDesk(
        bpp=seller,
        uow_factory=foundation.uow_factory,
        clock=foundation.clock,
        find_peer=find_peer,
        wire_for=foundation.wires.of,
    )
    worker = Worker("utilities", desk.step, poll_interval=foundation.settings.poll_interval)
    foundation.listener.on(QUESTIONS_CHANNEL, worker.wake)
    return worker


def _signed_calls(foundation: Foundation) -> SignedCalls:
    return SignedCalls(
        keyring=foundation.keyring,
        gate=foundation.access.gate,
        rates=foundation.access.rates,
        clock=foundation.clock,
        max_body_bytes=foundation.settings.max_body_bytes,
    )
