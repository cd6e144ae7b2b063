"""OpenLineage events (2-0-2) as they come in: what is understood is checked, all else is let through unread.

https://openlineage.io/spec/2-0-2/OpenLineage.json. `producer` and `schemaURL` are not missed, as by other receivers.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic.alias_generators import to_camel

from supersync_core.domain.openlineage import MAX_COUNT, Dataset

MAX_TEXT = 10_000
"""Characters of a message or a stack trace that are kept."""
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*", re.DOTALL)


def _date_time(value: Any) -> Any:
    # A date alone, or a number, would be read as some moment that nobody meant.
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE_TIME.fullmatch(value)):
        return value
    raise ValueError("write a date with a time such as 2026-11-22T12:00:00.000Z")


def _utc(moment: datetime) -> datetime:
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("the time lies outside the calendar") from None


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be text that prints")
    return text.strip()


def _storable(text: str) -> str:
    return text[:MAX_TEXT].replace("\0", "")


def _or_empty(kind: type) -> BeforeValidator:
    return BeforeValidator(lambda value: kind() if value is None else value)


Moment = Annotated[datetime, BeforeValidator(_date_time), AfterValidator(_utc)]
"""In UTC; what says no zone is in UTC already."""
Named = Annotated[str, AfterValidator(_printable)]
LongText = Annotated[str, AfterValidator(_storable)]
Amount = Annotated[int, Field(ge=0, le=MAX_COUNT)]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, hide_input_in_errors=True)


class _Facets(_Part):
    """The facets that are understood, of those that come."""

    @model_validator(mode="before")
    @classmethod
    def _without_deleted(cls, facets: Any) -> Any:
        if not isinstance(facets, Mapping):
            return facets
        return {key: facet for key, facet in facets.items() if not (isinstance(facet, Mapping) and _is_deleted(facet))}


def _is_deleted(facet: Mapping[str, Any]) -> bool:
    return facet.get("_deleted") is True


class EventType(str, Enum):
    """What has happened to a run."""

    START = "START"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    ABORT = "ABORT"
    FAIL = "FAIL"
    OTHER = "OTHER"


class RunId(_Part):
    """A run, by its id alone."""

    run_id: UUID


class ParentFacet(_Part):
    """The run that has started this one."""

    run: RunId


class NominalTimeFacet(_Part):
    """When the run was planned."""

    nominal_start_time: Moment
    nominal_end_time: Moment | None = None


class ErrorMessageFacet(_Part):
    """Why it failed."""

    message: LongText
    programming_language: LongText = ""
    stack_trace: LongText | None = None


class RunFacets(_Facets):
    """Facets of a run."""

    parent: ParentFacet | None = None
    nominal_time: NominalTimeFacet | None = None
    error_message: ErrorMessageFacet | None = None


class Run(RunId):
    """A run with its facets."""

    facets: Annotated[RunFacets, _or_empty(dict)] = RunFacets()


class JobTypeFacet(_Part):
    """What kind of job it is. `integration`: such as SPARK, DBT, AIRFLOW."""

    integration: Annotated[Named, Field(max_length=150)]


class JobFacets(_Facets):
    """Facets of a job."""

    job_type: JobTypeFacet | None = None


class Job(_Part):
    """A job, which is a pipeline here."""

    namespace: Named
    name: Named
    facets: Annotated[JobFacets, _or_empty(dict)] = JobFacets()


class InputDataset(_Part):
    """A dataset. Its facets are not read."""

    namespace: Named
    name: Named

    @property
    def dataset(self) -> Dataset:
        """As the domain knows it."""
        return Dataset(self.namespace, self.name)


class OutputStatisticsFacet(_Part):
    """What was written to a dataset. `size`: in bytes."""

    row_count: Amount | None = None
    size: Amount | None = None


class OutputFacets(_Facets):
    """Facets of an output."""

    output_statistics: OutputStatisticsFacet | None = None


class OutputDataset(InputDataset):
    """A dataset that was written."""

    output_facets: Annotated[OutputFacets, _or_empty(dict)] = OutputFacets()


class _Event(_Part):
    event_time: Moment
    producer: LongText | None = None


class DatasetEvent(_Event):
    """Something about a dataset, without a run."""

    dataset: InputDataset


class JobEvent(_Event):
    """Something about a job, without a run."""

    job: Job
    inputs: Annotated[tuple[InputDataset, ...], _or_empty(tuple)] = ()
    outputs: Annotated[tuple[OutputDataset, ...], _or_empty(tuple)] = ()


class RunEvent(JobEvent):
    """Something that has happened to a run of a job."""

    event_type: EventType | None = None
    run: Run


def _kind(event: Any) -> str | None:
    for key, kind in (("run", RunEvent), ("job", JobEvent), ("dataset", DatasetEvent)):
        if isinstance(event, kind) or (isinstance(event, Mapping) and key in event):
            return kind.__name__
    return None


AnyEvent = Annotated[
    Annotated[RunEvent, Tag("RunEvent")]
    | Annotated[JobEvent, Tag("JobEvent")]
    | Annotated[DatasetEvent, Tag("DatasetEvent")],
    Discriminator(
        _kind,
        custom_error_type="event",
        custom_error_message="an event is an object with one of the keys run (and job), job, dataset",
    ),
]
"""An event of either kind, told apart by the keys that it has."""
