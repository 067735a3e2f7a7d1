"""`python -m linters` as a developer and `make check` meet it."""

from __future__ import annotations

from pathlib import Path

import pytest

from linters.__main__ import main


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with one bad file, one good one and one that nobody lints."""
    (tmp_path / "bpp").mkdir()
    (tmp_path / "bpp" / "orders.py").write_text("session.commit()\n")
    (tmp_path / "bpp" / "catalog.py").write_text("session.add(1)\n")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "foreign.py").write_text("session.commit()\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("top")
def test_everything_is_linted_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("bpp/orders.py:1:1: HOUSE001 ")
    assert printed.err == "1 against the rules of the house\n"


def test_only_what_is_asked_for_is_linted(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bpp/catalog.py", str(top / "bpp" / "catalog.py")]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("top")
def test_a_path_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bpp/nothing.py"]) == 2
    assert "nothing.py" in capsys.readouterr().err
