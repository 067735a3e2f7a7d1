"""A short fuzz of everything that reads what strangers send, from the corpus that longer runs left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from tests.fuzz.targets import TARGETS

_SECONDS: Final = 20
_CORPUS: Final = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_input_that_was_ever_of_interest_is_answered(target: str) -> None:
    inputs = sorted((_CORPUS / target).iterdir())
    assert inputs
    for file in inputs:
        TARGETS[target](file.read_bytes())


@pytest.mark.timeout(180)
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no build for this Python")
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_no_input_breaks_anything(target: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(_CORPUS / target, corpus)
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, str(_SECONDS), str(corpus)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4_000:]
