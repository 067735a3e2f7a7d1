"""Telling the registry of what has changed: new keys, another address, or that one leaves."""

from __future__ import annotations

from datetime import timedelta

from degnode.actor import operator
from degnode.join.checklist import Checklist
from degnode.join.membership import Membership
from degnode.join.visit import Visit
from degnode.roles.node_env import write_node_env
from kernel.errors import NodeError
from node.audit import record_act


async def renew(membership: Membership, checklist: Checklist, *, wait: timedelta) -> bool:
    """Bring the registry's entry up to date, visibly; return whether that went well."""
    visit = Visit(
        settings=membership.settings,
        role=membership.role,
        keychain=membership.keychain,
        checklist=checklist,
        wait=wait,
    )
    checklist.title(f"{membership.settings.subscriber_id} renews its entry at {membership.registry_url}")
    try:
        async with visit.open() as subscription:
            await subscription.run()
    except NodeError as error:
        checklist.wrong("request", error)
        return False
    await _record(membership, "network.renewed")
    return True


async def leave(membership: Membership, checklist: Checklist, *, why: str) -> bool:
    """End the participant's subscription, visibly; return whether that went well."""
    settings, clock = membership.settings, membership.clock
    checklist.title(f"{settings.subscriber_id} leaves the network of {membership.registry_url}")
    try:
        status = await membership.registrar.end(
            settings.subscriber_id, why=why, signer=membership.keychain.at(clock.now())
        )
    except NodeError as error:
        checklist.wrong("request", error)
        return False
    await _record(membership, "network.left", why=why)
    checklist.done("request", f"signed and sent; the registry says {status.value}")
    if settings.joined:
        file = write_node_env(settings.data_dir, {"DEGNODE_JOINED": "false"})
        checklist.done("settings", f"{file} no longer announces this node")
    checklist.say("Stop the node if it runs. To come back: degnode join --data-dir " + str(settings.data_dir))
    return True


async def _record(membership: Membership, what: str, *, why: str | None = None) -> None:
    async with membership.uow_factory() as uow:
        act = operator().act(what, membership.registry_url, why=why)
        await record_act(uow, act, now=membership.clock.now())
