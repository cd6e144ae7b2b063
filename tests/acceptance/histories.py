"""Random histories of a database, their changes streamed by runs that are killed, and what must hold of the outcome."""

import json
import random
import signal
import threading
import time
import uuid
from collections import Counter
from contextlib import closing
from multiprocessing.process import BaseProcess
from typing import Any

import psycopg2
import redis

from supersync_core.clock import utcnow
from supersync_core.connectors.postgres.places import parse_lsn
from supersync_core.domain.pipeline import DesiredState
from supersync_core.engines.cdc.runtime import Stage
from supersync_core.ledger.checkpoints import select_checkpoints
from supersync_core.ledger.database import Ledger, open_ledger
from supersync_core.services.cdc.pipelines import create_cdc_pipeline, get_cdc_pipeline, set_cdc_state
from supersync_core.services.cdc.vault import Vault
from tests.acceptance.stream_and_die import PATIENCE_S, SECRET, stream_and_die
from tests.acceptance.writer import SCHEMA, TABLES, Writer
from tests.forks import ended
from tests.kept import transaction
from tests.servers import until
from tests.slots import drop_slot

NAME, STREAM = "histories", "cdc"


class Histories:
    """A database, a pipeline from it to another one and to a stream of Redis, and runs of it that are killed."""

    def __init__(self, source: str, target: str, ledger_url: str, redis_port: int, seed: int, snapshot: bool) -> None:
        """The tables have some rows already."""
        self.source, self.target, self._ledger_url = source, target, ledger_url
        self.chance, self.snapshot = random.Random(seed), snapshot
        self.redis = redis.Redis(port=redis_port)
        self.redis.delete(STREAM)
        self.slot = f"s_{uuid.uuid4().hex}"
        self.ledger: Ledger = open_ledger(ledger_url)
        self._run(SCHEMA)
        self.writer = Writer(source, self.chance)
        self.endings: Counter[str] = Counter()
        self._over, self._ahead = threading.Event(), list[str]()
        if snapshot:
            for _ in range(60):
                self.writer.transaction()
        with self.ledger.begin() as session:
            self.pipeline_id = create_cdc_pipeline(session, self._spec(), Vault(SECRET), at=utcnow()).id
        self._watch = threading.Thread(target=self._watch_slot, daemon=True)
        self._watch.start()
        self._last: BaseProcess | None = None
        if not snapshot:
            self._make_slot()

    def _start(self, last: Stage | None = None, count: int = 1) -> BaseProcess:
        self._last = stream_and_die(self._ledger_url, NAME, last, count)
        return self._last

    def _make_slot(self) -> None:
        """What is written from now on is in the log that is read."""
        run = self._start()
        until(self._stored, PATIENCE_S)
        run.kill()
        ended(run, PATIENCE_S)

    def _spec(self) -> dict[str, Any]:
        database = psycopg2.extensions.parse_dsn(self.source)["dbname"]
        source = {"id": "pg", "dsn": self.source, "publication": f"{database}_pub", "slot": self.slot, "tables": ["*"]}
        if self.snapshot:
            source |= {"snapshot": {"mode": "initial", "chunk_size": 7}}
        sinks = [
            {"type": "postgres", "config": {"id": "tables", "dsn": self.target}},
            {
                "type": "redis",
                "config": {
                    "id": "stream",
                    "uri": f"redis://127.0.0.1:{self.redis.get_connection_kwargs()['port']}",
                    "stream": STREAM,
                },
            },
        ]
        inner = {
            "source": {"type": "postgres", "config": source},
            "processors": [],
            "sinks": sinks,
            "batch": {"max_events": 40, "max_ms": 5, "max_inflight": self.chance.choice([1, 3])},
        }
        return {"metadata": {"name": NAME, "tenant": "acme"}, "spec": inner}

    def round(self) -> None:
        """A run that is killed while the history goes on: as a stage begins, or at any time."""
        stage = self.chance.choice([*Stage, None, None, None])
        while not self._killed(stage):
            self._want(DesiredState.RUNNING)
        self._want(DesiredState.RUNNING)
        self.endings[stage.value if stage else "any time"] += 1

    def _killed(self, stage: Stage | None) -> bool:
        """Whether a run was killed; one that was stopped before it had begun just ends."""
        once = stage in (Stage.OPEN, Stage.CLOSE)
        run = self._start(stage, 1 if once else self.chance.choice([1, 2, 5, 20, 60]))
        ends = time.monotonic() + self.chance.uniform(0.05, 0.8)
        deadline = time.monotonic() + PATIENCE_S
        while run.exitcode is None:
            assert time.monotonic() < deadline, f"the run did not come to {stage}"
            self.writer.transaction()
            if time.monotonic() > ends:
                if stage is None:
                    run.kill()
                elif stage is Stage.CLOSE and self._is_reading():
                    self._want(DesiredState.STOPPED)
            time.sleep(0.01)
        assert run.exitcode in (0, -signal.SIGKILL), f"{stage}: the run ended with {run.exitcode}"
        return run.exitcode != 0

    def finish(self) -> None:
        """A run that is not killed brings everything to its end."""
        run = self._start()
        (end,) = self._ask(self.source, "select pg_current_wal_insert_lsn()::text")[0]
        self.writer.transaction()
        until(lambda: not self._is_in_snapshot() and self._stored() >= parse_lsn(end), 4 * PATIENCE_S)
        self._want(DesiredState.STOPPED)
        assert ended(run, PATIENCE_S) == 0
        self._over.set()
        self._watch.join()

    def close(self) -> None:
        self._over.set()
        self._watch.join()
        if self._last is not None:
            self._last.kill()
            ended(self._last, PATIENCE_S)
        self.writer.close()
        self.ledger.dispose()
        self.redis.close()
        drop_slot(self.source, self.slot)

    def check(self) -> None:
        """What must hold of the outcome."""
        assert self._ahead == [], f"{self._ahead}: confirmed to the source beyond what was stored"
        for table in TABLES:
            query = f"select to_jsonb(t)::text from {table} t order by 1"
            assert self._ask(self.target, query) == self._ask(self.source, query), f"{table} differs at the target"
        events = self._events()
        told: dict[str, Any] = {}
        for event in events:
            assert _content(told.setdefault(event["event_id"], event)) == _content(event), "one id, two events"
        assert self._replayed(list(told.values())) == self._rows(), "the stream tells another story"
        if not self.snapshot:
            assert [_said(event) for event in told.values()] == self.writer.said, "lost, doubled or out of order"
            assert len(events) >= len(told)

    def _events(self) -> list[dict[str, Any]]:
        return [json.loads(fields[b"df-event"]) for _, fields in self.redis.xrange(STREAM)]

    def _replayed(self, events: list[dict[str, Any]]) -> dict[str, list[Any]]:
        """The tables as somebody has them who follows the stream."""
        tables: dict[str, dict[Any, Any]] = {name: {} for name in TABLES}
        for event in events:
            rows = tables[event["source"]["table"]]
            before, after = event["before"], event["after"]
            if event["op"] == "t":
                rows.clear()
                continue
            old = rows.pop(_key(event, before), None) if before else None
            if after is None:
                continue
            key = _key(event, after)
            known = old or rows.get(key) or {}
            rows[key] = known | {name: value for name, value in after.items() if value != {"_unchanged": True}}
        return {name: sorted(map(json.dumps, rows.values())) for name, rows in tables.items()}

    def _rows(self) -> dict[str, list[Any]]:
        found = {}
        for name in TABLES:
            columns = {"pairs": "a, b, n::text"}.get(name, "*")
            rows = self._ask(self.source, f"select row_to_json(t) from (select {columns} from {name}) t")
            found[name] = sorted(json.dumps(row) for (row,) in rows)
        return found

    def _watch_slot(self) -> None:
        query = "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = %s"
        with closing(psycopg2.connect(self.source)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not self._over.wait(0.02):
                # In this order: what is stored only grows.
                cursor.execute(query, [self.slot])
                confirmed = cursor.fetchone()
                stored = self._stored()
                if confirmed and stored and parse_lsn(confirmed[0]) > stored:
                    self._ahead.append(f"{confirmed[0]} > {stored:X}")

    def _stored(self) -> int:
        """How far the sink is that is behind all others; 0: not all have anything."""
        found = [parse_lsn(position["lsn"]) for position in self._positions()]
        return min(found) if len(found) == 2 else 0

    def _is_in_snapshot(self) -> bool:
        return any("snapshot" in position["state"] for position in self._positions())

    def _positions(self) -> list[dict[str, Any]]:
        with self.ledger.begin() as session:
            return [one.position["data"] for one in select_checkpoints(session, self.pipeline_id)]

    def _want(self, state: DesiredState) -> None:
        with self.ledger.begin() as session:
            if get_cdc_pipeline(session, NAME).desired_state is not state:
                set_cdc_state(session, NAME, state, at=utcnow())

    def _is_reading(self) -> bool:
        query = "select true from pg_replication_slots where slot_name = %s and active"
        return bool(self._ask(self.source, query, self.slot))

    def _run(self, statements: str) -> None:
        with transaction(self.source) as cursor:
            cursor.execute(statements)

    @staticmethod
    def _ask(dsn: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with transaction(dsn) as cursor:
            cursor.execute(query, parameters or None)
            return cursor.fetchall()


def _key(event: dict[str, Any], row: dict[str, Any]) -> Any:
    table = event["source"]["table"]
    if table == "pairs":
        return (row["a"], row["b"])
    return row["number"] if table == "lines" else row["id"]


def _content(event: dict[str, Any]) -> Any:
    """What may not differ when an event comes again; a row of a snapshot may be read from another one."""
    return {name: event[name] for name in ("op", "before", "after")} if event["op"] == "r" else event


def _said(event: dict[str, Any]) -> tuple[str, str, Any]:
    row = event["after"] or event["before"]
    return event["op"], event["source"]["table"], _key(event, row) if row else None
