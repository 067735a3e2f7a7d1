"""`GET /`: the registry's card, which newcomers read first; and whether it is well."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from sqlalchemy import text

from kernel.errors import NodeError
from protocol.keys import write_public_key
from protocol.x25519 import write_encryption_public_key
from registry.desk import AtDesk
from storage.database import DATABASE_ERRORS

router: Final = APIRouter(tags=["registry"])


class RegistryNotReady(NodeError):
    """The registry cannot reach its database."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


@router.get("/", summary="Who this registry is")
async def card(desk: AtDesk) -> dict[str, Any]:
    """Return its name and public keys, how it challenges newcomers, and who lets them in."""
    policy, signer = desk.policy, desk.keys.at(desk.clock.now())
    told = {
        "subscriber_id": policy.registry_id,
        "key_id": signer.key_id,
        "signing_public_key": write_public_key(signer.public_key),
        "encr_public_key": write_encryption_public_key(desk.keys.encryption_key(signer.key_id).public_key),
        "challenge_scheme": policy.scheme.value,
        "approval": policy.approval.value,
        "checks": policy.checks.value,
        "network_id": policy.network_id,
    }
    return {name: value for name, value in told.items() if value is not None}


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> dict[str, str]:
    """Return as long as the process can answer at all."""
    return {"status": "alive"}


@router.get("/readyz", summary="Whether it can answer")
async def readyz(desk: AtDesk) -> dict[str, str]:
    """Return if the database answers."""
    try:
        async with desk.uow_factory() as uow:
            await uow.connection.execute(text("SELECT 1"))
    except DATABASE_ERRORS as error:
        raise RegistryNotReady("the registry cannot reach its database") from error
    return {"status": "ready"}
