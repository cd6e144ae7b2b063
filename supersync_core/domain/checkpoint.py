"""How far a pipeline has come, as a value that its source alone can read."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class TableCheckpoint:
    """The place up to which a table was read.

    `cursor`: the largest cursor value seen, as the source prints it (None: no rows yet, or no cursor column).
    `horizon`: the source's own token for finding rows that commit late (PostgreSQL: `pg_snapshot_xmin`), or None.
    `origin`: identity of the relation; a checkpoint of another origin says nothing and everything is read again.
    `schema`: fingerprint of the source's columns; another one makes the next run read everything once.
    `taken_at`: the source's clock when the snapshot was taken, ISO 8601 in UTC.
    """

    cursor: str | None
    horizon: str | None
    origin: str
    schema: str
    taken_at: str

    def to_json(self) -> str:
        """One line of JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "TableCheckpoint":
        """The inverse of `to_json`."""
        return cls(**json.loads(text))
