"""A running `supersync dev` with the document's two jobs, over PostgreSQL with views that have Redshift's names, and
with a chat of five channels, one of which is declared."""

import re
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine, make_url, text

from demo.chat import write_export
from tests.acceptance.console import SUPERSYNC, environment, execute, slow_view, until, with_password
from tests.core.services.alerts.receiver import SECRET as HOOK_SECRET
from tests.core.services.alerts.receiver import Receiver, receiver
from tests.dagster.api.historical_sync.apis import SECRET as SUPABASE_SECRET

SYNC = "/api/v1/sync"
START_S = 120
READY = re.compile(r"supersync is ready at (\S+)")

# What svv_table_info says, as far as PostgreSQL's own catalogue knows it.
SVV_TABLE_INFO = """create view svv_table_info as
select current_database()::text as database, n.nspname::text as schema, c.oid as table_id, c.relname::text as table,
  'N'::text as encoded, 'EVEN'::text as diststyle, null::text as sortkey1, 0 as sortkey_num,
  ceil(pg_total_relation_size(c.oid) / 1048576.0)::bigint as size, 0.1::numeric(10,4) as pct_used,
  null::numeric(5,2) as unsorted, 0.0::numeric(5,2) as stats_off, greatest(c.reltuples, 0)::numeric(38,0) as tbl_rows,
  greatest(c.reltuples, 0)::numeric(38,0) as estimated_visible_rows, null::numeric(19,2) as skew_sortkey1,
  null::numeric(19,2) as skew_rows, null::numeric(12,2) as vacuum_sort_benefit,
  timestamp '2024-01-15 10:00:00' as create_time
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname in ('public', 'pg_catalog')"""
SYS_QUERY_HISTORY = """create table query_log (id bigint primary key, started timestamp not null);
insert into query_log select n, now() at time zone 'UTC' - n * interval '1 minute' from generate_series(1, 500) n;
create view sys_query_history as
select 100 as user_id, id as query_id, 'default'::char(320) as query_label, id as transaction_id, 6 as session_id,
  'dev'::char(128) as database_name, 'SELECT'::char(32) as query_type, 'success'::char(10) as status,
  false as result_cache_hit, started as start_time, started + interval '1 second' as end_time,
  1000000::bigint as elapsed_time, 1::bigint as queue_time, 2::bigint as execution_time, 3::bigint as compile_time,
  4::bigint as planning_time, 5::bigint as lock_wait_time, 6::bigint as returned_rows, 7::bigint as returned_bytes,
  ''::char(512) as error_message, 'select 1'::char(4000) as query_text, 'abc='::char(40) as generic_query_hash
from query_log"""

CONFIGURATION = """
connections:
  warehouse: {type: redshift, dsn: "${WAREHOUSE}"}
  analytics: {type: postgres, dsn: "${ANALYTICS}"}
  shop: {type: postgres, dsn: "${WAREHOUSE}"}
  calls: {type: call_files, path: "calls/{agency}"}
  chat: {type: slack_export, path: export.zip, workspace_url: "https://acme.slack.com"}
  gone: {type: slack_export, path: gone.zip}
pipelines:
  - name: table_stats_sync
    title: Table Statistics Sync
    kind: table_sync
    source: {connection: warehouse, query: table_stats}
    target: {connection: analytics, table: redshift_table_stats, primary_key: [database, table_id]}
    every: 300
    timezone: US/Pacific
  - name: query_history_sync
    title: Query History Sync (7d)
    kind: table_sync
    source: {connection: warehouse, query: query_history, cursor: start_time, window: 7d}
    target: {connection: analytics, table: redshift_query_history, primary_key: [query_id]}
    every: 300
    timezone: US/Pacific
  - name: slow
    kind: table_sync
    source: {connection: shop, table: public.slow}
    target: {connection: analytics, table: slow, primary_key: [id]}
  - name: broken
    kind: table_sync
    source: {connection: shop, table: public.missing}
    target: {connection: analytics, table: missing, primary_key: [id]}
  - name: Ünïcode / weekly
    kind: table_sync
    source: {connection: shop, table: public.query_log}
    target: {connection: analytics, table: weekly, primary_key: [id]}
    cron: "0 9 * * 1"
    timezone: Europe/Berlin
  - name: calls
    kind: historical_sync
    source: {connection: calls}
    target: {connection: analytics}
    agency: any
  - {name: C00001, kind: channel_sync, source: {connection: chat, channel: C00001}, cron: "0 */4 * * *"}
  - {name: gone, kind: channel_sync, source: {connection: gone, channel: C77777}}
alerts:
  - {name: hook, webhook: "${HOOK}", secret: "${HOOK_SECRET}"}
"""
CHANNELS, MESSAGES = 5, 300
"""Of the chat, and of each of its channels."""
TOKENS = {role: f"static-canary-token-of-{role}" for role in ("viewer", "operator", "admin")}
"""Of a site that asks for one."""
DOCUMENTED = ("query_history_sync", "table_stats_sync")


@dataclass
class Site:
    """A directory with a configuration, the databases behind it, and `supersync dev` as long as it runs.

    `hook`: what got its alerts. `variables`: more settings of it. `token`: an admin's, where they ask for one.
    """

    directory: Path
    database_url: str
    warehouse: str
    analytics: str
    hook: Receiver
    variables: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    url: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def headers(self) -> dict[str, str]:
        """What each request needs."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def settings(self) -> dict[str, str]:
        """What a command needs in its environment to know the ledger and the configuration."""
        return {
            "SUPERSYNC_DATABASE_URL": self.database_url,
            "WAREHOUSE": with_password(self.warehouse),
            "ANALYTICS": with_password(self.analytics),
            "HOOK": self.hook.url,
            "HOOK_SECRET": HOOK_SECRET,
            "SUPABASE_JWT_SECRET": SUPABASE_SECRET,
        }

    def start(self) -> None:
        """Start `supersync dev`, and wait until it is ready."""
        (self.directory / "supersync.yaml").write_text(CONFIGURATION)
        # What it said before a restart stays, for who looks for a cause.
        with (self.directory / "out").open("wb") as out, (self.directory / "err").open("ab") as err:
            self.process = subprocess.Popen(
                [SUPERSYNC, "dev", "--port", "0", "--data-dir", str(self.directory / "data")],
                cwd=self.directory,
                env=environment({**self.settings, **self.variables}),
                stdout=out,
                stderr=err,
            )
        self.url = _ready(self.process, self.directory)
        until(lambda: self.get("/api/v1/sync/status")["status"] == "running", START_S)

    def stop(self) -> float:
        """End it as an operator does; the seconds that it took."""
        assert self.process is not None
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return time.monotonic() - begun

    def client(self, **options: Any) -> httpx.Client:
        """A client of the API, with the headers that it needs."""
        return httpx.Client(**{"base_url": self.url, "timeout": 30, "headers": self.headers, **options})

    def get(self, path: str, **parameters: Any) -> Any:
        """The body of a GET that succeeds."""
        with self.client() as client:
            answer = client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def trigger(self, job_id: str) -> int:
        """Trigger a job; its entry in the history."""
        with self.client() as client:
            answer = client.post("/api/v1/sync/trigger", json={"job_id": job_id})
        assert answer.status_code == 200, answer.text
        return self.latest(job_id)

    def latest(self, job_id: str) -> int:
        """The newest entry of a job."""
        return int(self.get(f"{SYNC}/history", job_id=job_id, limit=1)["history"][0]["log_id"])

    def ended(self, log_id: int, seconds: float = 90) -> dict[str, Any]:
        """The entry, once its run has ended."""
        found: dict[str, Any] = until(lambda: self._if_ended(log_id), seconds)
        return found

    def run(self, job_id: str) -> dict[str, Any]:
        """Trigger a job, once no run of it is live, and wait for the end of its run."""
        self.rest(job_id)
        return self.ended(self.trigger(job_id))

    def rest(self, job_id: str) -> None:
        """Wait until no run of the job is live."""
        path = "/api/v1/sync/history"
        until(lambda: self.get(path, job_id=job_id, status="running")["total"] == 0, 90)

    def graphql(self, query: str, **variables: Any) -> Any:
        """The data of Dagster's answer."""
        with self.client() as client:
            return client.post("/graphql", json={"query": query, "variables": variables}).json()["data"]

    def _if_ended(self, log_id: int) -> dict[str, Any] | None:
        entry: dict[str, Any] = self.get(f"/api/v1/sync/history/{log_id}")
        return entry if entry["status"] != "running" else None


def prepare(warehouse: str) -> None:
    """Make the source look like Redshift."""
    execute(warehouse, SVV_TABLE_INFO)
    execute(warehouse, SYS_QUERY_HISTORY)
    slow_view(warehouse)


@contextmanager
def served(server_url: str, directory: Path, **options: Any) -> Iterator[Site]:
    """A running site on databases of its own, which are dropped at the end."""
    names = [f"site_{part}_{uuid.uuid4().hex[:12]}" for part in ("ledger", "warehouse", "analytics")]
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for name in names:
            connection.execute(text(f"CREATE DATABASE {name}"))
    urls = [make_url(server_url).set(database=name) for name in names]
    ledger = urls[0].render_as_string(hide_password=False)
    plain = [url.set(drivername="postgresql").render_as_string(hide_password=False) for url in urls[1:]]
    prepare(plain[0])
    write_export(directory / "export.zip", channels=CHANNELS, messages=CHANNELS * MESSAGES)
    with receiver() as hook:
        site = Site(directory, with_password(ledger), *plain, hook, **options)
        try:
            site.start()
            yield site
        finally:
            if site.process is not None:
                site.stop()
    with admin.connect() as connection:
        for name in names:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _ready(process: "subprocess.Popen[bytes]", directory: Path) -> str:
    out, err = directory / "out", directory / "err"
    found = until(lambda: READY.search(out.read_text()) or process.poll() is not None, START_S)
    assert isinstance(found, re.Match), err.read_text()
    return found[1]
