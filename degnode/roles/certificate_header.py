"""The header in which a proxy passes on whose certificate it has checked."""

from __future__ import annotations

import re
from typing import Final

from pydantic import ValidationInfo

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def from_somebody(name: str | None, info: ValidationInfo) -> str | None:
    """Return a setting's header as it is; somebody must be trusted with it. Raises: ValueError."""
    if name is None:
        return None
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header")
    if not info.data.get("trusted_proxies"):
        raise ValueError("nobody is trusted with it; name the proxy in DEGNODE_TRUSTED_PROXIES")
    return name
