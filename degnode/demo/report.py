"""The demo's report: one HTML page with the bill, the readings as a chart, and every message."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
import simplejson
from jinja2 import Environment

from degnode.demo.app import Json
from degnode.demo.playbill import Playbill
from degnode.demo.readings import as_kwh, delivered_in, readings_of, thinned
from kernel.clock import parse_instant

_SUN, _GRID, _FLOW = "#e8a33d", "#4a84c8", "#2f8f5b"
_CLEAR: Final = "rgba(0,0,0,0)"
_TEMPLATE: Final = "report.html.j2"


def write_report(path: Path, transaction: Json, *, playbill: Playbill) -> None:
    """Write the report of `transaction` to `path`: one file that needs nothing else."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"json": _pretty, "kwh": as_kwh}
    template = environment.from_string(resources.files(__package__).joinpath(_TEMPLATE).read_text())
    readings = readings_of(transaction)
    page = template.render(
        transaction=transaction,
        title=playbill.title,
        readings=thinned(readings),
        delivered=delivered_in(transaction),
        chart=_chart(readings, playbill),
    )
    path.write_text(page, encoding="utf-8")


def _chart(readings: list[Json], playbill: Playbill) -> str:
    """Return the meters' registers and the delivered energy as an HTML fragment with its script."""
    times = [row["timestamp"] for row in readings]
    figure = go.Figure()
    for name, key, colour in (
        (f"{playbill.source}, exported", "sourceReading", _SUN),
        (f"{playbill.target}, imported", "targetReading", _GRID),
    ):
        first = readings[0][key]
        values = [str(row[key] - first) for row in readings]
        figure.add_scatter(x=times, y=values, name=name, mode="lines+markers", line={"color": colour})
    lengths = _lengths(times)
    figure.add_bar(  # each from one reading to the next
        x=times[1:],
        y=[str(row["energyFlow"]) for row in readings[1:]],
        width=lengths,
        offset=[-length for length in lengths],
        name="delivered",
        marker={"color": _FLOW, "line": {"color": _CLEAR, "width": 2}},
        opacity=0.5,
    )
    figure.update_layout(
        template="plotly_white",
        height=360,
        paper_bgcolor=_CLEAR,
        plot_bgcolor=_CLEAR,
        margin={"l": 50, "r": 20, "t": 20, "b": 40},
        yaxis={"title": "kWh", "type": "linear"},
        xaxis={"type": "date"},
        legend={"orientation": "h", "y": 1.12},
    )
    fragment: str = figure.to_html(full_html=False, include_plotlyjs=True, config={"displayModeBar": False})
    return fragment


def _lengths(times: list[str]) -> list[int]:
    """Return the time from each instant to the next. Units: ms."""
    instants = [parse_instant(text) for text in times]
    return [(end - start) // timedelta(milliseconds=1) for start, end in pairwise(instants)]


def _pretty(value: Any) -> str:  # noqa: ANN401  any JSON
    return simplejson.dumps(value, use_decimal=True, indent=2, ensure_ascii=False)
