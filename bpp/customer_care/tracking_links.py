"""Links by which a delivery is followed: one for each contract, which nobody can guess, and which expires."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bpp.tables import tracking_links
from kernel.clock import format_instant
from kernel.errors import NodeError
from trading.contract import Contract
from trading.contracts import ContractStore


class TrackingLinkUnknown(NodeError):
    """No delivery is followed by that link."""

    code, http_status, retryable = "BIZ_ORDER_NOT_FOUND", 404, False


class TrackingLinkExpired(NodeError):
    """The delivery is over for so long that its link does not hold any more."""

    code, http_status, retryable = "TRACKING_LINK_EXPIRED", 410, False


class TrackingLinks:
    """The links within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def make(self, contract: Contract, *, new: str, now: datetime) -> str:
        """Return the contract's link, which is `new` if it had none."""
        await self._connection.execute(
            insert(tracking_links)
            .values(link=new, contract_id=contract.id, made_at=now)
            .on_conflict_do_nothing(index_elements=[tracking_links.c.contract_id])
        )
        query = select(tracking_links.c.link).where(tracking_links.c.contract_id == contract.id)
        link: str = (await self._connection.execute(query)).scalar_one()
        return link

    async def follow(self, link: str, *, lasts: timedelta, now: datetime) -> list[Contract]:
        """Return every line of the order that a link leads to, until `lasts` after the last of them ended.

        Raises: TrackingLinkUnknown, TrackingLinkExpired.
        """
        query = select(tracking_links.c.contract_id).where(tracking_links.c.link == link)
        found = (await self._connection.execute(query)).scalar_one_or_none() if link.isprintable() else None
        if found is None:
            raise TrackingLinkUnknown(
                "no delivery is followed here", hint="Use the address that on_track gave."
            )
        store = ContractStore(self._connection)
        lines = await store.find_lines(await store.get(found))
        ends = [each.ended_at for each in lines if each.ended_at is not None]
        if len(ends) == len(lines) and now >= max(ends) + lasts:
            raise TrackingLinkExpired(
                f"this delivery could be followed until {format_instant(max(ends) + lasts)}",
                hint="Ask for the order by status.",
            )
        return lines
