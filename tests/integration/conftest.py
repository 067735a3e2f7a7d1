"""What tests against a database share: each wire in turn, and a registry that is joined by proof.

A test's file may set its clock, and speak one wire only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kernel.clock import Clock, SystemClock
from protocol.profile import PROFILES, Profile
from storage.database import Database
from tests.support.registries import Newcomer, SigningRegistry, running_signing_registry
from tests.support.subscribers import BPP
from trading.mapping import wire_of
from trading.mapping.wire import Wire


@pytest.fixture(params=list(PROFILES.values()), ids=list(PROFILES))
def profile(request: pytest.FixtureRequest) -> Profile:
    """Each generation in turn."""
    found: Profile = request.param
    return found


@pytest.fixture
def wire(profile: Profile) -> Wire:
    """How orders are read and written in it."""
    return wire_of(profile.name)


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
