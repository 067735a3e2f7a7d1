"""Two columns of numbers from DuckDB as NumPy's: block by block through Arrow, or all at once without it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final, TypeAlias

import duckdb

from settlement.engines.contract_table import Integers

Pair: TypeAlias = tuple[Integers, Integers]
_ROWS: Final = 1_000_000
HAS_ARROW: Final = find_spec("pyarrow") is not None


def read_pairs(
    connection: duckdb.DuckDBPyConnection, query: str, *, by_arrow: bool = HAS_ARROW
) -> Iterator[Pair]:
    """Yield the rows of a query of two columns that hold whole numbers and no NULL, in no order.

    Arrow's blocks are looked at where DuckDB laid them: that takes half the time, and no memory for all rows.
    """
    if by_arrow:
        for block in connection.sql(query).to_arrow_reader(_ROWS):
            one, other = (column.to_numpy(zero_copy_only=True) for column in block.columns)
            yield one, other
    else:
        one, other = connection.execute(query).fetchnumpy().values()
        yield one, other
