"""What facts may be asked for, read and checked."""

import base64
import binascii
import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from supersync_core.services.channel_sync.knowledge import FactFilter, Place
from supersync_dagster.api.channel_sync.wire import ChannelId, printable
from supersync_dagster.api.times import first_moment, last_moment

Words = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(printable)]


class FactQuery(BaseModel):
    """Which facts."""

    model_config = ConfigDict(extra="forbid")

    channel_id: ChannelId | None = None
    q: Words | None = Field(default=None, description='Words, as people search: `deploy "two words" -without or other`')
    type: Words | None = Field(default=None, description="such as `decision`, `action_item`, `observation`")
    author: Words | None = None
    entity: Words | None = Field(default=None, description="Name of somebody or something, in any case.")
    since: Annotated[datetime, BeforeValidator(first_moment)] | None = None
    until: Annotated[datetime, BeforeValidator(last_moment)] | None = None
    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=200, description="`next_cursor` of the page before.")

    @field_validator("cursor")
    @classmethod
    def _cursor(cls, text: str | None) -> str | None:
        if text is not None:
            read_cursor(text)
        return text

    @property
    def after(self) -> Place | None:
        """The place at which the page before ended."""
        return read_cursor(self.cursor) if self.cursor is not None else None

    def wanted(self) -> FactFilter:
        """As the service takes it."""
        return FactFilter(self.channel_id, self.q, self.type, self.author, self.entity, self.since, self.until)


def write_cursor(place: Place) -> str:
    """A place among facts as text for a URL."""
    return base64.urlsafe_b64encode(f"{place[0].isoformat()} {place[1]}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> Place:
    """A place among facts. Raises ValueError for anything that `write_cursor` cannot have written."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        at, id_ = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").split(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError
        return moment, uuid.UUID(id_)
    except (ValueError, OverflowError, binascii.Error):
        raise ValueError("not a cursor: take next_cursor of the page before") from None
