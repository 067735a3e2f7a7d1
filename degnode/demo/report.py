"""The demo's report: one HTML page with the bill, the readings as a chart, and every message."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
import simplejson
from jinja2 import Environment

from degnode.demo.app import Json

_SUN, _GRID, _FLOW = "#e8a33d", "#3d6ea8", "#2f8f5b"
_TEMPLATE: Final = "report.html.j2"


def write_report(path: Path, transaction: Json) -> None:
    """Write the report of `transaction` to `path`: one file that needs nothing else."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["json"] = _pretty
    template = environment.from_string(resources.files(__package__).joinpath(_TEMPLATE).read_text())
    page = template.render(transaction=transaction, chart=_chart(transaction["delivery"]["meterReadings"]))
    path.write_text(page, encoding="utf-8")


def _chart(readings: list[Json]) -> str:
    """Return the meters' registers and the delivered energy as an HTML fragment with its script."""
    times = [row["timestamp"] for row in readings]
    figure = go.Figure()
    for name, key, colour in (
        ("roof, exported", "sourceReading", _SUN),
        ("bakery, imported", "targetReading", _GRID),
    ):
        first = readings[0][key]
        values = [str(row[key] - first) for row in readings]
        figure.add_scatter(x=times, y=values, name=name, mode="lines+markers", line={"color": colour})
    flows = [str(row["energyFlow"]) for row in readings]
    figure.add_bar(x=times, y=flows, name="delivered", marker_color=_FLOW, opacity=0.5)
    figure.update_layout(
        template="plotly_white",
        height=360,
        margin={"l": 50, "r": 20, "t": 20, "b": 40},
        yaxis={"title": "kWh", "type": "linear"},
        xaxis={"type": "date"},
        legend={"orientation": "h", "y": 1.12},
    )
    fragment: str = figure.to_html(full_html=False, include_plotlyjs=True, config={"displayModeBar": False})
    return fragment


def _pretty(value: Any) -> str:  # noqa: ANN401  any JSON
    return simplejson.dumps(value, use_decimal=True, indent=2, ensure_ascii=False)
