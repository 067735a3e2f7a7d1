"""What end-to-end tests of a running network share: its market, its orders, and what lies in its tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from degnode.demo.scenario import TARGET_METER, make_scenario
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from node.correspondence import Peer
from protocol.actions import Role
from protocol.profile import V2_RC, Profile
from schemas import iris
from tests.support.processes import rows, seller_of
from tests.support.simulated_peer import SimulatedPeer

Json = dict[str, Any]


@asynccontextmanager
async def solar_market(
    folder: Path, *, settings: Mapping[str, Mapping[str, str]] | None = None
) -> AsyncIterator[Network]:
    """Run a network that sells the demo's sunshine an hour from now."""
    catalog = folder / "catalog.yaml"
    make_scenario(SystemClock().now(), lead=timedelta(hours=1)).write_catalogue(catalog)
    async with small_network(catalog=catalog, settings=settings) as network:
        yield network


def seller_address(network: Network) -> Peer:
    """Return the network's BPP as peers write to it."""
    return Peer(subscriber_id=seller_of(network), url=network.bpp.url)


def token_of(network: Network) -> str:
    """Return what the operator of the network's registry lets in with."""
    return network.registry.environment["DEGNODE_REGISTRY_TOKEN"]


async def join(network: Network, peer: SimulatedPeer, **changes: Any) -> None:
    """Enter a peer in the network's registry, with changes to what is said of it."""
    await peer.register(network.registry.url, token=token_of(network), **changes)


@asynccontextmanager
async def member(
    network: Network, role: Role, subscriber_id: str, *, profile: Profile = V2_RC
) -> AsyncIterator[SimulatedPeer]:
    """Run a peer that the network's registry knows."""
    async with SimulatedPeer(role, subscriber_id, profile=profile) as peer:
        await join(network, peer)
        yield peer


def solar_order(kilowatt_hours: int = 2) -> Json:
    """Return an order of the demo's sunshine as a buyer writes it."""
    return {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Order",
        "beckn:orderStatus": "CREATED",
        "beckn:seller": "mill-lane-rooftop",
        "beckn:buyer": {"@context": iris.CORE_CONTEXT, "@type": "beckn:Buyer", "beckn:id": "baker-1"},
        "beckn:orderItems": [
            {
                "beckn:orderedItem": "mill-lane-noon",
                "beckn:quantity": {"unitQuantity": kilowatt_hours, "unitText": "kWh"},
            }
        ],
        "beckn:orderAttributes": {
            "@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT,
            "@type": iris.ENERGY_TRADE_CONTRACT,
            "targetMeterId": TARGET_METER,
        },
    }


async def contents_of(url: str) -> dict[str, tuple[int, str]]:
    """Return for every table of a database how many rows it has and a digest of all of them.

    Without `known_keys`, which only remembers what the registry said of a sender.
    """
    tables = await rows(
        url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'known_keys'"
    )
    digest = "md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
    parts = [
        f"SELECT '{name}' AS name, count(*) AS n, {digest} AS digest FROM \"{name}\" AS t"  # noqa: S608
        for name in sorted(row["tablename"] for row in tables)
    ]
    found = await rows(url, " UNION ALL ".join(parts))
    return {row["name"]: (row["n"], row["digest"]) for row in found}
