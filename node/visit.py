"""A message at the door, and what is known of it by then."""

from __future__ import annotations

from dataclasses import dataclass

from node.routing import Route
from protocol.actions import Action
from protocol.context import Context
from protocol.profile import Profile
from protocol.signing import SignatureHeader


@dataclass(slots=True)
class Visit:
    """What is known of the message at the door; it grows from step to step."""

    route: Route
    profile: Profile
    raw: bytes = b""
    header: SignatureHeader | None = None
    sender: str = ""  # whose key it is, once its signature held
    context: Context | None = None
    gateway_failed: bool = False
    retry_after: int | None = None  # s; of a refusal that says so

    @property
    def action(self) -> Action:
        """The action of the path; asked for only once it is known to have one."""
        if self.route.action is None:  # pragma: no cover  the path is checked first
            raise RuntimeError("a path without an action was let in")
        return self.route.action

    @property
    def claimant(self) -> str:
        """Whose key it is, or who says so as long as nothing is proven."""
        return self.sender or (self.header.subscriber_id if self.header else "")

    @property
    def ids(self) -> dict[str, str]:
        """What stands of it in the log."""
        context = self.context
        return {
            "action": self.route.action.value if self.route.action else "",
            "sender": self.claimant,
            "transaction_id": context.transaction_id if context else "",
            "message_id": context.message_id if context else "",
        }
