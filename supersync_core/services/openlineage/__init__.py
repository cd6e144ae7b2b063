"""OpenLineage events become executions and lineage: `events` says what an event must be, `intake` takes it."""

from supersync_core.services.openlineage.events import AnyEvent, DatasetEvent, JobEvent, RunEvent
from supersync_core.services.openlineage.intake import Taken, take_event, take_events

__all__ = ["AnyEvent", "DatasetEvent", "JobEvent", "RunEvent", "Taken", "take_event", "take_events"]
