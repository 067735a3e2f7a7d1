"""The desks that adapters hand on to what stations tell them."""

from __future__ import annotations

from dataclasses import dataclass

from metering.ingest import OnRecorded
from stations.charging_desk import ChargingDesk
from stations.connector_desk import ConnectorDesk
from stations.port import OnStationEvent
from stations.roster import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class Desks:
    """Who takes what, for the stations of one roster."""

    roster: Roster
    connectors: ConnectorDesk
    chargings: ChargingDesk


def open_desks(roster: Roster, *, on_event: OnStationEvent, on_recorded: OnRecorded) -> Desks:
    """Return the desks that tell `on_event` of what happens, and `on_recorded` of readings."""
    return Desks(
        roster=roster,
        connectors=ConnectorDesk(roster=roster, on_event=on_event),
        chargings=ChargingDesk(on_event=on_event, on_recorded=on_recorded),
    )
