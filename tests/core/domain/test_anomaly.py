"""When a number is unusual, by cases and by exact arithmetic."""

import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.anomaly import Baseline, Sums, judge_value
from supersync_core.domain.check import AnomalyRule, Metric, ZeroDeviation, default_rules

RULE = AnomalyRule(Metric.TOTAL_ROWS, minimum_executions=5)
EXACT = AnomalyRule(Metric.TOTAL_ROWS, minimum_executions=5, zero_deviation=ZeroDeviation.FLAG)
VALUES = st.lists(st.integers(0, 2**60), min_size=2, max_size=40)


def sums(*values: int) -> Sums:
    exact = [Fraction(value) for value in values]
    return Sums(len(exact), sum(exact, Fraction()), sum((value * value for value in exact), Fraction()))


def usual(center: float = 10, deviation: float = 2, executions: int = 30) -> Baseline:
    return Baseline(executions, Fraction(str(center)), Fraction(str(deviation)) ** 2)


@pytest.mark.parametrize(
    ("value", "baseline", "unusual"),
    [
        pytest.param("10", usual(), False, id="the mean"),
        pytest.param("16", usual(), False, id="on the upper bound"),
        pytest.param("16.01", usual(), True, id="above it"),
        pytest.param("4", usual(), False, id="on the lower bound"),
        pytest.param("3.99", usual(), True, id="below it"),
        pytest.param("0", usual(deviation=4), False, id="the lower bound is never below nothing"),
        pytest.param("12.1", usual(deviation=0.7), False, id="on a bound that floating point cannot say"),
        pytest.param("7.9", usual(deviation=0.7), False, id="on the other"),
    ],
)
def test_only_what_lies_strictly_outside_is_unusual(value: str, baseline: Baseline, unusual: bool) -> None:
    verdict = judge_value(RULE, Fraction(value), baseline)
    assert verdict is not None and verdict.unusual is unusual


def test_a_verdict_says_what_the_value_was_held_to() -> None:
    verdict = judge_value(RULE, Fraction(20), usual(deviation=4))
    assert verdict is not None
    assert (verdict.value, verdict.score, verdict.low, verdict.high) == (20.0, 2.5, 0.0, 22.0)
    assert (verdict.rule, verdict.baseline.executions, verdict.baseline.deviation) == (RULE, 30, 4.0)


@pytest.mark.parametrize(("executions", "judged"), [(0, False), (4, False), (5, True)])
def test_nothing_is_said_before_there_are_enough_executions(executions: int, judged: bool) -> None:
    assert (judge_value(RULE, Fraction(99), usual(executions=executions)) is not None) is judged


def test_without_deviation_nothing_is_said_however_extreme_the_value() -> None:
    assert judge_value(RULE, Fraction(10**9), usual(deviation=0)) is None


@pytest.mark.parametrize(("value", "unusual"), [(10, False), (11, True), (9, True)])
def test_without_deviation_a_rule_may_flag_any_difference(value: int, unusual: bool) -> None:
    verdict = judge_value(EXACT, Fraction(value), usual(deviation=0))
    assert verdict is not None
    assert (verdict.unusual, verdict.score, verdict.low, verdict.high) == (unusual, None, 10.0, 10.0)


@given(values=VALUES)
def test_the_deviation_is_that_of_a_sample_and_exact(values: list[int]) -> None:
    baseline = sums(*values).baseline
    exact = [Fraction(value) for value in values]
    assert (baseline.center, baseline.variance) == (statistics.mean(exact), statistics.variance(exact))


@given(values=VALUES, value=st.integers(0, 2**60))
def test_a_value_that_is_taken_out_leaves_no_trace(values: list[int], value: int) -> None:
    assert sums(*values, value).without(Fraction(value)) == sums(*values)


@pytest.mark.parametrize("values", [(), (7,)])
def test_too_little_history_has_no_deviation(values: tuple[int, ...]) -> None:
    baseline = sums(*values).baseline
    assert (baseline.executions, baseline.center, baseline.variance) == (len(values), sum(values), 0)


def test_a_rule_reads_back_as_it_was_kept() -> None:
    assert AnomalyRule.from_settings("total_rows", EXACT.settings) == EXACT
    assert AnomalyRule.from_settings("total_rows", {}) == AnomalyRule(Metric.TOTAL_ROWS)


def test_the_default_rules_are_one_for_each_metric() -> None:
    assert [(rule.metric_field, *rule[1:4]) for rule in default_rules()] == [(m, 3.0, 30, 30) for m in Metric]
