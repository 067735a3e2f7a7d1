"""How key sets are shown: as a table for people, as JSON for programs, as a registry wants them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from kernel.clock import format_instant
from keystore.key_set import KeySet, KeyState, choose
from protocol.keys import write_public_key
from protocol.x25519 import write_encryption_public_key

_COLOURS: Final = {
    KeyState.VALID: "green",
    KeyState.WAITING: "yellow",
    KeyState.EXPIRED: "dim",
    KeyState.REVOKED: "red",
}


def key_table(sets: Sequence[KeySet], *, now: datetime) -> Table:
    """Return the table of a subscriber's key sets, the oldest first."""
    table = Table(title=f"Keys of {sets[0].subscriber_id}")
    for heading in ("key", "state", "signs", "valid from", "valid until", "registry knows it", "sealed by"):
        table.add_column(heading, overflow="fold")
    signing = choose(sets, now)
    for each in sets:
        state = each.state(now)
        table.add_row(
            each.key_id,
            f"[{_COLOURS[state]}]{state}[/]" + (f": {escape(each.revoked_why)}" if each.revoked_why else ""),
            "now" if each is signing else "",
            _second(each.valid_from),
            _second(each.revoked_at or each.valid_until),
            _known(each, now),
            each.sealed_by,
        )
    return table


def _known(each: KeySet, now: datetime) -> str:
    if each.announced_at is None:
        return "no"
    since = f"since {_second(each.announced_at)}"
    return f"{since}, not the last change" if each.must_be_announced(now) else since


def _second(instant: datetime | None) -> str:
    return "open" if instant is None else format_instant(instant.replace(microsecond=0))


def as_json(each: KeySet, *, now: datetime, signs: bool) -> dict[str, Any]:
    """Return everything of a set that is no secret."""
    return {
        **as_registered(each),
        "state": each.state(now).value,
        "signs": signs,
        "created_at": _instant(each.created_at),
        "announced_at": _instant(each.announced_at),
        "must_be_announced": each.must_be_announced(now),
        "revoked_at": _instant(each.revoked_at),
        "revoked_why": each.revoked_why,
        "sealed_by": each.sealed_by,
    }


def all_as_json(sets: Sequence[KeySet], *, now: datetime) -> list[dict[str, Any]]:
    """Return the sets, each saying whether it signs at `now`."""
    signing = choose(sets, now)
    return [as_json(each, now=now, signs=each is signing) for each in sets]


def as_registered(each: KeySet, *, der: bool = False) -> dict[str, Any]:
    """Return the particulars of a set by the names that registries have for them.

    `der` is for registries that want the encryption key wrapped; the signing key is always raw.
    """
    return {
        "subscriber_id": each.subscriber_id,
        "key_id": each.key_id,
        "signing_public_key": write_public_key(each.signing_public_key),
        "encr_public_key": write_encryption_public_key(each.encryption_public_key, der=der),
        "valid_from": _instant(each.valid_from),
        "valid_until": _instant(each.valid_until),
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
