"""Why something is done, in the words of whoever does it."""

from __future__ import annotations

from typing import Annotated

import typer


def need_words(text: str | None) -> str | None:
    """Return a reason, or complain about one that says nothing; None is none."""
    if text is not None and not text.strip():
        raise typer.BadParameter("say why in a few words")
    return text


Why = Annotated[str, typer.Option(callback=need_words, help="The reason, for the record.")]
