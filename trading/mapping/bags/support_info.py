"""How to reach the people behind a provider, in words that two generations share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas import iris
from trading.mapping.find import Json
from trading.offer import SupportContact


def write_support_info(contact: SupportContact) -> Json:
    """Return a contact with the channels that it has."""
    ways = (("phone", contact.phone, "PHONE"), ("email", contact.email, "EMAIL"), ("url", contact.url, "WEB"))
    info: Json = {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:SupportInfo",
        "name": contact.name,
        **{key: value for key, value, _ in ways if value},
        "channels": [channel for _, value, channel in ways if value],
    }
    return info | ({"hours": contact.hours} if contact.hours else {})


def read_support_info(info: Mapping[str, Any]) -> SupportContact:
    """Return the contact that is named. Raises: LookupError."""
    return SupportContact(
        name=info["name"],
        phone=info.get("phone"),
        email=info.get("email"),
        url=info.get("url"),
        hours=info.get("hours"),
    )
