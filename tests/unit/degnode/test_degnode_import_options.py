"""What is typed after `degnode meter import`, and what people see of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from degnode.commands.meter_import import FileView, _print
from tests.support.command_line import invoke

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "meters" / "day.csv"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--zone", "Mars/Olympus"), "no time zone"),
        (("--interval", "soon"), "no length of time"),
        (("--format", "xls"), "xls"),
        (("--interval", "PT1.5S"), "no whole number of seconds"),
        (("--interval", "0s"), "no whole number of seconds"),
        (("--interval", "93d"), "no whole number of seconds"),
        (("--horizon", "forever"), "no length of time"),
        (("--horizon", "999999d"), "more than 36525 days"),
        (("--direction", "sideways"), "neither import nor export"),
        (("--column", "Zeit"), "not like kwh=Usage"),
        (("--column", "kwh= "), "not like kwh=Usage"),
        (("--column", "power=Usage"), "no field"),
    ],
)
async def test_an_option_that_cannot_be_read_is_said_before_anything_is_opened(
    words: tuple[str, str], said: str
) -> None:
    result = await invoke(
        "meter", "import", str(EXAMPLE), *words, "--database-url", "postgresql://nobody@nowhere/x"
    )
    assert result.exit_code == 2
    assert said in result.output


def test_people_see_a_table_and_what_to_do_with_nothing_in_it_that_a_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = FileView(
        file="day.csv",
        format="csv",
        accepted=3,
        rejected=7,
        first_rejects=["line 3: NO_VALUE: '\x1b[2J' is no number"],
        reject_file="day.csv.rejects.csv",
        stopped="the disk is broken",
    )
    _print([view, FileView(file="w.csv", accepted=2)], dry_run=False)
    printed = capsys.readouterr().out
    for words in (
        "Imported",
        "NO_VALUE",
        "6 more were rejected",
        "day.csv.rejects.csv",
        "the disk is broken",
    ):
        assert words in printed
    assert "\x1b[2J" not in printed
    assert printed.count("w.csv") == 1
