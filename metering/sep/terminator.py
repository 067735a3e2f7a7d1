"""A device's certificate as a proxy passes it on that ends TLS in front of us."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.datastructures import Headers

from kernel.errors import NodeError
from metering.sep.identity import lfdi_of_fingerprint

_LONGEST: Final = 20_000  # characters
_SHA256_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}")
_SHA1_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:?){19}[0-9A-Fa-f]{2}")
_BYTE_SEQUENCE: Final = re.compile(r":([A-Za-z0-9+/=]*):")


class CertificateHeaderUnreadable(NodeError):
    """A trusted proxy passes on something that names no device."""

    code, http_status, retryable = "METER_CERTIFICATE_UNREADABLE", 401, False


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateHeader:
    """The header in which `proxies`, and nobody else, say whose certificate they have checked.

    It holds the certificate as URL-escaped PEM or as a byte sequence of RFC 9440, or its SHA-256
    fingerprint in hexadecimal digits.
    """

    name: str
    proxies: Sequence[IPv4Network | IPv6Network]

    def lfdi_in(self, scope: Mapping[str, Any]) -> str | None:
        """Return the LFDI of the device that a proxy speaks for, None where no proxy names one.

        Raises: CertificateHeaderUnreadable.
        """
        fingerprint = self.fingerprint_in(scope)
        return None if fingerprint is None else lfdi_of_fingerprint(fingerprint)

    def fingerprint_in(self, scope: Mapping[str, Any]) -> bytes | None:
        """Return the SHA-256 fingerprint of the certificate that a proxy has checked, if it names one.

        Raises: CertificateHeaderUnreadable.
        """
        if not self.is_from_proxy(scope):
            return None
        values = [value for value in Headers(raw=scope["headers"]).getlist(self.name) if value.strip()]
        if not values:
            return None
        if len(values) > 1:
            raise self._unreadable("it is there more than once", "Let the proxy drop what callers send.")
        return self._fingerprint_of(values[0].strip())

    def is_from_proxy(self, scope: Mapping[str, Any]) -> bool:
        """Say whether one of the proxies connects."""
        client: tuple[str, int] | None = scope.get("client")
        if client is None:
            return False
        try:
            address = ip_address(client[0])
        except ValueError:
            return False
        return any(address in network for network in self.proxies)

    def _fingerprint_of(self, value: str) -> bytes:
        if len(value) > _LONGEST:
            raise self._unreadable("it is too long for a certificate", "Pass on the device's own only.")
        if _SHA256_HEX.fullmatch(value):
            return bytes.fromhex(value.replace(":", ""))
        if _SHA1_HEX.fullmatch(value):
            raise self._unreadable(
                "40 digits may be a SHA-1 fingerprint, which names no device", "Pass on the certificate."
            )
        return self._certificate_of(value).fingerprint(SHA256())

    def _certificate_of(self, value: str) -> x509.Certificate:
        try:
            if sequence := _BYTE_SEQUENCE.fullmatch(value):
                return x509.load_der_x509_certificate(base64.b64decode(sequence[1], validate=True))
            return x509.load_pem_x509_certificate(unquote(value).encode())
        except ValueError as error:
            raise self._unreadable(
                "it holds no certificate", "Pass on URL-escaped PEM, or the SHA-256 fingerprint."
            ) from error

    def _unreadable(self, what: str, hint: str) -> CertificateHeaderUnreadable:
        return CertificateHeaderUnreadable(what, path=f"header {self.name}", hint=hint)
