"""Real platforms of a driver and of an operator, with plugs whose stations are for tests to write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from degnode.demo.app import App
from degnode.processes import Network, small_network
from protocol.actions import Action
from stations.password import hash_password
from tests.support.charge_points import PASSWORD
from tests.support.processes import eventually, seller_of

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "catalog" / "charging-station.yaml"
OPERATOR: Final = "ecopower-charging"
WATTS: Final = 3_600_000
"""What a plug gives at most, a kWh a second, so that a session is over within seconds."""

Json = dict[str, Any]


def _plug(number: int) -> str:
    return f"plug-{number}"


def write_market(folder: Path, *, plugs: int) -> tuple[Path, Path]:
    """Write a catalogue of so many plugs, each sold by the kWh and paid afterwards, and their stations."""
    catalogue = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    [resource], [offer] = catalogue["resources"], catalogue["offers"]
    for extra in ("surcharges", "discount", "fees", "payment"):
        del offer[extra]
    for extra in ("buffer", "buyer_finder_fee"):
        del offer["session"][extra]
    numbers = range(1, plugs + 1)
    catalogue["resources"] = [
        {**resource, "id": _plug(number), "meter": f"5006007{number:02}"} for number in numbers
    ]
    catalogue["offers"] = [
        {**offer, "id": f"offer-{number}", "resource": _plug(number)} for number in numbers
    ]
    password = hash_password(PASSWORD)
    stations = [
        {
            "id": f"CP-{number}",
            "protocol": "ocpp",
            "password": password,
            "connectors": [
                {
                    "number": 1,
                    "resource": _plug(number),
                    "meter": f"5006007{number:02}",
                    "greatest_watts": WATTS,
                }
            ],
        }
        for number in numbers
    ]
    files = folder / "catalogue.yaml", folder / "stations.yaml"
    for file, content in zip(files, (catalogue, {"stations": stations}), strict=True):
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return files


@asynccontextmanager
async def charging_market(folder: Path, *, plugs: int) -> AsyncIterator[Network]:
    """Run platforms of a driver and of an operator of so many plugs, each of a station of its own."""
    catalogue, stations = write_market(folder, plugs=plugs)
    settings = {"bpp": {"DEGNODE_STATIONS": str(stations), "DEGNODE_STATUS_INTERVAL": "PT0S"}}
    async with small_network(catalog=catalogue, settings=settings) as network:
        yield network


@dataclass
class Driver:
    """A driver at a plug, who buys by the app's API alone."""

    network: Network
    app: App
    number: int
    transaction_id: str = ""
    order: Json | None = None

    async def buy(self, kilowatt_hours: int) -> str:
        """Buy so much at the plug, and return the order's id."""
        wanted = {
            "@context": _CORE,
            "@type": "beckn:Order",
            "beckn:orderStatus": "CREATED",
            "beckn:seller": OPERATOR,
            "beckn:buyer": {"@context": _CORE, "@type": "beckn:Buyer", "beckn:id": f"driver-{self.number}"},
            "beckn:orderItems": [
                {
                    "beckn:orderedItem": _plug(self.number),
                    "beckn:quantity": {"unitQuantity": kilowatt_hours, "unitText": "kWh"},
                }
            ],
        }
        drafted = await self.app.call(Action.INIT, {"order": wanted})
        self.transaction_id = drafted["transaction_id"]
        bought = await self._call(Action.CONFIRM, drafted["message"])
        return str(bought["beckn:id"])

    async def wish(self, status: str) -> None:
        """Have the session started (ACTIVE) or stopped (STOP)."""
        assert self.order is not None
        order = dict(self.order)
        delivery = dict(order["beckn:fulfillment"])
        attributes = {**delivery["beckn:deliveryAttributes"], "sessionStatus": status}
        order["beckn:fulfillment"] = {**delivery, "beckn:deliveryAttributes": attributes}
        await self._call(Action.UPDATE, {"order": order})

    async def session_status(self) -> str:
        """Return what the app was told last of the session, without asking for it."""
        found = (await self.app.transaction(self.transaction_id))["order"]
        return str(found["beckn:fulfillment"]["beckn:deliveryAttributes"]["sessionStatus"])

    async def hears(self, status: str) -> None:
        async def is_told() -> bool:
            return await self.session_status() == status

        await eventually(is_told, what=f"the app hears of {status}")

    async def bill(self) -> Json:
        """Wait until the app was told of a bill, and return the only one."""
        found: list[Json] = []

        async def is_billed() -> bool:
            bill = (await self.app.transaction(self.transaction_id))["bill"]
            found[:] = bill["billing_cycles"] if bill else []
            return bool(found)

        await eventually(is_billed, what="the session is billed", seconds=60)
        [bill] = found
        return bill

    async def _call(self, action: Action, message: Json) -> Json:
        answer = await self.app.call(action, message, transaction_id=self.transaction_id)
        self.order = answer["message"]["order"]
        assert self.order is not None
        return self.order


def app_of(network: Network) -> App:
    return App(network.bap.url, api_key=network.api_key, seller=seller_of(network), profile="v2_rc")


_CORE: Final = (
    "https://raw.githubusercontent.com/beckn/protocol-specifications-new/refs/heads/main/schema/core/v2/"
    "context.jsonld"
)
