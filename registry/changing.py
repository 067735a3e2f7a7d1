"""What a change asks for, read against what stands: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from protocol.errors import KeyUnknown, SchemaViolated
from registry.forms import ChangeForm
from registry.subscription import Subscription
from registry_client.subscriber import SubscriberStatus

SHARED: Final = ("url", "domain", "location")
"""What all keys of a subscriber have in common, for one role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a subscriber wants entered; `spread` names the fields that go to its other keys, too."""

    wanted: Subscription
    spread: tuple[str, ...] = ()


def keys_to_end(form: ChangeForm, *, standing: Sequence[Subscription]) -> list[Subscription]:
    """Return the keys that are to end at once: the one that the form names, or all.

    Raises: KeyUnknown.
    """
    named = [each for each in standing if form.key_id in (None, each.key_id)]
    if not named:
        raise _unknown(form)
    return [each for each in named if each.status is not SubscriberStatus.UNSUBSCRIBED]


def read_wish(
    form: ChangeForm, *, signer: Subscription, standing: Sequence[Subscription], now: datetime
) -> Wish:
    """Return what the form asks for: a new key, another window of a key, or other particulars of all.

    What it leaves out stays as it is; a new key takes it from the key that signed.
    Raises: KeyUnknown, SchemaViolated.
    """
    if form.key_id is None:
        return _read_particulars(form, signer=signer)
    earlier = next((each for each in standing if each.key_id == form.key_id), None)
    if earlier is None and form.signing_public_key is None:
        raise _unknown(form)
    given = _given(form)
    if earlier is None:
        _check_new_key(form)
        base = replace(
            signer, key_id=form.key_id, valid_from=now, valid_until=None, created_at=now, barred=False
        )
    else:
        base = earlier
    wanted = replace(base, **given, status=SubscriberStatus.SUBSCRIBED)
    _check_window(wanted)
    return Wish(wanted=wanted, spread=("url",) if wanted.url != base.url else ())


def _read_particulars(form: ChangeForm, *, signer: Subscription) -> Wish:
    given = _given(form)
    if any(name not in SHARED for name in given):
        raise SchemaViolated(
            "key_id is missing: keys and their times are changed one by one",
            path="key_id",
            hint="Name the key, or leave out all but url, domain and location.",
        )
    if not given:
        raise SchemaViolated(
            "there is nothing to change", path="body", hint="Give a key_id, a url, a domain or a location."
        )
    return Wish(wanted=replace(signer, **given), spread=tuple(given))


def _given(form: ChangeForm) -> dict[str, Any]:
    names = (*SHARED, "type", "signing_public_key", "encr_public_key", "valid_from", "valid_until")
    return {name: value for name in names if (value := getattr(form, name)) is not None}


def _check_new_key(form: ChangeForm) -> None:
    if form.encr_public_key is None:
        raise SchemaViolated(
            "encr_public_key is missing",
            path="encr_public_key",
            hint="A key set has an X25519 key beside the Ed25519 one.",
        )


def _check_window(wanted: Subscription) -> None:
    if wanted.valid_until is not None and wanted.valid_until <= wanted.valid_from:
        raise SchemaViolated(
            "valid_until is not after valid_from",
            path="valid_until",
            hint='To end a key at once, send status "UNSUBSCRIBED".',
        )


def _unknown(form: ChangeForm) -> KeyUnknown:
    return KeyUnknown(
        f"{form.subscriber_id} has no key {form.key_id!r} here"
        if form.key_id
        else f"{form.subscriber_id} has no keys here",
        path="key_id",
        hint="A new key comes with its signing_public_key and encr_public_key.",
    )
