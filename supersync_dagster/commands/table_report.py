"""What became of one table of a one-off sync, for people and for programs."""

from dataclasses import asdict, dataclass
from typing import Any

from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import TableSyncResult
from supersync_core.errors import Cancelled, SupersyncError
from supersync_dagster.commands.output import counts_text, one_line, rate_text


@dataclass
class TableReport:
    """What became of one table."""

    source: TableName
    target: TableName
    result: TableSyncResult | None = None
    error: SupersyncError | None = None

    @property
    def state(self) -> str:
        """succeeded, failed, cancelled, or skipped where it was not tried."""
        if self.result is not None:
            return "succeeded"
        if self.error is None:
            return "skipped"
        return "cancelled" if isinstance(self.error, Cancelled) else "failed"

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        body: dict[str, Any] = {"source": str(self.source), "target": str(self.target), "state": self.state}
        if self.error is not None:
            body["error"] = {"type": type(self.error).__name__, "message": str(self.error)}
        if self.result is not None:
            result = self.result
            body |= asdict(result.counts)
            body |= {"bytes": result.bytes, "seconds": round(result.seconds, 3), "complete": result.complete}
            body["watermark"] = result.after.cursor
        return body

    def as_text(self) -> str:
        """One line for people."""
        name = str(self.source) if self.source == self.target else f"{self.source} -> {self.target}"
        if self.result is None:
            return f"{name}: {self.state}: {one_line(str(self.error))}"
        counts = self.result.counts
        return f"{name}: {rate_text(counts.extracted, self.result.bytes, self.result.seconds)}: {counts_text(counts)}"
