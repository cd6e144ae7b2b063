"""How a file declares the import of an agency's calls, and where Supabase's users are."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import Field

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.services.configuration.part import Part
from supersync_core.services.configuration.pipeline import PipelineConfig, Use
from supersync_core.services.configuration.values import Duration, Table, Text


class CallSourceConfig(Part):
    """Where calls are read."""

    connection: Text


class CallTargetConfig(Part):
    """The table that calls go to; it is made where there is none."""

    connection: Text
    table: Table = "public.calls"


class HistoricalSyncConfig(PipelineConfig):
    """One pipeline of kind `historical_sync`: the calls of an agency, or of any that asks.

    `window`: so long a part of the range is read and checkpointed at once, by `workers` at the same time. `days`: what
    a run imports that nobody gave a range, up to now.
    """

    kind: Literal["historical_sync"]
    source: CallSourceConfig
    target: CallTargetConfig
    agency: UUID | Literal["any"]
    window: Duration = timedelta(days=1)
    workers: int = Field(default=1, ge=1, le=16)
    days: int = Field(default=30, ge=1, le=3660)

    def uses(self) -> Sequence[Use]:
        """Where it reads, and where it writes."""
        return (
            Use("source", self.source.connection, "build_call_source", "read calls"),
            Use("target", self.target.connection, "build_call_sink", "hold calls"),
        )


def tells_apart(connection: ConnectorConfig) -> bool:
    """Whether each agency gets its own calls from the connection; else all of them are one's."""
    return not getattr(connection, "is_for_one", lambda: True)()


class UsersConfig(Part):
    """The table that knows each user's agency, in a PostgreSQL connection."""

    connection: Text
    table: Table = "public.users"
    id: Text = "id"
    agency: Text = "agency_id"


class SupabaseConfig(Part):
    """What belongs to Supabase. Without `users` the ledger's own table `supersync.users` is asked."""

    users: UsersConfig | None = None
