"""What a settled cycle's amount is a function of, as one digest: where it is the same, so is the amount.

A look at a contract compares the digests of its closed cycles with those that were kept, and charges
only the cycles that are new or have another one. Whoever changes how a cycle is charged has to
change `VERSION`, too, or it would not be seen of what is settled already.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

from settlement.agreement import Agreement
from settlement.explanation import session_record
from settlement.laying import Laid
from settlement.quantities import CycleQuantities
from settlement.stalls import energies_in
from trading.bands import Band
from trading.records import terms_to_record

VERSION: Final = 3


class BasisOf:
    """Tells the bases of one contract's cycles."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        head = [VERSION, agreement.zone, _instant(agreement.window.start), terms_to_record(agreement.terms)]
        self._head = sha256(json.dumps(head, sort_keys=True).encode())

    def __call__(self, quantities: CycleQuantities) -> bytes:
        """Return the SHA-256 over all that decides what the cycle delivers and costs."""
        metered = quantities.cycle.metered
        digest = self._head.copy()
        text = (
            f"{_instant(metered.start)} {_instant(metered.end)} {self._last(quantities)}\n"
            f"{_laid(quantities.before)}\n{_laid(quantities.to_date)}"
        )
        digest.update(text.encode())
        return digest.digest()

    def _last(self, quantities: CycleQuantities) -> str:
        """Return what the last cycle depends on beside: of a fixed price the part that is due, how a
        session went, shortfalls.
        """
        agreement = self._agreement
        if quantities.cycle.metered.end != agreement.window.end:
            return ""
        due = (
            f"{agreement.contracted.watt_hours} {agreement.curtailed.watt_hours} {agreement.is_terminated:d}"
        )
        if agreement.session is not None:
            due += f" {session_record(agreement.session)}"
            due += "".join(f" {watt_hours}" for watt_hours in energies_in(quantities, agreement))
        if (ended := agreement.cancellation) is not None:
            return f"{due} {ended.side} {ended.owed.minor} {_instant(ended.at)}"
        if not agreement.terms.penalties:
            return due
        given, taken = quantities.exported.to_date, quantities.imported.to_date
        return f"{due} {given.watt_hours} {taken.watt_hours}"


def _laid(laid: Laid) -> str:
    return ";".join([f"{_named(band)} {energy.watt_hours}" for band, energy in laid.bands.items()])


@lru_cache(maxsize=1_024)
def _named(band: Band) -> str:
    return json.dumps([f"{band.rate:f}", band.label, str(band.period), band.discounts])


def _instant(instant: datetime) -> str:
    return instant.isoformat()
