"""A CDC pipeline over HTTP: PostgreSQL to Redis, both real, behind a running site."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import redis

from tests.acceptance.console import execute, until, with_password
from tests.conformance.api.site import Site


@dataclass
class Cdc:
    """A pipeline of a name of its own over a table of its own."""

    site: Site
    port: int
    name: str = field(default_factory=lambda: f"cdc-{uuid.uuid4().hex[:12]}")
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.site.client()
        self.redis = redis.Redis(port=self.port)
        execute(self.site.warehouse, f"CREATE TABLE {self.table} (id int PRIMARY KEY, item text, region text)")

    @property
    def table(self) -> str:
        return f"public.{self.name.replace('-', '_')}"

    def spec(self, **spec: Any) -> dict[str, Any]:
        """The document's body; `spec` changes its inner part."""
        source = {
            "id": "warehouse",
            "dsn": with_password(self.site.warehouse),
            "slot": self.name.replace("-", "_"),
            "publication": self.name.replace("-", "_"),
            "tables": [self.table],
        }
        inner = {
            "source": {"type": "postgres", "config": source},
            "processors": [],
            "sinks": [{"type": "redis", "config": self.sink()}],
            "batch": {"max_ms": 5},
            "journal": {"enabled": True},
        }
        metadata = {"name": self.name, "tenant": "acme", "labels": {"env": "test", "team": self.name}}
        return {"metadata": metadata, "spec": inner | spec}

    def sink(self, **config: Any) -> dict[str, Any]:
        return {"id": "events", "uri": f"redis://127.0.0.1:{self.port}/0", "stream": self.name, **config}

    def post(self, path: str = "", body: Any = None) -> httpx.Response:
        """To the pipeline: `pause`, `journal/dlq/ack`..."""
        return self.client.post(f"/pipelines/{self.name}{path and '/' + path}", json=body)

    def get(self, path: str = "", **parameters: Any) -> Any:
        """The body of a GET below the pipeline that succeeds."""
        return self.site.get(f"/pipelines/{self.name}{path and '/' + path}", **parameters)

    def create(self, **spec: Any) -> httpx.Response:
        return self.client.post("/pipelines", json=self.spec(**spec))

    def streams(self, seconds: float = 60) -> None:
        """Wait until what is written from now on will come."""
        until(lambda: self.get()["ops"]["checkpoints"], seconds)

    def idle(self, seconds: float = 30) -> None:
        """Wait until no run goes on."""
        until(lambda: not self.get()["ops"]["uptime_seconds"], seconds)

    def insert(self, *ids: int, region: str | None = "eu") -> None:
        value = "NULL" if region is None else f"'{region}'"
        rows = ", ".join(f"({id_}, 'item {id_}', {value})" for id_ in ids)
        execute(self.site.warehouse, f"INSERT INTO {self.table} (id, item, region) VALUES {rows}")

    def arrived(self) -> list[int]:
        """The ids of the rows in the stream of Redis, in its order."""
        entries: Any = self.redis.xrange(self.name)
        return [orjson.loads(fields[b"df-event"])["after"]["id"] for _, fields in entries]

    def delete(self) -> httpx.Response:
        return self.client.delete(f"/pipelines/{self.name}")
