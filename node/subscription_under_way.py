"""What this participant has asked a registry for and waits to be challenged about; in the database.

Every process of the participant answers the challenge, whichever of them the registry reaches, and
none answers one that nobody here asked for: who could have anything decrypted would have an oracle.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from node.tables import subscriptions_under_way as table
from protocol.ed25519 import PublicKey
from protocol.keys import read_public_key, write_public_key
from protocol.x25519 import (
    EncryptionPublicKey,
    read_encryption_public_key,
    write_encryption_public_key,
)
from registry_client.challenge import ChallengeScheme
from storage.unit_of_work import UnitOfWork

UNDER_WAY_FOR: Final = timedelta(hours=1)
"""How long a registry may take from the request to its challenge; asking again begins it anew."""

MOST_ANSWERS: Final = 20
"""How many challenges are answered for one request: a registry repeats itself, an attacker insists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A key set whose subscription is under way, and the registry that may challenge it.

    Without `registry_keys` the registry's calls cannot be verified. `site_request_id` is what an
    ONDC-style registry wants to find signed on a page of this participant's site.
    """

    subscriber_id: str
    key_id: str
    registry_url: str
    registry_keys: tuple[PublicKey, ...]
    registry_encryption_key: EncryptionPublicKey | None
    scheme: ChallengeScheme
    began_at: datetime
    until: datetime
    site_request_id: str | None = None
    answers_left: int = MOST_ANSWERS


async def begin_subscription(uow: UnitOfWork, under_way: UnderWay) -> None:
    """Let the registry challenge that key set from now on, `until` or so many times."""
    key = under_way.registry_encryption_key
    values = {
        "registry_url": under_way.registry_url,
        "registry_keys": [write_public_key(each) for each in under_way.registry_keys],
        "registry_encryption_key": None if key is None else write_encryption_public_key(key),
        "challenge_scheme": under_way.scheme.value,
        "site_request_id": under_way.site_request_id,
        "began_at": under_way.began_at,
        "until": under_way.until,
        "answers_left": under_way.answers_left,
    }
    names = {"subscriber_id": under_way.subscriber_id, "key_id": under_way.key_id}
    await uow.connection.execute(
        insert(table)
        .values(**names, **values)
        .on_conflict_do_update(index_elements=["subscriber_id", "key_id"], set_=values)
    )


async def end_subscription(uow: UnitOfWork, *, subscriber_id: str, key_id: str) -> None:
    """Let no challenge of that key set be answered any more: it is in, or was given up."""
    await uow.connection.execute(
        delete(table).where(table.c.subscriber_id == subscriber_id, table.c.key_id == key_id)
    )


async def find_under_way(uow: UnitOfWork, *, subscriber_id: str, now: datetime) -> list[UnderWay]:
    """Return what is under way at `now`, the newest first."""
    rows = await uow.connection.execute(
        select(table)
        .where(table.c.subscriber_id == subscriber_id, table.c.until > now)
        .order_by(table.c.began_at.desc(), table.c.key_id.desc())
    )
    return [_read(row) for row in rows.mappings()]


async def take_answer(uow: UnitOfWork, *, subscriber_id: str, key_id: str, now: datetime) -> bool:
    """Count one more answer to a challenge; say whether it may still be given."""
    taken = await uow.connection.execute(
        update(table)
        .where(
            table.c.subscriber_id == subscriber_id,
            table.c.key_id == key_id,
            table.c.until > now,
            table.c.answers_left > 0,
        )
        .values(answers_left=table.c.answers_left - 1)
        .returning(table.c.answers_left)
    )
    return taken.first() is not None


def _read(row: RowMapping) -> UnderWay:
    key = row["registry_encryption_key"]
    return UnderWay(
        subscriber_id=row["subscriber_id"],
        key_id=row["key_id"],
        registry_url=row["registry_url"],
        registry_keys=tuple(read_public_key(text) for text in row["registry_keys"]),
        registry_encryption_key=None if key is None else read_encryption_public_key(key),
        scheme=ChallengeScheme(row["challenge_scheme"]),
        began_at=row["began_at"],
        until=row["until"],
        site_request_id=row["site_request_id"],
        answers_left=row["answers_left"],
    )
