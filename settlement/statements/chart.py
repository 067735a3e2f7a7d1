"""Delivered energy as a chart of bars: a plain SVG, with whole coordinates, that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from kernel.energy import Energy

WIDTH: Final = 720
HEIGHT: Final = 160
_BASE: Final = 136
"""Where bars stand; what is below has the labels. Units: those of the drawing."""
_TOP: Final = 16
_GAP: Final = 4
"""A bar is this part narrower than its place."""


def draw_chart(bars: Sequence[tuple[str, Energy]]) -> Markup:
    """Return the chart of what each cycle delivered, named by the cycle; without bars it is empty.

    The highest bar has its energy above it; the first and the last name what they are.
    """
    most = max((energy.watt_hours for _, energy in bars), default=0)
    drawn = [_bar(at, len(bars), name, energy, most) for at, (name, energy) in enumerate(bars)]
    drawn.append(Markup('<line x1="0" y1="{0}" x2="{1}" y2="{0}"/>').format(_BASE, WIDTH))
    if bars:
        drawn.append(_text(0, _TOP - 4, f"{Energy(most)} at most"))
        drawn.append(_text(0, HEIGHT - 8, bars[0][0]))
    if len(bars) > 1:
        drawn.append(_text(WIDTH, HEIGHT - 8, bars[-1][0], anchor="end"))
    frame = Markup('<svg role="img" aria-label="Delivered energy" viewBox="0 0 {} {}">{}</svg>')
    return frame.format(WIDTH, HEIGHT, Markup().join(drawn))


def _bar(at: int, count: int, name: str, energy: Energy, most: int) -> Markup:
    left, right = WIDTH * at // count, WIDTH * (at + 1) // count
    width = right - left
    height = (_BASE - _TOP) * energy.watt_hours // most if most else 0
    return Markup('<rect x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
        left, _BASE - height, max(1, width - width // _GAP), height, f"{name}: {energy}"
    )


def _text(x: int, y: int, words: str, *, anchor: str = "start") -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, words)
