"""Steps on the screen: whole lines for programs and logs, folded ones on a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from degnode.join.checklist import Checklist
from kernel.errors import NodeError

LONG = "a sentence that is much longer than the screen is wide, " * 3


def told(*, terminal: bool) -> tuple[Checklist, StringIO]:
    text = StringIO()
    return Checklist(Console(file=text, width=60, force_terminal=terminal, color_system=None)), text


def test_a_step_is_one_line_where_there_is_no_terminal() -> None:
    checklist, text = told(terminal=False)
    checklist.done("keys", LONG)
    assert text.getvalue().splitlines() == [f"  ✓ keys        {LONG}"]


def test_a_step_is_folded_under_its_own_column_on_a_terminal() -> None:
    checklist, text = told(terminal=True)
    checklist.note("keys", LONG)
    first, *rest = text.getvalue().splitlines()
    assert first.startswith("  ! keys")
    assert rest
    assert all(line.startswith(" " * 16) for line in rest)


def test_what_a_registry_says_moves_no_cursor() -> None:
    checklist, text = told(terminal=True)
    checklist.note("request", "\x1b[2Jgone\x9b1A [red]in[/red]")
    checklist.title("\x1b]0;mine\x07")
    assert "\x1b" not in text.getvalue()
    assert "\x9b" not in text.getvalue()
    assert "[red]in[/red]" in text.getvalue()


def test_our_own_lines_stay_lines() -> None:
    checklist, text = told(terminal=False)
    checklist.wrong("command", NodeError("the settings cannot be used:\n  PORT is no number"))
    assert text.getvalue().splitlines()[1] == "  PORT is no number"


def test_what_went_wrong_is_followed_by_what_to_do() -> None:
    checklist, text = told(terminal=False)
    checklist.wrong("request", NodeError("no such key", path="--registry-key", hint="Ask for it."))
    assert text.getvalue().splitlines() == [
        "  ✗ request     no such key (at --registry-key)",
        "                What to do: Ask for it.",
    ]


def test_brackets_in_what_others_say_are_shown_as_they_are() -> None:
    checklist, text = told(terminal=False)
    checklist.done("registry", "[red]mine[/red] [/]")
    assert "[red]mine[/red] [/]" in text.getvalue()


def test_waiting_says_nothing_where_there_is_no_terminal() -> None:
    checklist, text = told(terminal=False)
    with checklist.waiting("for the registry"):
        pass
    assert text.getvalue() == ""
