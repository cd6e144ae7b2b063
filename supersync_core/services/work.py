"""What a run does, whatever the kind of its pipeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from supersync_core.domain.execution import Counts, Progress
from supersync_core.domain.lineage import Place


@dataclass(frozen=True)
class Done:
    """What a run did. `complete`: every row of the source was read.

    `position`: the checkpoint as JSON; None where it is stored already.
    """

    counts: Counts = Counts()
    bytes: int = 0
    complete: bool = False
    watermark_before: str | None = None
    watermark_after: str | None = None
    position: Mapping[str, Any] | None = None


class Work(Protocol):
    """Something that moves data."""

    @property
    def sources(self) -> Sequence[Place]:
        """Where the data comes from."""

    @property
    def targets(self) -> Sequence[Place]:
        """Where it goes."""

    def run(self) -> Done:
        """Do it. Raises AbortError kinds (Cancelled after `cancel`), or RetryError when its own patience has ended."""

    def cancel(self) -> None:
        """Make `run` end within two seconds. From any thread."""

    def progress(self) -> Progress:
        """How far it is. From any thread."""
