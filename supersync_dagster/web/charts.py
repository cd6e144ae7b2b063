"""What the charts on a page show, as the JSON that `charts.js` draws. All charts of a page share their times."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Values = Sequence[float | None]


@dataclass(frozen=True)
class Series:
    """Numbers of one kind, one for each time. `color`: a name of the style's. `dots`: not joined to a line."""

    label: str
    color: str
    values: Values
    dots: bool = False


@dataclass(frozen=True)
class Band:
    """Between which bounds the numbers were expected, and where in the middle; None where nothing was."""

    low: Values
    middle: Values
    high: Values


@dataclass(frozen=True)
class Chart:
    """One chart. `bars`: its series are columns, a later one before an earlier one."""

    name: str
    title: str
    series: Sequence[Series]
    band: Band | None = None
    bars: bool = False


def as_json(at: Sequence[float], charts: Sequence[Chart], *, daily: bool = False) -> str:
    """`at`: seconds since 1970. `daily`: each is the begin of a day in UTC."""
    drawn = [_drawn(chart) for chart in charts]
    return json.dumps({"at": at, "daily": daily, "charts": drawn}, separators=(",", ":"))


def _drawn(chart: Chart) -> dict[str, Any]:
    series = [vars(one) for one in chart.series]
    band = vars(chart.band) if chart.band else None
    return {"name": chart.name, "bars": chart.bars, "series": series, "band": band}
