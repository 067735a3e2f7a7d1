"""What a participant that answers searches is told."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from node.settings import Settings


class SearchSettings(Settings):
    """The settings of a participant that answers searches."""

    search_results: PositiveInt = Field(
        500, le=10_000, description="How many items one answer to a search tells at most."
    )
    browser_search: bool = Field(
        False, description="Whether anybody may search with a browser, at /beckn/discover/browser-search."
    )
