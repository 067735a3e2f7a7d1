"""In which texts a word occurs, also as a part of another word: every different word is looked at once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

from kernel.plain_text import searchable
from search.columns import Mask


class Words:
    """The words of texts, by row."""

    def __init__(self, texts: Iterable[str]) -> None:
        rows: dict[str, array[int]] = {}
        self._count = 0
        for row, text in enumerate(texts):
            self._count = row + 1
            for word in set(searchable(text).split()):
                if (found := rows.get(word)) is None:
                    found = rows[word] = array("i")
                found.append(row)
        self._words = list(rows)
        self._rows = [np.frombuffer(found, dtype=np.int32) for found in rows.values()]

    def holding(self, word: str) -> Mask:
        """Say of each row whether `word`, which is searchable and without spaces, occurs in its text."""
        says = np.zeros(self._count, dtype=np.bool_)
        for number, known in enumerate(self._words):
            if word in known:
                says[self._rows[number]] = True
        return says
