"""Certificates of devices as 2030.5 has them: P-256, no subject, no end, and who signs them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from metering.sep.identity import lfdi_of_certificate
from metering.sep.tls import TlsMaterial

_BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
_NEVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_HARDWARE_MODULE_NAME: Final = ObjectIdentifier("1.3.6.1.5.5.7.8.4")
_MODULE: Final = bytes.fromhex("301006082b06010401cd0901040401020304")  # a type, and a serial number
_LOOPBACK: Final = ipaddress.ip_address("127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A certificate with its key, in files, and who it says that one is."""

    material: TlsMaterial
    der: bytes

    @property
    def lfdi(self) -> str:
        return lfdi_of_certificate(self.der)

    @property
    def pem(self) -> str:
        return self.material.certificate.read_text()


class DeviceAuthority:
    """A root that signs certificates of devices and of servers on this machine."""

    def __init__(self, folder: Path, name: str = "meters") -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._root = (
            _builder(subject, subject, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}-root.pem"
        self.file.write_bytes(self._root.public_bytes(serialization.Encoding.PEM))

    def device(self, name: str) -> Credentials:
        """Return a device: its certificate has no subject, and names its hardware in a critical extension."""
        hardware = x509.OtherName(_HARDWARE_MODULE_NAME, _MODULE)
        return self._issue(name, x509.SubjectAlternativeName([hardware]), critical=True)

    def server(self, name: str = "server") -> Credentials:
        """Return a server at 127.0.0.1."""
        return self._issue(name, x509.SubjectAlternativeName([x509.IPAddress(_LOOPBACK)]), critical=False)

    def _issue(self, name: str, names: x509.SubjectAlternativeName, *, critical: bool) -> Credentials:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(x509.Name([]), self._root.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(names, critical=critical)
            .sign(self._key, hashes.SHA256())
        )
        files = self._folder / f"{self._name}-{name}.pem", self._folder / f"{self._name}-{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return Credentials(
            material=TlsMaterial(certificate=files[0], key=files[1], authorities=(self.file,)),
            der=certificate.public_bytes(serialization.Encoding.DER),
        )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_NEVER)
    )
