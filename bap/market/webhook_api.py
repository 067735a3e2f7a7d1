"""The routes of webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Response

from bap.market.account import Trader
from bap.market.call import Call, Limit, MarketCall, ThingId
from bap.market.desk import MarketDesk
from bap.market.idempotency import DoneBefore
from bap.market.route import problems
from bap.market.webhook_post import secret_label
from bap.market.webhook_signature import new_secret, write_secret
from bap.market.webhooks import (
    DeliveryLogEntry,
    NewWebhookView,
    WebhookForm,
    WebhookView,
    add_webhook,
    check_destination,
    end_webhook,
    get_webhook,
    list_deliveries,
    list_webhooks,
    send_again,
)
from kernel.ids import random_id
from keystore.ports import KeyManager
from registry_client.reach import Reach

DeliveryId = Annotated[str, Path(pattern=r"^[0-9]{1,18}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDesk:
    """Makes webhooks: their addresses are within `reach`, their secrets sealed before they are kept."""

    desk: MarketDesk
    key_manager: KeyManager
    reach: Reach

    async def make(self, call: MarketCall, form: WebhookForm) -> NewWebhookView:
        """Return a new webhook with its secret. Raises: WebhookRefused, TooManyWebhooks, KeyReused."""
        check_destination(form.url, reach=self.reach)
        webhook_id, secret, buyer = random_id().hex, new_secret(), self.desk.buyer
        sealed = await self.key_manager.seal(secret, label=secret_label(webhook_id))
        attempt, now, shown = call.attempt(form), buyer.clock.now(), None
        try:
            async with buyer.uow_factory() as uow:
                await attempt.record(uow, webhook_id, now=now)
                await add_webhook(
                    uow, webhook_id, account=call.account.key, form=form, secret=sealed, now=now
                )
            shown = write_secret(secret)
        except DoneBefore as done:
            webhook_id = done.reference
        async with buyer.uow_factory() as uow:
            kept = await get_webhook(uow, webhook_id, account=call.account.key)
        return NewWebhookView(**kept.view().model_dump(), secret=shown)


def add_webhooks(router: APIRouter, webhooks: WebhookDesk) -> None:
    """Add the routes of webhooks."""
    uow_factory, clock = webhooks.desk.buyer.uow_factory, webhooks.desk.buyer.clock

    @router.post(
        "/webhooks",
        operation_id="add_webhook",
        summary="Have events posted to a server of yours; the secret is shown only in this answer",
        status_code=201,
        responses=problems(409, 413),
    )
    async def make(call: Call, form: WebhookForm, response: Response) -> NewWebhookView:
        response.headers["Cache-Control"] = "no-store"
        return await webhooks.make(call, form)

    @router.get(
        "/webhooks", operation_id="list_webhooks", summary="Where events are posted", responses=problems()
    )
    async def list_(account: Trader) -> list[WebhookView]:
        async with uow_factory() as uow:
            return [webhook.view() for webhook in await list_webhooks(uow, account=account.key)]

    @router.delete(
        "/webhooks/{webhook_id}",
        operation_id="delete_webhook",
        summary="Post nothing there any more",
        status_code=204,
        responses=problems(404),
    )
    async def end(account: Trader, webhook_id: ThingId) -> None:
        async with uow_factory() as uow:
            await get_webhook(uow, webhook_id, account=account.key)
            await end_webhook(uow, webhook_id, now=clock.now())

    @router.get(
        "/webhooks/{webhook_id}/deliveries",
        operation_id="list_deliveries",
        summary="What was posted to a webhook, and what became of it",
        responses=problems(404),
    )
    async def deliveries(account: Trader, webhook_id: ThingId, limit: Limit = 50) -> list[DeliveryLogEntry]:
        async with uow_factory() as uow:
            await get_webhook(uow, webhook_id, account=account.key)
            return await list_deliveries(uow, webhook_id, limit=limit)

    @router.post(
        "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
        operation_id="retry_delivery",
        summary="Post an event once more",
        status_code=204,
        responses=problems(404),
    )
    async def retry(account: Trader, webhook_id: ThingId, delivery_id: DeliveryId) -> None:
        async with uow_factory() as uow:
            await get_webhook(uow, webhook_id, account=account.key)
            await send_again(uow, webhook_id, int(delivery_id), now=clock.now())
