"""A meter that signs what it shows, in OCMF."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stations.ocmf import MeterKey

Json = dict[str, Any]


def reading(kwh: str, **other: Any) -> Json:
    """Return a stand of the import register as a meter writes it; `kwh` stands as it is."""
    stand = {"TM": "2026-11-27T09:10:00,000+0000 S", "TX": "C", "RV": kwh, "RI": "1-b:1.8.0", "RU": "kWh"}
    return {**stand, "EF": "", "ST": "G", **other}


@dataclass
class SignedMeter:
    """A meter with a key of its own."""

    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def public_key(self) -> str:
        public = self.private.public_key()
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()

    @property
    def key(self) -> MeterKey:
        return MeterKey.read(self.public_key)

    def sign(self, payload: Json | str, *, base64: bool = False, **section: str) -> str:
        """Return a record of a payload, with members of the signature's section as they are given."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        signature = self.private.sign(text.encode(), ec.ECDSA(SHA256()))
        written = b64encode(signature).decode() if base64 else signature.hex()
        return f"OCMF|{text}|{json.dumps({'SD': written, **section})}"

    def record(self, kwh: str, **other: Any) -> str:
        """Return a record of one stand."""
        return self.sign({"FV": "1.0", "PG": "T1", "MS": "M-1", "RD": [reading(kwh, **other)]})
