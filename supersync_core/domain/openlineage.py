"""What OpenLineage calls jobs, datasets and runs: their names here, and what the events of a run say together.

Events come more than once and in any order. So what is known of a run depends on which events have come and on nothing
else: it began at the earliest of their times, of every word the newest counts by the event's own time, and its datasets
are all that were named.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.lineage import DATABASE, split_name
from supersync_core.domain.pipeline import MAX_NAME, fold_name

STREAM, FILE = "stream", "file"
"""Groups of address types, beside `DATABASE`."""
MAX_ADDRESS = 500
"""Characters of an address's name that are kept as they are."""
MAX_SIDE = 1_000
"""Of so many inputs, and of so many outputs, a run's lineage is made: of more the first ones by name."""
MAX_EDGES = 100_000
MAX_COUNT = 2**63 - 1

_STREAMS = frozenset(
    ("amqp", "eventhubs", "kafka", "kinesis", "mqtt", "nats", "pubsub", "pulsar", "rabbitmq", "redis", "sqs")
)
_FILES = frozenset(
    ("abfs", "abfss", "adl", "dbfs", "file", "ftp", "gcs", "gs", "hdfs", "http", "https", "local", "oss", "s3", "s3a")
) | {"s3n", "sftp", "wasb", "wasbs"}
# https://openlineage.io/docs/spec/naming: most namespaces are `scheme://authority`, some are a word alone.
_SCHEME = re.compile(r"arn:aws[a-z-]*:(?P<service>[a-z0-9-]{1,50}):|(?P<scheme>[a-z][a-z0-9+.-]{0,49})://")
_WORDS = frozenset(("bigquery", "file", "pubsub"))
_UNKNOWN = "dataset"
_DIGEST = 32


class Dataset(NamedTuple):
    """A place where data lives, as OpenLineage names it."""

    namespace: str
    name: str

    @property
    def address(self) -> str:
        """The name of its address here."""
        return shortened(f"{self.namespace}/{self.name}", MAX_ADDRESS)

    @property
    def type(self) -> tuple[str, str]:
        """The type of its address and the type's group, by the scheme of its namespace.

        >>> Dataset("postgres://db:5432", "shop.public.orders").type, Dataset("my own", "orders").type
        (('postgres', 'database'), ('dataset', 'database'))
        """
        namespace = self.namespace.strip().lower()
        found = _SCHEME.match(namespace)
        name = (found["service"] or found["scheme"]) if found else namespace if namespace in _WORDS else _UNKNOWN
        return name, STREAM if name in _STREAMS else FILE if name in _FILES else DATABASE

    @property
    def parts(self) -> dict[str, Any]:
        """Database, schema and table, where its name says them."""
        return split_name(self.name, self.type[1])


def job_name(namespace: str, name: str) -> str:
    """The name of the pipeline that a job is."""
    return shortened(f"{namespace}/{name}", MAX_NAME)


def shortened(name: str, limit: int) -> str:
    """A name that has at most `limit` characters, and is another one for another name without regard to case.

    >>> shortened("airflow/daily", 150), len(shortened("x" * 200, 150))
    ('airflow/daily', 150)
    """
    folded = fold_name(name)
    kept = name.strip()
    # A short name that looks like a shortened one would be taken for that.
    if max(len(kept), len(folded)) <= limit and not _LOOKS_SHORTENED.search(kept):
        return kept
    digest = hashlib.sha256(folded.encode()).hexdigest()[:_DIGEST]
    return f"{folded[: limit - _DIGEST - 1]}…{digest}"


_LOOKS_SHORTENED = re.compile(rf"…[0-9a-f]{{{_DIGEST}}}$", re.IGNORECASE)


class Word(NamedTuple):
    """Something that an event said, at the event's time. `value`: anything that JSON can say."""

    at: datetime
    value: Any

    @property
    def rank(self) -> tuple[datetime, str]:
        """The greatest counts: the newest, and of two of one time always the same one."""
        return self.at, json.dumps(self.value, sort_keys=True)


Topic = tuple[str, ...]
"""What a word is about: one of the following, with a dataset's namespace and name where it is about a dataset."""

END, ERROR, PARENT, NOMINAL, PRODUCER, ROWS, BYTES = "end", "error", "parent", "nominal", "producer", "rows", "bytes"


@dataclass(frozen=True)
class RunRecord:
    """What events have said of one run, or of a job without a run."""

    began: datetime
    words: Mapping[Topic, Word] = field(default_factory=dict)
    inputs: frozenset[Dataset] = frozenset()
    outputs: frozenset[Dataset] = frozenset()

    def joined(self, other: "RunRecord") -> "RunRecord":
        """What both say: the same in whatever order, and however often, records are joined."""
        words = dict(self.words)
        for topic, word in other.words.items():
            words[topic] = max(words.get(topic, word), word, key=lambda said: said.rank)
        return RunRecord(
            began=min(self.began, other.began),
            words=words,
            inputs=_first(self.inputs | other.inputs),
            outputs=_first(self.outputs | other.outputs),
        )

    def said(self, topic: str) -> Any:
        """The newest word on something that is about no dataset; None where there is none."""
        word = self.words.get((topic,))
        return word.value if word else None

    def total(self, topic: str) -> int | None:
        """`ROWS` or `BYTES` of all datasets together; None where nothing was said of any."""
        values = [word.value for about, word in self.words.items() if about[0] == topic]
        return min(sum(values), MAX_COUNT) if values else None

    @property
    def end(self) -> tuple[datetime, ExecutionState] | None:
        """When and how the run ended; None while it runs."""
        word = self.words.get((END,))
        return (word.at, ExecutionState(word.value)) if word else None

    @property
    def flows(self) -> tuple[list[Dataset], list[Dataset]]:
        """Inputs and outputs by name; at most `MAX_EDGES` edges lie between them."""
        inputs, outputs = sorted(self.inputs), sorted(self.outputs)
        if len(inputs) * len(outputs) <= MAX_EDGES:
            return inputs, outputs
        longer = MAX_EDGES // min(len(inputs), len(outputs))
        return inputs[:longer], outputs[:longer]

    def to_json(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return {
            "began": self.began.isoformat(),
            "words": [[list(topic), word.at.isoformat(), word.value] for topic, word in sorted(self.words.items())],
            "inputs": [list(dataset) for dataset in sorted(self.inputs)],
            "outputs": [list(dataset) for dataset in sorted(self.outputs)],
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "RunRecord":
        """From what `to_json` gave."""
        return cls(
            began=datetime.fromisoformat(kept["began"]),
            words={tuple(topic): Word(datetime.fromisoformat(at), value) for topic, at, value in kept["words"]},
            inputs=frozenset(Dataset(*dataset) for dataset in kept["inputs"]),
            outputs=frozenset(Dataset(*dataset) for dataset in kept["outputs"]),
        )


def _first(datasets: Iterable[Dataset]) -> frozenset[Dataset]:
    """The first ones by name: of two sets together the same as of their first ones together."""
    found = frozenset(datasets)
    return found if len(found) <= MAX_SIDE else frozenset(sorted(found)[:MAX_SIDE])
