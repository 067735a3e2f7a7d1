"""The mRID: a meter's identity as a 128-bit number, however it is spelled.

Source: IEEE 2030.5 HexBinary128: pairs of hexadecimal digits, at most sixteen octets.
"""

from __future__ import annotations

import re
from typing import Final

from kernel.errors import NodeError

_PAIRS_OF_DIGITS: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){1,16}")
_STILL_BEING_CREATED: Final = "F" * 24


class MridInvalid(NodeError):
    """A text cannot be read as an mRID."""

    code, http_status, retryable = "METER_ID_INVALID", 400, False


def canonical_mrid(text: str, *, lenient: bool = False) -> str:
    """Return the mRID `text` as 32 upper-case hexadecimal digits.

    `lenient` lets an odd number of digits pass, as plain ids in trade messages have
    (`100200300` is `0100200300`); on the 2030.5 wire that is an error.
    Raises: MridInvalid.
    """
    digits = text.strip()
    if lenient and len(digits) % 2:
        digits = "0" + digits
    if not _PAIRS_OF_DIGITS.fullmatch(digits):
        raise MridInvalid(
            f"{text[:64]!r} is no mRID",
            hint="An mRID is pairs of hexadecimal digits, at most 32, for example 0100200300.",
        )
    return digits.upper().zfill(32)


def is_provisional(mrid: str) -> bool:
    """Say whether a canonical `mrid` names an object that is still being created.

    Source: IEEE 2030.5 mRIDType: all ones in the upper 96 bits; never settle on it.
    """
    return mrid.startswith(_STILL_BEING_CREATED)
