"""Contracts from Parquet or JSON Lines. The columns stand in docs/settlement.md.

Whatever a column holds is first read as text, so that no price passes through a float and no value is
silently rounded; a value that does not fit is named with its file, row and column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, NoReturn

import duckdb
import numpy as np

from settlement.engines.contract_lines import read_lines
from settlement.engines.contract_table import ContractTable, Flags, Integers
from settlement.engines.faults import DataInvalid, check_sum
from settlement.engines.file_sets import FileSet, listed, open_duckdb, require_columns
from settlement.engines.losses import MOST_SENT, needed
from settlement.engines.tariffs import PRICES, Tariff, TariffInvalid, read_tariff

TEXTS: Final = ("contract", "source", "target")
INSTANTS: Final = ("window_start", "window_end", "trade_time")
MATCHING: Final = {"INTERVAL": True, "WINDOW": False}
REQUIRED: Final = (*TEXTS, *INSTANTS, "quantity_wh", "currency")
_NONE: Final = -(2**63)
_PER_SECOND: Final = 1_000_000
_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class _Rows:
    """The contracts of the files as columns, in order of their ids, and where to find them again."""

    relation: str
    connection: duckdb.DuckDBPyConnection
    columns: Mapping[str, Any]
    prices: Sequence[str]
    """Which columns of `PRICES` there are; a row of `columns["prices"]` has a text for each."""

    def refuse(self, index: int, column: str, why: str) -> NoReturn:
        """Raise DataInvalid for a row."""
        place = self.connection.execute(
            f"SELECT filename, file_row_number + 1 FROM {self.relation} "  # noqa: S608
            "WHERE coalesce(CAST(contract AS VARCHAR), '') = ? ORDER BY ALL DESC LIMIT 1",
            [str(self.columns["contract"][index])],
        ).fetchall()
        file, row = place[0]
        raise DataInvalid(why, path=f"{file}, row {row}, {column}")


def read_contracts(files: FileSet, *, day_start: int, day_end: int) -> ContractTable:
    """Return the contracts that overlap the day, and those that compete with them for earlier energy.

    Units: seconds since 1970 UTC. Raises: DataInvalid, EnergyTooLarge.
    """
    with open_duckdb() as connection:
        rows = _read(connection, files)
        _check(rows)
        return _table(rows, day_start=day_start, day_end=day_end)


def _read(connection: duckdb.DuckDBPyConnection, files: FileSet) -> _Rows:
    if files.are_json:
        relation = "contract_lines"
        connection.register("lines", read_lines(files))
        connection.execute(f"CREATE TABLE {relation} AS FROM lines")
    else:
        relation = f"read_parquet({listed(files.paths)}, filename = true, file_row_number = true)"
    types = require_columns(connection, relation, dict.fromkeys(REQUIRED, ()), files=files)
    for name in (*REQUIRED, "matching", *PRICES):
        if types.get(name, "").startswith(("DOUBLE", "FLOAT", "STRUCT")) or types.get(name, "").endswith(
            "[]"
        ):
            raise DataInvalid(
                f"the column is {types[name]}: use whole numbers, DECIMAL or text", path=f"{files}, {name}"
            )
    prices = [name for name in PRICES if name in types]
    columns = connection.execute(_query(relation, types, prices)).fetchnumpy()
    ids = columns["contract"]
    if np.any(ids[1:] < ids[:-1]):  # most files are in order
        order = np.argsort(ids, kind="stable")
        columns = {name: column[order] for name, column in columns.items()}
    return _Rows(relation, connection, columns, prices)


def _query(relation: str, types: Mapping[str, str], priced: Sequence[str]) -> str:
    def text(name: str) -> str:
        return f"coalesce(CAST({name} AS VARCHAR), '')" if name in types else "''"

    def instant(name: str) -> str:
        is_instant = types.get(name, "").startswith("TIMESTAMP WITH")
        read = name if is_instant else f"TRY_CAST(CAST({name} AS VARCHAR) AS TIMESTAMPTZ)"
        return f"coalesce(epoch_us({read}), {_NONE}) AS {name}"

    quantity = text("quantity_wh")
    is_whole = f"regexp_full_match({quantity}, '[0-9]{{1,18}}')"
    whole = f"CASE WHEN {is_whole} THEN CAST({quantity} AS BIGINT) ELSE {_NONE} END"
    prices = f" || '{_SEPARATOR}' || ".join(text(name) for name in priced)
    return (
        f"SELECT {', '.join(f'{text(name)} AS {name}' for name in (*TEXTS, 'matching'))}, "  # noqa: S608
        f"{', '.join(instant(name) for name in INSTANTS)}, {whole} AS quantity_wh, {prices} AS prices "
        f"FROM {relation}"
    )


def _check(rows: _Rows) -> None:
    columns = rows.columns
    for name in TEXTS:
        _refuse_where(rows, columns[name] == "", name, "nothing is said")
    _refuse_where(
        rows, columns["contract"][1:] == columns["contract"][:-1], "contract", "the id is used twice"
    )
    for name in INSTANTS:
        _refuse_where(rows, columns[name] == _NONE, name, "this is no instant like 2026-03-14T06:00:00Z")
    for name in ("window_start", "window_end"):
        _refuse_where(rows, columns[name] % _PER_SECOND != 0, name, "a window begins and ends with a second")
    _refuse_where(rows, columns["window_end"] <= columns["window_start"], "window_end", "the window is empty")
    _refuse_where(rows, columns["quantity_wh"] < 0, "quantity_wh", "this is no whole number of Wh from 0 on")
    _refuse_where(rows, columns["source"] == columns["target"], "target", "a meter does not sell to itself")
    known = {"", *MATCHING}
    if not known.issuperset(columns["matching"]):
        strange = np.array([text not in known for text in columns["matching"]])
        _refuse_where(rows, strange, "matching", f"this is none of {', '.join(MATCHING)}")
    check_sum(int(max(columns["quantity_wh"], default=0)), len(columns["contract"]), what="contracts")


def _refuse_where(rows: _Rows, wrong: Flags, column: str, why: str) -> None:
    if np.any(wrong):
        rows.refuse(int(np.argmax(wrong)), column, why)


def _table(rows: _Rows, *, day_start: int, day_end: int) -> ContractTable:
    columns = rows.columns
    start, end = (columns[name] // _PER_SECOND for name in ("window_start", "window_end"))
    sources, source_meters = _numbered(columns["source"])
    targets, target_meters = _numbered(columns["target"])
    kept = np.flatnonzero(
        competing(
            sources=sources, targets=targets, start=start, end=end, day_start=day_start, day_end=day_end
        )
    )
    tariff_of, texts = _numbered(columns["prices"][kept])
    tariffs = [_tariff(rows, kept, tariff_of, number, text) for number, text in enumerate(texts)]
    quantity = columns["quantity_wh"][kept]
    lost = np.array([tariff.loss for tariff in tariffs], dtype=np.int64)[tariff_of]
    return ContractTable(
        ids=columns["contract"][kept].tolist(),
        sources=sources[kept],
        targets=targets[kept],
        source_meters=source_meters,
        target_meters=target_meters,
        traded_at=columns["trade_time"][kept],
        quantity=quantity,
        sent=_to_send(rows, kept, quantity, lost) if lost.any() else quantity,
        lost=lost,
        start=start[kept],
        end=end[kept],
        by_interval=columns["matching"][kept] == "INTERVAL",
        tariff_of=tariff_of,
        tariffs=tariffs,
    )


def _tariff(rows: _Rows, kept: Integers, tariff_of: Integers, number: int, text: str) -> Tariff:
    try:
        said = dict(zip(rows.prices, text.split(_SEPARATOR), strict=True))
        return read_tariff(dict.fromkeys(PRICES, "") | said)
    except TariffInvalid as error:
        rows.refuse(int(kept[np.argmax(tariff_of == number)]), error.column, str(error))


def _to_send(rows: _Rows, kept: Integers, quantity: Integers, lost: Integers) -> Integers:
    """Return what has to be sent for each quantity to arrive."""
    sent, lossy = quantity.copy(), np.flatnonzero(lost)
    why = f"where energy is lost, at most {MOST_SENT} Wh may be sent"
    too_much = np.flatnonzero(quantity[lossy] > MOST_SENT)
    if not len(too_much):
        sent[lossy] = needed(quantity[lossy], lost[lossy])
        too_much = np.flatnonzero(sent[lossy] > MOST_SENT)
    if len(too_much):
        rows.refuse(int(kept[lossy[too_much[0]]]), "quantity_wh", why)
    check_sum(int(sent.max()), len(sent), what="contracts")
    return sent


def _numbered(texts: Sequence[str]) -> tuple[Integers, list[str]]:
    numbers: dict[str, int] = defaultdict(count().__next__)
    return np.fromiter(map(numbers.__getitem__, texts), np.int64, len(texts)), list(numbers)


def competing(
    *, sources: Integers, targets: Integers, start: Integers, end: Integers, day_start: int, day_end: int
) -> Flags:
    """Say which contracts overlap a day, or an earlier window at a meter of one that matters.

    What is left of a contract when the day begins depends on all that its meters gave to others before.
    """
    begun: Flags = start < day_end
    kept = begun & (end > day_start)
    known = 0
    while known < (known := int(np.count_nonzero(kept))):
        for meters in (sources, targets):
            earliest = np.full(int(meters.max(initial=-1)) + 1, day_start)
            np.minimum.at(earliest, meters[kept], start[kept])
            kept |= begun & (end > earliest[meters])
    return kept
