"""Entering a participant in the registry when it starts, until it succeeds."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from kernel.errors import NodeError
from node.runtime import Foundation
from registry_client.onboarding import subscribe
from registry_client.subscriber import SubscriberRecord, SubscriberRole

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Registration:
    """A participant's entry in the registry; needed only where a token was given for it."""

    foundation: Foundation
    done: bool = False

    @property
    def wanted(self) -> bool:
        return self.foundation.settings.registry_token is not None

    async def step(self) -> bool:
        """Try once, unless it is done; never say that there is more to do."""
        token = self.foundation.settings.registry_token
        if self.done or token is None:
            return False
        try:
            await subscribe(
                str(self.foundation.settings.registry_url),
                record=self._record(),
                token=token.get_secret_value(),
            )
        except NodeError as error:
            log.warning("registry.not_registered", code=error.code, reason=str(error))
            return False
        self.done = True
        return False

    def _record(self) -> SubscriberRecord:
        settings, signer = self.foundation.settings, self.foundation.signer
        return SubscriberRecord(
            subscriber_id=settings.subscriber_id,
            key_id=settings.key_id,
            signing_public_key=signer.public_key,
            url=self.foundation.correspondent.url,
            role=SubscriberRole(self.foundation.role.upper()),
            domain=settings.domain,
        )
