"""The quality bits of a reading, as 2030.5 numbers them, and what others call the same.

Source: IEEE 2030.5 ReadingBase.qualityFlags. No bit at all means "not validated", not "good".
Each table below has its own source; a translation that would say more than is known is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

VALID: Final = 1 << 0
MANUALLY_EDITED: Final = 1 << 1
ESTIMATED_BY_REFERENCE_DAY: Final = 1 << 2
ESTIMATED_BY_INTERPOLATION: Final = 1 << 3
QUESTIONABLE: Final = 1 << 4
DERIVED: Final = 1 << 5
FORECAST: Final = 1 << 6

ESTIMATES: Final = ESTIMATED_BY_REFERENCE_DAY | ESTIMATED_BY_INTERPOLATION | FORECAST
"""Any of these bits says that nobody measured it so."""

WORDS: Final[Mapping[int, str]] = {
    VALID: "valid",
    MANUALLY_EDITED: "edited",
    ESTIMATED_BY_REFERENCE_DAY: "estimated-by-reference-day",
    ESTIMATED_BY_INTERPOLATION: "estimated-by-interpolation",
    QUESTIONABLE: "questionable",
    DERIVED: "derived",
    FORECAST: "forecast",
}
"""How the bits are called in our own answers and files."""

FROM_NEM12: Final[Mapping[str, int]] = {
    "A": VALID,
    "S": ESTIMATED_BY_REFERENCE_DAY,
    "F": ESTIMATED_BY_REFERENCE_DAY | VALID,
    "E": FORECAST,
}
"""The quality flags of AEMO's NEM12: actual, substituted, finally substituted, estimated ahead.

"N" says that there is no reading and "V" that each interval has a flag of its own: neither is a quality.
"""

FROM_ESTFEED: Final[Mapping[str, int]] = {"M": 0, "E": ESTIMATED_BY_REFERENCE_DAY}
"""Elering Estfeed: measured, estimated; it does not say how, nor whether anybody checked."""

FROM_ESPI: Final[Mapping[int, int]] = {
    0: VALID,
    7: MANUALLY_EDITED,
    8: ESTIMATED_BY_REFERENCE_DAY,
    9: ESTIMATED_BY_INTERPOLATION,
    10: QUESTIONABLE,
    11: DERIVED,
    12: FORECAST,
    13: QUESTIONABLE,  # mixed: of several qualities, nobody knows which
    14: 0,  # raw
    15: DERIVED,  # normalised for weather
    16: 0,  # other
    17: VALID,  # validated
    18: VALID,  # verified
    19: VALID,  # revenue quality
}
"""Green Button (NAESB ESPI) QualityOfReading."""

FROM_OPENADR: Final[Mapping[str, int]] = {
    "OK": 0,
    "ESTIMATED": ESTIMATED_BY_REFERENCE_DAY,
    "BAD": QUESTIONABLE,
}
"""OpenADR 3 DATA_QUALITY. "MISSING" says that there is no reading."""

_NEM12_BY_BITS: Final = (
    (FORECAST, "E"),
    (MANUALLY_EDITED, "F"),
    (ESTIMATED_BY_REFERENCE_DAY | ESTIMATED_BY_INTERPOLATION, "S"),
)
_ESPI_BY_BITS: Final = (
    (FORECAST, 12),
    (QUESTIONABLE, 10),
    (MANUALLY_EDITED, 7),
    (ESTIMATED_BY_REFERENCE_DAY, 8),
    (ESTIMATED_BY_INTERPOLATION, 9),
    (DERIVED, 11),
    (VALID, 0),
)
_OPENADR_BY_BITS: Final = ((QUESTIONABLE, "BAD"), (ESTIMATES, "ESTIMATED"))
_BITS: Final = {word: bit for bit, word in WORDS.items()}


def combined(one: int, other: int) -> int:
    """Return the quality of a value made of two: valid only if both are, and doubted if either is."""
    return ((one | other) & ~VALID) | (one & other & VALID)


def is_estimate(quality: int) -> bool:
    """Say whether nobody measured it so."""
    return bool(quality & ESTIMATES)


def words_of(quality: int) -> tuple[str, ...]:
    """Return the words for the bits that are set, the lowest first; bits without a word have none."""
    return tuple(word for bit, word in WORDS.items() if quality & bit)


def quality_of(words: Iterable[str]) -> int:
    """Return the bits that `words` name. Raises: KeyError, of a word that is none of ours."""
    quality = 0
    for word in words:
        quality |= _BITS[word]
    return quality


def to_nem12(quality: int) -> str:
    """Return the NEM12 flag; a final substitute is what an operator decided."""
    if quality & VALID and quality & ESTIMATED_BY_REFERENCE_DAY:
        return "F"
    return next((flag for bits, flag in _NEM12_BY_BITS if quality & bits), "A")


def to_estfeed(quality: int) -> str:
    """Return "E" for what nobody measured, else "M"."""
    return "E" if is_estimate(quality) else "M"


def to_espi(quality: int) -> int:
    """Return the one ESPI code that matters most; 14, raw, where nothing is known."""
    return next((code for bits, code in _ESPI_BY_BITS if quality & bits), 14)


def to_openadr(quality: int | None) -> str:
    """Return OpenADR's word; None, no reading at all, is "MISSING"."""
    if quality is None:
        return "MISSING"
    return next((word for bits, word in _OPENADR_BY_BITS if quality & bits), "OK")
