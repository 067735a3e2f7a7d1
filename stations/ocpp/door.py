"""Where stations connect: `/ocpp/{station_id}`, by WebSocket, with their password or their certificate.

Source: OCPP-J 1.6, 3 (connection); security whitepaper 1.6 and OCPP 2.0.1 part 2, A00: HTTP Basic, the
station's id as the user. TLS, for security profiles 2 and 3, is the reverse proxy's; with profile 3 it says
whose certificate it has checked.
"""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from typing import Final

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.responses import PlainTextResponse

from metering.sep.terminator import CertificateHeader, CertificateHeaderUnreadable
from stations.ocpp.central_system import DIALECTS, CentralSystem
from stations.password import hash_password, is_right
from stations.roster import Roster
from stations.station_file import OcppStation

log = structlog.get_logger(__name__)

_MOST_CHECKS: Final = 2
"""How many passwords are checked at a time: each costs a core some time, whoever asks."""
_NOBODYS_HASH: Final = hash_password("a password that nobody has")


class _Socket:
    """A starlette WebSocket as a link sees it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | None:
        try:
            return await self._socket.receive_text()
        except (WebSocketDisconnect, RuntimeError, KeyError):  # gone, closed by us, or bytes: not of OCPP
            return None

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            log.info("station.answer_unheard", bytes=len(text))

    async def close(self, code: int, reason: str) -> None:
        try:
            await self._socket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError):
            log.info("station.gone_before_goodbye")


def ocpp_router(
    central_system: CentralSystem, roster: Roster, *, certificate_header: CertificateHeader | None = None
) -> APIRouter:
    """Return the route on which the roster's stations are met."""
    router = APIRouter()
    checks = asyncio.Semaphore(_MOST_CHECKS)

    @router.websocket("/ocpp/{station_id}")
    async def connect(socket: WebSocket, station_id: str) -> None:
        station = roster.find_station(station_id)
        if isinstance(station, OcppStation) and station.certificates:
            is_known = _shows_certificate(socket, station, certificate_header)
        else:
            async with checks:
                is_known = await _shows_password(
                    socket, station if isinstance(station, OcppStation) else None
                )
        if not is_known:
            log.warning("station.refused", station=station_id[:48], why="it did not show who it is")
            await _deny(
                socket, 401, "Show the station's id and password by HTTP Basic, or its certificate.\n"
            )
            return
        protocol = next((name for name in DIALECTS if name in socket.scope["subprotocols"]), None)
        if protocol is None:
            log.warning("station.refused", station=station_id, why="it speaks no version that is spoken here")
            await _deny(socket, 400, f"Offer a subprotocol of {', '.join(DIALECTS)}.\n")
            return
        await socket.accept(subprotocol=protocol)
        await central_system.serve(_Socket(socket), station_id=station_id, protocol=protocol)

    return router


def _shows_certificate(socket: WebSocket, station: OcppStation, header: CertificateHeader | None) -> bool:
    """Say whether a proxy vouches for the caller having a certificate of this station."""
    if header is None:
        return False
    try:
        fingerprint = header.fingerprint_in(socket.scope)
    except CertificateHeaderUnreadable as error:
        log.warning("station.certificate_unreadable", station=station.id, error=str(error))
        return False
    return fingerprint in station.certificates


async def _shows_password(socket: WebSocket, station: OcppStation | None) -> bool:
    """Say whether the caller has shown that it is this station; it takes as long when there is none."""
    shown = _credentials(socket.headers.get("authorization", ""))
    if shown is None:
        return False
    user, password = shown
    password_hash = _NOBODYS_HASH if station is None or station.password is None else station.password
    is_its_own = await asyncio.to_thread(is_right, password, password_hash)
    return is_its_own and station is not None and user == station.id


def _credentials(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


async def _deny(socket: WebSocket, status: int, text: str) -> None:
    headers = {"WWW-Authenticate": 'Basic realm="OCPP"'} if status == 401 else None
    await socket.send_denial_response(PlainTextResponse(text, status_code=status, headers=headers))
