"""docs/changes.md shows THE TABLE of changes as it is."""

from __future__ import annotations

from pathlib import Path

from trading.changes import CHANGES, Change, Phase, Rule, Verdict
from trading.wheeling import Side

PAGE = Path(__file__).parents[3] / "docs" / "changes.md"
WORDS = {Verdict.AT_ONCE: "at once", Verdict.ON_TERMS: "on the terms", Verdict.BY_CONSENT: "by consent"}


def written(side: Side) -> str:
    """Return the table of a side in Markdown."""
    head = ["", *(phase.value for phase in Phase)]
    rows = [[change.value, *(cell(CHANGES[side, change, phase]) for phase in Phase)] for change in Change]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(rule: Rule) -> str:
    return WORDS[rule.verdict] if rule.refusal is None else f"`{rule.refusal.code}`"


def test_the_page_shows_the_table_of_each_side() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for side in Side:
        assert written(side) in page, f"put this into {PAGE.name}:\n{written(side)}"


def test_the_page_says_what_each_phase_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"- **{phase.value}**: " in page for phase in Phase)
