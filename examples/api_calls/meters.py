"""The posts of both meters: the documents of `examples/meter`, their readings moved into the window."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from examples.api_calls.steps import Act, Expect, Step, WaitForEnd

_FOLDER: Final = Path(__file__).parents[1] / "meter"
_SEP: Final = "application/sep+xml"


def meter_steps() -> tuple[Step, ...]:
    """Return what both meters post once the window is over."""
    return (
        _meter("rooftop", "The seller's meter tells what it gave.", before=(WaitForEnd(),)),
        _meter("bakery", "The buyer's meter tells what it took: now the contract can be settled."),
    )


def _meter(name: str, about: str, *, before: tuple[Act, ...] = ()) -> Step:
    text = (_FOLDER / f"{name}.xml").read_text(encoding="utf-8")
    text = re.sub(r"<start>\d+", "<start>{{start_epoch}}", text)
    return Step(
        name=f"meter of the {name}",
        about=about,
        url="{{bpp}}/mup",
        content_type=_SEP,
        body=re.sub(r"<duration>\d+", "<duration>{{seconds}}", text).rstrip("\n"),
        before=before,
        after=(Expect((201, 204)),),
    )
