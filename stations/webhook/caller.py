"""Telling a back office: one signed POST a command, its answer in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kernel.body_signature import sign_body
from kernel.clock import Clock, format_instant
from registry_client.reach import AnswerTooLong, read_at_most
from stations.port import Acceptance, CommandResult, StationCommand
from stations.roster import Place, Roster
from stations.station_file import WebhookStation
from stations.webhook.signature import SIGNATURE_HEADER

_TIMEOUT: Final = timedelta(seconds=20)
_MOST_ANSWER_BYTES: Final = 65_536
_LATER: Final = frozenset({408, 425, 429})
_FIRST_OF_SERVER: Final = 500


class _Answer(BaseModel):
    """What a back office makes of a command."""

    model_config = ConfigDict(extra="ignore")

    acceptance: Literal["ACCEPTED", "REJECTED"]
    why: str = Field("", max_length=500)


class WebhookCaller:
    """Carries commands to the back offices of a roster; one that is down is asked again by who calls."""

    def __init__(
        self,
        roster: Roster,
        *,
        secrets: Mapping[str, str],
        clock: Clock,
        timeout: timedelta = _TIMEOUT,
    ) -> None:
        """`secrets` are those of the stations, by their ids."""
        self._roster = roster
        self._secrets = secrets
        self._clock = clock
        self._timeout = timeout

    async def carry_out(self, command: StationCommand) -> CommandResult:
        """Post a command to its station's back office, and return what that answers."""
        place = self._roster.find_place(command.connector_id)
        assert place is not None  # noqa: S101  the switchboard found its station
        station = place.station
        assert isinstance(station, WebhookStation)  # noqa: S101  the switchboard went by its protocol
        body = orjson.dumps(_written(command, place))
        secret = self._secrets[station.id]
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f"station-command-{command.id}",
            SIGNATURE_HEADER: sign_body(body, secret=secret, at=self._clock.now()),
        }
        try:
            return await self._post(str(station.url), body, headers)
        except (httpx.HTTPError, AnswerTooLong) as error:
            return _unreachable(f"the back office could not be asked: {type(error).__name__}")

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> CommandResult:
        async with (
            httpx.AsyncClient(timeout=self._timeout.total_seconds(), trust_env=False) as client,
            client.stream("POST", url, content=body, headers=dict(headers)) as response,
        ):
            answer = await read_at_most(response, _MOST_ANSWER_BYTES)
        if response.status_code in _LATER or response.status_code >= _FIRST_OF_SERVER:
            return _unreachable(f"the back office answered {response.status_code}")
        if not response.is_success:
            return _rejected(f"the back office answered {response.status_code}")
        try:
            said = _Answer.model_validate_json(answer)
        except ValidationError:
            return _rejected("the back office answered neither ACCEPTED nor REJECTED")
        return CommandResult(acceptance=Acceptance(said.acceptance), why=said.why)


def _written(command: StationCommand, place: Place) -> dict[str, Any]:
    written: dict[str, Any] = {
        "command": command.id,
        "verb": command.verb.value,
        "station": place.station.id,
        "connector": place.connector.number,
        "session": command.session_id,
    }
    if command.until is not None:
        written["until"] = format_instant(command.until)
    if command.limit is not None:
        written["limit_wh"] = command.limit.watt_hours
    if command.limit_watts is not None:
        written["limit_watts"] = command.limit_watts
    return written


def _unreachable(why: str) -> CommandResult:
    return CommandResult(acceptance=Acceptance.UNREACHABLE, why=why)


def _rejected(why: str) -> CommandResult:
    return CommandResult(acceptance=Acceptance.REJECTED, why=why)
