"""Which gateway a search goes through that names no seller's platform."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from kernel.clock import Clock
from kernel.errors import NodeError
from node.correspondence import Peer
from protocol.errors import RegistryUnavailable
from registry_client.keyring import KeyRing
from registry_client.ports import Wanted
from registry_client.subscriber import SubscriberRole

_RETRY: Final = timedelta(seconds=5)


class GatewayUnknown(NodeError):
    """The network has no gateway, or the one that is set is none."""

    code, http_status, retryable = "AUT_SUBSCRIBER_NOT_FOUND", 422, False


@dataclass(slots=True, kw_only=True)
class GatewayFinder:
    """Finds the gateway of a domain: the one that is `named`, else the first that the registry has.

    One that was found by its domain is asked for again after `keep_for`; while the registry is away,
    every few seconds.
    """

    keyring: KeyRing
    clock: Clock
    domain: str
    named: str | None = None
    keep_for: timedelta = timedelta(minutes=10)
    _found: tuple[str, datetime] | None = field(default=None, init=False)

    async def __call__(self) -> Peer:
        """Return the gateway. Raises: GatewayUnknown, RegistryUnavailable."""
        try:
            name = self.named or await self._by_domain()
            url = await self.keyring.endpoint_of(name, SubscriberRole.BG)
        except NodeError as error:
            if error.retryable or isinstance(error, GatewayUnknown):
                raise
            raise GatewayUnknown(
                f"the gateway cannot be looked up: {error.message}",
                path="$.bpp_id",
                hint="Name a bpp_id, or check DEGNODE_GATEWAY and the registry.",
            ) from error
        return Peer(subscriber_id=name, url=url)

    async def _by_domain(self) -> str:
        now = self.clock.now()
        if self._found is not None and now < self._found[1]:
            return self._found[0]
        try:
            records = await self.keyring.find(Wanted(role=SubscriberRole.BG, domain=self.domain))
        except RegistryUnavailable:
            if self._found is None:
                raise
            return self._keep(self._found[0], until=now + _RETRY)
        if not records:
            raise GatewayUnknown(
                f"the registry has no gateway for {self.domain}",
                path="$.bpp_id",
                hint="Name a bpp_id, or set DEGNODE_GATEWAY.",
            )
        return self._keep(min(record.subscriber_id for record in records), until=now + self.keep_for)

    def _keep(self, name: str, *, until: datetime) -> str:
        self._found = (name, until)
        return name
