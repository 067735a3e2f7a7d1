"""Whether a URL may stand in the registry under a subscriber's name."""

from __future__ import annotations

from typing import Final

from kernel.errors import NodeError
from registry.policy import UrlChecks
from registry.shared_domains import is_shared
from registry_client.reach import DestinationRefused, check_url, is_host_of

_PATH: Final = "url"


class UrlRefused(NodeError):
    """The URL leads nowhere that peers can follow, or to somebody else."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


def check_subscriber_url(url: str, *, subscriber_id: str, checks: UrlChecks) -> None:
    """Refuse a URL that is not public, or whose host does not belong to the subscriber's name.

    The challenge then shows that it is the subscriber who answers there. A host speaks for its own
    name and for a domain above it, unless many share that. Raises: UrlRefused.
    """
    try:
        destination = check_url(url, reach=checks.reach, path=_PATH)
        if checks is UrlChecks.PRIVATE or (checks is UrlChecks.LOOPBACK and destination.is_here):
            return
        name = subscriber_id.partition("/")[0].partition(":")[0]
        is_own = destination.host == name.lower()
        belongs = "." in name and (is_own or (is_host_of(url, name) and not is_shared(name)))
    except DestinationRefused as error:
        raise UrlRefused(
            f"this registry takes no such URL: {error.message}",
            path=_PATH,
            hint="Give an https URL that the whole network can reach.",
        ) from error
    if not belongs:
        raise UrlRefused(
            f"the host of {url} does not belong to {subscriber_id}",
            path=_PATH,
            hint="Take the host name, or the domain above it, as subscriber_id.",
        )
