"""A key set: one signing pair and one encryption pair under one name, and when they count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from protocol.checks import MAX_CLOCK_SKEW
from protocol.ed25519 import PublicKey
from protocol.x25519 import EncryptionPublicKey

FIRST_KEY_ID: Final = "k1"
_NUMBERED: Final = re.compile(r"(.*?)([0-9]+)")
_SPREADS_WITHIN: Final = timedelta(minutes=1)  # beyond what peers go on saying that there is no such key


class KeyState(StrEnum):
    """How a key set stands at an instant."""

    WAITING = "waiting"  # its time is to come
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """Two key pairs of a subscriber, valid in `[valid_from, valid_until)`; private halves are sealed.

    `announced_at` is when the registry last took it, None if it never did; `announced_revision` as
    which of its revisions.
    """

    subscriber_id: str
    key_id: str
    signing_public_key: PublicKey
    encryption_public_key: EncryptionPublicKey
    sealed_signing_key: bytes = field(repr=False)
    sealed_encryption_key: bytes = field(repr=False)
    sealed_by: str
    valid_from: datetime
    valid_until: datetime | None = None
    created_at: datetime
    revoked_at: datetime | None = None
    revoked_why: str | None = None
    revision: int = 1
    announced_at: datetime | None = None
    announced_revision: int | None = None

    def state(self, now: datetime) -> KeyState:
        """Return how it stands at `now`."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if now < self.valid_from:
            return KeyState.WAITING
        if self.valid_until is not None and now >= self.valid_until:
            return KeyState.EXPIRED
        return KeyState.VALID

    def is_usable(self, now: datetime) -> bool:
        """Say whether its private halves may still be needed: now, or when its time comes."""
        return self.state(now) in (KeyState.VALID, KeyState.WAITING)

    def must_be_announced(self, now: datetime) -> bool:
        """Say whether the registry knows it as something that it no longer is, or not yet at all."""
        if self.announced_at is None:
            return self.is_usable(now)
        return self.announced_revision != self.revision

    def only_its_end_is_news(self, now: datetime) -> bool:
        """Say whether it counts still, and the registry knows it with another end, or with none."""
        return (
            self.announced_at is not None
            and self.announced_revision != self.revision
            and self.valid_until is not None
            and self.state(now) is KeyState.VALID
        )


def choose(sets: Iterable[KeySet], now: datetime) -> KeySet | None:
    """Return the set to sign with at `now`: the newest valid one that the registry knows.

    Where the registry knows none of them, the newest valid one. None if none is valid.
    """
    valid = [each for each in sets if each.state(now) is KeyState.VALID]
    announced = [each for each in valid if each.announced_at is not None]
    return newest(announced or valid)


def newest(sets: Iterable[KeySet]) -> KeySet | None:
    """Return the set that began, or begins, last; None if there is none."""
    return max(sets, key=lambda each: (each.valid_from, each.created_at, each.key_id), default=None)


def to_announce(
    sets: Sequence[KeySet], now: datetime, *, delivery_timeout: timedelta, every: bool = False
) -> list[KeySet]:
    """Return the sets that the registry is to be told of at `now`; with `every`, all that can be used, too.

    Without it, an end that was only just set waits: peers refuse a signature that would outlive its key,
    and what was signed before may be under way for `delivery_timeout`. It waits no longer than until the
    end itself.
    """
    due = [each for each in sets if each.must_be_announced(now) or (every and each.is_usable(now))]
    changed_at = max((each.created_at for each in sets), default=now)  # the newest ended the others
    if every or now >= changed_at + delivery_timeout + MAX_CLOCK_SKEW:
        return due
    return [each for each in due if not each.only_its_end_is_news(now)]


def is_news(chosen: KeySet, sets: Iterable[KeySet], now: datetime) -> bool:
    """Say whether peers who know this participant may not have heard of the set that it signs with."""
    if chosen.announced_at is not None:
        return now < chosen.announced_at + _SPREADS_WITHIN
    return any(each.announced_at is not None for each in sets)


def turning_points(sets: Iterable[KeySet]) -> Sequence[datetime]:
    """Return the instants, in order, at which the choice between `sets` may change by itself."""
    ends = (bound for each in sets for bound in (each.valid_from, each.valid_until) if bound is not None)
    return sorted(set(ends))


def next_key_id(taken: Sequence[str]) -> str:
    """Return the name of the set after those: `k3` after `k1` and `k2`; the first where there is none."""
    if not taken:
        return FIRST_KEY_ID
    base, numbers = _parts(taken[-1])
    highest = max(number for prefix, number in map(_parts, taken) if prefix == base)
    return f"{base}{max(highest, numbers) + 1}"


def _parts(key_id: str) -> tuple[str, int]:
    """Return the name without its number, and the number; a name without one counts as its first."""
    match = _NUMBERED.fullmatch(key_id)
    return (match[1], int(match[2])) if match else (f"{key_id}-", 1)
