"""Cancellations of binding contracts in PostgreSQL, within one transaction; what was done once stays."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import utc
from kernel.currency import Currency
from kernel.interval import Interval
from kernel.money import Money
from trading.cancellation import Cancellation, Reason
from trading.contract import Contract
from trading.lifecycle import ContractStatus
from trading.tables import contract_cancellations
from trading.wheeling import Side


class CancellationStore:
    """The cancellations within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, contract_id: str, cancellation: Cancellation) -> None:
        """Keep how a contract was ended."""
        await self._connection.execute(
            insert(contract_cancellations).values(
                contract_id=contract_id,
                side=cancellation.side.value,
                at=cancellation.at,
                agreed_start=cancellation.agreed.start,
                agreed_end=cancellation.agreed.end,
                currency=cancellation.value.currency.code,
                value_minor=cancellation.value.minor,
                owed_minor=cancellation.owed.minor,
                reason_code=cancellation.reason.code,
                reason=cancellation.reason.words,
            )
        )

    async def find(self, contract: Contract) -> Cancellation | None:
        """Return how a contract was ended, None if it was not, or before that was kept."""
        if not contract.is_binding or contract.status is not ContractStatus.TERMINATED:
            return None
        query = select(contract_cancellations).where(contract_cancellations.c.contract_id == contract.id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        currency = Currency(row.currency)
        return Cancellation(
            side=Side(row.side),
            at=utc(row.at),
            agreed=Interval(utc(row.agreed_start), utc(row.agreed_end)),
            value=Money(row.value_minor, currency),
            owed=Money(row.owed_minor, currency),
            reason=Reason(code=row.reason_code, words=row.reason),
        )
