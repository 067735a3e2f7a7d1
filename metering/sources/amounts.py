"""Energy as files write it, read exactly: whole Wh or nothing, never rounded."""

from __future__ import annotations

import re
from typing import Final

from metering.doubt import Doubt, Reason

_AMOUNT: Final = re.compile(r"([+-]?)([0-9]{1,15})(?:\.([0-9]{1,12}))?")
KWH_DECIMALS: Final = 3


def watt_hours_of(text: str, *, decimals: int) -> int | Doubt:
    """Return the Wh of a plain decimal number, or why it says none.

    `decimals` is how many of them a whole Wh takes: 0 for Wh, 3 for kWh. Further ones must be zeros.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return Doubt(Reason.NO_VALUE, f"{text[:40]!r} is no plain decimal number like 1.234")
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if fraction[decimals:].strip("0"):
        return Doubt(Reason.FINER_THAN_WATT_HOUR, f"{text[:40]} is finer than 1 Wh, which is never rounded")
    watt_hours = int(whole + fraction[:decimals].ljust(decimals, "0"))
    if sign == "-" and watt_hours:
        return Doubt(
            Reason.NEGATIVE, f"{text[:40]} is negative; energy the other way has a direction of its own"
        )
    return watt_hours
