"""API keys in the database: made, listed and revoked, each act on record.

A key reads `dgn_<id>_<secret>`. Its id is open and names it in lists; of the whole key only a digest
is kept. The secret is 256 random bits, so that a plain hash guards it as well as a slow one would.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import Row, func, insert, or_, select, text, update

from kernel.clock import format_instant
from kernel.errors import NodeError
from kernel.plain_text import one_line
from node.access_tables import api_keys
from node.audit import Actor, record_act
from node.scopes import Scope, all_of, known_scopes
from storage.unit_of_work import UnitOfWork

API_KEYS_CHANNEL: Final = "degnode_api_keys"
CONFIGURED: Final = "configured"
LONGEST_NAME: Final = 200
_RESERVED: Final = frozenset({CONFIGURED, "adapter"})  # names of callers without a row
_RESERVED_KINDS: Final = ("lfdi:", "signed:", "utility:")  # of who sends readings without a key of these
_FIRST: Final = "first"
_PREFIX: Final = "dgn"
_ID_LENGTH: Final = 10  # hexadecimal digits


class ApiKeyNotFound(NodeError):
    """There is no API key of that id."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 404, False


class ApiKeyEnded(NodeError):
    """The API key was revoked before."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


class ApiKeyNameTaken(NodeError):
    """Somebody else's key has this name, and whatever belongs to a holder goes by its name."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


class ApiKeyUseless(NodeError):
    """Such a key would let nobody do anything."""

    code, http_status, retryable = "SCH_SCHEMA_VALIDATION_FAILED", 422, False


class ScopeNotYours(NodeError):
    """Nobody hands on, or takes from others, what they may not do themselves."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 403, False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known of a key; good in `[created_at, expires_at)` unless revoked. None: no such bound.

    Its name is its holder's: meters and requests belong to that, whichever of its keys was shown.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_why: str | None = None

    def state_at(self, now: datetime) -> str:
        """Return `revoked`, `expired` or `active`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "active"

    def to_record(self) -> dict[str, Any]:
        """Return what stands in the audit log of it."""
        return {
            "name": self.name,
            "scopes": sorted(self.scopes),
            "expires_at": None if self.expires_at is None else format_instant(self.expires_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyWish:
    """A key to be made; `same_holder` says that it is one more of a holder who has or had one already."""

    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    same_holder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedApiKey:
    """A new key and its text, which is kept nowhere but where its holder puts it."""

    key: ApiKey
    text: str = field(repr=False)


def new_api_key() -> str:
    """Return the text of a new key."""
    return f"{_PREFIX}_{secrets.token_hex(_ID_LENGTH // 2)}_{secrets.token_urlsafe(32)}"


def digest_of(key: str) -> bytes:
    """Return what is kept of a key: 32 bytes."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=32).digest()


async def issue_api_key(
    uow: UnitOfWork, wish: ApiKeyWish, *, by: Actor, now: datetime, limits: frozenset[Scope] | None = None
) -> IssuedApiKey:
    """Make a key that is good at once; `limits` are the scopes of whoever asks for it, None for all.

    Raises: ApiKeyUseless, ScopeNotYours, ApiKeyNameTaken.
    """
    if not wish.scopes or (wish.expires_at is not None and wish.expires_at <= now):
        raise ApiKeyUseless(
            "the key could do nothing" if not wish.scopes else "the key would have expired already",
            path="scopes" if not wish.scopes else "expires_at",
            hint="Give it at least one scope, and an end that is still to come or none.",
        )
    if not wish.name.isprintable() or not 0 < len(wish.name) <= LONGEST_NAME:
        raise ApiKeyUseless(
            "the key's holder has no name that can be shown",
            path="name",
            hint=f"Write one line of at most {LONGEST_NAME} characters.",
        )
    _check_limits(wish.scopes, limits, verb="hand on")
    _check_holder(wish, limits)
    await _lock(uow)
    await _check_name(uow, wish)
    written = new_api_key()
    key = ApiKey(
        id=written.split("_")[1],
        name=wish.name,
        scopes=wish.scopes,
        created_at=now,
        created_by=by.who,
        expires_at=wish.expires_at,
    )
    await uow.connection.execute(
        insert(api_keys).values(
            id=key.id,
            name=key.name,
            digest=digest_of(written),
            scopes=sorted(key.scopes),
            created_at=now,
            created_by=by.who,
            expires_at=key.expires_at,
        )
    )
    await record_act(uow, by.act("api_key.made", key.id, after=key.to_record()), now=now)
    return IssuedApiKey(key=key, text=written)


async def revoke_api_key(
    uow: UnitOfWork,
    key_id: str,
    *,
    by: Actor,
    why: str,
    now: datetime,
    limits: frozenset[Scope] | None = None,
) -> ApiKey:
    """Let a key in no more, on any process, as soon as the unit of work commits.

    Raises: ApiKeyNotFound, ApiKeyEnded, ScopeNotYours.
    """
    row = (
        await uow.connection.execute(select(api_keys).where(api_keys.c.id == key_id).with_for_update())
    ).one_or_none()
    if row is None:
        shown = key_id[: len(f"{_PREFIX}_") + _ID_LENGTH]  # it may be the key itself: then its open part
        raise ApiKeyNotFound(
            f"there is no API key {shown!r}",
            path="id",
            hint="`degnode api-keys list` shows the ids of all.",
        )
    key = _read(row)
    if key.revoked_at is not None:
        raise ApiKeyEnded(
            f"the API key {key.id} was revoked at {format_instant(key.revoked_at)}: {key.revoked_why}"
        )
    _check_limits(key.scopes, limits, verb="take away")
    await uow.connection.execute(
        update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=now, revoked_why=one_line(why))
    )
    await record_act(uow, by.act("api_key.revoked", key.id, before=key.to_record(), why=why), now=now)
    await uow.announce(API_KEYS_CHANNEL)
    return key


async def list_api_keys(uow: UnitOfWork) -> list[ApiKey]:
    """Return every key that was ever made, the newest first."""
    rows = await uow.connection.execute(
        select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
    )
    return [_read(row) for row in rows]


async def issue_first_api_key(uow: UnitOfWork, *, now: datetime) -> IssuedApiKey | None:
    """Make a key that may do everything where none was ever made, however many processes start at once."""
    await _lock(uow)
    count = await uow.connection.execute(select(func.count()).select_from(api_keys))
    if count.scalar_one():
        return None
    wish = ApiKeyWish(name=_FIRST, scopes=frozenset({Scope.ADMIN}))
    return await issue_api_key(uow, wish, by=Actor(who="the first start"), now=now)


async def find_api_key(uow: UnitOfWork, digest: bytes) -> ApiKey | None:
    """Return the key of that digest, be it still good or not.

    An index look-up takes longer or shorter by the digest, from which nobody gets nearer to the key.
    """
    row = (await uow.connection.execute(select(api_keys).where(api_keys.c.digest == digest))).one_or_none()
    return None if row is None else _read(row)


async def note_use(uow: UnitOfWork, key_id: str, *, now: datetime) -> None:
    """Keep that the key was used."""
    await uow.connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id)
        .where(or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < now))
        .values(last_used_at=now)
    )


async def _lock(uow: UnitOfWork) -> None:
    """Let nobody else make a key until this unit of work ends."""
    await uow.connection.execute(text("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE"))


async def _check_name(uow: UnitOfWork, wish: ApiKeyWish) -> None:
    """Refuse a name that somebody has or had: meters and requests belong to it. Raises: ApiKeyNameTaken."""
    rows = await uow.connection.execute(select(api_keys.c.id).where(api_keys.c.name == wish.name).limit(1))
    is_taken = rows.first() is not None
    is_reserved = wish.name in _RESERVED or wish.name.startswith(_RESERVED_KINDS)
    if is_reserved or (is_taken and not wish.same_holder):
        raise ApiKeyNameTaken(
            f"the name {wish.name!r} is taken",
            path="name",
            hint="Give another name, or say that the key is one more for the same holder.",
        )


def _check_limits(scopes: frozenset[Scope], limits: frozenset[Scope] | None, *, verb: str) -> None:
    beyond = frozenset() if limits is None else all_of(scopes) - all_of(limits)
    if beyond:
        raise ScopeNotYours(
            f"you cannot {verb} what you may not do yourself: {', '.join(sorted(beyond))}",
            path="scopes",
            hint="Ask somebody whose key has these scopes, or use `degnode api-keys` on the node.",
        )


def _check_holder(wish: ApiKeyWish, limits: frozenset[Scope] | None) -> None:
    """Refuse to let somebody act under another's name who may not do everything anyway."""
    if wish.same_holder and limits is not None and Scope.ADMIN not in limits:
        raise ScopeNotYours(
            f"only a key that may do everything makes one more for {wish.name!r}",
            path="same_holder",
            hint="Give the key a name of its own, or use `degnode api-keys` on the node.",
        )


def _read(row: Row[Any]) -> ApiKey:
    stored = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public name
    values = {name: stored[name] for name in stored if name not in ("digest", "scopes")}
    return ApiKey(**values, scopes=known_scopes(stored["scopes"]))
