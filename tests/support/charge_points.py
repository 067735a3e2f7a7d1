"""Charging stations written with the `ocpp` library's client, which know nothing of this node."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, ClassVar, Self

import ocpp.v16
import ocpp.v16.call
import ocpp.v16.call_result
import ocpp.v201
import ocpp.v201.call
import ocpp.v201.call_result
from ocpp.routing import on
from websockets.asyncio.client import ClientConnection, connect

PASSWORD = "sixteen-characters-at-least"
Heard = tuple[str, dict[str, Any]]


def text_of(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


class _Station16(ocpp.v16.ChargePoint):  # type: ignore[misc]  # the library has no types
    """Answers what it is told as its owner says."""

    owner: ChargePoint16

    @on("RemoteStartTransaction")  # type: ignore[untyped-decorator]
    def on_start(self, **told: Any) -> Any:
        status = self.owner.hear("RemoteStartTransaction", told)
        return ocpp.v16.call_result.RemoteStartTransaction(status=status)

    @on("RemoteStopTransaction")  # type: ignore[untyped-decorator]
    def on_stop(self, **told: Any) -> Any:
        return ocpp.v16.call_result.RemoteStopTransaction(
            status=self.owner.hear("RemoteStopTransaction", told)
        )

    @on("ReserveNow")  # type: ignore[untyped-decorator]
    def on_reserve(self, **told: Any) -> Any:
        return ocpp.v16.call_result.ReserveNow(status=self.owner.hear("ReserveNow", told))

    @on("CancelReservation")  # type: ignore[untyped-decorator]
    def on_release(self, **told: Any) -> Any:
        return ocpp.v16.call_result.CancelReservation(status=self.owner.hear("CancelReservation", told))

    @on("UnlockConnector")  # type: ignore[untyped-decorator]
    def on_unlock(self, **told: Any) -> Any:
        status = self.owner.hear("UnlockConnector", told)
        return ocpp.v16.call_result.UnlockConnector(status=status.replace("Accepted", "Unlocked"))

    @on("SetChargingProfile")  # type: ignore[untyped-decorator]
    def on_limit(self, **told: Any) -> Any:
        return ocpp.v16.call_result.SetChargingProfile(status=self.owner.hear("SetChargingProfile", told))

    @on("ClearChargingProfile")  # type: ignore[untyped-decorator]
    def on_lift(self, **told: Any) -> Any:
        return ocpp.v16.call_result.ClearChargingProfile(status=self.owner.hear("ClearChargingProfile", told))


class _Station201(ocpp.v201.ChargePoint):  # type: ignore[misc]
    """The same of 2.0.1; it does not know of reservations."""

    owner: ChargePoint201

    @on("RequestStartTransaction")  # type: ignore[untyped-decorator]
    def on_start(self, **told: Any) -> Any:
        status = self.owner.hear("RequestStartTransaction", told)
        return ocpp.v201.call_result.RequestStartTransaction(status=status)

    @on("RequestStopTransaction")  # type: ignore[untyped-decorator]
    def on_stop(self, **told: Any) -> Any:
        status = self.owner.hear("RequestStopTransaction", told)
        return ocpp.v201.call_result.RequestStopTransaction(status=status)

    @on("UnlockConnector")  # type: ignore[untyped-decorator]
    def on_unlock(self, **told: Any) -> Any:
        status = self.owner.hear("UnlockConnector", told)
        return ocpp.v201.call_result.UnlockConnector(status=status)

    @on("SetChargingProfile")  # type: ignore[untyped-decorator]
    def on_limit(self, **told: Any) -> Any:
        return ocpp.v201.call_result.SetChargingProfile(status=self.owner.hear("SetChargingProfile", told))

    @on("ClearChargingProfile")  # type: ignore[untyped-decorator]
    def on_lift(self, **told: Any) -> Any:
        status = self.owner.hear("ClearChargingProfile", told)
        return ocpp.v201.call_result.ClearChargingProfile(status=status)


@dataclass
class _ChargePoint:
    """A station with a plug: connects, tells, and keeps what it is told."""

    url: str
    station_id: str = "CP-7"
    password: str = PASSWORD
    replies: dict[str, str] = field(default_factory=dict)
    told: asyncio.Queue[Heard] = field(default_factory=asyncio.Queue)
    socket: ClientConnection | None = field(default=None, init=False)
    _listening: asyncio.Task[None] | None = field(default=None, init=False)
    _station: Any = field(default=None, init=False)

    subprotocol: ClassVar[str] = ""
    kind: ClassVar[Any] = None

    def hear(self, action: str, told: dict[str, Any]) -> str:
        """Keep what is told, and return the status that it is answered by."""
        self.told.put_nowait((action, told))
        return self.replies.get(action, "Accepted")

    async def connect(self) -> Self:
        self.socket = await connect(
            self.url.replace("http", "ws", 1) + f"/ocpp/{self.station_id}",
            subprotocols=[self.subprotocol],  # type: ignore[list-item]  # a NewType of theirs
            additional_headers=basic(self.station_id, self.password),
        )
        self._station = self.kind(self.station_id, self.socket, response_timeout=20)
        self._station.owner = self
        self._listening = asyncio.create_task(self._listen())
        return self

    async def _listen(self) -> None:
        with suppress(Exception):  # however the connection ends
            await self._station.start()

    async def lose_network(self) -> None:
        """Be gone without a goodbye."""
        assert self.socket is not None
        self.socket.transport.abort()
        await self.leave()

    async def leave(self) -> None:
        if self.socket is not None and self._listening is not None:
            await self.socket.close()
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        self.socket = self._listening = None

    async def call(self, message: Any) -> Any:
        """Send a message as the library does, and return its answer; an error is raised."""
        return await self._station.call(message, suppress=False)

    async def heard(self, action: str) -> dict[str, Any]:
        """Wait until it is told something, which must be this."""
        async with asyncio.timeout(20):
            found, told = await self.told.get()
        assert found == action
        return told

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()


def sampled(at: datetime, watt_hours: int | str, context: str = "Sample.Periodic") -> dict[str, Any]:
    """Return a meterValue of 1.6, with a power beside the register."""
    return {
        "timestamp": text_of(at),
        "sampledValue": [
            {
                "value": str(watt_hours),
                "context": context,
                "measurand": "Energy.Active.Import.Register",
                "unit": "Wh",
            },
            {"value": "11.04", "measurand": "Power.Active.Import", "unit": "kW"},
        ],
    }


class ChargePoint16(_ChargePoint):
    """A station that speaks OCPP 1.6."""

    subprotocol = "ocpp1.6"
    kind = _Station16

    async def boot(self) -> Any:
        return await self.call(
            ocpp.v16.call.BootNotification(
                charge_point_vendor="Volt Works", charge_point_model="Duo 22", firmware_version="2.4.1"
            )
        )

    async def status(self, status: str, at: datetime, *, error: str = "NoError", connector: int = 1) -> None:
        await self.call(
            ocpp.v16.call.StatusNotification(
                connector_id=connector, error_code=error, status=status, timestamp=text_of(at)
            )
        )

    async def call_authorize(self, tag: str) -> str:
        answer = await self.call(ocpp.v16.call.Authorize(id_tag=tag))
        return str(answer.id_tag_info["status"])

    async def start(self, tag: str, at: datetime, watt_hours: int, *, connector: int = 1) -> Any:
        return await self.call(
            ocpp.v16.call.StartTransaction(
                connector_id=connector, id_tag=tag, meter_start=watt_hours, timestamp=text_of(at)
            )
        )

    async def values(self, *values: tuple[datetime, int | str], transaction: int | None) -> None:
        await self.call(
            ocpp.v16.call.MeterValues(
                connector_id=1,
                transaction_id=transaction,
                meter_value=[sampled(at, watt_hours) for at, watt_hours in values],
            )
        )

    async def stop(
        self,
        transaction: int,
        at: datetime,
        watt_hours: int,
        *,
        reason: str = "Remote",
        data: list[dict[str, Any]] | None = None,
    ) -> None:
        await self.call(
            ocpp.v16.call.StopTransaction(
                transaction_id=transaction,
                meter_stop=watt_hours,
                timestamp=text_of(at),
                reason=reason,
                transaction_data=data,
            )
        )


@dataclass
class ChargePoint201(_ChargePoint):
    """A station that speaks OCPP 2.0.1."""

    subprotocol = "ocpp2.0.1"
    kind = _Station201
    seq_no: int = 0

    async def boot(self) -> Any:
        return await self.call(
            ocpp.v201.call.BootNotification(
                charging_station={"vendorName": "Volt Works", "model": "Trio 50", "serialNumber": "T-1"},
                reason="PowerUp",
            )
        )

    async def status(self, status: str, at: datetime) -> None:
        await self.call(
            ocpp.v201.call.StatusNotification(
                timestamp=text_of(at), connector_status=status, evse_id=1, connector_id=1
            )
        )

    async def event(
        self,
        kind: str,
        at: datetime,
        *,
        transaction: str = "tx-1",
        tag: str | None = None,
        kwh: float | None = None,
        state: str | None = None,
        reason: str | None = None,
        seq_no: int | None = None,
        trigger: str = "MeterValuePeriodic",
    ) -> Any:
        """Send a TransactionEvent; the register is told in kWh, as most stations do."""
        number = self.seq_no if seq_no is None else seq_no
        self.seq_no = number + 1
        contexts = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}
        value = {
            "value": kwh,
            "context": contexts.get(kind, "Sample.Periodic"),
            "unitOfMeasure": {"unit": "kWh"},
        }
        return await self.call(
            ocpp.v201.call.TransactionEvent(
                event_type=kind,
                timestamp=text_of(at),
                trigger_reason=trigger,
                seq_no=number,
                transaction_info={
                    "transactionId": transaction,
                    "chargingState": state,
                    "stoppedReason": reason,
                },
                evse={"id": 1, "connectorId": 1} if kind == "Started" else None,
                id_token=None if tag is None else {"idToken": tag, "type": "Central"},
                meter_value=(None if kwh is None else [{"timestamp": text_of(at), "sampledValue": [value]}]),
            )
        )
