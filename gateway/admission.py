"""What a gateway takes: searches that say in which domain, and catalogues that answer one of them."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.errors import NodeError
from protocol.actions import Action
from protocol.context import Context
from protocol.errors import ContextFieldMissing
from protocol.profile import Profile
from storage.outbox import relay_key
from storage.unit_of_work import UnitOfWorkFactory


class NothingPassedOn(NodeError):
    """The catalogue answers no search that was passed on to its sender."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAdmission:
    """Refuses at the door what cannot be passed on."""

    uow_factory: UnitOfWorkFactory

    async def __call__(
        self, action: Action, context: Context, sender: str, profile: Profile, _raw: bytes, /
    ) -> None:
        """Raises: ContextFieldMissing, NothingPassedOn."""
        if action is Action.DISCOVER:
            _check_domain(context, profile)
            return
        async with self.uow_factory() as uow:
            was_asked = await uow.outbox.is_passed_on(
                message_id=context.message_id,
                action=Action.DISCOVER,
                relay=relay_key(sender=context.bap_id, receiver=sender),
            )
        if not was_asked:
            raise NothingPassedOn(
                f"no {profile.wire_names[Action.DISCOVER]} of {context.bap_id} was passed on to {sender} "
                "under this message id",
                path=f"$.context.{profile.keys.message_id}",
                hint="Answer under the request's message id; what answers none goes straight to the buyer.",
            )


def _check_domain(context: Context, profile: Profile) -> None:
    if not context.domain:
        raise ContextFieldMissing(
            f"the context has no {profile.keys.domain}",
            path=f"$.context.{profile.keys.domain}",
            hint="Name the domain: a gateway passes a search on to those who are subscribed for it.",
        )
