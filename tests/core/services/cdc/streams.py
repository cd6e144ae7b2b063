"""CDC pipelines in memory, and runs of them in threads."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from supersync_core.clock import utcnow
from supersync_core.connectors.memory import MemoryChangeLog, MemoryChanges, named_changes, named_log
from supersync_core.domain.change import SourceColumn, SourceTable
from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import DesiredState
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.executions import HistoryFilter
from supersync_core.ledger.tables import Execution
from supersync_core.services.cdc.pipelines import amend_cdc_pipeline, create_cdc_pipeline, set_cdc_state
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.executions import list_executions
from supersync_core.services.run import run_pipeline

TABLE = SourceTable("shop", "public", "orders", (SourceColumn("id", "integer", False),), ("id",))
VAULT = Vault("a test's key")


@dataclass
class Stream:
    """A pipeline `orders-cdc` from a log in memory to a list in memory."""

    ledger: Ledger
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    errors: list[BaseException] = field(default_factory=list)

    @property
    def log(self) -> MemoryChangeLog:
        return named_log(self.name)

    @property
    def changes(self) -> MemoryChanges:
        return named_changes(self.name)

    @property
    def rows(self) -> list[Any]:
        """The ids of the rows that have come."""
        return [change.after.values()["id"] for change in self.changes.changes if change.after]

    def spec(self, **spec: Any) -> dict[str, Any]:
        """The whole specification; `spec` changes its inner part."""
        inner = {
            "source": {"type": "memory", "config": {"id": "log", "name": self.name}},
            "processors": [],
            "sinks": [{"type": "memory", "config": {"id": "list", "name": self.name}}],
            "batch": {"max_ms": 1},
        }
        return {"metadata": {"name": "orders-cdc", "tenant": "acme"}, "spec": inner | spec}

    def create(self, **spec: Any) -> None:
        with self.ledger.begin() as session:
            create_cdc_pipeline(session, self.spec(**spec), VAULT, at=utcnow())

    def amend(self, **spec: Any) -> None:
        with self.ledger.begin() as session:
            amend_cdc_pipeline(session, "orders-cdc", {"spec": spec}, VAULT, at=utcnow())

    def want(self, state: DesiredState) -> None:
        with self.ledger.begin() as session:
            set_cdc_state(session, "orders-cdc", state, at=utcnow())

    def insert(self, *ids: int) -> None:
        self.log.insert(TABLE, *({"id": id_} for id_ in ids))

    def run(self) -> None:
        """Run it in this thread until it ends."""
        run_pipeline(self.ledger, {}, "orders-cdc", trigger=Trigger.MANUAL, vault=lambda: VAULT)

    @contextmanager
    def running(self) -> Iterator[threading.Thread]:
        """Run it in a thread; stopped at the end."""

        def run() -> None:
            try:
                self.run()
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        yield thread
        self.want(DesiredState.STOPPED)
        thread.join(15)
        assert not thread.is_alive()

    def history(self) -> list[Execution]:
        """Every execution, the newest first."""
        with self.ledger.begin() as session:
            return list(list_executions(session, HistoryFilter())[0])

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """What a service answers."""
        with self.ledger.begin() as session:
            return question(session)
