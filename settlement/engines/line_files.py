"""Lines written to a file: Parquet, CSV, or JSON with one object a line, by the file's ending."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from settlement.engines.faults import DataInvalid
from settlement.engines.file_sets import open_duckdb, quoted
from settlement.engines.lines import Lines

FORMS: Final = {
    ".parquet": "FORMAT parquet, COMPRESSION zstd",
    ".csv": "FORMAT csv, HEADER",
    ".json": "FORMAT json",
    ".jsonl": "FORMAT json",
}


def require_form(path: Path) -> str:
    """Return how a file of that name is written, in DuckDB's words. Raises: DataInvalid."""
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise DataInvalid(f"a file of lines ends in {', '.join(FORMS)}", path=str(path))
    return form


def write_lines(lines: Lines, path: Path) -> None:
    """Write the lines; a file that was broken off never bears the name. Raises: DataInvalid."""
    form = require_form(path)
    unfinished = path.with_name(f"{path.name}.part")
    columns = {
        "number": np.arange(len(lines)),
        "contract": lines.contract,
        "item": lines.item,
        "band": lines.band,
        "watt_hours": lines.watt_hours,
        "amount_minor": lines.amount_minor,
        "currency": lines.currency,
    }
    with open_duckdb() as connection:
        connection.register("lines", columns)
        connection.execute(
            "COPY (SELECT CAST(contract AS VARCHAR) AS contract, CAST(item AS VARCHAR) AS item, "  # noqa: S608
            "CAST(band AS VARCHAR) AS band, watt_hours, amount_minor, CAST(currency AS VARCHAR) AS currency "
            f"FROM lines ORDER BY number) TO {quoted(str(unfinished))} ({form})"
        )
    unfinished.replace(path)
