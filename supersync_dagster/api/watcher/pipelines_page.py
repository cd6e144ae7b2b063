"""All pipelines as bytes: made once for each change, whoever made it, and never older than the question."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from supersync_core.ledger.database import Ledger
from supersync_core.services.batches import Batches
from supersync_core.services.reported_pipelines import list_reported_pipelines, pipelines_version
from supersync_dagster.api.watcher.pipeline_wire import Pipeline

_LIST = TypeAdapter(list[Pipeline])


class PipelinesPage:
    """The answer to who asks for all pipelines."""

    def __init__(self, ledger: Ledger) -> None:
        """Nothing is made yet."""
        self._ledger = ledger
        self._looks: Batches[None, bytes] = Batches(self._look, "pipelines")
        self._version: tuple[int, int] | None = None
        self._body = b""

    async def body(self) -> bytes:
        """As the ledger is now: it is asked after this question, once for all who ask at the same time."""
        return await self._looks.submit(None)

    def _look(self, asked: Sequence[None]) -> Sequence[bytes]:
        with self._ledger.begin() as session:
            # What is read after the version is at least as new.
            version = pipelines_version(session)
            if version != self._version:
                pipelines = [Pipeline.of(row) for row in list_reported_pipelines(session)]
                self._body, self._version = _LIST.dump_json(pipelines), version
        return [self._body] * len(asked)
