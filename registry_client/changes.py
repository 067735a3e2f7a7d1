"""What has changed in a registry: a feed that is asked again and again, and waits with its answer.

`GET {registry}/changes?after={number}&wait={seconds}` tells of the changes with greater numbers, as soon as
there is one; without a number only what the last one is. Not every registry has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from registry_client.answer_signature import RegistryTrust
from registry_client.connection import ConnectionLimits, RegistryConnection

_GRACE: Final = timedelta(seconds=10)  # beyond what the registry was told to wait
_WAIT: Final = timedelta(seconds=25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A key that was entered, changed or withdrawn."""

    number: int
    subscriber_id: str
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes in their order, and the number to ask with next; a lower one says that all began anew."""

    changes: tuple[Change, ...]
    last: int


class ChangeFeed:
    """Asks one registry what has changed."""

    def __init__(
        self, registry_url: str, *, trust: RegistryTrust | None = None, wait: timedelta = _WAIT
    ) -> None:
        """Point at `registry_url`; `wait` is how long it may have nothing to tell.

        Raises: RegistryUrlInvalid.
        """
        self._wait = wait
        self._connection = RegistryConnection(
            registry_url,
            limits=ConnectionLimits(answer_timeout=wait + _GRACE, max_connections=1),
            trust=trust,
        )

    async def after(self, number: int | None, *, may_wait: bool = True) -> Changes | None:
        """Return the changes after `number`, perhaps none; None if the registry has no such feed.

        Raises: RegistryUnavailable.
        """
        seconds = round(self._wait.total_seconds()) if may_wait else 0
        path = "/changes" if number is None else f"/changes?after={number}&wait={seconds}"
        answer = await self._connection.get(path)
        if answer.status in (404, 405):
            return None
        changes = _read(answer.content) if answer.status == 200 else None
        if changes is None:
            raise self._connection.unavailable(f"gave no changes that can be read (HTTP {answer.status})")
        return changes

    async def close(self) -> None:
        await self._connection.close()


def _read(content: Any) -> Changes | None:  # noqa: ANN401  whatever the registry said
    try:
        return Changes(
            changes=tuple(
                Change(
                    number=int(entry["number"]),
                    subscriber_id=str(entry["subscriber_id"]),
                    key_id=str(entry["key_id"]),
                )
                for entry in content["changes"]
            ),
            last=int(content["last"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
