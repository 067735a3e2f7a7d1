"""A network that its participants have joined by proof, and what their operators do to their keys."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from degnode.commands.key_desk import KeyPlace, key_desk
from degnode.demo.scenario import make_scenario
from degnode.processes import Network, Service, small_network
from degnode.roles.own_keys import key_manager_of
from kernel.clock import SystemClock
from keystore.making import open_key_set
from node.api_keys import HEADER
from node.correspondence import Peer
from protocol.signing import Signer
from tests.support.calling import calling
from tests.support.processes import eventually, own_environment, rows

_TOKEN: Final = "DEGNODE_REGISTRY_TOKEN"
_PATIENCE: Final = 90.0  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a trade: its running node, and what its operator can do and see."""

    service: Service
    database_url: str
    api_key: str

    @property
    def subscriber_id(self) -> str:
        return self.service.environment["DEGNODE_SUBSCRIBER_ID"]

    @property
    def address(self) -> Peer:
        return Peer(subscriber_id=self.subscriber_id, url=self.service.url)

    async def run(self, *command: str) -> None:
        """Run `degnode …` where this node lies; fail with what it printed if it fails."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "degnode", *command),
            env={**own_environment(), **self.service.environment},
            stdout=PIPE,
            stderr=STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()

    async def join(self, registry_url: str) -> None:
        """Enter the network as a stranger does, and start."""
        await self.run(
            *("join", "--registry", registry_url, "--role", self.service.name),
            *("--subscriber", self.subscriber_id, "--url", self.service.url),
        )
        await self.service.start()

    async def rotate(self, *, overlap: str) -> None:
        await self.run("keys", "rotate", "--overlap", overlap)

    async def revoke(self, key_id: str) -> None:
        await self.run("keys", "revoke", key_id, "--why", "it may be stolen")

    async def signs_with(self, key_id: str) -> None:
        """Return when the last message that left was signed with that key."""
        query = "SELECT authorizations[cardinality(authorizations)] AS header FROM outbox "

        async def does() -> bool:
            last = await rows(self.database_url, query + "WHERE attempts > 0 ORDER BY id DESC LIMIT 1")
            return bool(last) and f"|{key_id}|" in last[0]["header"]

        await eventually(does, what=f"{self.subscriber_id} signs with {key_id}", seconds=_PATIENCE)

    async def has_told_all_of(self, key_id: str) -> None:
        """Return when the registry has been told all there is to tell of that key."""
        query = "SELECT announced_revision = revision AS told FROM key_sets WHERE key_id = :key_id"

        async def is_told() -> bool:
            return [row["told"] for row in await rows(self.database_url, query, key_id=key_id)] == [True]

        await eventually(is_told, what=f"the registry is told of {key_id}", seconds=_PATIENCE)

    async def stolen(self, key_id: str) -> Signer:
        """Return one of its keys as whoever has broken in has it."""
        place = KeyPlace(
            role=None,
            data_dir=Path(self.service.environment["DEGNODE_DATA_DIR"]),
            database_url=self.database_url,
            subscriber=self.subscriber_id,
        )
        async with key_desk(place) as desk:
            (key_set,) = [each for each in await desk.sets() if each.key_id == key_id]
            halves = await open_key_set(key_set, key_manager=key_manager_of(desk.settings, may_make=False))
        return Signer(subscriber_id=self.subscriber_id, key_id=key_id, private_key=halves.signing)

    async def refusals(self) -> dict[str, int]:
        """Return how many messages it has refused, by code."""
        async with calling(headers={HEADER: self.api_key}) as client:
            said = (await client.get(f"{self.service.url}/metrics")).raise_for_status()
        return {
            sample.labels["code"]: int(sample.value)
            for family in text_string_to_metric_families(said.text)
            for sample in family.samples
            if sample.name == "degnode_messages_refused_total"
        }

    async def outbox(self) -> dict[str, int]:
        """Return how many of its messages stand in each state."""
        found = await rows(self.database_url, "SELECT state, count(*) AS n FROM outbox GROUP BY state")
        return {row["state"]: row["n"] for row in found}

    async def inbox(self) -> dict[str, int]:
        """Return how many messages it took under each key, by the key's name."""
        key = "split_part(split_part(\"authorization\", 'keyId=\"', 2), '|', 2)"
        found = await rows(
            self.database_url,
            f"SELECT {key} AS key_id, count(*) AS n FROM inbox GROUP BY 1",  # noqa: S608
        )
        return {row["key_id"]: row["n"] for row in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedNetwork:
    """A buyer's and a seller's platform whom the registry knows by proof, and by no token."""

    registry: Service
    buyer: Party
    seller: Party

    @property
    def parties(self) -> tuple[Party, Party]:
        return self.buyer, self.seller


@asynccontextmanager
async def joined_network(folder: Path) -> AsyncIterator[JoinedNetwork]:
    """Run a network whose members have joined; each of them keeps its entry by its keys alone."""
    catalog = folder / "catalog.yaml"
    make_scenario(SystemClock().now(), lead=timedelta(hours=1)).write_catalogue(catalog)
    async with small_network(catalog=catalog, start=("registry",)) as network, AsyncExitStack() as stack:
        parties = [_party(network, service) for service in (network.bap, network.bpp)]
        for party in parties:
            stack.push_async_callback(party.service.stop)
        await asyncio.gather(*(party.join(network.registry.url) for party in parties))
        yield JoinedNetwork(registry=network.registry, buyer=parties[0], seller=parties[1])


def _party(network: Network, service: Service) -> Party:
    environment = {name: value for name, value in service.environment.items() if name != _TOKEN}
    return Party(
        service=replace(service, environment=environment),
        database_url=network.database_urls[service.name],
        api_key=network.api_key,
    )
