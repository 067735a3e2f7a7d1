"""The secret that a back office shares with us, and the header by which both sides sign with it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from kernel.body_signature import BodySignatureInvalid, check_body_signature
from kernel.errors import NodeError
from stations.station_file import StationsInvalid, WebhookStation

SIGNATURE_HEADER: Final = "X-Station-Signature"
_SHORTEST_SECRET: Final = 32


class StationSignatureInvalid(NodeError):
    """What was posted is not signed by the station's back office, not now, or otherwise than it reads."""

    code, http_status, retryable = "STATION_SIGNATURE_INVALID", 401, False


def read_secret(station: WebhookStation) -> str:
    """Return the secret of a station's file. Raises: StationsInvalid."""
    try:
        secret = station.secret_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StationsInvalid(
            f"the secret of station {station.id} cannot be read: {error}",
            path="secret_file",
            hint="Name a file that exists, beside the file of stations.",
        ) from error
    if len(secret) < _SHORTEST_SECRET or not secret.isprintable():
        raise StationsInvalid(
            f"the secret of station {station.id} is no line of {_SHORTEST_SECRET} characters or more",
            path="secret_file",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return secret


def check_signature(header: str | None, body: bytes, *, secret: str, now: datetime) -> None:
    """Raises: StationSignatureInvalid, unless the back office signed these very bytes a short while ago."""
    try:
        check_body_signature(header, body, secret=secret, now=now)
    except BodySignatureInvalid as error:
        raise StationSignatureInvalid(str(error), path=f"header {SIGNATURE_HEADER}") from error
