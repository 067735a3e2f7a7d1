"""The context of a message: who speaks to whom, about which transaction, until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from kernel.clock import format_instant, parse_instant
from kernel.errors import NodeError
from protocol.actions import PUBLISHING, Action, Role, sender_side
from protocol.durations import format_duration, parse_duration
from protocol.errors import ContextFieldInvalid, ContextFieldMissing
from protocol.profile import NetworkIds, Profile

LONGEST_ID: Final = 255
"""Characters; what is longer does not fit into an index, two of them of the widest characters do."""
LONGEST_URI: Final = 2048
_MOST_NETWORKS: Final = 20


class Context(NamedTuple):
    """The context as one shape, whatever its generation calls the fields.

    `bpp_id` and `bpp_uri` are empty on a discover that is sent to everybody. `network_ids` are the
    networks that the message belongs to, where it names any.
    """

    action: str
    domain: str
    version: str
    bap_id: str
    bap_uri: str
    bpp_id: str
    bpp_uri: str
    transaction_id: str
    message_id: str
    timestamp: datetime
    ttl: timedelta | None
    network_ids: tuple[str, ...] = ()

    @property
    def expires_at(self) -> datetime | None:
        """The instant from which the message is stale, if it says so."""
        return None if self.ttl is None else self.timestamp + self.ttl

    def id_of(self, role: Role) -> str:
        return self.bap_id if role is Role.BAP else self.bpp_id

    def uri_of(self, role: Role) -> str:
        return self.bap_uri if role is Role.BAP else self.bpp_uri

    def sender_id(self, action: Action) -> str:
        """Return the id of whoever claims to have sent this message."""
        return self.id_of(sender_side(action))


def read_context(document: Mapping[str, Any], profile: Profile) -> Context:
    """Return the context of `document` as `profile` names its fields.

    Raises: ContextFieldMissing, ContextFieldInvalid, each with the JSON path.
    """
    context = document.get("context")
    if not isinstance(context, dict):
        raise ContextFieldMissing("the message has no context object", path="$.context")
    keys = profile.keys
    timestamp = _instant(context, keys.timestamp)
    action = _text(context, keys.action, required=True)
    asked = action not in profile.names_of(PUBLISHING.callback)  # whose official example names one side only
    return Context(
        action=action,
        domain=_text(context, keys.domain),
        version=_text(context, keys.version, required=True),
        bap_id=_text(context, keys.bap_id, required=asked),
        bap_uri=_text(context, keys.bap_uri, required=asked, longest=LONGEST_URI),
        bpp_id=_text(context, keys.bpp_id),
        bpp_uri=_text(context, keys.bpp_uri, longest=LONGEST_URI),
        transaction_id=_text(context, keys.transaction_id, required=True),
        message_id=_text(context, keys.message_id, required=True),
        timestamp=timestamp,
        ttl=_ttl(context, keys.ttl, since=timestamp),
        network_ids=_network_ids(context, keys.network_id) if keys.network_id in context else (),
    )


def name_sides(context: Context, *, action: Action, sender: str) -> Context:
    """Return the context with who publishes as BAP, and who answers that as BPP.

    Many sellers' platforms publish under the id that they have in a trade, with anything on the other
    side, and are answered under the ids that they wrote. Nothing else has two ways of naming a sender.
    """
    if context.sender_id(action) == sender or action not in (PUBLISHING.request, PUBLISHING.callback):
        return context
    if action is PUBLISHING.request and context.bpp_id == sender:
        return context._replace(bap_id=sender, bap_uri=context.bpp_uri, bpp_id="", bpp_uri="")
    if action is PUBLISHING.callback and context.bap_id == sender:
        return context._replace(bpp_id=sender, bpp_uri=context.bap_uri, bap_id="", bap_uri="")
    return context


def write_context(context: Context, profile: Profile) -> dict[str, Any]:
    """Return `context` as `profile` writes it; fields that are empty are left out."""
    keys = profile.keys
    written = {
        keys.version: context.version,
        keys.action: context.action,
        keys.domain: context.domain,
        keys.timestamp: format_instant(context.timestamp),
        keys.message_id: context.message_id,
        keys.transaction_id: context.transaction_id,
        keys.bap_id: context.bap_id,
        keys.bap_uri: context.bap_uri,
        keys.bpp_id: context.bpp_id,
        keys.bpp_uri: context.bpp_uri,
        keys.ttl: None if context.ttl is None else format_duration(context.ttl),
        keys.network_id: _written_networks(context.network_ids, profile.network_ids),
    }
    return {key: value for key, value in written.items() if value}


def _network_ids(context: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the networks named: one as text, or several in a list; peers write either."""
    value = context[key]
    if value is None or value == "":
        return ()
    names = value if isinstance(value, list) else [value]
    if len(names) > _MOST_NETWORKS:
        raise ContextFieldInvalid(
            f"{key} names {len(names)} networks",
            path=f"$.context.{key}",
            hint=f"Name at most {_MOST_NETWORKS}.",
        )
    return tuple(_text({key: name}, key, required=True) for name in names)


def _written_networks(names: tuple[str, ...], form: NetworkIds) -> list[str] | str | None:
    match form:
        case NetworkIds.NONE:
            return None
        case NetworkIds.LIST:
            return list(names)
        case NetworkIds.ONE:  # pragma: no branch  the last of them
            return names[0] if names else None


def _text(context: Mapping[str, Any], key: str, *, required: bool = False, longest: int = LONGEST_ID) -> str:
    value = context.get(key, "")
    if type(value) is str and (value or not required) and len(value) <= longest and value.isprintable():
        return value
    raise _unfit(value, key, longest)


def _unfit(value: object, key: str, longest: int) -> NodeError:
    path = f"$.context.{key}"
    if not isinstance(value, str):
        return ContextFieldInvalid(f"{key} must be text", path=path)
    if not value:
        return ContextFieldMissing(f"the context has no {key}", path=path)
    if len(value) > longest:
        return ContextFieldInvalid(
            f"{key} has {len(value)} characters", path=path, hint=f"Write at most {longest}."
        )
    # PostgreSQL keeps no NUL, a log line no line break
    return ContextFieldInvalid(f"{key} holds a control character", path=path)


def _instant(context: Mapping[str, Any], key: str) -> datetime:
    text = _text(context, key, required=True)
    try:
        return parse_instant(text)
    except (ValueError, OverflowError) as error:  # the latter: year 1 east of Greenwich
        raise ContextFieldInvalid(
            f"{text!r} is no instant",
            path=f"$.context.{key}",
            hint="Write RFC 3339 with an offset, like 2026-01-09T10:00:00Z.",
        ) from error


def _ttl(context: Mapping[str, Any], key: str, *, since: datetime) -> timedelta | None:
    text = _text(context, key)
    if not text:
        return None
    try:
        ttl = parse_duration(text)
        since + ttl  # the instant of expiry must exist
    except OverflowError as error:
        raise ContextFieldInvalid(
            f"{text!r} is longer than any message lives", path=f"$.context.{key}"
        ) from error
    except ValueError as error:
        raise ContextFieldInvalid(str(error), path=f"$.context.{key}") from error
    return ttl
