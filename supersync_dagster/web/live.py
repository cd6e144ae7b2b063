"""The board as it is now, for all who look at it: made at most every half second."""

import asyncio
import threading
import uuid
from dataclasses import dataclass, field

from supersync_core.services.recent import RecentRuns
from supersync_core.services.refresh import Refreshed
from supersync_dagster.api.context import ApiContext
from supersync_dagster.web.rows import Row, count_tiles, row_of

LOOK_S = 0.5
"""Together with the snapshot's own age, what changes is on the pages within a second and a half."""


@dataclass(frozen=True)
class View:
    """All rows by name. `changed`: for each key the number of the view in which its row came or last changed.

    `shape`: the number of the view since which the same rows are there. `series`: numbers of another process or of
    another start of this one mean nothing here.
    """

    series: str
    number: int
    rows: tuple[Row, ...]
    changed: dict[str, int]
    shape: int
    tiles: dict[str, int] = field(compare=False)

    @property
    def tag(self) -> str:
        """Names this view."""
        return f"{self.series}-{self.number}"

    def since(self, tag: str | None) -> tuple[Row, ...] | None:
        """The rows that differ from those of the view with that tag; None: maybe all, and others were there."""
        series, _, text = (tag or "").rpartition("-")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
        if series != self.series or not self.shape <= number <= self.number:
            return None
        return tuple(row for row in self.rows if self.changed[row.key] > number)

    def row(self, key: str) -> Row | None:
        """The row with that key."""
        return next((row for row in self.rows if row.key == key), None)


class LiveBoard:
    """Views for all pages of this process."""

    def __init__(self, context: ApiContext) -> None:
        """Nothing is read yet."""
        self._context = context
        self._recent = RecentRuns(context.ledger)
        self._looking = threading.Lock()
        self._view = View(uuid.uuid4().hex[:8], 0, (), {}, 0, count_tiles(()))
        self._refreshed = Refreshed(self._look, LOOK_S)

    def view(self) -> View:
        """A view that is young enough, waited for. Raises Unavailable."""
        return self._refreshed.get()

    async def coming(self) -> View:
        """The same, on the event loop."""
        fresh = self._refreshed.fresh()
        return fresh if fresh is not None else await asyncio.wrap_future(self._refreshed.future())

    def forget(self) -> None:
        """Call this after a change, so that whoever made it sees it at once."""
        self._refreshed.forget()

    def _look(self) -> View:
        # One after the other, though `forget` begins another one: two views with one tag would be taken for the same,
        # and a page that has seen the first would never hear of the second.
        with self._looking:
            snapshot = self._context.board.snapshot()
            recent, now = self._recent.of(snapshot), self._context.clock()
            before = {row.key: row for row in self._view.rows}
            rows = [row_of(one, recent.get(one.id, ()), now, before.get(one.key)) for one in snapshot.standings]
            self._view = following(self._view, rows)
            return self._view


def following(view: View, rows: list[Row]) -> View:
    """The view after `view`, with these rows; `view` itself when they are the very same."""
    before = {row.key: row for row in view.rows}
    number = view.number + 1
    changed = {row.key: view.changed[row.key] if before.get(row.key) is row else number for row in rows}
    same_shape = list(before) == list(changed)
    if same_shape and number not in changed.values():
        return view
    return View(view.series, number, tuple(rows), changed, view.shape if same_shape else number, count_tiles(rows))
