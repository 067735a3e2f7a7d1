"""Reading a meter's energy back, page by page: as rows, as CSV, as Parquet. Memory stays flat."""
