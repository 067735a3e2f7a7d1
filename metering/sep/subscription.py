"""Asking a 2030.5 server to tell us of changes, and reading what it tells.

Source: IEEE 2030.5 Subscription/Notification function set.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from metering.documents import Reading
from metering.sep.elements import (
    NAMESPACE,
    UINT8,
    MeterDocumentMalformed,
    local_name,
    names_to_tags,
    only_once,
    parse_document,
    qualified,
    text_of,
    whole_of,
)
from metering.sep.reader import reading_of

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ENCODING_XML: Final = 0
_LEVEL: Final = "+S1"
_MOST_ENTRIES: Final = 255
_NOTIFICATION: Final = names_to_tags(
    "subscribedResource", "newResourceURI", "Resource", "status", "subscriptionURI"
)
_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"


class NotificationStatus(IntEnum):
    """Why a server notifies; all but the first say that the subscription is over."""

    CHANGED = 0
    CANCELLED = 1
    MOVED = 2
    REDEFINED = 3
    DELETED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What a server tells: of which resource, with which status, and the readings that come along."""

    subscribed_resource: str
    status: int
    resource_type: str | None
    """The kind of the resource that comes along, as `ReadingList`, or None."""
    readings: tuple[Reading, ...]


def write_subscription(*, resource: str, notification_uri: str) -> bytes:
    """Return the document that subscribes to `resource`, to be told at `notification_uri`."""
    return (
        f'{_DECLARATION}<Subscription xmlns="{NAMESPACE}">'
        f"<subscribedResource>{escape(resource)}</subscribedResource>"
        f"<encoding>{_ENCODING_XML}</encoding><level>{_LEVEL}</level><limit>{_MOST_ENTRIES}</limit>"
        f"<notificationURI>{escape(notification_uri)}</notificationURI></Subscription>"
    ).encode()


def read_notification(raw: bytes, *, legacy: bool = False) -> Notification:
    """Return the notification that `raw` holds.

    Raises: MeterDocumentRefused in one of its kinds.
    """
    root = parse_document(raw, legacy=legacy)
    if root.tag != qualified("Notification"):
        raise MeterDocumentMalformed(
            f"{local_name(root)[:64]!r} is no Notification", hint="Post one Notification at a time."
        )
    once = only_once(root, _NOTIFICATION)
    for name in ("subscribedResource", "status"):
        if name not in once:
            raise MeterDocumentMalformed(f"the {name} is missing", path=f"Notification/{name}")
    resource = once.get("Resource")
    kind = None if resource is None else _kind(resource)
    has_readings = resource is not None and kind in ("ReadingList", "Reading")
    return Notification(
        subscribed_resource=text_of(once["subscribedResource"]),
        status=whole_of(once["status"], UINT8),
        resource_type=kind,
        readings=_readings(resource, kind) if resource is not None and has_readings else (),
    )


def _kind(resource: ET.Element) -> str | None:
    name = resource.get(_TYPE)
    return name.rpartition(":")[2] if name else None


def _readings(resource: ET.Element, kind: str | None) -> tuple[Reading, ...]:
    if kind == "Reading":
        return (reading_of(resource),)
    return tuple(reading_of(child) for child in resource.iterfind(qualified("Reading")))
