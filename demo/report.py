"""What the demo has seen, as a table; and whether all of it was as it must be."""

from dataclasses import dataclass

from rich.table import Table

from demo.dagster_client import Measures
from demo.verify import Fingerprint
from supersync_core.domain.execution import Counts

KINDS = ("inserted", "updated", "deleted")


@dataclass(frozen=True)
class Outcome:
    """One table: what each round measured, what the second had to count, and both fingerprints at the end."""

    name: str
    first: Measures
    second: Measures
    expected: Counts
    source: Fingerprint
    target: Fingerprint

    @property
    def counted(self) -> bool:
        """Whether the second round counted what was done to the source."""
        return all(self.second[f"rows_{kind}"] == getattr(self.expected, kind) for kind in KINDS)

    @property
    def holds(self) -> bool:
        """Whether both sides are equal and the counts are right."""
        return self.counted and self.source.equals(self.target)


def report(outcomes: list[Outcome]) -> Table:
    """Rows and speed of the first load; what the second round found; the verdict."""
    table = Table(title="A year of flights, two rounds", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("table", "rows", "first", "rows/s", *KINDS, "second", "sides"):
        table.add_column(heading, justify="left" if heading in ("table", "sides") else "right", no_wrap=True)
    for outcome in outcomes:
        first, second = outcome.first, outcome.second
        table.add_row(
            outcome.name,
            f"{outcome.target.rows:,}",
            f"{first['seconds']:.2f} s",
            f"{first['rows_extracted'] / max(first['seconds'], 1e-3):,.0f}",
            *(f"{second[f'rows_{kind}']:,.0f}" for kind in KINDS),
            f"{second['seconds']:.2f} s",
            "[green]equal[/]" if outcome.holds else "[bold red]differ[/]",
        )
    return table


def complaints(outcomes: list[Outcome]) -> list[str]:
    """One line for each thing that is not as it must be."""
    return [
        *(
            f"{o.name}: the source has {o.source.rows} rows with checksum {o.source.checksum},"
            f" the target {o.target.rows} with {o.target.checksum}"
            for o in outcomes
            if not o.source.equals(o.target)
        ),
        *(
            f"{o.name}: the second round counted {[round(o.second[f'rows_{k}']) for k in KINDS]},"
            f" not {[getattr(o.expected, k) for k in KINDS]} (inserted, updated, deleted)"
            for o in outcomes
            if not o.counted
        ),
    ]
