"""Options that many commands share are taken as one thing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from degnode.commands.place import DEFAULT_DATA_DIR, Place, at_a_place


@dataclass(frozen=True, slots=True, kw_only=True)
class Corner(Place):
    """A place within a place."""

    corner: Annotated[str, typer.Option(help="Which corner.")]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEGNODE_DATA_DIR", "DEGNODE_DATABASE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def told(*arguments: str) -> tuple[int, str, list[tuple[str, Place]]]:
    """Run a command that keeps what it is given; return its status, what it printed and what it kept."""
    kept: list[tuple[str, Place]] = []
    app = typer.Typer()

    @app.command()
    @at_a_place
    def sweep(what: str, *, place: Corner) -> None:
        """Sweep a corner."""
        kept.append((what, place))

    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output, kept


def test_each_field_of_the_place_is_an_option() -> None:
    status, _, kept = told("dust", "--corner", "left", "--role", "bpp", "--data-dir", "here")
    assert (status, kept) == (0, [("dust", Corner(corner="left", role="bpp", data_dir=Path("here")))])


def test_what_is_not_said_is_as_the_place_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere")
    _, _, kept = told("dust", "--corner", "left")
    assert kept == [
        ("dust", Corner(corner="left", data_dir=DEFAULT_DATA_DIR, database_url="postgresql://somewhere"))
    ]


def test_what_has_no_default_must_be_said() -> None:
    status, output, kept = told("dust")
    assert (status, kept) == (2, [])
    assert "--corner" in output


def test_the_help_is_the_commands_own() -> None:
    _, output, _ = told("--help")
    assert "Sweep a corner." in output
    assert all(option in output for option in ("--corner", "--role", "--data-dir", "--database-url"))
    assert "--place" not in output
