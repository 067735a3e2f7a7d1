"""What a station's answer to a command means, and what is known when it is told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stations.chargings import Charging
from stations.port import Acceptance, CommandResult, StationCommand
from stations.roster import Place

SET_PROFILE: Final = "SetChargingProfile"
CLEAR_PROFILE: Final = "ClearChargingProfile"
DONE: Final = CommandResult(acceptance=Acceptance.ACCEPTED)
_FULFILLED: Final = frozenset({"Accepted", "Unlocked"})
_NONE_THERE: Final = "Unknown"
"""How a station answers that has no limit to take back."""
_SENTENCES: Final[Mapping[str, str]] = {
    "Rejected": "the station refused; is the car plugged in?",
    "Occupied": "the connector is occupied",
    "Faulted": "the connector is out of order",
    "Unavailable": "the connector is out of service",
    "Scheduled": "the station would do it later only",
    "UnlockFailed": "the connector did not let go of the cable",
    "NotSupported": "the connector has no lock",
    "OngoingAuthorizedTransaction": "a session charges there: stop it first",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a command's session: where, its last reservation, what charges for it now.

    Of a command that is of no session, whatever charges there.
    """

    place: Place
    tag: str
    reservation: int | None = None
    charging: Charging | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What a station is asked."""

    action: str
    payload: Mapping[str, Any]


_OF_LIMITS: Final[Mapping[str, str]] = {
    "Rejected": "the station does not take the limit, and goes on as it did",
    "NotSupported": "the station cannot limit its power, and goes on as it did",
}


Tell = Callable[[StationCommand, Facts], Request | CommandResult]
"""Returns what to ask for a command, or its result where there is nothing to ask."""


def nothing_to(what: str) -> CommandResult:
    """Return the result of a command that is fulfilled as it is."""
    return CommandResult(acceptance=Acceptance.ACCEPTED, why=f"there was nothing to {what}")


def result_of(action: str, answer: Mapping[str, Any]) -> CommandResult:
    """Return what an answer with a status says."""
    status = str(answer.get("status"))
    if status in _FULFILLED:
        return DONE
    if (action, status) == (CLEAR_PROFILE, _NONE_THERE):
        return nothing_to("lift")
    sentences = _OF_LIMITS if action == SET_PROFILE else _SENTENCES
    why = sentences.get(status, f"the station answered {status[:40]}")
    info = answer.get("statusInfo")
    if isinstance(info, Mapping) and info.get("additionalInfo"):
        why = f"{why} ({str(info['additionalInfo'])[:200]})"
    return CommandResult(acceptance=Acceptance.REJECTED, why=why)
