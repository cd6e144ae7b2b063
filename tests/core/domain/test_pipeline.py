from dataclasses import replace
from typing import Any

import pytest

from supersync_core.domain.check import AnomalyRule, DatePart, Freshness, Method, Metric, Timeliness, ZeroDeviation
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.domain.schedule import Cadence
from supersync_core.errors import ConfigError

ORDERS = PipelineDeclaration("orders", PipelineKind.TABLE_SYNC, spec={"b": 1, "a": 2}, tags={"y": "1", "x": "2"})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Orders"},
        {"title": "Orders"},
        {"spec": {"b": 1, "a": 3}},
        {"cadence": Cadence(every_s=300)},
        {"freshness": Freshness(1, DatePart.HOUR)},
        {"timeliness": Timeliness(1, DatePart.HOUR)},
        {"anomalies": (AnomalyRule(Metric.INSERTS),)},
        {"owners": ("team:data",)},
        {"group": "sales"},
        {"tags": {}},
    ],
)
def test_every_part_of_a_declaration_is_in_its_hash(change: dict[str, Any]) -> None:
    assert replace(ORDERS, **change).content_hash != ORDERS.content_hash


def test_the_order_of_keys_is_not_in_the_hash() -> None:
    other = replace(ORDERS, spec={"a": 2, "b": 1}, tags={"x": "2", "y": "1"})
    assert other.content_hash == ORDERS.content_hash


@pytest.mark.parametrize(
    "rule",
    [
        AnomalyRule(Metric.INSERTS, 2.5, method=Method.MAD),
        AnomalyRule(Metric.INSERTS, 2.5, zero_deviation=ZeroDeviation.FLAG),
    ],
)
def test_every_part_of_a_rule_is_in_the_hash(rule: AnomalyRule) -> None:
    usual = replace(ORDERS, anomalies=(AnomalyRule(Metric.INSERTS, 2.5),))
    assert replace(ORDERS, anomalies=(rule,)).content_hash != usual.content_hash


def test_a_declaration_keeps_its_hash_between_releases() -> None:
    rules = (AnomalyRule(Metric.INSERTS, 2.5),)
    other = PipelineDeclaration(
        "orders", PipelineKind.TABLE_SYNC, freshness=Freshness(1, DatePart.HOUR), anomalies=rules
    )
    assert other.content_hash == "6b7a8b097765223ee917b62dc727a1bccba1da8373db5f9c16fedcb2e6182e3c"
    assert ORDERS.content_hash == "dcad6fac3aeb5927be5e133577843bd9b33a528f65e07d83660e7b1eeecb8201"


@pytest.mark.parametrize("name", ["", "   ", "x" * 151, "a\nb", "a\0b", "\ud800"])
def test_a_name_that_cannot_be_kept_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="printable"):
        PipelineDeclaration(name, PipelineKind.CDC)
