"""The rules of pipelines as checks on their assets."""

from typing import Any

import dagster as dg
import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.check import Metric
from supersync_core.services.anomaly_rules import put_rule
from supersync_dagster.checks import STEP
from supersync_dagster.translator import PipelineData, SupersyncTranslator
from tests.core.services.findings import judged
from tests.core.services.reports import reported
from tests.dagster.conftest import ORDERS, Project

RULED = {**ORDERS, "freshness": {"number": 1, "datepart": "hour"}, "anomalies": [{"metric_field": "total_rows"}]}


def checks(definitions: dg.Definitions) -> dict[str, str | None]:
    """What each expects, by asset and name."""
    found = [spec for check in definitions.asset_checks or [] for spec in check.check_specs]  # type: ignore[union-attr]
    return {f"{spec.asset_key.to_user_string()}:{spec.name}": spec.description for spec in found}


@pytest.fixture
def ruled(project: Project) -> Project:
    """The pipeline `orders` with two rules, and `theirs`, an external one, with another."""
    project.declare(RULED)
    project.build()
    with project.resource.ledger().begin() as session:
        put_rule(session, reported(session, "theirs"), Metric.DURATION_SECONDS, {}, active=True, at=utcnow())
    return project


def test_each_rule_is_a_check_on_its_asset_whoever_runs_the_pipeline(ruled: Project) -> None:
    definitions = ruled.build()
    dg.Definitions.validate_loadable(definitions)
    assert set(checks(definitions)) == {
        *("orders:freshness", "orders:anomaly_total_rows", "theirs:anomaly_duration_seconds")
    }


def test_a_pipeline_without_rules_has_no_check(project: Project) -> None:
    assert checks(project.build()) == {}


def test_a_check_is_on_the_asset_that_a_translator_makes(ruled: Project) -> None:
    class Ours(SupersyncTranslator):
        def get_asset_spec(self, data: PipelineData) -> dg.AssetSpec:
            return super().get_asset_spec(data).replace_attributes(key=["raw", data.key])

    assert "raw/orders:freshness" in checks(ruled.build(translator=Ours()))


def evaluate(project: Project, **options: Any) -> dict[str, tuple[bool, str | None]]:
    """Run the step that says how the checks stand."""
    definitions = project.build()
    names = [key.name for check in definitions.asset_checks or [] for key in check.check_keys]  # type: ignore[union-attr]
    job = dg.define_asset_job("ask", dg.AssetSelection.all_asset_checks())
    merged = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
    result = merged.resolve_job_def("ask").execute_in_process(**options)
    assert len(result.get_asset_check_evaluations()) == len(names)
    return {
        f"{one.asset_key.to_user_string()}:{one.check_name}": (one.passed, one.description)
        for one in result.get_asset_check_evaluations()
    }


def test_asked_in_the_ui_the_checks_say_how_they_stand(ruled: Project) -> None:
    with ruled.resource.ledger().begin() as session:
        judged(session, reported(session, "theirs"), 300, unusual=True)
    # The rule on `total_rows` of theirs is new with that execution.
    assert evaluate(ruled) == {
        "orders:freshness": (True, "Nothing has been found."),
        "orders:anomaly_total_rows": (True, "Nothing has been found."),
        "theirs:anomaly_duration_seconds": (True, "Nothing has been found."),
        "theirs:anomaly_total_rows": (False, "total_rows is 300; usual is 90 to 110"),
    }


def test_a_run_of_a_pipeline_asks_no_check(ruled: Project) -> None:
    result = ruled.run()
    assert result.get_asset_check_evaluations() == []
    assert STEP not in {event.step_key for event in result.all_events}
