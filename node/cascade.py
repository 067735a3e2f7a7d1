"""Who asks whom beyond the two sides of a trade: sellers' platforms ask distribution utilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocol import checks
from protocol.actions import Action
from registry_client.subscriber import SubscriberRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """What part a participant has in cascades.

    One that `asks` is a seller's platform that takes utilities' answers as their BAP. One that `serves` is a
    utility: it takes requests of sellers' platforms, which the registry knows as BPPs.
    """

    asks: bool = False
    serves: bool = False

    def check_role(self, registered: SubscriberRole | None, *, action: Action) -> None:
        """Refuse a message of an action that its sender does not stand for. Raises: RoleNotEntitled."""
        if not (self.serves and registered is SubscriberRole.BPP):
            checks.check_role(registered, action=action)


NO_CASCADE: Final = Cascade()
