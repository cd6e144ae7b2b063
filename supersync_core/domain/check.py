"""What is expected of a pipeline: how fresh its data is, how its numbers usually look."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, NamedTuple


class CheckKind(str, Enum):
    """What a rule is about: age of the data, length of a run, unusual numbers, a schema that moved."""

    FRESHNESS = "freshness"
    TIMELINESS = "timeliness"
    ANOMALY = "anomaly"
    DRIFT = "drift"


class DatePart(str, Enum):
    """Units of the calendar, in which an expectation is written (Watcher: `freshness_datepart`)."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Freshness(NamedTuple):
    """Data is stale once its newest change is older than `number` of `datepart`."""

    number: int
    datepart: DatePart

    @property
    def window(self) -> timedelta:
        """As a length of time. A month counts 31 days and a year 366, so that nothing is called stale too early."""
        return self.number * _LENGTHS[self.datepart]


class Timeliness(NamedTuple):
    """A run is late once it has taken longer than `number` of `datepart`."""

    number: int
    datepart: DatePart


_LENGTHS = {
    DatePart.MINUTE: timedelta(minutes=1),
    DatePart.HOUR: timedelta(hours=1),
    DatePart.DAY: timedelta(days=1),
    DatePart.WEEK: timedelta(days=7),
    DatePart.MONTH: timedelta(days=31),
    DatePart.YEAR: timedelta(days=366),
}


class Metric(str, Enum):
    """What an anomaly rule looks at (Watcher: `metric_field`)."""

    DURATION_SECONDS = "duration_seconds"
    INSERTS = "inserts"
    UPDATES = "updates"
    SOFT_DELETES = "soft_deletes"
    TOTAL_ROWS = "total_rows"
    THROUGHPUT = "throughput"


class Method(str, Enum):
    """How a rule tells unusual from usual.

    `zscore`: by mean and sample deviation (Watcher). `mad`: by median and median absolute deviation, which a few
    extreme values in the history do not move.
    """

    ZSCORE = "zscore"
    MAD = "mad"


class ZeroDeviation(str, Enum):
    """What to say of a value that differs from a history in which all are the same: nothing (Watcher), or unusual."""

    SILENT = "silent"
    FLAG = "flag"


class AnomalyRule(NamedTuple):
    """An execution is unusual when a metric lies more than `z_threshold` deviations off its mean (Watcher).

    `z_threshold` 1 to 10; the mean is over the last `lookback_days` (1 to 365), and nothing is said before there are
    `minimum_executions` (5 to 1000) of them.
    """

    metric_field: Metric
    z_threshold: float = 3.0
    lookback_days: int = 30
    minimum_executions: int = 30
    method: Method = Method.ZSCORE
    zero_deviation: ZeroDeviation = ZeroDeviation.SILENT

    @classmethod
    def from_settings(cls, metric: str, settings: Mapping[str, Any]) -> "AnomalyRule":
        """The rule that the ledger keeps as `settings`; what they do not say is as by default."""
        known = {name: value for name, value in settings.items() if name in cls._fields}
        rule = cls(Metric(metric), **known)
        return rule._replace(method=Method(rule.method), zero_deviation=ZeroDeviation(rule.zero_deviation))

    @property
    def in_short(self) -> tuple[Any, ...]:
        """As it was before there was a choice of methods, where it makes no use of that."""
        usual = (Method.ZSCORE, ZeroDeviation.SILENT)
        return tuple(self[:4]) if (self.method, self.zero_deviation) == usual else tuple(self)

    @property
    def settings(self) -> dict[str, Any]:
        """All but the metric, as the ledger keeps it."""
        return {name: value for name, value in self._asdict().items() if name != "metric_field"}


def default_rules() -> tuple[AnomalyRule, ...]:
    """A rule for each metric, with Watcher's defaults: for new pipelines where SUPERSYNC_AUTO_ANOMALY_RULES is on."""
    return tuple(AnomalyRule(metric) for metric in Metric)
