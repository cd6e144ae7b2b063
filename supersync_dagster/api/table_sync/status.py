"""The status of all jobs as bytes: made once for each change, however many ask."""

import asyncio
import hashlib
from dataclasses import dataclass

from supersync_core.domain.pipeline import PipelineKind
from supersync_core.services.board import Board, Snapshot
from supersync_dagster.api.table_sync.wire import SyncStatus

KIND = PipelineKind.TABLE_SYNC


@dataclass(frozen=True)
class Rendered:
    """The body of `GET /status`, and what tells it from any other."""

    version: int
    body: bytes
    etag: str


class StatusPage:
    """The newest `Rendered`. Used from the event loop alone."""

    def __init__(self, board: Board) -> None:
        """Nothing is rendered yet."""
        self._board = board
        self._rendered = Rendered(-1, b"", "")

    async def rendered(self) -> Rendered:
        """As the board stands, at most its moment old. Raises Unavailable."""
        snapshot = await current(self._board)
        if snapshot.version != self._rendered.version:
            body = SyncStatus.of(snapshot, snapshot.of_kind(KIND)).model_dump_json().encode()
            etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
            self._rendered = Rendered(snapshot.version, body, etag)
        return self._rendered

    async def body(self) -> bytes:
        """Its body alone."""
        return (await self.rendered()).body


async def current(board: Board) -> Snapshot:
    """The board's snapshot, without a thread of the pool for each who waits. Raises Unavailable."""
    fresh = board.fresh()
    return fresh if fresh is not None else await asyncio.wrap_future(board.future())


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this version already (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return etag in known or known == ["*"]
