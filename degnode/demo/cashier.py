"""The till of the seller's platform in the demo: takes payments in, and says what stands on its ledger."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

import httpx

from degnode.demo.app import Json, TradeFailed
from degnode.processes import Network
from kernel.currency import Currency
from kernel.money import Money
from node.api_keys import HEADER
from settlement.ledger.accounts import AccountKind
from settlement.ledger.reading import list_balances
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory

RAIL: Final = {"DEGNODE_PAYMENT_RAIL": "sandbox", "DEGNODE_PAYMENT_WEBHOOK_SECRET": "of this demo alone"}
"""What lets a seller's platform take payments: a rail that pays nobody."""

_LOOK_EVERY: Final = 0.1  # seconds
_LOOKS: Final = 150


class Cashier:
    """Speaks to the payment routes of the seller's platform, as its operator."""

    def __init__(self, network: Network) -> None:
        self._http = httpx.AsyncClient(
            base_url=network.bpp.url, headers={HEADER: network.api_key}, timeout=15
        )
        self._database_url = network.database_urls["bpp"]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def take_deposit(self, amount: Money, *, payer: str) -> None:
        """Have `payer` pay into its deposit, and return when the rail has the money. Raises: TradeFailed."""
        await self._start(
            "/api/v1/payments",
            {"payer": payer, "amount_minor": amount.minor, "currency": amount.currency.code},
        )

    async def take_payment(self, *, order_id: str, bill_id: str) -> None:
        """Have a bill paid, and return when the rail has the money. Raises: TradeFailed."""
        await self._start(f"/api/v1/contracts/{order_id}/bills/{bill_id}/payments", {})

    async def deposit_of(self, owner: str, *, currency: Currency) -> Money | None:
        """Return what is left of a deposit; None if there never was one."""
        database = Database.connect(self._database_url)
        try:
            async with UnitOfWorkFactory(database)() as uow:
                found = await list_balances(
                    uow=uow, owner=owner, kind=AccountKind.DEPOSIT, unit=currency.code
                )
        finally:
            await database.close()
        return Money(found[0].available, currency) if found else None

    async def _start(self, path: str, form: Json) -> None:
        payment = str(uuid4())
        response = await self._http.post(path, json={"id": payment, **form})
        if response.status_code != httpx.codes.CREATED:
            raise TradeFailed(f"a payment was refused with HTTP {response.status_code}: {response.text}")
        for _ in range(_LOOKS):
            if await self._status(payment) in ("CAPTURED", "SETTLED"):
                return
            await asyncio.sleep(_LOOK_EVERY)
        raise TradeFailed(f"payment {payment} was not taken within {_LOOKS * _LOOK_EVERY:.0f} s")

    async def _status(self, payment: str) -> str:
        response = await self._http.get(f"/api/v1/payments/{payment}")
        response.raise_for_status()
        return str(response.json()["status"])
