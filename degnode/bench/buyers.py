"""The buyers of the benchmarks: their keys, and their entry in the network's registry."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from degnode.processes import Network
from protocol.keys import new_private_key
from protocol.signing import Signer
from registry_client.onboarding import subscribe
from registry_client.subscriber import SubscriberRecord, SubscriberRole

_VALIDITY: Final = timedelta(minutes=30)


def new_buyer(subscriber_id: str) -> Signer:
    """Return a buyer of that name with a new key, whose signatures outlive a run."""
    return Signer(
        subscriber_id=subscriber_id, key_id="bench", private_key=new_private_key(), validity=_VALIDITY
    )


async def enter_buyer(network: Network, buyer: Signer, *, url: str) -> None:
    """Enter the buyer in the registry of `network`, reached at `url`."""
    record = SubscriberRecord(
        subscriber_id=buyer.subscriber_id,
        key_id=buyer.key_id,
        signing_public_key=buyer.public_key,
        url=url,
        role=SubscriberRole.BAP,
        domain="beckn.one:deg:p2p-trading:2.0.0",
    )
    token = network.registry.environment["DEGNODE_REGISTRY_TOKEN"]
    await subscribe(network.registry.url, record=record, token=token)
