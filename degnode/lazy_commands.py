"""Commands whose modules are imported only when they are run, or asked for their own help.

A command line that lists itself needs a name and a line of help for each command, not what the commands
need. Rows hold those; a test holds each line equal to what the command says itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command, get_group


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A command, or a group of commands, that lies elsewhere."""

    name: str
    target: str
    """`module:attribute`; there is a function, or a `typer.Typer` that becomes a group."""
    help: str
    """The first paragraph of its help, word for word."""

    def load(self) -> Any:  # noqa: ANN401  typer has no public name for what is a command or a group
        """Import the command's module and return the command, by its name here."""
        module, attribute = self.target.split(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            command = get_group(found)
            command.name = self.name
            return command
        alone = typer.Typer(add_completion=False)
        alone.command(self.name)(found)
        return get_command(alone)


class _Placeholder(TyperCommand):
    """What a group lists in a command's place; the command itself reads the arguments and runs."""

    callback: Callable[[], Any]

    def make_context(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401  handed on as it is
        """Load the command, which makes its own context and thereby runs in this one's stead."""
        return self.callback().make_context(*arguments, **named)


def add_lazily(app: typer.Typer, commands: Iterable[LazyCommand]) -> None:
    """Give `app` these commands, in this order; nothing is imported."""
    for each in commands:
        app.command(each.name, cls=_Placeholder, help=each.help)(each.load)
