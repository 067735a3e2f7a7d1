"""What is believed of a charging, and every doubt of it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from stations.chargings import Charging
from stations.intake import Taken

_LONGEST_DOUBT: Final = 1_000
"""Characters: who looks at a charging reads no more, and a station can say the same for ever."""


def counted(charging: Charging, taken: Taken) -> Charging:
    """Return a charging with what was believed of its meter since it began, and with every doubt."""
    since = taken.since(charging.started_at)
    first, last = [charging.start_wh, *since.values()], [charging.counted_at, taken.counted_at]
    return replace(
        charging,
        start_wh=min((stand for stand in first if stand is not None), default=None),
        highest_wh=max(
            (stand for stand in (charging.highest_wh, taken.highest) if stand is not None), default=None
        ),
        counted_at=max((at for at in last if at is not None), default=None),
        doubt=joined(charging.doubt, *taken.doubts),
    )


def joined(*sentences: str | None) -> str | None:
    """Return the sentences one after the other, each once, as many as have room; None if there are none."""
    text = ""
    for sentence in filter(None, sentences):
        longer = f"{text}; {sentence}" if text else sentence
        if sentence not in text and (not text or len(longer) <= _LONGEST_DOUBT):
            text = longer
    return text or None
