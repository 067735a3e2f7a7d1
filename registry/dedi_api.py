"""The registry in the shape of a DeDi: one record at its own address.

The path is `/dedi/lookup/{subscriber}/{registry}/{key}`, or `/dedi/lookup/{namespace}/{registry}/{record}`
with the name of this registry as namespace; the latter is what a key id of NFH-007 holds.
Only what counts now is found: not everybody who asks here reads a status.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter

from kernel.clock import format_instant
from kernel.errors import NodeError
from node.app import JsonResponse
from registry.desk import AtDesk
from registry.policy import RegistryPolicy
from registry.store import find_subscription
from registry.subscription import Subscription

router: Final = APIRouter(tags=["look-up"])


class RecordNotFound(NodeError):
    """There is no such record, or it does not count now."""

    code, http_status, retryable = "AUT_KEY_NOT_FOUND", 404, False


@router.get("/dedi/lookup/{owner}/{registry}/{record}", summary="One record, as a DeDi gives it")
async def read_record(owner: str, registry: str, record: str, desk: AtDesk) -> JsonResponse:
    """Return the record of one key of one subscriber, and the networks that it is a member of."""
    now, policy = desk.clock.now(), desk.policy
    named = _named(owner, record, policy=policy)
    if registry != policy.dedi_registry or named is None or "\x00" in "".join(named):
        raise _not_found("there is no such record here", policy)
    async with desk.uow_factory() as uow:
        found = await find_subscription(uow, *named)
    if found is None:
        raise _not_found(f"{named[0]} has no key {named[1]!r} here", policy)
    if not found.is_live(now):
        raise _not_found(f"the key {named[1]!r} of {named[0]} stands as {found.status_at(now)}", policy)
    data = _data(found, policy=policy, now=now)
    return JsonResponse({"message": "Record retrieved successfully", "data": data})


def record_id(subscriber_id: str, key_id: str) -> str:
    """Return the name of a key's record: neither part may hold the bar between them."""
    return urlsafe_b64encode(f"{subscriber_id}|{key_id}".encode()).decode().rstrip("=")


def _named(owner: str, record: str, *, policy: RegistryPolicy) -> tuple[str, str] | None:
    """Return the subscriber and the key that the path means."""
    if owner != policy.registry_id:
        return owner, record
    try:
        decoded = urlsafe_b64decode(record + "=" * (-len(record) % 4)).decode()
    except ValueError:
        return None
    subscriber_id, bar, key_id = decoded.partition("|")
    return (subscriber_id, key_id) if bar and record_id(subscriber_id, key_id) == record else None


def _data(subscription: Subscription, *, policy: RegistryPolicy, now: datetime) -> dict[str, Any]:
    wire = subscription.to_wire(now=now)
    created, updated = wire.pop("created"), wire.pop("updated")
    network = {} if policy.network_id is None else {"network_memberships": [policy.network_id]}
    return {
        "namespace": policy.registry_id,
        "registry_name": policy.dedi_registry,
        "record_id": record_id(subscription.subscriber_id, subscription.key_id),
        "record_name": subscription.key_id,
        "details": wire,
        **network,
        "created_at": created,
        "updated_at": updated,
        "valid_till": subscription.valid_until and format_instant(subscription.valid_until),
    }


def _not_found(what: str, policy: RegistryPolicy) -> RecordNotFound:
    return RecordNotFound(
        what,
        hint=f"Ask for {{subscriber}}/{policy.dedi_registry}/{{key}}, "
        f"or for {policy.registry_id}/{policy.dedi_registry}/{{record}}.",
    )
