"""What the history may be asked for, read and checked."""

import base64
import binascii
from datetime import datetime, timezone
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from supersync_core.services.history import MAX_ID, Place
from supersync_dagster.api.table_sync.wire import JobId, RunStatus
from supersync_dagster.api.times import first_moment, last_moment

MAX_OFFSET = 1_000_000_000
MAX_DAYS = 36_500
_TIME = "A date, or a time in ISO 8601; without a zone it is UTC."


class HistoryQuery(BaseModel):
    """Filters and page of `GET /history`."""

    model_config = ConfigDict(extra="forbid")

    job_id: JobId | None = None
    status: list[RunStatus] = Field(default=[], description="One, or several by repeating it.")
    start_date: str | None = Field(default=None, max_length=40, description=f"Started then or later. {_TIME}")
    end_date: str | None = Field(
        default=None, max_length=40, description=f"Started then or earlier; a date means all of that day. {_TIME}"
    )
    limit: int = Field(default=50, ge=1, le=500)
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)
    cursor: str | None = Field(
        default=None, max_length=100, description="`next_cursor` of the page before; not together with `offset`."
    )

    @field_validator("start_date")
    @classmethod
    def _start(cls, text: str | None) -> str | None:
        if text is not None:
            first_moment(text)
        return text

    @field_validator("end_date")
    @classmethod
    def _end(cls, text: str | None) -> str | None:
        if text is not None:
            last_moment(text)
        return text

    @field_validator("cursor")
    @classmethod
    def _cursor(cls, text: str | None) -> str | None:
        if text is not None:
            read_cursor(text)
        return text

    @model_validator(mode="after")
    def _one_way_to_page(self) -> "HistoryQuery":
        if self.cursor is not None and self.offset:
            raise ValueError("cursor and offset are two ways to page: send one of them")
        return self

    @property
    def since(self) -> datetime | None:
        """The first moment that is asked for."""
        return first_moment(self.start_date) if self.start_date is not None else None

    @property
    def until(self) -> datetime | None:
        """The last moment that is asked for."""
        return last_moment(self.end_date) if self.end_date is not None else None

    @property
    def after(self) -> Place | None:
        """The place at which the page before ended."""
        return read_cursor(self.cursor) if self.cursor is not None else None


class PurgeQuery(BaseModel):
    """How old an entry must be. `days` is another name for `older_than_days`; one of them is needed."""

    model_config = ConfigDict(extra="forbid")

    older_than_days: int | None = Field(default=None, ge=0, le=MAX_DAYS)
    days: int | None = Field(default=None, ge=0, le=MAX_DAYS, description="The same as `older_than_days`.")

    @model_validator(mode="after")
    def _exactly_one(self) -> "PurgeQuery":
        if (self.older_than_days is None) == (self.days is None):
            raise ValueError("say how old: older_than_days=N")
        return self

    @property
    def age_days(self) -> int:
        """The one that was given."""
        return self.older_than_days if self.older_than_days is not None else self.days or 0


HistoryQueryDep = Annotated[HistoryQuery, Query()]
PurgeQueryDep = Annotated[PurgeQuery, Query()]


def write_cursor(place: Place) -> str:
    """A place in history as text for a URL."""
    return base64.urlsafe_b64encode(f"{place.queued_at.isoformat()} {place.id}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> Place:
    """A place in history. Raises ValueError for anything that `write_cursor` cannot have written."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        at, number = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").split(" ")
        place = Place(datetime.fromisoformat(at).astimezone(timezone.utc), int(number))
        if not 0 < place.id <= MAX_ID:
            raise ValueError
    except (ValueError, OverflowError, binascii.Error):
        raise ValueError("not a cursor: take next_cursor of the page before") from None
    return place
