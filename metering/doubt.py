"""Why a reading is set aside: the reasons, each with the sentence that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The code of a reason; stored, so a name once given stays."""

    NO_READING_TYPE = "NO_READING_TYPE"
    NOT_WATT_HOURS = "NOT_WATT_HOURS"
    NOT_ELECTRICITY = "NOT_ELECTRICITY"
    NOT_ENERGY = "NOT_ENERGY"
    ONE_PHASE = "ONE_PHASE"
    NO_DIRECTION = "NO_DIRECTION"
    PROVISIONAL = "PROVISIONAL"
    NO_VALUE = "NO_VALUE"
    NO_PERIOD = "NO_PERIOD"
    EMPTY_PERIOD = "EMPTY_PERIOD"
    TOO_LONG = "TOO_LONG"
    NEGATIVE = "NEGATIVE"
    FINER_THAN_WATT_HOUR = "FINER_THAN_WATT_HOUR"
    TOO_LARGE = "TOO_LARGE"
    FUTURE = "FUTURE"
    TOO_OLD = "TOO_OLD"
    CONTRADICTION = "CONTRADICTION"
    OVERLAP = "OVERLAP"
    REGISTER_FELL = "REGISTER_FELL"
    REGISTER_LEAPT = "REGISTER_LEAPT"
    BEYOND_MODULUS = "BEYOND_MODULUS"
    ACTUAL_KNOWN = "ACTUAL_KNOWN"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    SIGNED_OTHERWISE = "SIGNED_OTHERWISE"
    UNSIGNED = "UNSIGNED"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason for which a reading does not count, and what was wrong with this one."""

    reason: Reason
    sentence: str
