"""Which gateway an open search goes through."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bap.gateway_finder import GatewayFinder, GatewayUnknown
from kernel.clock import ManualClock
from node.correspondence import Peer
from protocol.errors import RegistryUnavailable
from registry_client.key_times import KeyTimes
from registry_client.keyring import KeyRing
from registry_client.subscriber import SubscriberRecord, SubscriberRole
from tests.support.subscribers import DOMAIN, NOW, CountingDirectory, record


def gateway(name: str, **changes: Any) -> SubscriberRecord:
    fields = {"subscriber_id": name, "url": f"https://{name}/v1/", "role": SubscriberRole.BG}
    return record(**fields | changes)


class World:
    """A finder over a directory that can be closed, and a clock that is set by hand."""

    def __init__(self, *records: SubscriberRecord, named: str | None = None) -> None:
        self.clock = ManualClock(NOW)
        self.directory = CountingDirectory(*records)
        times = KeyTimes(cache_for=timedelta(minutes=10), grace=timedelta(hours=1))
        self.find = GatewayFinder(
            keyring=KeyRing(self.directory, clock=self.clock, times=times),
            clock=self.clock,
            domain=DOMAIN,
            named=named,
        )


async def test_of_several_gateways_of_the_domain_the_first_by_name_is_taken() -> None:
    world = World(
        gateway("b.example"), gateway("a.example"), gateway("0.example", domain="retail"), record("k9")
    )
    assert await world.find() == Peer(subscriber_id="a.example", url="https://a.example/v1")


async def test_the_gateway_that_is_set_is_taken_whatever_its_domain() -> None:
    world = World(gateway("a.example"), gateway("z.example", domain="retail"), named="z.example")
    assert (await world.find()).subscriber_id == "z.example"


async def test_what_was_found_is_asked_for_again_after_a_while() -> None:
    world = World(gateway("b.example"))
    await world.find()
    asked = len(world.directory.questions)
    world.directory.replace(gateway("a.example"), gateway("b.example"))
    await world.find()
    assert len(world.directory.questions) == asked
    world.clock.advance(timedelta(minutes=10))
    assert (await world.find()).subscriber_id == "a.example"


async def test_a_known_gateway_serves_while_the_registry_is_away() -> None:
    world = World(gateway("a.example"))
    await world.find()
    world.directory.is_open = False
    world.clock.advance(timedelta(minutes=10))
    assert (await world.find()).subscriber_id == "a.example"
    asked = len(world.directory.questions)
    await world.find()
    assert len(world.directory.questions) == asked  # nobody waits for the registry each time
    world.directory.is_open = True
    world.directory.replace(gateway("0.example"), gateway("a.example"))
    world.clock.advance(timedelta(seconds=5))
    assert (await world.find()).subscriber_id == "0.example"
    other = World(gateway("a.example"))
    other.directory.is_open = False
    with pytest.raises(RegistryUnavailable):
        await other.find()


@pytest.mark.parametrize(
    ("records", "named", "words"),
    [
        ([], None, f"the registry has no gateway for {DOMAIN}"),
        ([gateway("a.example", domain="retail")], None, "the registry has no gateway"),
        ([gateway("a.example", valid_until=NOW)], None, "the registry has no gateway"),
        ([record()], "bpp.example.com", "the gateway cannot be looked up"),
    ],
)
async def test_where_there_is_none_it_is_said_what_to_do(
    records: list[SubscriberRecord], named: str | None, words: str
) -> None:
    with pytest.raises(GatewayUnknown, match=words) as caught:
        await World(*records, named=named).find()
    assert caught.value.path == "$.bpp_id"
    assert "DEGNODE_GATEWAY" in str(caught.value.hint)
