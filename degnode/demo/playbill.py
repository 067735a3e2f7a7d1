"""What every story is made of: what is for sale, how the platforms are set, and the telling itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final, Protocol

from degnode.demo.stage import Outcome, Stage

Settings = Mapping[str, Mapping[str, str]]
"""Environment variables by the name of the service."""

PAST: Final = {"DEGNODE_SELLS_PAST": "true", "DEGNODE_COLLECTION_DEADLINE": "P120D"}
"""Lets a seller's platform sell a month that is over, and wait for its readings as if it went by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbill:
    """What the report of a story says above and beside its figures."""

    title: str
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What the processes of a story start with: files, and settings beside what all stories have.

    `utilities` are distribution utilities by their subscriber ids, each with the file that it goes by.
    """

    catalogue: Path
    settings: Settings = field(default_factory=dict)
    utilities: Mapping[str, Path] = field(default_factory=dict)


class Story(Protocol):
    """One trade, from the first look to the bill."""

    @property
    def playbill(self) -> Playbill:
        """What the report calls it."""

    def set_up(self, folder: Path) -> SetUp:
        """Write into `folder` what the processes read."""

    async def tell(self, stage: Stage) -> Outcome:
        """Play it on a running network. Raises: TradeFailed."""


def copy_catalogue(name: str, folder: Path) -> Path:
    """Write one of the stories' files into `folder`, and return where it is."""
    path = folder / name
    path.write_text(read_catalogue(name), encoding="utf-8")
    return path


def read_catalogue(name: str) -> str:
    """Return the text of one of the stories' files: what is for sale, and what utilities go by."""
    return resources.files("degnode.demo").joinpath("catalogues", name).read_text(encoding="utf-8")
