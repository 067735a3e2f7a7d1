"""Proposals in PostgreSQL, within one transaction. A contract is held before its proposals are moved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import utc
from kernel.energy import Energy
from kernel.interval import Interval
from trading.amendment import Amendment
from trading.contract import Contract
from trading.proposal import Proposal, ProposalNotFound, ProposalStatus
from trading.tables import contract_proposals
from trading.wheeling import Side

_TABLE = contract_proposals.c


class ProposalStore:
    """The proposals within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, proposal: Proposal) -> None:
        """Keep a proposal that is open; there is one at most for each contract."""
        amendment = proposal.amendment
        window = amendment.window
        await self._connection.execute(
            insert(contract_proposals).values(
                id=proposal.id,
                contract_id=proposal.contract_id,
                side=proposal.side.value,
                quantity_wh=None if amendment.quantity is None else amendment.quantity.watt_hours,
                window_start=None if window is None else window.start,
                window_end=None if window is None else window.end,
                price_per_kwh=None if amendment.price is None else str(amendment.price),
                words=proposal.words,
                proposed_at=proposal.proposed_at,
                lapses_at=proposal.lapses_at,
                status=proposal.status.value,
            )
        )

    async def move(self, proposal: Proposal) -> None:
        """Keep what became of a proposal."""
        await self._connection.execute(
            update(contract_proposals)
            .where(_TABLE.id == proposal.id)
            .values(status=proposal.status.value, answered_at=proposal.answered_at, answer=proposal.answer)
        )

    async def find_open(self, contract: Contract) -> Proposal | None:
        """Return what is proposed of a contract, None if nothing is."""
        last = await self.find_last(contract)
        return last if last is not None and last.is_open else None

    async def find_last(self, contract: Contract) -> Proposal | None:
        """Return the contract's newest proposal, whatever became of it; None if there was none."""
        if not contract.is_binding:
            return None
        query = select(contract_proposals).where(_TABLE.contract_id == contract.id)
        return await self._one(query.order_by(_TABLE.number.desc()).limit(1))

    async def get(self, proposal_id: str, *, contract_id: str) -> Proposal:
        """Return the contract's proposal of that id. Raises: ProposalNotFound."""
        found = await self.find(proposal_id, contract_id=contract_id)
        if found is None:
            raise ProposalNotFound(f"the order {contract_id} has no proposal {proposal_id[:64]}")
        return found

    async def find(self, proposal_id: str, *, contract_id: str) -> Proposal | None:
        """Return the contract's proposal of that id."""
        if not proposal_id.isprintable():  # PostgreSQL takes no NUL
            return None
        query = select(contract_proposals).where(_TABLE.contract_id == contract_id, _TABLE.id == proposal_id)
        return await self._one(query)

    async def find_all(self, contract_id: str) -> list[Proposal]:
        """Return every proposal of a contract, in order."""
        query = select(contract_proposals).where(_TABLE.contract_id == contract_id).order_by(_TABLE.number)
        return [_proposal(row) for row in await self._connection.execute(query)]

    async def find_waiting(self, side: Side, *, limit: int) -> list[Proposal]:
        """Return the open proposals that wait for `side`, the one that lapses first before the others."""
        query = (
            select(contract_proposals)
            .where(_TABLE.status == ProposalStatus.OPEN.value, _TABLE.side != side.value)
            .order_by(_TABLE.lapses_at, _TABLE.number)
            .limit(limit)
        )
        return [_proposal(row) for row in await self._connection.execute(query)]

    async def _one(self, query: Select[Any]) -> Proposal | None:
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _proposal(row)


def _proposal(row: Row[Any]) -> Proposal:
    window = None if row.window_start is None else Interval(utc(row.window_start), utc(row.window_end))
    quantity = None if row.quantity_wh is None else Energy(row.quantity_wh)
    price = None if row.price_per_kwh is None else Decimal(row.price_per_kwh)
    return Proposal(
        id=row.id,
        contract_id=row.contract_id,
        side=Side(row.side),
        amendment=Amendment(quantity=quantity, window=window, price=price),
        proposed_at=utc(row.proposed_at),
        lapses_at=utc(row.lapses_at),
        words=row.words,
        status=ProposalStatus(row.status),
        answered_at=None if row.answered_at is None else utc(row.answered_at),
        answer=row.answer or "",
    )
