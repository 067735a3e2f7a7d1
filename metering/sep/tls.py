"""TLS as IEEE 2030.5 wants it: both sides show a certificate, and the standard's cipher suite is there.

A modern peer is offered AES-GCM, and TLS 1.3; one that knows nothing but the standard gets
ECDHE-ECDSA-AES128-CCM8. Source: IEEE 2030.5, clause 6.7.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernel.errors import NodeError

CCM8: Final = "ECDHE-ECDSA-AES128-CCM8"
_SUITES: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    CCM8,
)
_CURVE: Final = "prime256v1"
_CCM8_IS_WEAK_SINCE: Final = (3, 2)  # OpenSSL: its tag of 8 octets puts it at security level 0


class TlsMaterialUnusable(NodeError):
    """A certificate or a key that a setting names cannot be used; nothing is served or asked with it."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMaterial:
    """Files in PEM: our own certificate with what leads up to its root, its key, the roots of peers."""

    certificate: Path
    key: Path
    authorities: Sequence[Path]


def server_context(material: TlsMaterial) -> ssl.SSLContext:
    """Return how a server meets its peers: only who shows a certificate of a known authority gets in.

    Raises: TlsMaterialUnusable.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_ecdh_curve(_CURVE)
    return _prepared(context, material)


def client_context(material: TlsMaterial, *, check_hostname: bool = True) -> ssl.SSLContext:
    """Return how a client meets a server: it shows its certificate, and trusts these authorities only.

    Certificates of 2030.5 servers may name no host; then `check_hostname` must be off, and the
    authorities must be those of this one network.
    Raises: TlsMaterialUnusable.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = check_hostname
    return _prepared(context, material)


def _prepared(context: ssl.SSLContext, material: TlsMaterial) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    level = ":@SECLEVEL=0" if ssl.OPENSSL_VERSION_INFO[:2] >= _CCM8_IS_WEAK_SINCE else ""
    context.set_ciphers(":".join(_SUITES) + level)
    try:
        # An empty password, so that a sealed key is refused instead of asked for at a terminal.
        context.load_cert_chain(material.certificate, material.key, password="")
    except (OSError, ValueError) as error:
        raise _unusable(f"{material.certificate} and {material.key}", error) from error
    for file in material.authorities:
        try:
            context.load_verify_locations(file)
        except (OSError, ValueError) as error:
            raise _unusable(str(file), error) from error
    return context


def _unusable(what: str, error: Exception) -> TlsMaterialUnusable:
    return TlsMaterialUnusable(
        f"{what} cannot be used for TLS: {error}",
        hint="Give PEM files: a certificate, its key without a password, and the roots of peers.",
    )
