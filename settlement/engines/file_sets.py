"""Files of readings or contracts: found by path, folder or pattern, and opened by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Final

import duckdb

from settlement.engines.faults import DataInvalid

JSON_LINES: Final = (".jsonl", ".ndjson", ".json")
PARQUET: Final = (".parquet",)
DEFAULT_MEMORY: Final = "2GiB"


@dataclass(frozen=True, slots=True)
class FileSet:
    """Files of one form, in order of their names."""

    paths: tuple[str, ...]

    @property
    def are_json(self) -> bool:
        return self.paths[0].lower().endswith(JSON_LINES)

    def __str__(self) -> str:
        more = len(self.paths) - 1
        return f"{self.paths[0]} and {more} more" if more else self.paths[0]


def find_files(places: Sequence[str], *, endings: Sequence[str] = PARQUET) -> FileSet:
    """Return the files at `places`: files, folders with all below them, patterns like `2026/*.parquet`.

    Raises: DataInvalid, if there are none at one of them, or files of several forms.
    """
    found = sorted({path for place in places for path in _found_at(place, endings)})
    files = FileSet(tuple(found))
    if any(path.lower().endswith(JSON_LINES) != files.are_json for path in found):
        raise DataInvalid("some files are Parquet, others JSON Lines", path=", ".join(places))
    return files


def _found_at(place: str, endings: Sequence[str]) -> list[str]:
    candidates = _candidates(place)
    if not candidates and not Path(place).exists():
        raise DataInvalid("there is no such file", path=place)
    found = [each for each in candidates if each.lower().endswith(tuple(endings))]
    if not found:
        raise DataInvalid(f"no file here ends in {' or '.join(endings)}", path=place)
    return found


def _candidates(place: str) -> list[str]:
    path = Path(place)
    if path.is_dir():
        return [str(each) for each in path.rglob("*") if each.is_file()]
    return [place] if path.exists() else glob(place, recursive=True)  # noqa: PTH207  absolute patterns, too


@contextmanager
def open_duckdb(
    *, threads: int | None = None, memory: str = DEFAULT_MEMORY
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory that reads local files and nothing of the network, and close it at the end."""
    connection = duckdb.connect(config={"memory_limit": memory, "autoinstall_known_extensions": "false"})
    try:
        connection.execute("SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
        if threads is not None:
            connection.execute(f"SET threads = {threads:d}")
        yield connection
    finally:
        connection.close()


def require_columns(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    wanted: Mapping[str, Sequence[str]],
    *,
    files: FileSet,
) -> dict[str, str]:
    """Return the types of a relation's columns, by name; `wanted` says how those that must be may begin.

    `relation` is SQL of ours that names the files. Raises: DataInvalid.
    """
    try:
        rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise DataInvalid(f"cannot be read: {str(error).splitlines()[0]}", path=str(files)) from error
    types = {str(row[0]): str(row[1]) for row in rows}
    for name, kinds in wanted.items():
        if name not in types:
            raise DataInvalid(f"there is no column {name}", path=f"{files}, {name}")
        if kinds and not types[name].startswith(tuple(kinds)):
            raise DataInvalid(
                f"the column is {types[name]}, not {' or '.join(kinds)}", path=f"{files}, {name}"
            )
    return types


def listed(paths: Sequence[str]) -> str:
    """Return paths as a list in SQL."""
    return f"[{', '.join(map(quoted, paths))}]"


def quoted(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
