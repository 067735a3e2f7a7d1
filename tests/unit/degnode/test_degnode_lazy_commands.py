"""The command line lists what it has without importing it, and says of each what it says itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from degnode.__main__ import COMMANDS, app
from degnode.commands.meter import COMMANDS as METER_COMMANDS
from degnode.lazy_commands import LazyCommand, add_lazily

EVERY = [*COMMANDS, *METER_COMMANDS]
HEAVY = ("fastapi", "sqlalchemy", "numpy", "structlog")
IMPORTED = f"""
import sys
from degnode.__main__ import main
sys.argv = ["degnode", *sys.argv[1:]]
try:
    main()
finally:
    print("imported:", *(name for name in {HEAVY} if name in sys.modules))
"""


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.target)
def test_a_row_says_of_a_command_what_the_command_says_itself(row: LazyCommand) -> None:
    command = row.load()

    assert command.name == row.name
    assert " ".join(command.help.split("\n\n")[0].split()) == row.help


@pytest.mark.parametrize(
    "arguments", [["--help"], ["meter", "--help"], ["serve", "--help"]], ids=lambda arguments: arguments[0]
)
def test_help_is_shown_without_importing_what_the_commands_need(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, check=True
    )

    assert "Show this message and exit." in ended.stdout
    assert ended.stdout.splitlines()[-1] == "imported:"


def test_the_help_lists_every_command_in_order() -> None:
    said = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout

    places = [said.index(f"│ {row.name} ") for row in COMMANDS]
    assert places == sorted(places)
    assert all(row.help in said for row in COMMANDS)


def test_a_group_shows_its_own_help_by_the_name_it_has_here() -> None:
    said = CliRunner().invoke(app, ["api-keys", "--help"]).stdout

    assert "degnode api-keys [OPTIONS] COMMAND [ARGS]..." in said
    assert "revoke" in said


def test_a_command_reads_its_own_options() -> None:
    result = CliRunner().invoke(app, ["meter", "show", "--nonsense"])

    assert result.exit_code == 2
    assert "degnode meter show [OPTIONS]" in result.output
    assert "No such option: --nonsense" in result.output


@pytest.mark.parametrize(
    ("typed", "meant"), [(["keyz"], "keys"), (["meter", "lits"], "list"), (["serve", "bab"], "bap")]
)
def test_an_unknown_command_is_refused_with_the_name_that_is_like_it(typed: list[str], meant: str) -> None:
    result = CliRunner().invoke(app, typed)

    assert result.exit_code == 2
    assert f"No such command '{typed[-1]}'. Did you mean '{meant}'?" in result.output


def test_a_command_whose_module_is_missing_hinders_no_other() -> None:
    alone = typer.Typer()
    add_lazily(alone, [LazyCommand("gone", "degnode.commands.gone:gone", "Gone."), *COMMANDS])

    assert CliRunner().invoke(alone, ["audit", "--help"]).exit_code == 0
    assert isinstance(CliRunner().invoke(alone, ["gone"]).exception, ModuleNotFoundError)


def test_what_only_puts_jobs_or_lists_settings_does_not_load_what_does_jobs() -> None:
    loads = (
        "import sys, degnode.commands.settle_again, degnode.roles.bpp; print('procrastinate' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "False"
