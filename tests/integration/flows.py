"""A pipeline of the ledger as a run has it, from any source to any sinks, until all that was written has arrived."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from supersync_core.clock import utcnow
from supersync_core.connectors.changes import SourceContext
from supersync_core.connectors.registry import load_change_source
from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import DesiredState
from supersync_core.ledger.checkpoints import select_checkpoints
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.dead_letters import select_dead_letters
from supersync_core.ledger.pipeline_status import select_statuses
from supersync_core.services.cdc.journal import read_position
from supersync_core.services.cdc.pipelines import create_cdc_pipeline, set_cdc_state
from supersync_core.services.cdc.spec import Connector, source_config
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.run import run_pipeline
from tests.servers import until

VAULT = Vault("a test's key")
NAME = "flow"
PATIENCE_S = 170.0
"""A slot is made once all transactions of the server have ended, also those of tests that run beside this one."""


class Flow:
    """The pipeline `flow`. `source`, `sinks`: as in a specification."""

    def __init__(self, ledger: Ledger, source: dict[str, Any], *sinks: dict[str, Any], **inner: Any) -> None:
        self._ledger, self._sinks = ledger, len(sinks)
        self._source = Connector.model_validate(source)
        spec = {"source": source, "processors": [], "sinks": list(sinks), "batch": {"max_ms": 5}, **inner}
        with ledger.begin() as session:
            data = {"metadata": {"name": NAME, "tenant": "acme"}, "spec": spec}
            self._id = create_cdc_pipeline(session, data, VAULT, at=utcnow()).id
        self.errors: list[BaseException] = []

    def run(self) -> None:
        """Run it in this thread until it ends."""
        run_pipeline(self._ledger, {}, NAME, trigger=Trigger.MANUAL, vault=lambda: VAULT)

    @contextmanager
    def running(self, *, may_fail: bool = False) -> Iterator["Flow"]:
        """Run it in a thread, from when it reads; stopped, with all committed that sinks have, afterwards."""

        def run() -> None:
            try:
                self.run()
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            until(lambda: self.errors or len(self.positions()) == self._sinks, PATIENCE_S)
            yield self
        finally:
            self._want(DesiredState.STOPPED)
            thread.join(PATIENCE_S)
        assert may_fail or not self.errors, repr(self.errors)

    def resume(self) -> None:
        """Let the next run go on."""
        self._want(DesiredState.RUNNING)

    def arrive(self) -> None:
        """Wait until every sink has stored what is written by now."""
        source = load_change_source(self._source.type).build_change_source(
            source_config(self._source), SourceContext(NAME, "acme")
        )
        head = source.head()
        source.close()
        until(lambda: self.errors or all(self._has_come_to(head, one) for one in self.positions()), PATIENCE_S)

    @staticmethod
    def _has_come_to(head: Any, position: Any) -> bool:
        # A snapshot that is taken after an interruption is of a later place.
        return position >= head and "snapshot" not in position.data["state"]

    def positions(self) -> Sequence[Any]:
        """What is stored of each sink."""
        with self._ledger.begin() as session:
            return [read_position(one.position) for one in select_checkpoints(session, self._id)]

    def status(self) -> Any:
        """How it says that it goes; {} before it has said anything."""
        with self._ledger.begin() as session:
            found = select_statuses(session, [self._id]).get(self._id)
            return found.status if found is not None else {}

    def _want(self, state: DesiredState) -> None:
        with self._ledger.begin() as session:
            set_cdc_state(session, NAME, state, at=utcnow())

    def dead_letters(self) -> list[dict[str, Any]]:
        """Events that a sink has refused."""
        with self._ledger.begin() as session:
            return [one.event for one in select_dead_letters(session, self._id, limit=1000)]
