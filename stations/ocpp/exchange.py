"""What an OCPP handler works with: a call that fits its schema, and where it is to be kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel.clock import format_instant, parse_instant
from stations.chargings import ChargingStore
from stations.desks import Desks
from stations.intake import Said, read_meter_values
from stations.ocpp.frames import CallRefused
from stations.roster import Place, StationUnknown
from stations.turn import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A station's call under way; `raw` are its bytes."""

    station_id: str
    payload: Mapping[str, Any]
    raw: bytes
    turn: Turn
    desks: Desks

    @property
    def now_text(self) -> str:
        return format_instant(self.turn.now)

    @property
    def chargings(self) -> ChargingStore:
        return ChargingStore(self.turn.uow.connection)

    def place(self, number: int) -> Place:
        """Return the connector with this number. Raises: CallRefused."""
        try:
            return self.desks.roster.get_place_at(self.station_id, number)
        except StationUnknown as error:
            raise CallRefused("PropertyConstraintViolation", str(error)) from error

    def place_of(self, resource: str) -> Place:
        """Return the connector that a charging is at. Raises: CallRefused, if it is there no longer."""
        place = self.desks.roster.find_place(resource)
        if place is None or place.station.id != self.station_id:
            raise CallRefused("PropertyConstraintViolation", f"{resource} is not at this station any more")
        return place

    def instant(self, name: str = "timestamp") -> datetime:
        """Return an instant of the payload, the present one where it says none. Raises: CallRefused."""
        text = self.payload.get(name)
        if text is None:
            return self.turn.now
        try:
            return parse_instant(str(text))
        except ValueError as error:
            raise CallRefused("PropertyConstraintViolation", f"$.{name}: {error}") from error

    def said(self, name: str, place: Place) -> Said:
        """Return what the payload's meter values say of a connector's meter, nothing where there are none."""
        return read_meter_values(self.payload.get(name, ()), raw=self.raw, key=place.connector.key())

    async def may_charge(self, tag: str) -> bool:
        """Say whether there is a connector here at which a session that goes by this tag may charge."""
        places = self.desks.roster.places_of(self.station_id)
        return any([await self.desks.chargings.may_charge(tag, place, self.turn) for place in places])


Handler = Callable[[Exchange], Awaitable[Mapping[str, Any]]]
"""Takes a call, and returns the answer. Raises: CallRefused."""
