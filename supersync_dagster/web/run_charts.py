"""The charts on a pipeline's page: its runs, the bounds that they were held to, and those that were found unusual."""

from collections.abc import Collection, Sequence

from supersync_core.domain.check import Metric
from supersync_core.domain.execution import ExecutionState
from supersync_core.services.past import MeasuredRun
from supersync_dagster.web.charts import Band, Chart, Series, Values

TITLES = {
    Metric.INSERTS: "Rows inserted",
    Metric.UPDATES: "Rows updated",
    Metric.SOFT_DELETES: "Rows deleted",
    Metric.THROUGHPUT: "Rows in a second",
}


def run_charts(runs: Sequence[MeasuredRun], *, always: Collection[Metric] = ()) -> list[Chart]:
    """Duration and rows; another metric only where a rule looks at it, or it is in `always`. The oldest run is first.

    A run without success counts with its duration alone.
    """
    seconds = [round(run.seconds, 3) for run in runs]
    bad = [None if _is_good(run) else one for run, one in zip(runs, seconds, strict=True)]
    lasting, read = Metric.DURATION_SECONDS, _numbers(runs, Metric.TOTAL_ROWS)
    charts = [
        Chart(
            "seconds",
            "Duration, seconds",
            [
                Series("seconds", "accent", seconds),
                *([Series("without success", "bad", bad, dots=True)] if any(bad) else []),
                *_unusual(runs, lasting, seconds),
            ],
            _band(runs, lasting),
        ),
        Chart(
            "rows",
            "Rows read and written",
            [
                Series("read", "mute", read),
                Series("written", "accent", [run.written if _is_good(run) else None for run in runs]),
                *_unusual(runs, Metric.TOTAL_ROWS, read),
            ],
            _band(runs, Metric.TOTAL_ROWS),
        ),
    ]
    return charts + [_chart(runs, metric) for metric in TITLES if metric in always or _is_watched(runs, metric)]


def _chart(runs: Sequence[MeasuredRun], metric: Metric) -> Chart:
    numbers = _numbers(runs, metric)
    series = [Series(metric.value.replace("_", " "), "accent", numbers), *_unusual(runs, metric, numbers)]
    return Chart(metric.value, TITLES[metric], series, _band(runs, metric))


def _is_good(run: MeasuredRun) -> bool:
    return run.state is ExecutionState.SUCCEEDED


def _is_watched(runs: Sequence[MeasuredRun], metric: Metric) -> bool:
    return any(metric.value in run.bands or metric.value in run.flags for run in runs)


def _numbers(runs: Sequence[MeasuredRun], metric: Metric) -> list[float | None]:
    return [run.numbers[metric] if _is_good(run) else None for run in runs]


def _unusual(runs: Sequence[MeasuredRun], metric: Metric, values: Values) -> list[Series]:
    """The runs that are flagged, if there are any."""
    flagged = [one if run.flags.get(metric.value) else None for run, one in zip(runs, values, strict=True)]
    return [Series("unusual", "warn", flagged, dots=True)] if any(one is not None for one in flagged) else []


def _band(runs: Sequence[MeasuredRun], metric: Metric) -> Band | None:
    bands = [run.bands.get(metric.value) for run in runs]
    if not any(bands):
        return None
    low, middle, high = ([band[place] if band else None for band in bands] for place in range(3))
    return Band(low, middle, high)
