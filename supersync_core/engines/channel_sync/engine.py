"""The four stages of a channel sync, over a source and a store."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from supersync_core.connectors.channels import ChannelSource
from supersync_core.domain.channel_sync import ChannelProgress, ChannelStage
from supersync_core.domain.execution import Counts
from supersync_core.domain.message import Channel, Message
from supersync_core.engines.channel_sync.pages import Page, draw_pages
from supersync_core.engines.channel_sync.reading import read_ahead
from supersync_core.engines.channel_sync.store import ChannelStore, NewFact, Pending
from supersync_core.errors import BadData, Cancelled, NotFound, PlatformError, Unavailable

logger = logging.getLogger(__name__)

EXTRACTED_AT_ONCE = 250
"""Messages: about a quarter of a second of work, so that a cancel is seen in time."""
GRAPHED_AT_ONCE = 2_000
WRITTEN_AT_ONCE = 50
FAILING_SHARE = 0.1
"""A sync fails when the facts of a larger share of its messages cannot be extracted, and of more than `FAILING_MIN`."""
FAILING_MIN = 5
NAMED = 10
"""Failing messages that are named."""

Extract = Callable[[Sequence[Pending]], Sequence[NewFact]]
"""Facts of messages. May raise for a message that it cannot read; the others are then tried without it."""


class TooManyFailures(BadData):
    """The facts of too many messages could not be extracted."""


@dataclass(frozen=True)
class ChannelResult:
    """What a sync did. `cursor`: up to where messages are stored."""

    counts: Counts
    progress: ChannelProgress
    before: str | None
    cursor: str | None
    full: bool


class ChannelSyncer:
    """One sync of one channel. `cancel` may be called from any thread."""

    def __init__(
        self,
        source: ChannelSource,
        store: ChannelStore,
        extract: Extract,
        on_stage: Callable[[ChannelStage], None] = lambda stage: None,
    ) -> None:
        """Nothing is read yet."""
        self._source, self._store, self._extract, self._on_stage = source, store, extract, on_stage
        self._cancelled = threading.Event()
        self._counts = Counts()
        self.progress = ChannelProgress()

    def cancel(self) -> None:
        """Make `sync` raise Cancelled within two seconds. What is stored stays stored."""
        self._cancelled.set()
        self._store.cancel()

    def sync(self, channel_id: str, *, full: bool = False) -> ChannelResult:
        """Read what is new, or with `full` everything, and bring facts, graph and wiki up to it.

        Raises NotFound for a channel that is not there, TooManyFailures, and what the source raises.
        """
        try:
            return self._sync(channel_id, full)
        except Exception as error:
            # A statement that a cancel has interrupted raises what its driver raises.
            if self._cancelled.is_set() and not isinstance(error, Cancelled):
                raise Cancelled("cancelled on request") from error
            raise

    def _sync(self, channel_id: str, full: bool) -> ChannelResult:
        self._store.open(self._channel(channel_id))
        before = self._store.cursor()
        full = full or before is None
        cursor = self._fetch(channel_id, before, full)
        self._extract_facts()
        self._build_graph()
        self._write_wiki()
        failing, processed = self.progress.failing, self.progress.processed
        if failing > max(FAILING_MIN, FAILING_SHARE * processed):
            first = self.progress.failing_ids[0]
            raise TooManyFailures(f"no facts could be extracted from {failing} messages, the first of them {first}")
        return ChannelResult(self._counts, self.progress, before, cursor, full)

    def _channel(self, channel_id: str) -> Channel:
        with of_platform():
            found = next((one for one in self._source.channels() if one.id == channel_id), None)
        if found is None:
            raise NotFound(f"there is no channel {channel_id!r}")
        return found

    def _fetch(self, channel_id: str, before: str | None, full: bool) -> str | None:
        after = None if full else before
        with of_platform():
            total = self._source.count(channel_id, after)
        self._begin(ChannelStage.FETCH, total=total)
        cursor, first, last = before, None, None
        for page in read_ahead(lambda: self._pages(channel_id, after), self._cancelled):
            if not page:
                continue
            cursor = self._source.cursor(page) or cursor
            # A full sync that does not come to its end must not move the cursor back.
            kept = cursor if before is None or not full else None
            processed = self.progress.processed + len(page)
            self._move(processed=processed, total=None if total is None else max(total, processed))
            stored = self._store.put_messages(page, kept, self.progress, full=full)
            self._count(page, stored.inserted, stored.updated)
            first, last = _earlier(first, page), _later(last, page)
            self._look()
        if full and first is not None and last is not None and cursor is not None:
            deleted = self._store.end_full(first, last, cursor)
            self._counts = replace(self._counts, deleted=self._counts.deleted + deleted)
        self._move(total=self.progress.processed)
        return cursor

    def _pages(self, channel_id: str, after: str | None) -> Iterator[list[Message]]:
        with of_platform():
            yield from self._source.read(channel_id, after)

    def _extract_facts(self) -> None:
        self._begin(ChannelStage.EXTRACT, stage_total=self._store.count_pending())
        after = 0
        while batch := self._store.pending(after, EXTRACTED_AT_ONCE):
            after = batch[-1].row_id
            facts, failures = self._facts_of(batch)
            self._look()
            done = [one for one in batch if one.row_id not in failures]
            named = [one.message.id for one in batch if one.row_id in failures]
            self._move(
                stage_done=self.progress.stage_done + len(batch),
                failing=self.progress.failing + len(failures),
                failing_ids=(*self.progress.failing_ids, *named)[:NAMED],
            )
            new = self._store.put_facts(done, facts, failures, self.progress)
            self._move(facts=self.progress.facts + new)

    def _facts_of(self, batch: Sequence[Pending]) -> tuple[list[NewFact], dict[int, str]]:
        """The facts, and why some messages have none, by row: a message that breaks its batch is found alone."""
        told = [one for one in batch if not one.message.is_deleted]
        try:
            return list(self._extract(told)) if told else [], {}
        except Exception:
            logger.exception("a batch of %s messages is tried one by one", len(told))
        facts, failures = list[NewFact](), dict[int, str]()
        for one in told:
            self._look()
            try:
                facts += self._extract([one])
            except Exception as error:
                failures[one.row_id] = f"{type(error).__name__}: {error}"[:500]
        return facts, failures

    def _build_graph(self) -> None:
        self._begin(ChannelStage.GRAPH, stage_total=self._store.count_ungraphed())
        while self.progress.stage_done < self.progress.stage_total:
            self._look()
            graphed, created = self._store.graph(GRAPHED_AT_ONCE, self.progress)
            if not graphed:
                break
            self._move(stage_done=self.progress.stage_done + graphed, entities=self.progress.entities + created)
        if self._store.is_dirty():
            self._store.put_topics(self.progress)

    def _write_wiki(self) -> None:
        self._begin(ChannelStage.WIKI)
        if not self._store.is_dirty():
            return
        slug, material = self._store.material()
        self._move(stage_total=1 + len(material.topics) + len(material.entities))
        slugs = []
        for batch in _batches(draw_pages(slug, material), WRITTEN_AT_ONCE):
            self._look()
            slugs += [page.slug for page in batch]
            self._move(stage_done=len(slugs), stage_total=max(self.progress.stage_total, len(slugs)))
            self._store.put_pages(batch, self.progress)
        self._look()
        self._move(stage_total=len(slugs))
        self._store.end_pages(slugs, self.progress)

    def _begin(self, stage: ChannelStage, **values: Any) -> None:
        self._look()
        self._move(**{"stage": stage, "stage_done": 0, "stage_total": 0, **values})
        self._on_stage(stage)
        self._store.say(self.progress)

    def _move(self, **values: Any) -> None:
        self.progress = replace(self.progress, **values)

    def _look(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("cancelled on request")

    def _count(self, page: Sequence[Message], inserted: int, updated: int) -> None:
        self._counts = Counts(
            extracted=self._counts.extracted + len(page),
            inserted=self._counts.inserted + inserted,
            updated=self._counts.updated + updated,
            unchanged=self._counts.unchanged + max(0, len(page) - inserted - updated),
            deleted=self._counts.deleted,
        )


@contextmanager
def of_platform() -> Iterator[None]:
    """Tell what a platform cannot do at the moment from what the ledger cannot."""
    try:
        yield
    except PlatformError:
        raise
    except Unavailable as error:
        raise PlatformError(str(error), retry_after=error.retry_after) from error


def _earlier(first: Message | None, page: Sequence[Message]) -> Message:
    return min([*([first] if first else []), *page], key=lambda message: message.sent_at)


def _later(last: Message | None, page: Sequence[Message]) -> Message:
    return max([*([last] if last else []), *page], key=lambda message: message.sent_at)


def _batches(pages: Iterator[Page], size: int) -> Iterator[list[Page]]:
    batch = list[Page]()
    for page in pages:
        batch.append(page)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
