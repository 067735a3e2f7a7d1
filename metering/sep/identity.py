"""Who a device is: its LFDI and SFDI, which follow from its certificate.

Source: IEEE 2030.5, clause 6.3.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

_LFDI_OCTETS: Final = 20
_LFDI: Final = re.compile(r"[0-9A-F]{40}")
_SFDI_DIGITS: Final = 9  # hexadecimal ones, 36 bits
_SENDER_PREFIX: Final = "lfdi:"


class LfdiInvalid(ValueError):
    """A text is no LFDI."""


def read_lfdi(text: str) -> str:
    """Return an LFDI in its one form, 40 upper-case hexadecimal digits; hyphens and spaces may part them.

    Raises: LfdiInvalid.
    """
    lfdi = text.translate({ord(parting): None for parting in "-: "}).upper()
    if not _LFDI.fullmatch(lfdi):
        raise LfdiInvalid(f"{text[:60]!r} is no LFDI, which has 40 hexadecimal digits")
    return lfdi


def lfdi_of_certificate(der: bytes) -> str:
    """Return the LFDI of a certificate, given in DER: the first 20 octets of its SHA-256 fingerprint."""
    return lfdi_of_fingerprint(hashlib.sha256(der).digest())


def lfdi_of_fingerprint(sha256: bytes) -> str:
    """Return the LFDI of the certificate that has this fingerprint."""
    return sha256[:_LFDI_OCTETS].hex().upper()


def sfdi_of(lfdi: str) -> int:
    """Return the SFDI that goes with an LFDI: its first 36 bits, and a digit that makes the sum of all
    digits a multiple of ten. It is not padded: it may have fewer than twelve digits.
    """
    number = int(lfdi[:_SFDI_DIGITS], 16)
    return number * 10 + -sum(map(int, str(number))) % 10


def sender_name(lfdi: str) -> str:
    """Return the name by which a device is kept as the sender of what it posts."""
    return _SENDER_PREFIX + lfdi
