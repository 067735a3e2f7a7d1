"""Telling the demo's story on the terminal, step by step as it happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import count
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from degnode.processes import Network
from protocol.actions import HANDLED_BY, Action, Role
from protocol.profile import Profile

_WIDTHS: Final = (0, 9, 11, 26, 0)  # columns: indent, from → to, message, signature, state
_NAMES: Final = {Role.BAP: "BAP", Role.BPP: "BPP"}


class Narrator:
    """Prints steps and tables; what the processes logged is the evidence for what it says."""

    def __init__(self, console: Console, network: Network, profile: Profile) -> None:
        self._console = console
        self._network = network
        self._names = profile.wire_names
        self._told = {Role.BAP: 0, Role.BPP: 0}
        self._steps = count(1)

    def step(self, text: str) -> None:
        """Begin the next step of the story."""
        self._console.print(f"\n[bold]{next(self._steps)}  {text}[/bold]")

    def say(self, text: str) -> None:
        self._console.print(f"  {text}", highlight=False)

    def messages(self, reached: str) -> None:
        """Print the messages that were received since the last time, and the state `reached`."""
        rows = sorted(self._news(), key=lambda event: str(event["timestamp"]))
        if not rows:
            return
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for width in _WIDTHS:
            table.add_column(min_width=width, no_wrap=width > 0)
        for number, event in enumerate(rows, start=1):
            receiver = event["receiver"]
            table.add_row(
                "",
                f"{_NAMES[receiver.counterpart]} → {_NAMES[receiver]}",
                f"[cyan]{self._names[Action(event['action'])]}[/cyan]",
                f"[green]signed ✓[/green] {event['key']}",
                reached if number == len(rows) else "",
            )
        self._console.print(table)

    def table(self, title: str, headings: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        table = Table(title=title, title_justify="left", title_style="bold")
        for index, heading in enumerate(headings):
            table.add_column(heading, justify="left" if index == 0 else "right")
        for row in rows:
            table.add_row(*(as_text(cell) for cell in row))
        self._console.print()
        self._console.print(table)

    def facts(self, title: str, facts: Mapping[str, object]) -> None:
        """Print names and values."""
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
        table.add_column(style="dim")
        table.add_column()
        for name, value in facts.items():
            table.add_row(name, as_text(value))
        self._console.print()
        self._console.print(table)

    def _news(self) -> list[dict[str, Any]]:
        """Return the messages that either side accepted, by its own log, since the last time."""
        news: list[dict[str, Any]] = []
        for role, service in ((Role.BAP, self._network.bap), (Role.BPP, self._network.bpp)):
            events = service.log_events()
            fresh, self._told[role] = events[self._told[role] :], len(events)
            accepted = (event for event in fresh if event.get("event") == "message.accepted")
            news += [
                {**event, "receiver": role}
                for event in accepted
                if Action(event["action"]) in HANDLED_BY[role]
            ]
        return news


def as_text(value: object) -> str:
    """Return a value as a person writes it: numbers plain, nothing for None."""
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
