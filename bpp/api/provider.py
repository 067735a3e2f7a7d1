"""The operator's API of the seller side, and the open page by which a delivery is followed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any

from fastapi import APIRouter

from bpp.accounts.account import read_account
from bpp.customer_care.tracking_links import TrackingLinks
from bpp.orders.naming import find_meant
from kernel.clock import Clock, format_instant
from node.app import JsonResponse
from node.callers import MayReadContracts
from node.documentation import OBJECT, refusals
from node.pages import Limit, Skip
from settlement.bills import BillingCycle, BillNotFound
from settlement.correcting import find_corrections
from settlement.corrections import BillCorrection
from settlement.store import find_bills, find_runs
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.delivery import ContractView, Delivery
from trading.mapping import wire_of
from trading.mapping.lines import write_order
from trading.order_lines import named_bill
from trading.order_view import join_views
from trading.quote import Quote


def provider_router(*, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the operator's routes; each needs an API key."""
    router = APIRouter(prefix="/api/v1", tags=["contracts"], default_response_class=JsonResponse)

    @router.get(
        "/contracts", summary="Contracts, the newest first", responses={**OBJECT, **refusals(401, 422, 503)}
    )
    async def list_contracts(
        _caller: MayReadContracts,
        skip: Skip = 0,
        limit: Limit = 50,
    ) -> JsonResponse:
        async with uow_factory() as uow:
            page = await ContractStore(uow.connection).find_page(skip=skip, limit=limit)
        return JsonResponse({"contracts": [_summary(each, each.quote) for each in page]})

    @router.get(
        "/contracts/{contract_id}",
        summary="A contract, or an order of several lines, with everything that came of it",
        responses={**OBJECT, **refusals(401, 404, 422, 503)},
    )
    async def get_contract(contract_id: str, _caller: MayReadContracts) -> JsonResponse:
        async with uow_factory() as uow:
            return JsonResponse(await _whole(contract_id, uow, clock))

    @router.get(
        "/contracts/{contract_id}/bills/{bill_id}",
        summary="A bill with its lines and its reasons",
        responses={**OBJECT, **refusals(401, 404, 422, 503)},
    )
    async def get_bill(contract_id: str, bill_id: str, _caller: MayReadContracts) -> JsonResponse:
        async with uow_factory() as uow:
            named, own_id = named_bill(contract_id, bill_id)
            contract = await ContractStore(uow.connection).get(named)
            return JsonResponse(await _bill(contract, own_id, uow))

    return router


def tracking_router(*, uow_factory: UnitOfWorkFactory, clock: Clock, lasts: timedelta) -> APIRouter:
    """Return the route that on_track links to: open to who knows the link, until `lasts` after the end."""
    router = APIRouter(tags=["tracking"], default_response_class=JsonResponse)

    @router.get(
        "/track/{link}",
        summary="How far a delivery has come",
        responses={**OBJECT, **refusals(404, 410, 422, 503)},
    )
    async def track(link: str) -> JsonResponse:
        async with uow_factory() as uow:
            lines = await TrackingLinks(uow.connection).follow(link, lasts=lasts, now=clock.now())
            views = [await read_account(contract, uow, now=clock.now()) for contract in lines]
        if len(views) == 1:
            return JsonResponse(_followed(views[0]))
        return JsonResponse(_followed(join_views(views)) | {"lines": [_followed(view) for view in views]})

    return router


def _followed(view: ContractView) -> dict[str, Any]:
    """Return how far a delivery has come."""
    contract = view.contract
    return {
        "id": contract.id,
        "contractStatus": contract.status.value,
        "deliveryStatus": view.delivery.status.value,
        "contractedQuantity": contract.quantity.kilowatt_hours,
        "deliveredQuantity": view.delivery.delivered.kilowatt_hours,
        "deliveryStartTime": format_instant(contract.window.start),
        "deliveryEndTime": format_instant(contract.window.end),
        "lastUpdated": format_instant(contract.updated_at),
        **_session(view.delivery),
    }


def _session(delivery: Delivery) -> dict[str, Any]:
    """Return how a charging session stands, and what was measured last; nothing of another delivery."""
    session = delivery.session
    if session is None:
        return {}
    return {
        "sessionStatus": session.status.value,
        "connectorType": session.connector_type,
        "standsInTheWay": session.why or None,
        "powerKW": delivery.telemetry[-1].metrics[0].value if delivery.telemetry else None,
    }


def _summary(contract: Contract, quote: Quote) -> dict[str, Any]:
    return {
        "id": contract.id,
        "orderId": contract.order_id,
        "line": contract.line,
        "ofLines": contract.lines,
        "transactionId": contract.transaction_id,
        "buyerPlatform": contract.bap_id,
        "buyer": contract.buyer_id,
        "item": contract.resource_id,
        "contractStatus": contract.status.value,
        "contractedQuantity": contract.quantity.kilowatt_hours,
        "quoted": {"value": quote.total.amount, "currency": quote.currency.code},
        "tradeStartTime": format_instant(contract.window.start),
        "tradeEndTime": format_instant(contract.window.end),
        "createdAt": format_instant(contract.created_at),
        "lastUpdated": format_instant(contract.updated_at),
    }


async def _whole(named: str, uow: UnitOfWork, clock: Clock) -> dict[str, Any]:
    """Return all that came of a line; of an order of several lines their sums, and all of each of them."""
    store = ContractStore(uow.connection)
    views = [await read_account(each, uow, now=clock.now()) for each in await find_meant(named, uow)]
    histories = [await store.history(view.contract.id) for view in views]
    lines = [_line(view, history) for view, history in zip(views, histories, strict=True)]
    if len(lines) == 1:
        return lines[0]
    whole = join_views(views)
    happened = [
        (entry.at, _happened(entry) | {"line": view.contract.line})
        for view, history in zip(views, histories, strict=True)
        for entry in history
    ]
    return _summary(whole.contract, whole.quote) | {
        "line": None,
        "item": None,
        "order": write_order(wire_of(whole.contract.profile), views),
        "history": [told for _, told in sorted(happened, key=itemgetter(0))],
        "lines": lines,
    }


def _line(view: ContractView, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    return _summary(view.contract, view.quote) | {
        "order": wire_of(view.contract.profile).write_contract_order(view),
        "history": [_happened(entry) for entry in history],
    }


def _happened(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "at": format_instant(entry.at),
        "actor": entry.actor,
        "event": entry.event,
        "status": entry.status.value,
        "reason": entry.reason,
        "messageId": entry.message_id,
    }


async def _bill(contract: Contract, bill_id: str, uow: UnitOfWork) -> dict[str, Any]:
    for bill in await find_bills(contract.id, uow=uow, bill_id=bill_id):
        return _written(bill) | {"explanation": await _explanation(bill, uow)}
    raise BillNotFound(f"the order {contract.id} has no bill {bill_id[:64]}")


def _written(bill: BillingCycle) -> dict[str, Any]:
    return {
        "contractId": bill.contract_id,
        "cycleId": bill.cycle_id,
        "settlementCycleIds": list(bill.settlement_cycle_ids),
        "startTime": format_instant(bill.wire_start),
        "endTime": format_instant(bill.wire_end),
        "status": bill.status.value,
        "currency": bill.currency.code,
        "totalAmount": bill.total.amount,
        "lineItems": [{"title": line.told_title, "amount": line.amount.amount} for line in bill.lines],
    }


async def _explanation(bill: BillingCycle, uow: UnitOfWork) -> dict[str, Any]:
    """Return what a bill was gathered from, what each run of its settlement cycles was computed from.

    And what the bill was corrected by since.
    """
    runs = await find_runs(bill.contract_id, uow=uow, among=bill.settlement_cycle_ids)
    corrections = await find_corrections(bill.contract_id, uow=uow, bill_id=bill.cycle_id)
    return {
        "bill": bill.explanation,
        "settlementCycles": [run.explanation for run in runs],
        "corrections": [_correction(correction) for correction in corrections],
    }


def _correction(correction: BillCorrection) -> dict[str, Any]:
    return {
        "run": correction.run,
        "kind": correction.kind.value,
        "amount": correction.amount.amount,
        "reverses": correction.reverses,
        "explanation": correction.explanation,
    }
