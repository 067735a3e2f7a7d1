"""Delivered energy as a chart of bars: a plain SVG, with whole coordinates, that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from kernel.energy import Energy

WIDTH: Final = 720
HEIGHT: Final = 160
MOST_BARS: Final = 180
_BASE: Final = 136
"""Where bars stand; what is below has the labels. Units: those of the drawing."""
_TOP: Final = 20
_GREEN, _QUIET = "#2f7d5b", "#5b676d"
_GAP: Final = 4
"""A bar is this part narrower than its place."""


def draw_chart(bars: Sequence[tuple[str, Energy]]) -> Markup:
    """Return the chart of what each cycle delivered, named by the cycle; without bars it is empty.

    Of more cycles than can be told apart there is a bar for each day.

    The highest bar has its energy above it; the first and the last name what they are.
    """
    if len(bars) > MOST_BARS:
        bars = _by_day(bars)
    most = max((energy.watt_hours for _, energy in bars), default=0)
    drawn = [_bar(at, len(bars), name, energy, most) for at, (name, energy) in enumerate(bars)]
    line = Markup('<line x1="0" y1="{0}" x2="{1}" y2="{0}" stroke="{2}"/>')
    drawn.append(line.format(_BASE, WIDTH, _QUIET))
    if bars:
        drawn.append(_text(0, _TOP - 7, f"{Energy(most)} at most"))
        drawn.append(_text(0, HEIGHT - 8, bars[0][0]))
    if len(bars) > 1:
        drawn.append(_text(WIDTH, HEIGHT - 8, bars[-1][0], anchor="end"))
    frame = Markup('<svg role="img" aria-label="Delivered energy" viewBox="0 0 {} {}">{}</svg>')
    return frame.format(WIDTH, HEIGHT, Markup().join(drawn))


def _by_day(bars: Sequence[tuple[str, Energy]]) -> list[tuple[str, Energy]]:
    """Return the sums of cycles that are named after the same date: all but the number in their names."""
    days: dict[str, int] = {}
    for name, energy in bars:
        day = name.rpartition("-")[0]
        days[day] = days.get(day, 0) + energy.watt_hours
    return [(day, Energy(watt_hours)) for day, watt_hours in days.items()]


def _bar(at: int, count: int, name: str, energy: Energy, most: int) -> Markup:
    left, right = WIDTH * at // count, WIDTH * (at + 1) // count
    width = right - left
    height = (_BASE - _TOP) * energy.watt_hours // most if most else 0
    bar = Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"><title>{}</title></rect>')
    thickness = max(1, width - width // _GAP)
    return bar.format(left, _BASE - height, thickness, height, _GREEN, f"{name}: {energy}")


def _text(x: int, y: int, words: str, *, anchor: str = "start") -> Markup:
    text = Markup('<text x="{}" y="{}" font-size="12" fill="{}" text-anchor="{}">{}</text>')
    return text.format(x, y, _QUIET, anchor, words)
