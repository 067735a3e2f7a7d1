"""`POST /lookup`: finding subscribers by what they have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request

from kernel.errors import NodeError
from node.app import JsonResponse
from protocol.errors import KeyExpired, KeyUnknown
from registry.desk import AtDesk, Desk, claims_signature
from registry.forms import LookupForm
from registry.request_store import find_unproven
from registry.signed_request import SignedRequest, validity_of
from registry.store import find_standing, find_subscriptions
from registry_client.subscriber import SubscriberStatus
from storage.unit_of_work import UnitOfWork

_UNPROVEN: Final = frozenset(
    {SubscriberStatus.INITIATED, SubscriberStatus.UNDER_SUBSCRIPTION, SubscriberStatus.INVALID_SSL}
)
_WHERE: Final = "header Authorization, keyId"

router: Final = APIRouter(tags=["look-up"])


class LookupTooBroad(NodeError):
    """More subscriptions fit than one answer may hold."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 400, False


@router.post("/lookup", summary="Find subscriptions")
async def lookup(form: LookupForm, request: Request, desk: AtDesk) -> JsonResponse:
    """Return every subscription that has all that the body names.

    What nobody has proven yet is found only by whoever asks for that status. The question may be
    signed; a signature of a subscriber must hold.
    """
    now, most = desk.clock.now(), desk.policy.max_lookup_records
    async with desk.uow_factory() as uow:
        await _check_asker(request, desk, uow, now=now)
        found = await _find(uow, form, now=now, limit=most + 1)
    if len(found) > most:
        raise LookupTooBroad(
            f"more than {most} subscriptions fit", hint="Name a subscriber_id, or a domain and a type."
        )
    return JsonResponse(found)


async def _find(uow: UnitOfWork, form: LookupForm, *, now: datetime, limit: int) -> list[dict[str, Any]]:
    if form.status is not None and form.status in _UNPROVEN:
        asked = await find_unproven(uow, form, form.status, limit=limit)
        return [each.wanted.to_wire(now=now) | {"status": each.status.value} for each in asked]
    return [each.to_wire(now=now) for each in await find_subscriptions(uow, form, now=now, limit=limit)]


async def _check_asker(request: Request, desk: Desk, uow: UnitOfWork, *, now: datetime) -> None:
    """Refuse a question whose signature is not the one of the subscriber that it names.

    A signer whom the registry does not know is served like anybody who does not sign: it may be
    about to enter. Raises: SignatureInvalid, KeyUnknown, KeyExpired.
    """
    if not claims_signature(request):
        return
    signed = SignedRequest.read(
        await request.body(),
        authorization=request.headers["Authorization"],
        key_proof=None,
        address=desk.address_of(request),
    )
    standing = await find_standing(uow, signed.header.subscriber_id)
    key = next((each for each in standing if each.key_id == signed.header.key_id), None)
    if key is not None:
        signed.check(key.signing_public_key, now=now, validity=validity_of(key))
        if not key.may_sign(now):
            raise KeyExpired(
                f"the key {key.key_id!r} of {key.subscriber_id} stands as {key.status_at(now)}", path=_WHERE
            )
    elif standing:
        raise KeyUnknown(
            f"{signed.header.subscriber_id} has no key {signed.header.key_id!r} here",
            path=_WHERE,
            hint="Sign with a key that stands here, or do not sign.",
        )
