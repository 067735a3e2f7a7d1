"""How Ibis gets at the readings: on a Spark by its master's URL, or wherever a URL of Ibis leads.

Every process of a cluster must see the files under the same path.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import ibis
from pyspark.sql import SparkSession

from settlement.engines.file_sets import FileSet
from settlement.engines.ibis_engine import IbisEngine, Table

LOCAL_MASTER: Final = "local[2]"
_SPARK: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # a sum that leaves 64 bits is an error
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_ON_ONE_MACHINE: Final = {"spark.sql.shuffle.partitions": "4", "spark.driver.host": "127.0.0.1"}


def spark_engine(master: str = LOCAL_MASTER) -> IbisEngine:
    """Return the engine on a Spark: `spark://host:7077`, `yarn`, or `local[2]` within this process."""

    @contextmanager
    def open_table(files: FileSet) -> Iterator[tuple[Any, Table]]:
        builder: Any = SparkSession.builder
        settings = _SPARK | (_ON_ONE_MACHINE if master.startswith("local") else {})
        session = builder.appName("degnode settle").master(master).config(map=settings).getOrCreate()
        try:
            session.read.parquet(*files.paths).createOrReplaceTempView("degnode_readings")
            connection = ibis.pyspark.connect(session)
            yield connection, connection.table("degnode_readings")
        finally:
            session.stop()

    return IbisEngine(open_table)


def ibis_engine(url: str) -> IbisEngine:
    """Return the engine at a URL of Ibis, like `clickhouse://user:secret@host/database` or `duckdb://`.

    Raises: ImportError, where ClickHouse's driver is missing.
    """
    if url.startswith("clickhouse://"):
        from degnode.clickhouse import clickhouse_engine

        return clickhouse_engine(url)

    @contextmanager
    def open_table(files: FileSet) -> Iterator[tuple[Any, Table]]:
        connection: Any = ibis.connect(url)
        try:
            paths = list(files.paths)
            yield connection, connection.read_parquet(paths if len(paths) > 1 else paths[0])
        finally:
            connection.disconnect()

    return IbisEngine(open_table)
