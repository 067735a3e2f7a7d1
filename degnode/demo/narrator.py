"""Telling the demo's story on the terminal, step by step as it happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import count
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from degnode.processes import BAP_ID, BPP_ID, Network
from protocol.actions import Action
from protocol.profile import Profile

_WIDTHS: Final = (0, 9, 11, 26, 0)  # columns: indent, from → to, message, signature, state
_NAMES: Final = {BAP_ID: "BAP", BPP_ID: "BPP"}


class Narrator:
    """Prints steps and tables; what the processes logged is the evidence for what it says."""

    def __init__(self, console: Console, network: Network, profile: Profile) -> None:
        self._console = console
        self._platforms = {BAP_ID: network.bap, BPP_ID: network.bpp, **network.utilities}
        self._actions = profile.wire_names
        self._told = dict.fromkeys(self._platforms, 0)
        self._steps = count(1)

    def step(self, text: str) -> None:
        """Begin the next step of the story."""
        self._console.print(f"\n[bold]{next(self._steps)}  {text}[/bold]")

    def say(self, text: str) -> None:
        self._console.print(Padding(Text(text), (0, 0, 0, 2)))

    def messages(self, reached: str) -> None:
        """Print the messages that were received since the last time, and the state `reached`."""
        rows = sorted(self._news(), key=lambda event: str(event["timestamp"]))
        if not rows:
            return
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for width in _WIDTHS:
            table.add_column(min_width=width, no_wrap=width > 0)
        for number, event in enumerate(rows, start=1):
            sender = str(event["key"]).partition("|")[0]
            table.add_row(
                "",
                f"{_name(sender)} → {_name(event['receiver'])}",
                f"[cyan]{self._actions[Action(event['action'])]}[/cyan]",
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
        """Return the messages that any side accepted, by its own log, since the last time."""
        news: list[dict[str, Any]] = []
        for receiver, service in self._platforms.items():
            events = service.log_events()
            fresh, self._told[receiver] = events[self._told[receiver] :], len(events)
            accepted = (event for event in fresh if event.get("event") == "message.accepted")
            news += [{**event, "receiver": receiver} for event in accepted]
        return news


def _name(subscriber_id: str) -> str:
    """Return what the story calls a platform: a utility by the first word of its name."""
    return _NAMES.get(subscriber_id, subscriber_id.partition("-")[0])


def as_text(value: object) -> str:
    """Return a value as a person writes it: numbers plain, nothing for None."""
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
