"""Contracts from JSON Lines as columns of text: one object a line, numbers as they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from settlement.engines.faults import DataInvalid
from settlement.engines.file_sets import FileSet
from settlement.engines.tariffs import PRICES

FIELDS: Final = (
    "contract",
    "source",
    "target",
    "window_start",
    "window_end",
    "trade_time",
    "quantity_wh",
    "matching",
    *PRICES,
)


def read_lines(files: FileSet) -> Mapping[str, Any]:
    """Return the columns of the files' objects, with the file and the number of each line, from 0.

    Raises: DataInvalid, if a line is no object or a file is no UTF-8.
    """
    rows = [(path, number, line) for path in files.paths for number, line in _lines(path)]
    columns: dict[str, Any] = {
        name: np.array([_text(line.get(name)) for _, _, line in rows], dtype=object) for name in FIELDS
    }
    columns["filename"] = np.array([path for path, _, _ in rows], dtype=object)
    columns["file_row_number"] = np.array([number for _, number, _ in rows], dtype=np.int64)
    return columns


def _lines(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with Path(path).open("rb") as file:
        for number, raw in enumerate(file):
            if not raw.strip():
                continue
            try:
                line = json.loads(raw, parse_float=str, parse_int=str, parse_constant=str)
            except ValueError as error:
                raise DataInvalid(f"no JSON: {error}", path=f"{path}, row {number + 1}") from error
            if not isinstance(line, dict):
                raise DataInvalid("no object", path=f"{path}, row {number + 1}")
            yield number, line


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
