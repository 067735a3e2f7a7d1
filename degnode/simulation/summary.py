"""What a run came to: for people as a table, for programs as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from degnode.simulation.faults import OF_DOCUMENTS, Fault
from degnode.simulation.run import MeterRun, Plan
from kernel.clock import format_instant
from kernel.energy import Energy
from metering.energy import Direction

Json = dict[str, Any]

_LISTED: Final = 40


def summarize(plan: Plan, meters: Sequence[Json]) -> Json:
    """Return what was simulated: everything that was noted of each of the `meters`, and the sums."""
    return {
        "place": plan.place.name,
        "seed": plan.seed,
        "start": format_instant(plan.span.start),
        "end": format_instant(plan.span.end),
        "intervalSeconds": int(plan.span.step.total_seconds()),
        "modulusWh": plan.modulus,
        "importedWh": sum(meter["importedWh"] for meter in meters),
        "exportedWh": sum(meter["exportedWh"] for meter in meters),
        "documents": sum(meter["documents"] for meter in meters),
        "readings": sum(meter["readings"] for meter in meters),
        "faults": dict(
            sorted(Counter(fault["kind"] for meter in meters for fault in meter["faults"]).items())
        ),
        "meters": meters,
    }


def noting(runs: Iterable[MeterRun], meters: dict[int, Json]) -> Iterator[MeterRun]:
    """Pass `runs` on, and note in `meters`, by number, what there is to say of each.

    `importedWh` and `exportedWh` are what truly flowed; `toldImportWh` and `toldExportWh` what the
    interval readings say in the end, None where there are none.
    """
    for run in runs:
        meters[run.history.premises.number] = _of_meter(run)
        yield run


def _of_meter(run: MeterRun) -> Json:
    premises, history = run.history.premises, run.history
    return {
        "number": premises.number,
        "mRID": f"00{premises.mrid}",
        "kind": premises.kind,
        "connectionWatts": premises.connection_watts,
        "importedWh": sum(history.imported),
        "exportedWh": sum(history.exported),
        "toldImportWh": run.told(Direction.IMPORT),
        "toldExportWh": run.told(Direction.EXPORT),
        "documents": 1 + len(run.documents),
        "readings": sum(document.readings for document in run.documents),
        "faults": [_of_fault(fault, run) for fault in run.faults],
    }


def _of_fault(fault: Fault, run: MeterRun) -> Json:
    if fault.kind in OF_DOCUMENTS:
        return {"kind": fault.kind.value, "document": fault.at}
    instant = datetime.fromtimestamp(run.history.begins(fault.at), UTC)
    return {"kind": fault.kind.value, "interval": fault.at, "at": format_instant(instant)}


def print_summary(console: Console, summary: Json) -> None:
    """Print what people read: every meter, the sums, and where faults struck."""
    place, seed = summary["place"].capitalize(), summary["seed"]
    table = Table(title=f"{place}, {summary['start']} to {summary['end']}, seed {seed}")
    for heading in ("meter", "what it is", "imported kWh", "exported kWh", "documents", "readings", "faults"):
        table.add_column(heading, justify="left" if heading == "what it is" else "right")
    for meter in summary["meters"][:_LISTED]:
        table.add_row(str(meter["number"]), meter["kind"], *_figures(meter), str(len(meter["faults"])))
    left = len(summary["meters"]) - _LISTED
    if left > 0:
        table.add_row("", f"and {left} more")
    table.add_section()
    faults = [(meter["number"], fault) for meter in summary["meters"] for fault in meter["faults"]]
    table.add_row("", f"all {len(summary['meters'])}", *_figures(summary), str(len(faults)))
    console.print(table)
    for number, fault in faults[:_LISTED]:
        where = f"document {fault['document']}" if "document" in fault else fault["at"]
        console.print(f"  {fault['kind']:<10} meter {number}, {where}", highlight=False)
    if len(faults) > _LISTED:
        console.print(f"  and {len(faults) - _LISTED} more faults: --json lists them all", highlight=False)


def _figures(sums: Json) -> tuple[str, str, str, str]:
    imported, exported = (f"{Energy(sums[name]).kilowatt_hours:f}" for name in ("importedWh", "exportedWh"))
    return imported, exported, f"{sums['documents']:,}", f"{sums['readings']:,}"
