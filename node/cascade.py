"""Who asks whom beyond the two sides of a trade: sellers' platforms ask distribution utilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocol import checks
from protocol.actions import REFUSED_TO_UTILITIES, Action, Role, handled_by
from registry_client.subscriber import SubscriberRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """What part a participant has in cascades.

    One that `asks` is a seller's platform that takes utilities' answers as their BAP. One that `serves` is a
    utility: it takes requests of sellers' platforms, which the registry knows as BPPs, and their refusals of
    what it says unasked.
    """

    asks: bool = False
    serves: bool = False

    def taken_by(self, role: Role) -> tuple[Action, ...]:
        """Return what such a participant of `role` takes."""
        return handled_by(role, cascades=self.asks, serves=self.serves)

    def is_refused(self, action: Action) -> bool:
        """Say whether the sender of a callback that is not taken is told so."""
        return self.asks and action in REFUSED_TO_UTILITIES

    def check_role(self, registered: SubscriberRole | None, *, action: Action) -> None:
        """Refuse a message of an action that its sender does not stand for. Raises: RoleNotEntitled."""
        if not (self.serves and registered is SubscriberRole.BPP):
            checks.check_role(registered, action=action)


NO_CASCADE: Final = Cascade()
