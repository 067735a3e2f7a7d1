"""Everything that is published, in every generation that it can be told in, ready to be searched.

A generation is laid out when it is first asked for. What is published after that is a part of its own
beside those that are there, and parts of about one size are joined: each catalogue is laid out anew only
a few times, however many there are. One thread at a time works with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from discovery.catalogue_form import FORMS
from discovery.shelf import Key, Published, Shelf, shelves_of
from kernel.interval import Interval
from search.columns import Mask
from search.facts import Facts, instant
from search.filters import Filters
from search.finding import Index, filters_for, find, looks_at_each
from search.items import Items
from search.paging import Page
from trading.excerpt import Excerpt
from trading.mapping import wire_of
from trading.mapping.find import Json
from trading.request import Criteria

_NAME: Final = "What was published here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of what was found: how much there is in all, and the message that tells of this page.

    `told` items are on it, in the generation `profile`.
    """

    profile: str
    total: int
    told: int
    message: Json

    @property
    def answer(self) -> Json:
        """The message for who cannot ask for another page: where it ends, it says that it is not all."""
        if self.told in (0, self.total):
            return self.message
        form, cut = FORMS[self.profile], Excerpt(told=self.told, total=self.total)
        if "catalog" in self.message:
            return {"catalog": form.cut(self.message["catalog"], cut)}
        *whole, last = self.message["catalogs"]
        return {"catalogs": [*whole, form.cut(last, cut)]}


class _Part:
    """Some of the catalogues in one index, in the order in which they are told.

    That order does not depend on when each was published: a filter that counts, such as $[0:500], means the
    same items in every process, and still does when a catalogue was published again.
    """

    def __init__(self, shelves: Iterable[Shelf], *, example: str) -> None:
        self.shelves = shelves = sorted(shelves, key=lambda shelf: shelf.published.key)
        self.firsts = np.cumsum([0, *(len(shelf.items) for shelf in shelves)])
        items = Items(item for shelf in shelves for item in shelf.items)
        facts = Facts([fact for shelf in shelves for fact in shelf.facts])
        self.index = Index(facts=facts, items=lambda: items, example=example)

    def __len__(self) -> int:
        return int(self.firsts[-1])

    def find(
        self, criteria: Criteria, told: Mapping[Key, Published], now: datetime, filters: Filters
    ) -> list[tuple[Shelf, int]]:
        rows = find(self.index, criteria, among=self._told(told, now), filters=filters)
        places = np.searchsorted(self.firsts, rows, side="right") - 1
        return [
            (self.shelves[place], row - int(self.firsts[place]))
            for place, row in zip(places.tolist(), rows.tolist(), strict=True)
        ]

    def _told(self, told: Mapping[Key, Published], now: datetime) -> Mask:
        """Say of each row whether its catalogue still stands as it is here, and its time is not over."""
        rows = np.asarray((self.index.facts.ends > instant(now)) | ~self.index.facts.is_timed)
        for place, shelf in enumerate(self.shelves):
            current = told.get(shelf.published.key)
            if current is None or current.change != shelf.published.change or not current.is_good(now):
                rows[self.firsts[place] : self.firsts[place + 1]] = False
        return rows


class Market:
    """The published catalogues; `change` is the last publication that it knows of."""

    def __init__(self) -> None:
        self._told: dict[Key, Published] = {}
        self._parts: dict[str, list[_Part]] = {}
        self.change = 0

    def update(self, news: Sequence[Published]) -> None:
        """Take notice of what was published, in the order of its changes; what is known already is left."""
        fresh = [each for each in news if each.change > self.change]
        if not fresh:
            return
        self._told |= {each.key: each for each in fresh}
        self.change = fresh[-1].change
        for profile in self._parts:
            self._add(profile, fresh)

    def search(self, profile: str, criteria: Criteria, *, now: datetime, page: Page) -> Found:
        """Return what matches all of the criteria, as `profile` tells it.

        Raises: FilterUnreadable, FieldInvalid.
        """
        if profile not in self._parts:
            self._parts[profile] = []
            self._add(profile, list(self._told.values()))
        example = wire_of(profile).FILTER_EXAMPLE
        parts = self._parts[profile] or [_Part([], example=example)]
        if len(parts) > 1 and not looks_at_each(criteria, example=example):
            parts = self._parts[profile] = [self._joined(parts, example=example)]
        filters = filters_for(criteria, items=sum(len(part) for part in parts))
        found = [hit for part in parts for hit in part.find(criteria, self._told, now, filters)]
        found.sort(key=lambda hit: (hit[0].published.key, hit[1]))
        part = page.part(found)
        return Found(
            profile=profile,
            total=len(found),
            told=len(part),
            message=_message(profile, part, criteria.window),
        )

    def _add(self, profile: str, news: Iterable[Published]) -> None:
        example = wire_of(profile).FILTER_EXAMPLE
        shelves = [shelf for each in news if each.is_active for shelf in shelves_of(each, profile)]
        parts = self._parts[profile]
        if shelves:
            parts.append(_Part(shelves, example=example))
        while len(parts) > 1 and len(parts[-2]) <= 2 * len(parts[-1]):
            last, before = parts.pop(), parts.pop()
            parts.append(self._joined((before, last), example=example))

    def _joined(self, parts: Iterable[_Part], *, example: str) -> _Part:
        shelves = (shelf for part in parts for shelf in part.shelves)
        return _Part(filter(self._stands, shelves), example=example)

    def _stands(self, shelf: Shelf) -> bool:
        current = self._told[shelf.published.key]
        return current.change == shelf.published.change and current.is_active


def _message(profile: str, found: Iterable[tuple[Shelf, int]], window: Interval | None) -> Json:
    """Return the message of the callback that tells what was found, by the offers that are for a window."""
    by_shelf: dict[int, tuple[Shelf, list[int]]] = {}
    for shelf, number in found:
        by_shelf.setdefault(id(shelf), (shelf, []))[1].append(number)
    told = [shelf.told(numbers, window=window) for shelf, numbers in by_shelf.values()]
    if profile == "v1_1":
        return {"catalog": {"descriptor": {"name": _NAME}, "providers": told}}
    return {"catalogs": told}
