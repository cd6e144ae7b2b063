"""Whether a number is unusual: a value against the history of its kind (Watcher: anomaly detection)."""

import math
from dataclasses import dataclass
from fractions import Fraction

from supersync_core.domain.check import AnomalyRule, ZeroDeviation

MAD_SCALE = Fraction("1.4826")
"""What makes a median absolute deviation as large as the standard deviation where values are spread normally."""


@dataclass(frozen=True)
class Baseline:
    """What is usual. `center`: the mean, or the median; `variance`: the square of the deviation from it, exact."""

    executions: int
    center: Fraction
    variance: Fraction

    @property
    def deviation(self) -> float:
        """The sample deviation, or the scaled median absolute deviation."""
        return math.sqrt(self.variance)


@dataclass(frozen=True)
class Sums:
    """Exact sums over a history, from which a single value can be taken out again: so one history serves many runs."""

    executions: int
    total: Fraction
    squares: Fraction

    def without(self, value: Fraction) -> "Sums":
        """The sums over the same history less one value of it."""
        return Sums(self.executions - 1, self.total - value, self.squares - value * value)

    @property
    def baseline(self) -> Baseline:
        """Mean and sample variance (n - 1); of fewer than two values the variance is 0."""
        n = self.executions
        if not n:
            return Baseline(0, Fraction(), Fraction())
        spread = n * self.squares - self.total**2
        return Baseline(n, self.total / n, spread / (n * (n - 1)) if n > 1 else Fraction())


@dataclass(frozen=True)
class Verdict:
    """A value, held to a rule. `score`: deviations off the center, None where the history has no deviation."""

    rule: AnomalyRule
    value: float
    baseline: Baseline
    score: float | None
    low: float
    high: float
    unusual: bool


def judge_value(rule: AnomalyRule, value: Fraction, baseline: Baseline) -> Verdict | None:
    """Hold a value to the bounds `center ± z_threshold * deviation`, of which the lower one is never below 0.

    Unusual is what lies strictly outside. None: nothing can be said, because the history has fewer than
    `minimum_executions`, or no deviation and the rule is silent then.
    """
    if baseline.executions < rule.minimum_executions:
        return None
    if not baseline.variance and rule.zero_deviation is ZeroDeviation.SILENT:
        return None
    center, reach = float(baseline.center), rule.z_threshold * baseline.deviation
    distance = value - baseline.center
    return Verdict(
        rule=rule,
        value=float(value),
        baseline=baseline,
        score=float(distance) / baseline.deviation if baseline.variance else None,
        low=max(0.0, center - reach),
        high=center + reach,
        # Exact: a value on the bound is not outside, whatever floating point makes of the bound.
        unusual=distance * distance > _exact(rule.z_threshold) ** 2 * baseline.variance,
    )


def _exact(threshold: float) -> Fraction:
    # As it was written: 2.1 is twenty-one tenths.
    return Fraction(threshold).limit_denominator(10_000)
