"""What a message must satisfy beyond its signature and its schema; each check is one function."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from protocol.actions import PUBLISHING, Action, sender_role, sender_side
from protocol.context import Context
from protocol.errors import (
    ActionMismatch,
    ContextFieldInvalid,
    NetworkNotAllowed,
    NotAddressedHere,
    RoleNotEntitled,
    SenderMismatch,
    TtlExpired,
    VersionUnsupported,
)
from protocol.profile import Profile

MAX_CLOCK_SKEW: Final = timedelta(seconds=5)
"""How far a peer's clock may run ahead of ours (NFH-007, CON-004)."""

_OPEN: Final = frozenset({Action.DISCOVER, PUBLISHING.request, PUBLISHING.callback})
"""Messages that need not name their addressee; in the last two, peers name one side only."""

_URL: Final = re.compile(r"https?://([A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:[/?#].*)?")


def check_action(context: Context, *, action: Action, profile: Profile) -> None:
    """Refuse a message whose context names another action than its path."""
    expected = profile.wire_names[action]
    if context.action != expected and context.action not in profile.names_of(action):
        raise ActionMismatch(
            f"the context says action {context.action!r}, the path says {expected!r}",
            path="$.context.action",
            hint=f"Post {context.action!r} to its own path.",
        )


def check_version(context: Context, *, profile: Profile) -> None:
    """Refuse a message of another protocol version."""
    if context.version not in profile.versions:
        raise VersionUnsupported(
            f"version {context.version!r} is not spoken here",
            path="$.context.version",
            hint=f"Send version {profile.version!r}.",
        )


def check_sender(context: Context, *, action: Action, profile: Profile, signer: str) -> None:
    """Refuse a message that was signed by somebody else than the sender it names."""
    role = sender_side(action)
    claimed, key = context.id_of(role), profile.keys.id_of(role)
    if claimed != signer:
        raise SenderMismatch(
            f"the message is signed by {signer!r}, but its {key} is {claimed!r}",
            path=f"$.context.{key}",
            hint="Sign with a key of the subscriber that the context names.",
        )


def check_role(registered: str | None, *, action: Action) -> None:
    """Refuse a message of an action that the registry's entry of the sender does not stand for.

    `registered` is the sender's role as the registry writes it, None where it does not say.
    """
    role = sender_role(action)
    if registered is not None and registered.lower() != role:
        raise RoleNotEntitled(
            f"{action} is sent by a {role.upper()}, and the registry knows the sender as {registered}",
            path="header Authorization",
            hint=f"Sign with the key of the {role.upper()}, or have the registry's entry mended.",
        )


def check_addressee(context: Context, *, action: Action, profile: Profile, subscriber_id: str) -> None:
    """Refuse a message for another participant; some may leave the addressee open."""
    role = sender_side(action).counterpart
    named = context.id_of(role)
    if named == subscriber_id or (not named and action in _OPEN):
        return
    raise NotAddressedHere(
        f"the message is for {named or 'nobody'}, this is {subscriber_id}",
        path=f"$.context.{profile.keys.id_of(role)}",
        hint="Take the subscriber id and URL from the registry.",
    )


def check_callback_address(
    context: Context, *, action: Action, profile: Profile, registered_url: str | None
) -> None:
    """Refuse a request whose callback URL is not the sender's own registered one.

    Otherwise any subscriber could make this node post signed messages wherever it likes.
    """
    role = sender_side(action)
    uri = context.uri_of(role)
    if registered_url is None:
        _check_own_host(uri, context.id_of(role), path=f"$.context.{profile.keys.uri_of(role)}")
    elif uri.rstrip("/") != registered_url.rstrip("/"):
        raise ContextFieldInvalid(
            f"{uri!r} is not the URL that the registry holds for this subscriber",
            path=f"$.context.{profile.keys.uri_of(role)}",
            hint=f"Send {registered_url!r}, or update the registry.",
        )


def _check_own_host(uri: str, subscriber_id: str, *, path: str) -> None:
    """Refuse a URL that does not lie in the sender's own domain, which its subscriber id then must be."""
    found = _URL.fullmatch(uri)
    host, own = found[1].lower() if found else "", subscriber_id.lower()
    if host != own and not host.endswith(f".{own}"):
        raise ContextFieldInvalid(
            f"{uri!r} is not known to be {subscriber_id}'s: the registry holds no URL of it",
            path=path,
            hint=f"Register the URL, or send one whose host is {subscriber_id} or ends with it.",
        )


def check_network(
    context: Context, *, profile: Profile, memberships: Sequence[str] | None, networks: Collection[str]
) -> None:
    """Refuse a message of a network that its sender is no member of, or that is not taken here.

    `memberships` are the sender's as its directory tells them, None where it does not: then the
    directory itself is the network. `networks` are those that are taken here, all if it is empty. A
    message that names no network belongs to each that its sender is a member of.
    """
    path = f"$.context.{profile.keys.network_id}"
    named = {_bare(name) for name in context.network_ids}
    member = None if memberships is None else {_bare(name) for name in memberships}
    if member is not None and not named <= member:
        raise NetworkNotAllowed(
            f"the sender is no member of {', '.join(sorted(named - member))}",
            path=path,
            hint=f"It is a member of {', '.join(sorted(member)) or 'no network'}.",
        )
    belongs_to = named or member
    if networks and belongs_to is not None and belongs_to.isdisjoint(map(_bare, networks)):
        raise NetworkNotAllowed(
            f"messages of {', '.join(sorted(belongs_to)) or 'no network'} are not taken here",
            path=path,
            hint=f"Taken are those of {', '.join(sorted(networks))}.",
        )


def _bare(network: str) -> str:
    """Return `{namespace}/{registry}` of a network's name, which may go on with `@` and a host."""
    return network.partition("@")[0]


def check_freshness(context: Context, *, now: datetime) -> None:
    """Refuse a message from the future or past its time to live."""
    if context.timestamp > now + MAX_CLOCK_SKEW:
        raise ContextFieldInvalid(
            f"the timestamp is {(context.timestamp - now).total_seconds():.0f} s in the future",
            path="$.context.timestamp",
            hint="Set the sender's clock.",
        )
    if context.expires_at is not None and now >= context.expires_at:
        raise TtlExpired(
            f"the message lapsed {(now - context.expires_at).total_seconds():.0f} s ago",
            path="$.context.ttl",
            hint="Send it again with a new timestamp and message id.",
        )
