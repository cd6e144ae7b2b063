"""Pages of lists: `limit`, `order`, and a cursor that the header `Link` of the page before gives."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel, Field, model_validator

from supersync_core.ledger.pages import Page, Value
from supersync_dagster.api.watcher.fields import MAX_ID, holdable, iso

MAX_PAGE = 1000
Search = Annotated[str | None, Field(max_length=150, description="Part of the name, in any case.")]
COLUMNS = {"name": "name_key", "start_date": "queued_at"}
"""The ledger's names of what a list is ordered by, where they are others."""


_ORDER = "With a minus: the last one first."


class Paged(BaseModel):
    """Which part of a list; without a limit it is all of it."""

    order: str
    limit: int | None = Field(default=None, ge=1, le=MAX_PAGE, description="At most so many; all of them without it.")
    cursor: str | None = Field(
        default=None, max_length=1000, description='From the header `Link: <...>; rel="next"` of the page before.'
    )

    @model_validator(mode="after")
    def _readable(self) -> Any:
        self._after()
        return self

    @property
    def page(self) -> Page:
        """As the services take it, with one row more than a page has: it tells whether there is another one."""
        limit = None if self.limit is None else self.limit + 1
        return Page(self._column, self.order.startswith("-"), self._after(), limit)

    def cut(self, rows: Sequence[Any], request: Request) -> tuple[Sequence[Any], dict[str, str]]:
        """The rows of the page, and the header that leads to the next one if there is one."""
        if self.limit is None or len(rows) <= self.limit:
            return rows, {}
        last = rows[self.limit - 1]
        given = self.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"cursor"})
        link = urlencode({**given, "cursor": _write(getattr(last, self._column), last.id)}, doseq=True)
        return rows[: self.limit], {"Link": f'<{request.url.path}?{link}>; rel="next"'}

    @property
    def _column(self) -> str:
        word = self.order.removeprefix("-")
        return COLUMNS.get(word, word)

    def _after(self) -> tuple[Value, int] | None:
        return None if self.cursor is None else _read(self.cursor, self._column)


class PageQuery(Paged):
    """The same, in one of the orders that everything has."""

    order: Literal["id", "-id", "created_at", "-created_at", "updated_at", "-updated_at"] = Field(
        default="id", description=_ORDER
    )


class NamedPageQuery(Paged):
    """The same for what has a name."""

    order: Literal["id", "-id", "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"] = Field(
        default="id", description=_ORDER
    )
    search: Search = None


def _write(value: Value, id_: int) -> str:
    text = json.dumps([iso(value) if isinstance(value, datetime) else value, id_])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, column: str) -> tuple[Value, int]:
    """A place in the list. Raises ValueError for anything that `_write` cannot have written for that column."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        value, id_ = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        place = _value(value, column)
        if type(id_) is not int or abs(id_) > MAX_ID:
            raise ValueError
    except (ValueError, TypeError, OverflowError, AttributeError, binascii.Error, RecursionError):
        raise ValueError("not a cursor of this list and order: take that of the page before") from None
    return place, id_


def _value(value: Any, column: str) -> Value:
    if column == "id":
        if type(value) is not int or abs(value) > MAX_ID:
            raise ValueError
        return value
    if column == "name_key":
        holdable(value).encode()  # a lone surrogate has no encoding
        return str(value)
    moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(timezone.utc)
