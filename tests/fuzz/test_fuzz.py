"""A short fuzz of everything that reads what strangers send, from the corpus that longer runs left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.fuzz.targets import TARGETS
from tests.fuzz.xml_mutator import changed, flipped

_SECONDS: Final = {"mirror_document": 60}
_USUAL_SECONDS: Final = 20
_SEED: Final = "20260109"  # a build does not depend on luck: runs by hand look for what is new
_MUTANTS: Final = 4_000
_LONGEST: Final = 20_000  # bytes
_CORPUS: Final = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_input_that_was_ever_of_interest_is_answered(target: str) -> None:
    inputs = sorted((_CORPUS / target).iterdir())
    assert inputs
    for file in inputs:
        TARGETS[target](file.read_bytes())


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no build for this Python")
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_no_input_breaks_anything(target: str, tmp_path: Path) -> None:
    seconds = str(_SECONDS.get(target, _USUAL_SECONDS))
    corpus = tmp_path / "corpus"
    shutil.copytree(_CORPUS / target, corpus)
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, seconds, str(corpus), _SEED],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4_000:]


def test_meters_documents_changed_as_xml_break_nothing_where_there_is_no_fuzzer_either() -> None:
    kept = [file.read_bytes() for file in sorted((_CORPUS / "mirror_document").iterdir())]
    inputs, random = list(kept), Random(int(_SEED))  # noqa: S311  reproducible, guards nothing
    for seed in range(_MUTANTS):
        at = random.randrange(len(inputs))
        inputs[at] = changed(inputs[at], _LONGEST, seed, partial(flipped, random=random))
        TARGETS["mirror_document"](inputs[at])
        if random.random() < 0.2:  # or soon nothing would be XML any more
            inputs[at] = kept[at]
