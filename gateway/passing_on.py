"""What a gateway does with its two messages: a search goes to all sellers, a catalogue to who asked.

Whom the registry names is asked for before the transaction; in it one message for each of them is put
into the outbox. From there each goes its own way: nobody waits for another one's platform.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import orjson
import structlog

from gateway.area import place_of
from gateway.relay import alive_until, pass_to
from gateway.sellers import Sellers
from kernel.errors import NodeError
from node.correspondence import Peer
from node.message import Handler, Inbound, Preparation
from node.peer_rules import CheckReceiver
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

FindBuyer = Callable[[str], Awaitable[Peer]]
"""Returns the buyer's platform of that subscriber id; raises a NodeError where there is none."""


class NobodyToAsk(NodeError):
    """No seller's platform is subscribed where the search looks."""

    code, http_status, retryable = "BIZ_NO_RESULTS_FOUND", 404, False


@dataclass(frozen=True, slots=True, kw_only=True)
class PassingOn:
    """Passes messages on; whom `check_receiver` refuses is left out."""

    sellers: Sellers
    find_buyer: FindBuyer
    check_receiver: CheckReceiver

    def preparations(self) -> dict[Action, Preparation]:
        """Return what is done with each action."""
        return {Action.DISCOVER: self.search, Action.ON_DISCOVER: self.catalogue}

    async def search(self, inbound: Inbound) -> Handler:
        """Find the sellers of the search's domain and place, or the one that it names.

        Raises: NobodyToAsk, RegistryUnavailable.
        """
        place = place_of(orjson.loads(inbound.raw)["context"])
        domain, named = inbound.context.domain, inbound.context.bpp_id
        found = await self.sellers.find(domain=domain, place=place)
        receivers = [peer for peer in found if named in ("", peer.subscriber_id) and self._may_have(peer)]
        if not receivers:
            raise NobodyToAsk(
                f"no seller's platform {named or 'at all'} is subscribed for {domain}",
                path="$.context.domain",
                hint="The registry's lookup of type BPP tells who is subscribed for what.",
            )
        return partial(_put, receivers)

    async def catalogue(self, inbound: Inbound) -> Handler:
        """Find whoever asked. Raises: SubscriberUnknown, RegistryUnavailable, PeerRefused."""
        self.check_receiver(inbound.context.bap_id)
        return partial(_put, [await self.find_buyer(inbound.context.bap_id)])

    def _may_have(self, peer: Peer) -> bool:
        try:
            self.check_receiver(peer.subscriber_id)
        except NodeError as refusal:
            log.info("gateway.left_out", subscriber=peer.subscriber_id, reason=refusal.message)
            return False
        return True


async def _put(receivers: Sequence[Peer], inbound: Inbound, uow: UnitOfWork, now: datetime) -> None:
    """Put one message for each receiver into the outbox. Raises: TtlExpired."""
    until = alive_until(inbound, now=now)
    await uow.outbox.pass_on([pass_to(receiver, inbound, until=until, now=now) for receiver in receivers])
    log.info("gateway.passed_on", sender=inbound.sender, receivers=len(receivers))
