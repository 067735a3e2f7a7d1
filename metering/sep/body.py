"""The body of a meter's request: media type, compression and size, checked before it is read on."""

from __future__ import annotations

import zlib
from typing import Final

from fastapi import Request

from metering.sep.elements import MAX_DOCUMENT_BYTES, MeterDocumentRefused, MeterDocumentTooLarge

SEP_XML: Final = "application/sep+xml"
_TAKEN: Final = frozenset({SEP_XML, "application/xml"})
_GZIP_WINDOW: Final = 31  # zlib: 15 bits of window, gzip header


class MediaTypeUnsupported(MeterDocumentRefused):
    """A body is in a form that is not taken here."""

    code, http_status = "METER_MEDIA_TYPE_UNSUPPORTED", 415
    reason_code = 3


class CompressionBroken(MeterDocumentRefused):
    """A body says that it is gzip, and is not."""

    code = "METER_COMPRESSION_BROKEN"


async def read_sep_body(request: Request) -> bytes:
    """Return the document that `request` brings, decompressed.

    Reading stops at the limit; what would grow beyond it is not decompressed.
    Raises: MediaTypeUnsupported, MeterDocumentTooLarge, CompressionBroken.
    """
    _check_media_type(request.headers.get("content-type", ""))
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise MediaTypeUnsupported(
            f"content encoding {encoding[:40]!r} is not taken", hint="Send gzip or none."
        )
    body = await _read_bounded(request)
    return body if encoding == "identity" else _decompressed(body)


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _TAKEN:
        return
    exi = "EXI is not spoken here; " if media_type == "application/sep-exi" else ""
    raise MediaTypeUnsupported(f"media type {media_type[:60]!r} is not taken", hint=f"{exi}send {SEP_XML}.")


async def _read_bounded(request: Request) -> bytes:
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > MAX_DOCUMENT_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_DOCUMENT_BYTES:
            raise _too_large()
    return bytes(body)


def _decompressed(body: bytes) -> bytes:
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        document = stream.decompress(body, MAX_DOCUMENT_BYTES + 1)
    except zlib.error as error:
        raise CompressionBroken(f"the body is no gzip: {error}") from error
    if len(document) > MAX_DOCUMENT_BYTES:
        raise _too_large()
    if not stream.eof or stream.unused_data:
        raise CompressionBroken("the gzip stream is cut off, or something follows it")
    return document


def _too_large() -> MeterDocumentTooLarge:
    return MeterDocumentTooLarge(
        f"the document has more than {MAX_DOCUMENT_BYTES} bytes", hint="Post fewer readings at a time."
    )
