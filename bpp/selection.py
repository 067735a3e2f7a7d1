"""What of an order this platform can sell now."""

from __future__ import annotations

from datetime import datetime

from bpp.platform import Bpp
from settlement.agreement import LONGEST_WINDOW
from trading.fields import Field
from trading.refusals import WindowUnavailable
from trading.request import OrderRequest, Selection, find_selection


def find_sellable(bpp: Bpp, request: OrderRequest, *, now: datetime) -> Selection:
    """Return what `request` is about, if it can be bought at `now`.

    Raises: a refusal that says what of it is not to be had.
    """
    selection = find_selection(bpp.catalogue, request, now=now)
    if selection.window.end <= now and not bpp.sells_past:
        raise WindowUnavailable(
            f"that window ended at {selection.window.end.isoformat()}",
            path=Field.TRADE_END,
            hint="Choose a window that ends in the future.",
        )
    if selection.window.duration > LONGEST_WINDOW:
        raise WindowUnavailable(
            f"a contract runs for {LONGEST_WINDOW.days} days at most", path=Field.TRADE_END
        )
    return selection
