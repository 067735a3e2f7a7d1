"""What an operator says of single peers: which wire they speak, and where they depart from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from protocol.profile import PROFILES, AckShape, AckSignature, Binding, Profile


class PeerPin(BaseModel):
    """One peer's ways; what is left out is as its profile says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wire: str | None = Field(None, pattern=f"^({'|'.join(PROFILES)})$", description="Its profile.")
    binding: Binding | None = Field(None, description="What the fourth line of its callbacks repeats.")
    ack: AckShape | None = Field(None, description="The shape of answers that it reads.")
    ack_signature: AckSignature | None = Field(None, description="How answers to it are signed.")
    rate: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="Messages a second that it may send; 0 sets no bound.",
    )

    def departures(self) -> dict[str, Any]:
        """Return the fields of a profile that are other for this peer."""
        return self.model_dump(exclude={"wire", "rate"}, exclude_none=True)


class PeerPins:
    """The pins of all peers, by subscriber id."""

    def __init__(self, pins: Mapping[str, PeerPin] | None = None) -> None:
        self._pins = dict(pins or {})

    def wire_of(self, subscriber_id: str) -> Profile | None:
        """Return the profile that is pinned for a peer, if any."""
        pin = self._pins.get(subscriber_id)
        return PROFILES[pin.wire] if pin is not None and pin.wire is not None else None

    def adapt(self, profile: Profile, subscriber_id: str) -> Profile:
        """Return `profile` with this peer's departures from it."""
        pin = self._pins.get(subscriber_id)
        return profile if pin is None else replace(profile, **pin.departures())
