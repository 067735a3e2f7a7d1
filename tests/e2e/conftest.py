"""A network of real processes that the tests of a file share, unless the file runs one of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from degnode.processes import Network
from tests.support.network import solar_market


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """A buyer's and a seller's platform that sells the demo's sunshine, and their registry."""
    async with solar_market(tmp_path_factory.mktemp("market")) as running:
        yield running
