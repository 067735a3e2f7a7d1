"""The quality bits of a reading, as 2030.5 numbers them, and what becomes of them in arithmetic.

Source: IEEE 2030.5 ReadingBase.qualityFlags. No bit at all means "not validated", not "good".
"""

from __future__ import annotations

from typing import Final

VALID: Final = 1 << 0
MANUALLY_EDITED: Final = 1 << 1
ESTIMATED_BY_REFERENCE_DAY: Final = 1 << 2
ESTIMATED_BY_INTERPOLATION: Final = 1 << 3
QUESTIONABLE: Final = 1 << 4
DERIVED: Final = 1 << 5
FORECAST: Final = 1 << 6


def combined(one: int, other: int) -> int:
    """Return the quality of a value made of two: valid only if both are, and doubted if either is."""
    return ((one | other) & ~VALID) | (one & other & VALID)
