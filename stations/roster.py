"""The stations that there are, and their connectors, by whatever each is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kernel.errors import NodeError
from stations.station_file import AnyStation, Connector


class StationUnknown(NodeError):
    """There is no such station, or no such connector at one."""

    code, http_status, retryable = "STATION_UNKNOWN", 404, False


@dataclass(frozen=True, slots=True)
class Place:
    """A connector with the station that it is at."""

    station: AnyStation
    connector: Connector

    @property
    def resource(self) -> str:
        return self.connector.resource

    def __str__(self) -> str:
        return f"{self.station.id}/{self.connector.number}"


class Roster:
    """The stations that there are; it does not change while the node runs."""

    def __init__(self, stations: Sequence[AnyStation]) -> None:
        self.stations = tuple(stations)
        self._by_id = {station.id: station for station in stations}
        places = [Place(station, each) for station in stations for each in station.connectors]
        self._by_resource = {place.resource: place for place in places}
        self._by_number = {(place.station.id, place.connector.number): place for place in places}

    def find_station(self, station_id: str) -> AnyStation | None:
        return self._by_id.get(station_id)

    def find_place(self, resource: str) -> Place | None:
        """Return the connector that the catalogue calls `resource`, if a station has it."""
        return self._by_resource.get(resource)

    def get_place_at(self, station_id: str, number: int) -> Place:
        """Return the connector that its station gives this number. Raises: StationUnknown."""
        place = self._by_number.get((station_id, number))
        if place is None:
            raise StationUnknown(
                f"station {station_id} has no connector {number}",
                hint="List it among its connectors in the file of stations.",
            )
        return place

    def places_of(self, station_id: str) -> list[Place]:
        """Return the connectors of a station, none of one that there is not."""
        station = self._by_id.get(station_id)
        return [] if station is None else [Place(station, each) for each in station.connectors]

    @property
    def places(self) -> Iterable[Place]:
        return self._by_resource.values()
