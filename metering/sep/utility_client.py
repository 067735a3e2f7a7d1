"""Asking a utility's 2030.5 server: one origin, bounded in time and size, without redirects.

A link is followed, never built. A relative one is resolved against the address that it came from; one
that leads to another origin is refused, for the server would have us ask whomever it likes.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

import httpx

from kernel.errors import NodeError
from metering.sep.body import SEP_XML
from metering.sep.elements import MAX_DOCUMENT_BYTES

_HEADERS: Final = {"Accept": SEP_XML, "Accept-Encoding": "gzip"}
_TAKEN: Final = frozenset({SEP_XML, "application/xml", "text/xml"})
_GZIP_WINDOW: Final = 31  # zlib: 15 bits of window, gzip header
_NOT_NOW: Final = frozenset({408, 425, 429, 502, 503, 504})
"""What says that the server cannot answer at all now; any other refusal is about one resource."""
_LONGEST_WAIT: Final = 86_400  # s


class UtilityUnavailable(NodeError):
    """The server does not answer, or says that it cannot now."""

    code, http_status, retryable = "METER_UTILITY_UNAVAILABLE", 502, True


class UtilityRefused(NodeError):
    """The server answers that it will not, or in a way that is not taken."""

    code, http_status, retryable = "METER_UTILITY_REFUSED", 502, False


class HrefForeign(NodeError):
    """A link of the server leads away from it."""

    code, http_status, retryable = "METER_HREF_FOREIGN", 502, False


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilityLimits:
    """How long the server may take, and how much it may say."""

    connect_timeout: timedelta = timedelta(seconds=5)
    answer_timeout: timedelta = timedelta(seconds=30)  # from the call to the last byte
    max_answer_bytes: int = MAX_DOCUMENT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came: the address that was asked, the body decompressed, and its ETag; no body if unchanged."""

    url: str
    body: bytes
    etag: str | None = None
    is_unchanged: bool = False
    location: str | None = None


class UtilityClient:
    """Asks one server; as a context it holds its connections open. `tls` says how both show who they are."""

    def __init__(
        self, root: str, *, tls: ssl.SSLContext | None = None, limits: UtilityLimits | None = None
    ) -> None:
        self.root = root
        self._origin = _origin(httpx.URL(root))
        self._limits = limits or UtilityLimits()
        self._http = httpx.AsyncClient(
            verify=tls or ssl.create_default_context(),
            timeout=httpx.Timeout(
                self._limits.answer_timeout.total_seconds(),
                connect=self._limits.connect_timeout.total_seconds(),
            ),
            follow_redirects=False,
            trust_env=False,
            headers=_HEADERS,
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    def resolve(self, href: str, *, base: str, query: Mapping[str, int] | None = None) -> str:
        """Return the address that a link in the document from `base` means, with `query` added.

        Raises: HrefForeign.
        """
        try:
            url = httpx.URL(base).join(href.strip())
        except (httpx.InvalidURL, ValueError) as error:
            raise HrefForeign(f"the link {href[:200]!r} is no address: {error}", path=base) from error
        if _origin(url) != self._origin or url.userinfo:
            raise HrefForeign(
                f"the link {href[:200]!r} leads away from {self.root}",
                path=base,
                hint="Have the server link to itself, or follow the other server as a feed of its own.",
            )
        return str(url.copy_merge_params(dict(query)) if query else url)

    async def get(self, url: str, *, etag: str | None = None) -> Answer:
        """Return what is at `url`, an address of this server, or that it is still what had this `etag`.

        Raises: UtilityUnavailable, UtilityRefused.
        """
        return await self._exchange("GET", url, headers={"If-None-Match": etag} if etag else {})

    async def post(self, url: str, document: bytes) -> Answer:
        """Post a document to `url`, an address of this server. Raises: as `get` does."""
        return await self._exchange("POST", url, headers={"Content-Type": SEP_XML}, content=document)

    async def _exchange(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None = None
    ) -> Answer:
        try:
            async with (
                asyncio.timeout(self._limits.answer_timeout.total_seconds()),
                self._http.stream(method, url, headers=headers, content=content) as response,
            ):
                _check_status(response, is_conditional="If-None-Match" in headers)
                if response.status_code == 304:
                    return Answer(url=url, body=b"", is_unchanged=True)
                body = await self._body(response)
        except TimeoutError as error:
            raise UtilityUnavailable(f"{url} did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UtilityUnavailable(f"{url} cannot be reached: {error!r}") from error
        return Answer(
            url=url,
            body=body,
            etag=_etag(response),
            location=response.headers.get("Location"),
        )

    async def _body(self, response: httpx.Response) -> bytes:
        """Return the body, decompressed; neither more is read nor more unpacked than is taken."""
        most = self._limits.max_answer_bytes
        packed = bytearray()
        async for chunk in response.aiter_raw():
            packed += chunk
            if len(packed) > most:
                raise _too_long(response)
        if packed and response.request.method == "GET":
            _check_media_type(response)
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding == "identity":
            return bytes(packed)
        if encoding not in ("gzip", "x-gzip"):
            raise UtilityRefused(f"{response.url} answers in the encoding {encoding[:40]!r}")
        return _unpacked(response, bytes(packed), most)


def _unpacked(response: httpx.Response, packed: bytes, most: int) -> bytes:
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        body = stream.decompress(packed, most + 1)
    except zlib.error as error:
        raise UtilityRefused(f"{response.url} answers with a broken gzip: {error}") from error
    if len(body) > most:
        raise _too_long(response)
    if not stream.eof:
        raise UtilityUnavailable(f"the answer of {response.url} is cut off")
    return body


def _too_long(response: httpx.Response) -> UtilityRefused:
    return UtilityRefused(f"the answer of {response.url} is longer than is taken")


def _check_status(response: httpx.Response, *, is_conditional: bool) -> None:
    status = response.status_code
    if 200 <= status < 300 or (status == 304 and is_conditional):
        return
    if status in _NOT_NOW:
        unavailable = UtilityUnavailable(f"{response.url} answers {status}")
        unavailable.retry_after = _retry_after(response)
        raise unavailable
    raise UtilityRefused(
        f"{response.url} answers {status}",
        hint="Redirects are not followed: name the address it leads to." if status < 400 else None,
    )


def _retry_after(response: httpx.Response) -> int | None:
    text = response.headers.get("Retry-After", "").strip()
    if not (text.isascii() and text.isdecimal()):
        return None
    return min(int(text[:9]), _LONGEST_WAIT)


def _etag(response: httpx.Response) -> str | None:
    """Return the tag of an answer, none where no request could carry it back."""
    etag = response.headers.get("ETag")
    return etag if etag is not None and etag.isascii() and etag.isprintable() else None


def _check_media_type(response: httpx.Response) -> None:
    media_type = response.headers.get("Content-Type", SEP_XML).partition(";")[0].strip().lower()
    if media_type not in _TAKEN:
        exi = " EXI is not spoken here." if media_type == "application/sep-exi" else ""
        raise UtilityRefused(f"{response.url} answers with {media_type[:60]!r}.{exi}")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
