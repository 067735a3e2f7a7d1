"""How an answer to a search says that it tells a part only of what fits: no wire has a field for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_WORDS: Final = (
    "{told} of {total} that fit; to see others look for something narrower, "
    "or for a part of the list by the filter $[0:{told}], then $[{told}:{twice}] and on."
)
_READ: Final = re.compile(
    r"(?:^|\s)(?P<told>[0-9]{1,9}) of (?P<total>[0-9]{1,9}) that fit; (?:"
    r"look for something narrower to see others|"  # as it was said before
    r"to see others look for something narrower, or for a part of the list by the filter "
    r"\$\[0:[0-9]{1,9}\], then \$\[[0-9]{1,9}:[0-9]{1,10}\] and on"
    r")\.\s*$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """So many resources are told, of so many that fit."""

    told: int
    total: int

    @property
    def words(self) -> str:
        return _WORDS.format(told=self.told, total=self.total, twice=2 * self.told)

    def after(self, description: str | None) -> str:
        """Return a description with what is said here at its end."""
        return f"{description} {self.words}" if description else self.words


def read_excerpt(description: str | None) -> Excerpt | None:
    """Return what a description says at its end of how much is told, None if that is all there is."""
    said = _READ.search(description or "")
    if said is None or int(said["told"]) >= int(said["total"]):
        return None
    return Excerpt(told=int(said["told"]), total=int(said["total"]))


def read_total(*descriptions: str | None) -> int | None:
    """Return how much fits by the first description that says so, None if none says that it is cut."""
    return next((said.total for text in descriptions if (said := read_excerpt(text))), None)
