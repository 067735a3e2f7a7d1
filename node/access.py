"""Who may do what on this node, as each process knows it: API keys, rules on peers, and their rates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kernel.clock import Clock
from node.api_key_store import API_KEYS_CHANNEL
from node.api_keys import ApiKeys
from node.peer_gate import PeerGate
from node.peer_rule_store import PEER_RULES_CHANNEL
from node.rate_limit import PeerRates
from node.settings import Settings
from node.shared_rates import PostgresRates, RedisRates
from node.telemetry import Metrics
from node.worker import Worker
from registry_client.shared_cache import open_redis
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener

_LOOK_EVERY: Final = timedelta(seconds=30)  # should an announcement have been missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The doors of one node."""

    api_keys: ApiKeys
    gate: PeerGate
    rates: PeerRates

    @asynccontextmanager
    async def running(self, listener: Listener) -> AsyncIterator[None]:
        """Follow what changes while the block runs; enter it before `listener` starts."""
        async with AsyncExitStack() as stack:
            if isinstance(self.rates.shared, RedisRates):
                stack.push_async_callback(self.rates.shared.close)
            await self.gate.reload()  # before the first message
            watch = Worker("peer rules", self.gate.reload, poll_interval=_LOOK_EVERY)
            listener.on(PEER_RULES_CHANNEL, watch.wake)
            listener.on(API_KEYS_CHANNEL, self.api_keys.forget)
            watch.start()
            stack.push_async_callback(watch.stop)
            yield


def open_access(
    settings: Settings, *, uow_factory: UnitOfWorkFactory, clock: Clock, metrics: Metrics
) -> Access:
    """Return the doors that `settings` describe; the rules are read when they run."""
    gate = PeerGate(uow_factory, settings.peer_default)
    pinned = {name: pin.rate for name, pin in settings.peers.items() if pin.rate is not None}
    return Access(
        api_keys=ApiKeys(
            uow_factory,
            configured=settings.api_key.get_secret_value() if settings.api_key else None,
            clock=clock,
            metrics=metrics,
            trusted_proxies=settings.trusted_proxies,
        ),
        gate=gate,
        rates=PeerRates(
            settings.peer_rate,
            shared=_shared_rates(settings, uow_factory),
            own_rates=(gate.rate_of, pinned.get),
        ),
    )


def _shared_rates(settings: Settings, uow_factory: UnitOfWorkFactory) -> PostgresRates | RedisRates:
    """Return where the processes of this node count together; Redis' URL has been read before."""
    if settings.redis_url is None:
        return PostgresRates(uow_factory)
    return RedisRates(open_redis(settings.redis_url.get_secret_value()), node=settings.subscriber_id)
