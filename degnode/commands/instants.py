"""Instants as they are typed: Unix seconds, as signatures have them, or RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from kernel.clock import parse_instant


def read_instant(text: str) -> datetime:
    """Return the instant that `text` says. Raises: typer.BadParameter."""
    try:
        return datetime.fromtimestamp(int(text), UTC) if text.isdecimal() else parse_instant(text)
    except (ValueError, OverflowError, OSError) as error:
        raise typer.BadParameter(
            f"{text!r} is no instant: write Unix seconds, or like 2026-01-09T10:00:00Z"
        ) from error
