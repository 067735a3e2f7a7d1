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


class Story(Protocol):
    """One trade, from the first look to the bill."""

    @property
    def playbill(self) -> Playbill:
        """What the report calls it."""

    @property
    def settings(self) -> Settings:
        """What its platforms are told beside what all are told."""

    def write_catalogue(self, folder: Path) -> Path:
        """Write what is for sale into `folder`, and return the file that the seller's platform reads."""

    async def tell(self, stage: Stage) -> Outcome:
        """Play it on a running network. Raises: TradeFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromFile:
    """What stories have in common that sell from a file of `degnode/demo/catalogues`."""

    catalogue: str
    playbill: Playbill
    settings: Settings = field(default_factory=dict)

    def write_catalogue(self, folder: Path) -> Path:
        """Write the catalogue into `folder`."""
        path = folder / self.catalogue
        path.write_text(read_catalogue(self.catalogue), encoding="utf-8")
        return path


def read_catalogue(name: str) -> str:
    """Return the text of a catalogue that a story sells from."""
    return resources.files("degnode.demo").joinpath("catalogues", name).read_text(encoding="utf-8")
