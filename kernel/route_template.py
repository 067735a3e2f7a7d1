"""What a request asked for, as a log may say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def route_template(scope: Mapping[str, Any]) -> str:
    """Return the template of the route that an ASGI request led to, or nothing where it led to none.

    The path itself may hold a secret, as the address has at which a utility's server notifies.
    """
    return str(getattr(scope.get("route"), "path", ""))
