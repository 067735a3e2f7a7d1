"""What an operator limits the power of plugs to: kept, put on record, and told to their stations."""

from __future__ import annotations

from datetime import datetime

from kernel.errors import NodeError
from node.audit import Actor, record_act
from stations.connector_store import ConnectorStore
from stations.limits import LimitStore, PowerLimit, lift_limit, limit_power
from stations.roster import StationUnknown
from storage.unit_of_work import UnitOfWork


class PlugNotLimited(NodeError):
    """There is no limit on this plug."""

    code, http_status, retryable = "STATION_NOT_LIMITED", 404, False


async def limit_plug(limit: PowerLimit, uow: UnitOfWork, *, by: Actor) -> None:
    """Limit a plug's power from now on; the very same again changes nothing. Raises: StationUnknown."""
    before = await find_limit(limit.connector_id, uow)
    if before is not None and _record(before) == _record(limit) and before.why == limit.why:
        return
    await limit_power(limit, uow)
    act = by.act(
        "plug.limited",
        limit.connector_id,
        before=None if before is None else _record(before),
        after=_record(limit),
        why=limit.why,
    )
    await record_act(uow, act, now=limit.put_at)


async def lift_plug_limit(plug: str, uow: UnitOfWork, *, by: Actor, why: str, now: datetime) -> None:
    """Let a plug give all that it can again. Raises: StationUnknown, PlugNotLimited."""
    before = await get_limit(plug, uow)
    await lift_limit(plug, uow, now=now)
    await record_act(uow, by.act("plug.limit_lifted", plug, before=_record(before), why=why), now=now)


async def find_limit(plug: str, uow: UnitOfWork) -> PowerLimit | None:
    """Return what a plug is limited to, None if it is not. Raises: StationUnknown."""
    if await ConnectorStore(uow.connection).find_connector(plug) is None:
        raise StationUnknown(f"no station has the plug {plug}", hint="degnode station show names them.")
    return await LimitStore(uow.connection).find(plug)


async def get_limit(plug: str, uow: UnitOfWork) -> PowerLimit:
    """Raises: StationUnknown, PlugNotLimited."""
    limit = await find_limit(plug, uow)
    if limit is None:
        raise PlugNotLimited(f"the plug {plug} may give all that it can")
    return limit


def _record(limit: PowerLimit) -> dict[str, object]:
    return {"watts": limit.watts, "grid_event": limit.grid_event}
