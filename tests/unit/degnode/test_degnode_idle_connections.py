"""How long a service lets a connection be idle."""

from __future__ import annotations

from typing import Final

import httpx

from degnode.serve import server_configuration
from node.settings import ServiceSettings

OTHER_NODES: Final = 15  # s, the default of aiohttp, by which nodes call each other


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """Serve nothing."""


def test_a_connection_stays_open_for_longer_than_callers_keep_it_for_their_next_request() -> None:
    served = server_configuration(_nothing, ServiceSettings(), lifespan="off", grace_seconds=1)
    by_apps = httpx.Limits().keepalive_expiry
    assert by_apps is not None
    assert served.timeout_keep_alive > max(by_apps, OTHER_NODES)
