"""Joining a network: from an empty folder to SUBSCRIBED, again and again, and every way it can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from degnode.join.changes import leave, renew
from degnode.join.report import make_report
from degnode.join.status import show_status
from degnode.processes import free_port
from degnode.roles.node_env import read_node_env
from kernel.clock import SystemClock
from keystore.rotation import make_next_key_set, revoke, rotate
from node.audit import list_acts
from node.settings import KeyFormat
from protocol.keys import new_private_key, write_public_key
from protocol.x25519 import (
    EncryptionPrivateKey,
    read_encryption_public_key,
    write_encryption_public_key,
)
from registry.policy import Approval
from registry_client.challenge import ChallengeScheme, encrypt_challenge
from registry_client.subscriber import SubscriberStatus
from tests.support.calling import calling
from tests.support.joining import BPP, LONG, Candidate
from tests.support.loopback_server import LoopbackServer, Served
from tests.support.participants import fresh_database
from tests.support.registries import (
    LOOPBACK,
    SigningRegistry,
    decide,
    running_signing_registry,
    status_of,
)

IN = ["registry", "keys", "settings", "address", "request", "challenge", "subscribed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where candidates and further registries come from, each with a database of its own."""

    folder: Path
    postgres_url: str
    template_url: str

    @asynccontextmanager
    async def candidate(self, registry_url: str, *, name: str = "bpp") -> AsyncIterator[Candidate]:
        async with fresh_database(self.postgres_url, self.template_url) as own:
            yield Candidate(
                data_dir=self.folder / name,
                database_url=own.url.render_as_string(hide_password=False),
                registry_url=registry_url,
            )

    @asynccontextmanager
    async def registry(self, **policy: Any) -> AsyncIterator[SigningRegistry]:
        async with (
            fresh_database(self.postgres_url, self.template_url) as own,
            running_signing_registry(own, policy=replace(LOOPBACK, **policy)) as running,
        ):
            yield running

    @asynccontextmanager
    async def meeting(self, **policy: Any) -> AsyncIterator[tuple[SigningRegistry, Candidate]]:
        """Run a registry of that policy, and a candidate before its door."""
        async with self.registry(**policy) as registry, self.candidate(registry.url) as candidate:
            yield registry, candidate


@pytest.fixture
def stage(tmp_path: Path, postgres_url: str, template_url: str) -> Stage:
    return Stage(folder=tmp_path, postgres_url=postgres_url, template_url=template_url)


@pytest.fixture
async def bpp(registry: SigningRegistry, stage: Stage) -> AsyncIterator[Candidate]:
    async with stage.candidate(registry.url) as candidate:
        yield candidate


async def rotate_keys(candidate: Candidate, *, overlap: timedelta = timedelta(hours=1)) -> None:
    """Change the keys as `degnode keys rotate` does."""
    async with candidate.member() as member:
        new = await make_next_key_set(
            member.uow_factory,
            subscriber_id=candidate.subscriber,
            key_manager=member.keychain.key_manager,
            now=SystemClock().now(),
        )
        async with member.uow_factory() as uow:
            await rotate(uow, new=new, overlap=overlap)


async def revoke_key(candidate: Candidate, key_id: str) -> None:
    async with candidate.member() as member, member.uow_factory() as uow:
        await revoke(
            uow, subscriber_id=candidate.subscriber, key_id=key_id, why="stolen", now=SystemClock().now()
        )


async def renew_visibly(candidate: Candidate) -> bool:
    candidate.screen.truncate(candidate.screen.seek(0))
    async with candidate.member() as member:
        return await renew(member, candidate.checklist, wait=LONG)


async def test_somebody_the_registry_never_heard_of_is_taken_in(
    registry: SigningRegistry, bpp: Candidate
) -> None:
    assert await bpp.join()
    assert bpp.steps() == [*(("✓", name) for name in IN), ("!", "catalogue")]
    (entry,) = (await bpp.entries()).values()
    assert (entry.status, entry.url, entry.role) == (SubscriberStatus.SUBSCRIBED, bpp.url, "BPP")
    async with bpp.member() as member:
        signer = member.keychain.at(SystemClock().now())
        assert (entry.key_id, entry.signing_public_key) == (signer.key_id, signer.public_key)
        (own,) = member.keychain.sets()
        assert own.announced_at is not None
        async with member.uow_factory() as uow:
            assert [recorded.act.what for recorded in await list_acts(uow, limit=9)] == ["network.joined"]


async def test_the_registrys_key_is_pinned_when_it_is_first_met(
    registry: SigningRegistry, bpp: Candidate
) -> None:
    assert await bpp.join()
    pinned = read_node_env(bpp.data_dir)["DEGNODE_REGISTRY_KEY"]
    assert pinned == write_public_key(registry.keys.signer.public_key)


async def test_to_join_again_is_harmless_and_needs_nothing_said(bpp: Candidate) -> None:
    assert await bpp.join()
    before = await bpp.entries()
    assert await bpp.join_again()
    assert ("✓", "challenge") not in bpp.steps()
    assert "none is needed" in bpp.said()
    assert await bpp.entries() == before


async def test_another_address_is_challenged_and_entered(bpp: Candidate) -> None:
    assert await bpp.join()
    bpp.port += 1
    assert await bpp.join_again(url=bpp.url, port=bpp.port), bpp.said()
    assert ("✓", "challenge") in bpp.steps()
    assert {entry.url for entry in (await bpp.entries()).values()} == {bpp.url}


async def test_a_registry_that_encrypts_as_a_sealed_box_is_understood(stage: Stage) -> None:
    async with stage.meeting(scheme=ChallengeScheme.SEALED_BOX) as (_, bpp):
        assert await bpp.join()
        assert read_node_env(bpp.data_dir)["DEGNODE_CHALLENGE_SCHEME"] == "sealed-box"


async def test_an_encryption_key_is_written_in_der_for_a_registry_that_wants_it(bpp: Candidate) -> None:
    assert await bpp.join(key_format=KeyFormat.DER)
    (entry,) = (await bpp.entries()).values()
    async with bpp.member() as member:
        (own,) = member.keychain.sets()
    assert entry.encr_public_key == write_encryption_public_key(own.encryption_public_key, der=True)
    assert await bpp.join_again()
    assert "none is needed" in bpp.said()


async def test_the_last_word_may_be_the_operators(stage: Stage) -> None:
    async with stage.meeting(approval=Approval.MANUAL) as (registry, bpp):
        await bpp.join_until("must approve it now")
        assert not await bpp.join_again(wait=timedelta(seconds=10))
        assert bpp.steps()[-2:] == [("!", "approval"), ("✗", "request")]
        assert "has not approved it yet" in bpp.said()
        assert (await decide(registry, "approve", BPP)).status_code == 200
        assert await bpp.join_again(), bpp.said()


async def test_a_refusal_of_the_operator_is_shown_with_its_reason(stage: Stage) -> None:
    async with stage.meeting(approval=Approval.MANUAL) as (registry, bpp):
        await bpp.join_until("must approve it now")
        await decide(registry, "reject", BPP, reason="no contract with us")
        async with bpp.member() as member:
            await show_status(member, bpp.checklist, as_json=False)
        assert "no contract with us" in bpp.said()


async def test_a_name_that_is_somebody_elses_is_refused_with_what_to_do(
    registry: SigningRegistry, bpp: Candidate, stage: Stage
) -> None:
    assert await bpp.join()
    async with stage.candidate(registry.url, name="other") as thief:
        assert not await thief.join()
        assert thief.steps()[-1] == ("✗", "request")
        assert "take another --subscriber" in thief.said()
    (entry,) = (await bpp.entries()).values()
    assert entry.url == bpp.url


async def test_an_address_that_the_registry_cannot_reach_is_told_while_it_waits(bpp: Candidate) -> None:
    assert not await bpp.join(port=free_port(), wait=timedelta(seconds=8))
    assert "cannot be reached" in bpp.said()
    assert "What to do: Check that the node runs" in bpp.said()
    assert bpp.steps()[-1] == ("✗", "request")


async def test_a_host_that_does_not_belong_to_the_name_is_refused_in_the_registrys_words(
    bpp: Candidate,
) -> None:
    assert not await bpp.join(url="https://elsewhere.example.net", port=bpp.port)
    assert "does not belong to bpp.example" in bpp.said()


async def test_a_registry_that_is_not_there_is_named(bpp: Candidate) -> None:
    assert not await bpp.join(registry=bpp.url)
    assert bpp.steps() == [("✗", "registry")]
    assert "degnode serve registry" in bpp.said()


async def test_a_registry_with_another_key_than_told_is_not_joined(bpp: Candidate) -> None:
    assert not await bpp.join(registry_keys=(write_public_key(new_private_key().public_key),))
    assert bpp.steps() == [("✗", "registry")]
    assert "somebody stands between" in bpp.said()


async def test_a_registry_whose_key_has_changed_is_met_anew_only_when_that_is_said(
    registry: SigningRegistry, bpp: Candidate, stage: Stage
) -> None:
    assert await bpp.join()
    async with stage.registry() as impostor:
        moved = {"DEGNODE_REGISTRY_URL": impostor.url}
        file = bpp.data_dir / "node.env"
        file.write_text(file.read_text().replace(registry.url, moved["DEGNODE_REGISTRY_URL"]))
        assert not await bpp.join_again()
        assert "which is expected" in bpp.said()
        key = write_public_key(impostor.keys.signer.public_key)
        assert await bpp.join_again(registry_keys=(key,), port=bpp.port), bpp.said()


async def test_a_move_to_another_network_announces_everything_there(bpp: Candidate, stage: Stage) -> None:
    assert await bpp.join()
    async with stage.registry() as second:
        assert await bpp.join(registry=second.url), bpp.said()
        assert "remembered from now on" in bpp.said()
        assert await status_of(second, BPP) == "SUBSCRIBED"


async def test_a_port_where_somebody_else_listens_is_refused(bpp: Candidate) -> None:
    async with LoopbackServer(Starlette()) as taken:
        port = int(taken.url.rpartition(":")[2])
        assert not await bpp.join(url=taken.url, port=port)
    assert bpp.steps()[-1] == ("✗", "address")
    assert "something else listens there" in bpp.said()


async def test_what_must_be_said_the_first_time_is_asked_for(bpp: Candidate) -> None:
    assert not await bpp.join_again(url=bpp.url)
    assert "--registry and --role and --subscriber must be said" in bpp.said()


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://bpp.example.com"},
        {"registry": "http://registry.example.com"},
        {"registry_keys": ("not a key",)},
        {"url": "ftp://bpp.example.com"},
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_made(
    bpp: Candidate, changes: dict[str, Any]
) -> None:
    assert not await bpp.join(**changes)
    assert [mark for mark, _ in bpp.steps()] == ["✗"]
    assert not (bpp.data_dir / "node.env").exists()


async def test_new_keys_are_announced_and_the_old_ones_end(bpp: Candidate) -> None:
    assert await bpp.join()
    await rotate_keys(bpp)
    async with bpp.member() as member:
        assert member.keychain.at(SystemClock().now()).key_id == "k1"  # peers do not know k2 yet
    assert await renew_visibly(bpp), bpp.said()
    entries = await bpp.entries()
    assert {name: entry.status for name, entry in entries.items()} == {"k1": "SUBSCRIBED", "k2": "SUBSCRIBED"}
    assert entries["k1"].valid_until is not None
    assert entries["k2"].valid_until is None
    async with bpp.member() as member:
        assert member.keychain.at(SystemClock().now()).key_id == "k2"


async def test_a_registry_that_has_another_encryption_key_by_now_is_understood(
    registry: SigningRegistry, bpp: Candidate
) -> None:
    assert await bpp.join()
    registry.keys.encryption = EncryptionPrivateKey.generate()
    await rotate_keys(bpp)
    assert await renew_visibly(bpp), bpp.said()
    assert (await bpp.entries())["k2"].status == "SUBSCRIBED"


async def test_a_revoked_key_is_ended_by_the_one_that_goes_on(bpp: Candidate) -> None:
    assert await bpp.join()
    await rotate_keys(bpp)
    assert await renew_visibly(bpp)
    await revoke_key(bpp, "k1")
    assert await renew_visibly(bpp), bpp.said()
    statuses = {name: entry.status for name, entry in (await bpp.entries()).items()}
    assert statuses == {"k1": SubscriberStatus.UNSUBSCRIBED, "k2": SubscriberStatus.SUBSCRIBED}


async def test_the_only_key_is_ended_by_itself_and_the_next_one_enters(bpp: Candidate) -> None:
    assert await bpp.join()
    await rotate_keys(bpp)
    await revoke_key(bpp, "k1")  # before the registry has heard of k2
    assert await renew_visibly(bpp), bpp.said()
    statuses = {name: entry.status for name, entry in (await bpp.entries()).items()}
    assert statuses == {"k1": SubscriberStatus.UNSUBSCRIBED, "k2": SubscriberStatus.SUBSCRIBED}


async def test_a_key_that_is_over_before_its_end_was_told_is_ended_and_the_next_one_enters(
    bpp: Candidate,
) -> None:
    assert await bpp.join()
    await rotate_keys(bpp, overlap=timedelta())  # k1 ends before the registry has heard of k2
    assert await renew_visibly(bpp), bpp.said()
    statuses = {name: entry.status for name, entry in (await bpp.entries()).items()}
    assert statuses == {"k1": SubscriberStatus.UNSUBSCRIBED, "k2": SubscriberStatus.SUBSCRIBED}


async def test_whoever_leaves_is_found_no_more_and_may_come_back(bpp: Candidate) -> None:
    assert await bpp.join()
    async with bpp.member() as member:
        assert await leave(member, bpp.checklist, why="closed for the winter")
    assert {entry.status for entry in (await bpp.entries()).values()} == {SubscriberStatus.UNSUBSCRIBED}
    assert read_node_env(bpp.data_dir)["DEGNODE_JOINED"] == "false"
    assert await bpp.join_again(), bpp.said()
    assert (await bpp.entries())["k1"].status is SubscriberStatus.SUBSCRIBED


async def test_the_status_tells_of_subscription_keys_and_registry(
    registry: SigningRegistry, bpp: Candidate
) -> None:
    assert await bpp.join()
    async with bpp.member() as member:
        report = await make_report(member)
        told = report.to_json()
        assert (told["is_in"], told["registry"]["reachable"]) == (True, True)
        assert abs(told["registry"]["clock_lead_seconds"]) < 60
        assert [each["status"] for each in told["subscriptions"]] == ["SUBSCRIBED"]
        assert [each["signs"] for each in told["keys"]] == [True]
        await registry.server.stop()
        assert not await show_status(member, bpp.checklist, as_json=False)
    assert "the registry does not answer" in bpp.said()
    await registry.server.start()


class OtherRegistry(Served):
    """A registry of another make: it shows no card, signs nothing, and tells no standing."""

    def __init__(self, *, in_its_list: bool = True, members_only: int | None = None) -> None:
        self.encryption = EncryptionPrivateKey.generate()
        self.entries: list[dict[str, Any]] = []
        self.in_its_list = in_its_list
        self.members_only = members_only  # what a stranger is answered who asks about itself
        self.asked: set[asyncio.Task[None]] = set()
        routes = [
            Route("/subscribe", self._subscribe, methods=["POST"]),
            Route("/lookup", self._lookup, methods=["POST"]),
        ]
        self.server = LoopbackServer(Starlette(routes=routes))

    async def _lookup(self, request: Request) -> Response:
        name = (await request.json()).get("subscriber_id")
        if self.members_only and name == BPP and not self.entries:
            return JSONResponse({"error": "members only"}, status_code=self.members_only)
        own = {
            "subscriber_id": "127.0.0.1",
            "ukId": "r1",
            "encr_public_key": write_encryption_public_key(self.encryption.public_key, der=True),
        }
        known = [*self.entries, *([own] if self.in_its_list else [])]
        return JSONResponse([each for each in known if each["subscriber_id"] == name])

    async def _subscribe(self, request: Request) -> Response:
        entry = await request.json()
        assert request.headers["Authorization"].startswith("Signature ")
        self.asked.add(asyncio.create_task(self._challenge(entry)))
        return JSONResponse({"status": "UNDER_SUBSCRIPTION"})

    async def _challenge(self, entry: dict[str, Any]) -> None:
        sealed = encrypt_challenge(
            "riddle",
            scheme=ChallengeScheme.AES_ECB,
            sender=self.encryption,
            receiver=read_encryption_public_key(entry["encr_public_key"]),
        )
        async with calling() as client:
            answer = await client.post(f"{entry['url']}/on_subscribe", json={"challenge": sealed})
        if answer.json() == {"answer": "riddle"}:
            self.entries.append({**entry, "status": "SUBSCRIBED"})


async def test_a_registry_of_another_make_is_joined_by_its_own_entry(stage: Stage) -> None:
    async with OtherRegistry() as other, stage.candidate(other.url) as bpp:
        assert await bpp.join(), bpp.said()
        assert "it signs nothing" in bpp.said()
        assert "(unsigned)" in bpp.said()
        assert read_node_env(bpp.data_dir)["DEGNODE_REGISTRY_KEY"] == ""


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_registry_that_answers_members_only_is_joined(stage: Stage, status: int) -> None:
    async with OtherRegistry(members_only=status) as other, stage.candidate(other.url) as bpp:
        assert await bpp.join(), bpp.said()
        assert [entry["subscriber_id"] for entry in other.entries] == [BPP]


async def test_a_registry_that_hides_its_encryption_key_is_joined_once_that_is_said(stage: Stage) -> None:
    async with OtherRegistry(in_its_list=False) as other, stage.candidate(other.url) as bpp:
        assert not await bpp.join()
        assert "--registry-encryption-key" in bpp.said()
        key = write_encryption_public_key(other.encryption.public_key)
        assert await bpp.join(registry_encryption_key=key), bpp.said()
