"""The steps of a command on the screen: what is done, what to know, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kernel.errors import NodeError
from kernel.plain_text import printable

_DONE: Final = ("✓", "green")
_NOTE: Final = ("!", "yellow")
_WRONG: Final = ("✗", "red")
_NAME_WIDTH: Final = 11  # characters


class Checklist:
    """Prints one line a step; on a terminal long ones are folded, elsewhere they stay whole.

    What a registry said is among them, and nothing of it may move the cursor.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def title(self, text: str) -> None:
        self._console.print(Text(printable(text), style="bold"), soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a sentence that belongs to no step, apart from what stands above it."""
        self._console.print()
        self._console.print(Text(printable(text)), soft_wrap=True)

    def done(self, name: str, text: str) -> None:
        self._print(_DONE, name, text)

    def note(self, name: str, text: str) -> None:
        """Print what is no failure but must be known."""
        self._print(_NOTE, name, text)

    def wrong(self, name: str, error: NodeError) -> None:
        """Print what went wrong at a step, and what to do about it."""
        where = f" (at {error.path})" if error.path and not error.path.startswith("$") else ""
        self._print(_WRONG, name, f"{error.message}{where}")
        if error.hint:
            self._print(("", "bold"), "", f"What to do: {error.hint}")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show on a terminal what is waited for while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(text):
            yield

    def _print(self, mark: tuple[str, str], name: str, text: str) -> None:
        (sign, colour), text = mark, printable(text)
        if not self._console.is_terminal:
            line = f"  {sign or ' '} {name:<{_NAME_WIDTH}} {text}"
            self._console.print(Text(line), soft_wrap=True)
            return
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1)
        grid.add_column(width=1)
        grid.add_column(width=_NAME_WIDTH)
        grid.add_column(overflow="fold")
        grid.add_row("", Text(sign, style=colour), Text(name), Text(text))
        self._console.print(grid)
