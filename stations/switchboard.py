"""Which adapter moves which connector: commands go by the station's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stations.port import Acceptance, CommandResult, StationCommand, StationPort
from stations.roster import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchboard:
    """Carries each command to the adapter of its station."""

    roster: Roster
    adapters: Mapping[str, StationPort]

    async def carry_out(self, command: StationCommand) -> CommandResult:
        """Tell the station, and return its answer."""
        place = self.roster.find_place(command.connector_id)
        if place is None:
            return CommandResult(
                acceptance=Acceptance.REJECTED,
                why=f"no station of the file has the connector {command.connector_id}",
            )
        return await self.adapters[place.station.protocol].carry_out(command)
