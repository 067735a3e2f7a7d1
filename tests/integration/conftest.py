"""A registry that is joined by proof, and who comes to it; a test's file may set its clock."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kernel.clock import Clock, SystemClock
from storage.database import Database
from tests.support.registries import Newcomer, SigningRegistry, running_signing_registry
from tests.support.subscribers import BPP


@pytest.fixture
def clock() -> Clock:
    """The real time, unless a file has a clock of its own."""
    return SystemClock()


@pytest.fixture
async def registry(database: Database, clock: Clock) -> AsyncIterator[SigningRegistry]:
    """A registry that lets in at once who has proven itself."""
    async with running_signing_registry(database, clock=clock) as running:
        yield running


@pytest.fixture
async def bpp(clock: Clock) -> AsyncIterator[Newcomer]:
    """A seller's platform that is reached, and that no registry has heard of."""
    async with Newcomer(subscriber_id=BPP, clock=clock) as newcomer:
        yield newcomer
