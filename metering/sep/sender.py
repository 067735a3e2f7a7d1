"""Who sends a document, and for which device it may speak."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kernel.errors import NodeError
from metering.documents import MirrorDocument, MirrorUsagePoint
from metering.sep.identity import lfdi_of_certificate, sender_name
from metering.sep.terminator import CertificateHeader


class DeviceForeign(NodeError):
    """A device speaks for another one."""

    code, http_status, retryable = "METER_DEVICE_FOREIGN", 403, False


@dataclass(frozen=True, slots=True)
class Sender:
    """Whoever sends documents, by the name they are kept under; `lfdi` where a certificate tells it."""

    name: str
    lfdi: str | None = None

    @classmethod
    def of_device(cls, lfdi: str) -> Sender:
        return cls(sender_name(lfdi), lfdi)


def sender_by_certificate(scope: Mapping[str, Any], header: CertificateHeader | None) -> Sender | None:
    """Return the device that a request comes from, None where nobody shows a certificate.

    Where a trusted proxy connects, only what it says of the device behind it counts: the connection's
    own certificate is the proxy's. Raises: CertificateHeaderUnreadable.
    """
    if header is not None and header.is_from_proxy(scope):
        lfdi = header.lfdi_in(scope)
    else:
        lfdi = _lfdi_of_connection(scope)
    return None if lfdi is None else Sender.of_device(lfdi)


def _lfdi_of_connection(scope: Mapping[str, Any]) -> str | None:
    # The TLS extension of ASGI: the peer's chain in PEM, its own certificate first.
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    return lfdi_of_certificate(ssl.PEM_cert_to_DER_cert(chain[0])) if chain else None


def as_sent_by(sender: Sender, document: MirrorDocument, *, aggregators: Collection[str]) -> MirrorDocument:
    """Return `document`, about the sender's own device where it names none.

    Raises: DeviceForeign, if a device that is no aggregator names another one.
    """
    if sender.lfdi is None or not isinstance(document, MirrorUsagePoint):
        return document
    if not document.device_lfdi:
        return replace(document, device_lfdi=sender.lfdi)
    if document.device_lfdi != sender.lfdi and sender.lfdi not in aggregators:
        raise DeviceForeign(
            f"the certificate is that of device {sender.lfdi}, which may not speak for others",
            path="deviceLFDI",
            hint="Write the LFDI of the certificate, or have it listed as an aggregator's.",
        )
    return document
