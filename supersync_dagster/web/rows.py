"""How a pipeline looks on the board: what its row says, and under which tiles it counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.pipeline import DesiredState, PipelineKind, fold_name
from supersync_core.services.board import Standing
from supersync_core.services.recent import PastRun
from supersync_dagster.web.words import length

NEVER = "never"
"""The state of a pipeline that has not run yet."""
TILES = (
    ("all", "All"),
    ("running", "Running"),
    ("failed", "Failed"),
    ("stale", "Stale"),
    ("unusual", "Unusual"),
    ("paused", "Paused"),
    ("succeeded", "Succeeded"),
)
"""Word and title of each tile. They may overlap: a stale pipeline may be paused."""
SPARK_HEIGHT, BAR, GAP = 20, 4, 1


@dataclass(frozen=True)
class Spark:
    """The last runs as bars, each as high as its run was long: two paths of one drawing, and the same in words."""

    good: str
    bad: str
    words: str


@dataclass(frozen=True)
class Row:
    """One pipeline. `state`: of its live run, else of its last one, else `never`. `stale`: None: nothing is expected.

    `search`: what the filter looks into. `drawn`: what a page has made of it, for the next one.
    """

    standing: Standing
    runs: tuple[PastRun, ...]
    state: str
    paused: bool
    stale: bool | None
    spark: Spark | None
    tiles: frozenset[str]
    search: str
    drawn: dict[str, Sequence[str]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> str:
        """Safe in addresses and ids: letters, digits and underscores."""
        return self.standing.key

    @property
    def is_ours(self) -> bool:
        """Whether supersync runs it; what others run and report can only be looked at."""
        return self.standing.kind is not PipelineKind.EXTERNAL


def matching(rows: Iterable[Row], text: str, tile: str) -> set[str]:
    """The keys of the rows that the filter lets through."""
    folded = fold_name(text)
    return {row.key for row in rows if folded in row.search and (tile in ("", "all") or tile in row.tiles)}


def row_of(standing: Standing, runs: tuple[PastRun, ...], now: datetime, before: Row | None = None) -> Row:
    """The row of a pipeline, with its newest runs, the oldest first; `before` itself while it says the same."""
    stale = is_stale(standing, now)
    if before is not None and (before.stale, before.runs, before.standing) == (stale, runs, standing):
        return before
    live, last = standing.live, standing.last
    paused = standing.desired_state is not DesiredState.RUNNING
    marks = {"paused": paused, "stale": stale, "unusual": bool(last and last.unusual)}
    tiles = {"running"} if live else {last.state.value} if last else set()
    return Row(
        standing=standing,
        runs=runs,
        state=live.state.value if live else last.state.value if last else NEVER,
        paused=paused,
        stale=stale,
        spark=spark_of(runs),
        tiles=frozenset(tiles | {word for word, so in marks.items() if so}),
        search=fold_name(f"{standing.name} {standing.title} {standing.group or ''}"),
    )


def is_stale(standing: Standing, now: datetime) -> bool | None:
    """Whether the data is older than it may be; None where nothing is expected, muted, or no data has come yet."""
    if standing.freshness is None or standing.muted or standing.stale_from is None:
        return None
    return now > standing.stale_from


def count_tiles(rows: Iterable[Row]) -> dict[str, int]:
    """How many rows are under each tile."""
    counts = {word: 0 for word, _ in TILES}
    for row in rows:
        for word in ("all", *row.tiles):
            if word in counts:
                counts[word] += 1
    return counts


def spark_of(runs: Sequence[PastRun]) -> Spark | None:
    """The runs as bars; None where there is none."""
    if not runs:
        return None
    longest = max(run.seconds for run in runs) or 1.0
    paths: dict[bool, list[str]] = {True: [], False: []}
    for place, run in enumerate(runs):
        height = max(1, round(run.seconds / longest * SPARK_HEIGHT))
        bar = f"M{place * (BAR + GAP)} {SPARK_HEIGHT}v-{height}h{BAR}v{height}z"
        paths[run.state is ExecutionState.SUCCEEDED].append(bar)
    return Spark("".join(paths[True]), "".join(paths[False]), _in_words(runs))


def _in_words(runs: Sequence[PastRun]) -> str:
    lengths = [run.seconds for run in runs]
    bad = sum(run.state is not ExecutionState.SUCCEEDED for run in runs)
    counted = "The last run" if len(runs) == 1 else f"The last {len(runs)} runs"
    text = f"{counted}: median {length(median(lengths))}, longest {length(max(lengths))}"
    return f"{text}, {bad} without success" if bad else text
