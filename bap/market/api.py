"""The plain HTTP API: offers, quotes, orders, bills, for apps that know no wire."""

from __future__ import annotations

from fastapi import APIRouter

from bap.market.call import PREFIX
from bap.market.description import add_description
from bap.market.desk import MarketDesk
from bap.market.elsewhere import add_elsewhere
from bap.market.event_api import add_events
from bap.market.order_api import add_order_actions, add_orders, add_sessions
from bap.market.quote_api import add_quotes
from bap.market.request_api import add_requests
from bap.market.route import MarketRoute
from bap.market.search_api import add_searches
from bap.market.webhook_api import WebhookDesk, add_webhooks


def market_router(desk: MarketDesk, webhooks: WebhookDesk, *, heartbeat_seconds: float = 15.0) -> APIRouter:
    """Return the routes of the plain API."""
    router = APIRouter(prefix=PREFIX, tags=["market"], route_class=MarketRoute)
    add_searches(router, desk)
    add_quotes(router, desk)
    add_orders(router, desk)
    add_order_actions(router, desk)
    add_sessions(router, desk)
    add_requests(router, desk)
    add_events(router, desk, heartbeat_seconds=heartbeat_seconds)
    add_webhooks(router, webhooks)
    add_description(router)
    add_elsewhere(router)
    return router
