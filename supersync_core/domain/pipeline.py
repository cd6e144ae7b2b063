"""What a pipeline is: its kinds, its desired states, how it is declared, and how its name becomes a key."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from keyword import kwlist
from typing import Any

from supersync_core.domain.check import AnomalyRule, Freshness, Timeliness
from supersync_core.domain.schedule import Cadence
from supersync_core.errors import ConfigError

MAX_NAME = 150
"""Characters in a pipeline's name (Watcher: `name` 1 to 150)."""


class PipelineKind(str, Enum):
    """Who moves the data, and how. `external`: somebody else runs it and reports to us."""

    TABLE_SYNC = "table_sync"
    CHANNEL_SYNC = "channel_sync"
    HISTORICAL_SYNC = "historical_sync"
    CDC = "cdc"
    EXTERNAL = "external"


REGISTERED_AT_USE = frozenset({PipelineKind.CHANNEL_SYNC, PipelineKind.HISTORICAL_SYNC, PipelineKind.CDC})
"""Kinds whose pipelines come over HTTP as well: their first run does not wait until the engine has loaded them."""


class DesiredState(str, Enum):
    """What the operator wants. Any of the three may follow any other; a run or the supervisor makes it so."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


def fold_name(name: str) -> str:
    """The form under which a name is unique: trimmed, composed (NFC), without regard to case.

    >>> fold_name(" Orders-CDC ") == fold_name("orders-cdc")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


_PLAIN = re.compile(r"[A-Za-z0-9]|_(?!x)")
# What Dagster keeps for itself, besides Python's keywords (dagster 1.13: DISALLOWED_NAMES).
_RESERVED = {"context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict"} | {
    *("int", "str", "float", "bool", "input", "output", "type"),
    *kwlist,
}


def dagster_name(text: str) -> str:
    """Any text as letters, digits and underscores, injectively: all that Dagster allows in a name.

    Letters and digits stand for themselves, and so does `_` unless an `x` follows; anything else becomes
    `_x<code point in hexadecimal>_`, and so does the first letter of a word that Dagster keeps for itself.

    >>> dagster_name("Orders"), dagster_name("order items"), dagster_name("config")
    ('Orders', 'order_x20_items', '_x63_onfig')
    """
    return "".join(
        character if _PLAIN.match(text, position) and (position or text not in _RESERVED) else f"_x{ord(character):x}_"
        for position, character in enumerate(text)
    )


def dagster_key(name: str) -> str:
    """A pipeline's name as a `dagster_name`: injective over folded names.

    >>> dagster_key("orders-cdc"), dagster_key("Table_Stats_Sync")
    ('orders_x2d_cdc', 'table_stats_sync')
    """
    return dagster_name(fold_name(name))


@dataclass(frozen=True)
class PipelineDeclaration:
    """A pipeline as somebody declares it, in a file, in Python or over HTTP.

    `spec` is JSON that only its kind understands; it names connections and holds no secret. `cadence` None: it runs
    only when asked.
    """

    name: str
    kind: PipelineKind
    title: str | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    cadence: Cadence | None = None
    freshness: Freshness | None = None
    timeliness: Timeliness | None = None
    anomalies: tuple[AnomalyRule, ...] = ()
    owners: tuple[str, ...] = ()
    group: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a name that cannot be kept: empty, longer than `MAX_NAME`, or with characters that do not print."""
        if not 1 <= len(self.name.strip()) <= MAX_NAME or not self.name.isprintable():
            raise ConfigError(f"a pipeline's name has 1 to {MAX_NAME} printable characters, not {self.name[:200]!r}")

    @property
    def content_hash(self) -> str:
        """Sixty-four hexadecimal digits that change when the declaration does: on every machine, in every process."""
        content = asdict(self)
        # A key that came with a later release counts only where it says something, so that hashes outlive releases.
        content["anomalies"] = [rule.in_short for rule in self.anomalies]
        if self.timeliness is None:
            del content["timeliness"]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
