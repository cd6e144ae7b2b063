"""Pages of a list: in the order of a column, from a row on. New rows move no page, as numbers of rows would."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, tuple_

Value = int | str | datetime


@dataclass(frozen=True)
class Page:
    """Part of a list. `order`: a column that has no nulls. `after`: its value and the id in the last row before.

    `limit` None: all that follows.
    """

    order: str = "id"
    descending: bool = False
    after: tuple[Value, int] | None = None
    limit: int | None = None


ALL = Page()


def paged(query: Select[Any], table: Any, page: Page) -> Select[Any]:
    """The query, cut to the page. Where values are equal the id decides."""
    column, id_ = getattr(table, page.order), table.id
    if page.after is not None:
        place, there = tuple_(column, id_), tuple_(*page.after)
        query = query.where(place < there if page.descending else place > there)
    order = (column.desc(), id_.desc()) if page.descending else (column, id_)
    return query.order_by(*order).limit(page.limit)
