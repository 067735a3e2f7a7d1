"""What is distrusted, in the memory of this process: read at the start and whenever it has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from node.distrust import DISTRUST_CHANNEL, list_distrusted
from node.worker import Worker
from registry_client.keyring import KeyRing
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener

_POLL: Final = timedelta(seconds=30)


class DistrustWatch:
    """Tells the key ring which keys the operator believes no more."""

    def __init__(self, keyring: KeyRing, uow_factory: UnitOfWorkFactory) -> None:
        self._keyring = keyring
        self._uow_factory = uow_factory

    @asynccontextmanager
    async def running(self, listener: Listener) -> AsyncIterator[None]:
        """Keep the ring told while the block runs, from its first moment; `listener` starts later."""
        await self.load()
        worker = Worker("distrust", self.load, poll_interval=_POLL)
        listener.on(DISTRUST_CHANNEL, worker.wake)
        worker.start()
        try:
            yield
        finally:
            await worker.stop()

    async def load(self) -> bool:
        """Read what is distrusted now; return False, for then there is nothing more to do."""
        async with self._uow_factory() as uow:
            keys = await list_distrusted(uow)
        self._keyring.distrust((key.subscriber_id, key.key_id) for key in keys)
        return False
