"""Contexts that do not come with the package, fetched from the places that an operator allows.

A message names the contexts that it is read with, so whoever sends one could make a node ask any
address. Hence nothing is fetched by default; and if it is, only over HTTPS, only below the
allowed addresses (redirects too), within a size and a time, and once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx

from kernel.clock import Clock, SystemClock
from kernel.errors import NodeError
from schemas.contexts import JsonLdContextUnknown
from schemas.lru import Lru

_MOST_KEPT: Final = 64
_MOST_REDIRECTS: Final = 3
_HEADERS: Final = {"Accept": "application/ld+json, application/json", "Accept-Encoding": "identity"}
"""What is packed could unpack to any size."""


class RemoteContextsMisconfigured(NodeError):
    """An address that contexts may be fetched from is none."""


class JsonLdContextUnavailable(NodeError):
    """A context that may be fetched could not be had, or is none."""

    code, http_status, retryable = "SCH_INVALID_JSONLD_CONTEXT", 400, True


class RemoteContexts:
    """Fetches contexts from the allowed places, and keeps them."""

    def __init__(
        self,
        allowed: Sequence[str],
        *,
        max_bytes: int = 256 * 1024,
        timeout: timedelta = timedelta(seconds=5),
        client: httpx.Client | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Allow the addresses below each of `allowed`, such as `https://schema.example/energy/`.

        `timeout` bounds one fetch as a whole, redirects included.
        Raises: RemoteContextsMisconfigured.
        """
        self._allowed = tuple(_checked(place) for place in allowed)
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._client = client or httpx.Client()
        self._clock = clock or SystemClock()
        self._kept: Lru[str, dict[str, Any]] = Lru(_MOST_KEPT)

    def fetch(self, iri: str) -> dict[str, Any]:
        """Return the context at `iri`. Raises: JsonLdContextUnknown, JsonLdContextUnavailable."""
        if (kept := self._kept.get(iri)) is not None:
            return kept
        context = _parsed(iri, self._download(iri))
        self._kept[iri] = context
        return context

    def _download(self, iri: str) -> bytes:
        deadline, address = self._clock.now() + self._timeout, iri
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                self._check(address)
                with self._client.stream(
                    "GET", address, headers=_HEADERS, timeout=self._left(deadline)
                ) as answer:
                    if answer.next_request is None:
                        return self._body(iri, answer, deadline)
                    address = str(answer.next_request.url)
        except httpx.HTTPError as error:
            raise JsonLdContextUnavailable(
                f"the context {iri} could not be fetched: {type(error).__name__}", path="@context"
            ) from error
        raise JsonLdContextUnavailable(f"the context {iri} is redirected too often", path="@context")

    def _body(self, iri: str, answer: httpx.Response, deadline: datetime) -> bytes:
        answer.raise_for_status()
        body = b""
        for piece in answer.iter_raw():
            body += piece
            if len(body) > self._max_bytes:
                raise JsonLdContextUnavailable(
                    f"the context {iri} has more than {self._max_bytes} bytes", path="@context"
                )
            self._left(deadline)
        return body

    def _left(self, deadline: datetime) -> float:
        left = (deadline - self._clock.now()).total_seconds()
        if left <= 0:
            raise httpx.ReadTimeout("the time for it is over")
        return left

    def _check(self, address: str) -> None:
        steps = unquote(urlsplit(address).path).split("/")
        if not address.startswith(self._allowed) or ".." in steps:
            raise JsonLdContextUnknown(
                f"the context {address} may not be fetched",
                path="@context",
                hint=f"Contexts are fetched only from below {', '.join(self._allowed) or 'nowhere'}.",
            )


def _checked(place: str) -> str:
    parts = urlsplit(place)
    if parts.scheme != "https" or not parts.hostname or not parts.path.endswith("/"):
        raise RemoteContextsMisconfigured(
            f"{place!r} is no place to fetch contexts from",
            hint="Write it like https://schema.example/energy/, with https and a slash at its end.",
        )
    return place


def _parsed(iri: str, body: bytes) -> dict[str, Any]:
    try:
        context = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise JsonLdContextUnavailable(f"the context {iri} is no JSON", path="@context") from error
    if not isinstance(context, dict) or "@context" not in context:
        raise JsonLdContextUnavailable(f'there is no "@context" at {iri}', path="@context")
    return context
