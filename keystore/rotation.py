"""Changing keys without a gap: the new set is made beside the old ones, which end after an overlap.

Peers must find a key before they see it used, so a new set signs only once the registry has taken
it (`record_announced`), or where the registry knows none of the sets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kernel.errors import NodeError
from keystore.key_set import KeySet, KeyState, next_key_id
from keystore.making import make_key_set
from keystore.ports import KeyManager
from keystore.store import add_key_set, end_older_key_sets, find_key_sets, revoke_key_set
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")  # it stands in signatures, and in paths of registries
_GRACE: Final = timedelta(minutes=1)  # what may pass between asking for a set and making it

OVERLAP: Final = timedelta(hours=24)
"""How long an old set lasts beside the new one if nothing else is said."""


class KeyNameTaken(NodeError):
    """A key set of that name is there already, or another process was faster."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 409, False


class KeySetNotFound(NodeError):
    """There is no key set of that name."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 404, False


class KeyRequestInvalid(NodeError):
    """A change of keys was asked for that makes no sense."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a rotation did: the new set, and the names of those that end at `old_end`."""

    new: KeySet
    ended: tuple[str, ...]
    old_end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What a revocation did; `still_valid` names the sets left to sign, `lasts` says if one has no end."""

    revoked: KeySet
    still_valid: tuple[str, ...]
    lasts: bool


async def make_next_key_set(
    uow_factory: UnitOfWorkFactory,
    *,
    subscriber_id: str,
    key_manager: KeyManager,
    now: datetime,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    key_id: str | None = None,
) -> KeySet:
    """Return a new set under `key_id`, or the next free name; it is sealed and kept nowhere yet.

    It is made apart from `rotate` because a key manager may be far away, and nothing far away is
    asked while a transaction is open. Raises: KeyRequestInvalid, NodeError as the key manager does.
    """
    start = valid_from or now
    if start < now - _GRACE:
        raise KeyRequestInvalid(
            "a new key set cannot have been valid before", path="valid_from", hint="Leave it out for now."
        )
    if valid_until is not None and valid_until <= start:
        raise KeyRequestInvalid(
            "a key set ends after it begins", path="valid_until", hint="Name a later end, or none."
        )
    if key_id is not None and not _NAME.fullmatch(key_id):
        raise KeyRequestInvalid(
            f"a key set cannot be called {key_id!r}",
            path="key_id",
            hint="At most 128 letters, digits, dots, dashes or underscores; like k2.",
        )
    async with uow_factory() as uow:
        taken = [each.key_id for each in await find_key_sets(uow.connection, subscriber_id=subscriber_id)]
    return await make_key_set(
        subscriber_id=subscriber_id,
        key_id=key_id or next_key_id(taken),
        key_manager=key_manager,
        valid_from=start,
        valid_until=valid_until,
        now=now,
    )


async def add_beside(uow: UnitOfWork, new: KeySet) -> None:
    """Keep a new set and leave the others as they are. Raises: KeyNameTaken."""
    if not await add_key_set(uow, new):
        raise KeyNameTaken(
            f"{new.subscriber_id} has a key set {new.key_id!r} already",
            path="key_id",
            hint="Name another, or none: then it is named by itself.",
        )


async def rotate(uow: UnitOfWork, *, new: KeySet, overlap: timedelta = OVERLAP) -> Rotation:
    """Keep `new`, and let every older set end when `new` has been valid for `overlap`.

    Raises: KeyNameTaken, KeyRequestInvalid.
    """
    if overlap < timedelta():
        raise KeyRequestInvalid(
            "an overlap cannot be negative", path="overlap", hint="Revoke a key that must end before."
        )
    await add_beside(uow, new)
    end = new.valid_from + overlap
    ended = await end_older_key_sets(uow, than=new, at=end)
    return Rotation(new=new, ended=tuple(ended), old_end=end)


async def revoke(uow: UnitOfWork, *, subscriber_id: str, key_id: str, why: str, now: datetime) -> Revocation:
    """Let a set count no more, on every process, as soon as this commits; a reason is kept with it.

    Raises: KeySetNotFound, KeyRequestInvalid, if it was revoked before.
    """
    if not why.strip():
        raise KeyRequestInvalid("a revocation needs its reason", path="why", hint="Say in a few words why.")
    sets = {each.key_id: each for each in await find_key_sets(uow.connection, subscriber_id=subscriber_id)}
    if key_id not in sets:
        raise KeySetNotFound(
            f"{subscriber_id} has no key set {key_id!r}",
            path="key_id",
            hint=f"There are {', '.join(sets) or 'none'}.",
        )
    if not await revoke_key_set(uow, subscriber_id=subscriber_id, key_id=key_id, why=why, now=now):
        raise KeyRequestInvalid(f"{key_id!r} was revoked before", path="key_id", hint="It stays revoked.")
    revoked = sets.pop(key_id)
    valid = [each for each in sets.values() if each.state(now) is KeyState.VALID]
    return Revocation(
        revoked=revoked,
        still_valid=tuple(each.key_id for each in valid),
        lasts=any(each.valid_until is None for each in valid),
    )
