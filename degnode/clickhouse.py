"""How Ibis gets at the readings on a ClickHouse: they are sent there, and nothing of them stays.

ClickHouse counts distinct values by their hashes unless it is asked to be exact, keeps seconds in 32 bits
where Ibis asks for them, and forgets a session, with its temporary tables, that is silent for a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import ibis
import pyarrow
from clickhouse_connect.driver.tools import insert_file

from settlement.engines.file_sets import FileSet
from settlement.engines.ibis_engine import IbisEngine, Table, Words

_SETTINGS: Final = {"session_timeout": 3600}
"""Units: seconds; as long as a server lets a session be silent, unless it was set up for more."""
_READINGS: Final = {
    "meter": "string",
    "start": "timestamp('UTC', 6)",
    "import_wh": "int64",
    "export_wh": "int64",
}


@ibis.udf.scalar.builtin(name="toUnixTimestamp64Second", signature=(("timestamp('UTC', 6)",), "int64"))
def seconds_of(start):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201  Ibis reads the signature
    """Return the second since 1970 in which an instant lies, in 64 bits."""


@ibis.udf.agg.builtin(name="uniqExact", signature=(("int64",), "int64"))
def count_distinct(numbers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return how many numbers there are, whatever their hashes."""


def hand_over(connection: Any, rows: pyarrow.Table) -> Table:  # noqa: ANN401  a backend of Ibis
    """Return a temporary table of the rows: what goes with a question is not taken everywhere."""
    schema = ibis.memtable(rows).schema()
    table = connection.create_table(ibis.util.gen_name("degnode"), schema=schema, temp=True)
    connection.insert(table.get_name(), rows)
    return table


WORDS: Final = Words(seconds_of=seconds_of, count_distinct=count_distinct, hand_over=hand_over)


def clickhouse_engine(url: str) -> IbisEngine:
    """Return the engine at a URL like `clickhouse://user:secret@host/database`."""

    @contextmanager
    def open_table(files: FileSet) -> Iterator[tuple[Any, Table]]:
        connection: Any = ibis.connect(url, settings=_SETTINGS)
        try:
            name = ibis.util.gen_name("degnode_readings")
            table = connection.create_table(name, schema=ibis.schema(_READINGS), temp=True)
            for path in files.paths:
                insert_file(connection.con, name, path, fmt="Parquet")
            yield connection, table
        finally:
            connection.disconnect()

    return IbisEngine(open_table, WORDS)
