"""`degnode station limit` and `lift`: how much power a connector may give."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bpp.charging.plug_limits import lift_plug_limit, limit_plug
from degnode.actor import operator
from degnode.commands.place import Place, at_a_place
from metering.registration.record import MOST_WATTS
from stations.limits import PowerLimit


@at_a_place
def limit(
    resource: Annotated[str, typer.Argument(help="The connector, as the catalogue calls it.")],
    watts: Annotated[int, typer.Option(min=0, max=MOST_WATTS, help="The most that it shall give, in W.")],
    why: Annotated[str, typer.Option(help="The reason, which drivers are told.")],
    grid_event: Annotated[
        str | None, typer.Option(help="The event of the grid that wants it, if that does.")
    ] = None,
    *,
    place: Place,
) -> None:
    """Limit the power of a connector until `lift`; `show` tells what its station made of it."""
    asyncio.run(_limit(place, resource, watts, why, grid_event))
    print(f"{resource} shall give {watts} W at most.")


@at_a_place
def lift(
    resource: Annotated[str, typer.Argument(help="The connector, as the catalogue calls it.")],
    why: Annotated[str, typer.Option(help="The reason, for the record.")],
    *,
    place: Place,
) -> None:
    """Let a connector give all that it can again."""
    asyncio.run(_lift(place, resource, why))
    print(f"{resource} may give all that it can.")


async def _limit(place: Place, resource: str, watts: int, why: str, grid_event: str | None) -> None:
    """Raises: StationUnknown."""
    async with place.desk() as desk:
        wanted = PowerLimit(
            connector_id=resource, watts=watts, why=why, grid_event=grid_event, put_at=desk.now
        )
        await limit_plug(wanted, desk.uow, by=operator())


async def _lift(place: Place, resource: str, why: str) -> None:
    """Raises: StationUnknown, PlugNotLimited."""
    async with place.desk() as desk:
        await lift_plug_limit(resource, desk.uow, by=operator(), why=why, now=desk.now)
