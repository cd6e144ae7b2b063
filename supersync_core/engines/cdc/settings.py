"""How a CDC pipeline runs: batches, commit policy, deadlines. Defaults are DeltaForge's."""

from dataclasses import dataclass
from enum import Enum


class Policy(str, Enum):
    """Which sinks must have a batch before it is committed (DeltaForge: `commit_policy.mode`)."""

    ALL = "all"
    REQUIRED = "required"
    QUORUM = "quorum"


@dataclass(frozen=True)
class Settings:
    """`max_events`, `max_bytes`, `max_ms`: where a batch ends, whichever comes first; a transaction may exceed them.

    `respect_source_tx` False lets a batch end within a transaction. `max_inflight`: batches on their way to sinks at
    once. `quorum`: sinks that must have a batch, with that policy. `deadline_s`: how long a sink may take for a batch;
    None: as long as it needs.
    """

    max_events: int = 2000
    max_bytes: int = 16 << 20
    max_ms: int = 50
    respect_source_tx: bool = True
    max_inflight: int = 1
    policy: Policy = Policy.REQUIRED
    quorum: int = 1
    deadline_s: float | None = None
