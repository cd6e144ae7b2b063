"""A step in JavaScript: `processBatch(events)` may drop, add and edit events, and route them with `event.route(...)`.

It runs in V8 without any access to this machine, with limits of time and memory (mini-racer, an extra).
"""

from collections.abc import Sequence
from typing import Any, Literal

import orjson
from pydantic import Field

from supersync_core.domain.change import Change, Op, Route, Values
from supersync_core.engines.cdc.steps.config import StepConfig
from supersync_core.errors import AbortError, ConfigError

# Events cross as JSON, both ways. `_at` tells which event it was; one without it is new.
_HARNESS = """
function __run(text) {
  const events = JSON.parse(text);
  for (const event of events)
    Object.defineProperty(event, 'route', {enumerable: false, value: (to) => { event._route = to; return event; }});
  const result = processBatch(events);
  return JSON.stringify(result === undefined ? events : result);
}
"""


class Limits(StepConfig):
    """For one batch: milliseconds of processor time or of waiting, whichever is less, and megabytes of heap."""

    type: str = "limits"
    cpu_ms: int | None = Field(default=None, ge=1)
    mem_mb: int | None = Field(default=None, ge=1)
    timeout_ms: int | None = Field(default=None, ge=1)


class JavaScriptConfig(StepConfig):
    """The code, and what it may use."""

    type: Literal["javascript"] = "javascript"
    id: str
    inline: str = Field(min_length=1)
    limits: Limits = Limits()


DEFAULT_TIMEOUT_MS, DEFAULT_MEM_MB = 5000, 128


class JavaScript:
    """One engine for the life of the pipeline: what the code keeps in its globals stays."""

    def __init__(self, config: JavaScriptConfig) -> None:
        """Load the code. Raises ConfigError where it cannot be read, or mini-racer is not installed."""
        try:
            from py_mini_racer import JSEvalException, MiniRacer
        except ModuleNotFoundError as error:
            raise ConfigError("a javascript processor needs mini-racer: pip install 'supersync[javascript]'") from error
        self._config, self._failure = config, JSEvalException
        limits = config.limits
        timeout_ms = min(limits.cpu_ms or DEFAULT_TIMEOUT_MS, limits.timeout_ms or DEFAULT_TIMEOUT_MS)
        memory = (limits.mem_mb or DEFAULT_MEM_MB) << 20
        self._limits: dict[str, Any] = {"timeout_sec": timeout_ms / 1000, "max_memory": memory}
        self._engine = MiniRacer()
        try:
            self._engine.eval(config.inline + _HARNESS, **self._limits)
            there = self._engine.eval("typeof processBatch === 'function'")
        except JSEvalException as error:
            raise ConfigError(f"processor {config.id}: the code cannot be read: {error}") from error
        if not there:
            raise ConfigError(f"processor {config.id}: the code has no function processBatch(events)")

    def __call__(self, changes: Sequence[Change]) -> Sequence[Change]:
        """What the code makes of the events. Raises AbortError for an exception, a limit, or something that is none."""
        if not changes:
            return changes
        text = orjson.dumps([_event(change, index) for index, change in enumerate(changes)]).decode()
        try:
            found = self._engine.call("__run", text, **self._limits)
        except self._failure as error:
            raise AbortError(f"processor {self._config.id}: {error}") from error
        events = orjson.loads(found)
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise AbortError(f"processor {self._config.id}: processBatch must return a list of events")
        return [self._change(event, changes, number) for number, event in enumerate(events)]

    def _change(self, event: dict[str, Any], changes: Sequence[Change], number: int) -> Change:
        at = event.get("_at")
        known = isinstance(at, int) and 0 <= at < len(changes)
        origin = changes[at] if known and isinstance(at, int) else changes[0]
        try:
            change = Change(
                Op(event.get("op")),
                origin.table,
                origin.tx,
                origin.index,
                _image(event.get("before")),
                _image(event.get("after")),
                # A new event has an id of its own, which is the same whenever this batch is read.
                origin.id if known else f"{origin.event_id}/{self._config.id}/{number}",
            )
        except (TypeError, ValueError) as error:
            raise AbortError(f"processor {self._config.id}: not an event: {error}") from error
        change.route = _route(event["_route"]) if isinstance(event.get("_route"), dict) else origin.route
        change.synthetic = origin.synthetic if known else self._config.id
        change.tx_end = origin.tx_end if known else False
        return change


def _event(change: Change, index: int) -> dict[str, Any]:
    table = change.table
    return {
        "before": change.before.values() if change.before else None,
        "after": change.after.values() if change.after else None,
        "op": change.op.value,
        "source": {"db": table.database, "schema": table.schema, "table": table.name, "ts_ms": change.tx.ts_ms},
        "ts_ms": change.tx.ts_ms,
        "event_id": change.event_id,
        "_at": index,
    }


def _image(values: Any) -> Values | None:
    if values is not None and not isinstance(values, dict):
        raise TypeError("before and after are objects or null")
    return None if values is None else Values(values)


def _route(given: dict[str, Any]) -> Route:
    headers = given.get("headers")
    texts = {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    topic, key = (None if given.get(name) is None else str(given[name]) for name in ("topic", "key"))
    return Route(topic, key, texts)
