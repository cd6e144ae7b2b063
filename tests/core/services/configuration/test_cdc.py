"""CDC pipelines in a file: the document's specification, secrets sealed, and what an operator has changed kept."""

from typing import Any

import pytest
import yaml

from supersync_core.clock import utcnow
from supersync_core.domain.check import DatePart
from supersync_core.domain.pipeline import DesiredState
from supersync_core.errors import ConfigError
from supersync_core.ledger.database import Ledger
from supersync_core.services.cdc.pipelines import (
    amend_cdc_pipeline,
    create_cdc_pipeline,
    get_cdc_pipeline,
    list_cdc_pipelines,
    set_cdc_state,
    stored_spec,
)
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.configuration import Applied, Configuration, apply_configuration
from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.configuration.mask import shown_configuration

VAULT = Vault("a test's key")
SOURCE = {
    "type": "postgres",
    "config": {
        "id": "shop",
        "dsn": "postgresql://me:hunter2@db/shop",
        "slot": "s",
        "publication": "p",
        "tables": ["orders"],
    },
}
SINK = {"type": "redis", "config": {"id": "events", "uri": "redis://:hunter2@cache:6379/0", "stream": "orders"}}


def declared(**keys: Any) -> dict[str, Any]:
    spec = {"source": SOURCE, "processors": [], "sinks": [SINK]} | keys.pop("spec", {})
    return {"name": "orders-cdc", "kind": "cdc", "spec": spec, **keys}


def configuration(*pipelines: dict[str, Any]) -> Configuration:
    built, problems = build_configuration({"pipelines": list(pipelines)})
    assert built is not None, problems
    return built


def apply(ledger: Ledger, *pipelines: dict[str, Any]) -> Applied:
    return apply_configuration(ledger, configuration(*pipelines), utcnow(), lambda: VAULT)


def test_a_file_declares_what_the_api_would_create(ledger: Ledger) -> None:
    applied = apply(
        ledger, declared(tenant="acme", labels={"env": "prod"}, freshness={"number": 1, "datepart": "hour"})
    )
    assert applied == Applied(added=("orders-cdc",))
    with ledger.begin() as session:
        (pipeline,) = list_cdc_pipelines(session, ["env:prod"])
        assert (pipeline.desired_state, pipeline.freshness_datepart) == (DesiredState.RUNNING, DatePart.HOUR)
        assert "hunter2" not in str(pipeline.spec)
        spec = stored_spec(pipeline, VAULT)
    assert (spec.metadata.tenant, spec.spec.source.config["dsn"]) == ("acme", SOURCE["config"]["dsn"])  # type: ignore[index]


def test_an_unchanged_file_undoes_nothing_that_was_changed_over_the_api(ledger: Ledger) -> None:
    apply(ledger, declared(freshness={"number": 1, "datepart": "hour"}))
    with ledger.begin() as session:
        amend_cdc_pipeline(session, "orders-cdc", {"spec": {"batch": {"max_ms": 7}}}, VAULT, at=utcnow())
        set_cdc_state(session, "orders-cdc", DesiredState.PAUSED, at=utcnow())
    again = declared(freshness={"number": 1, "datepart": "hour"})
    assert apply(ledger, again) == Applied(unchanged=("orders-cdc",))
    with ledger.begin() as session:
        pipeline = get_cdc_pipeline(session, "orders-cdc")
        assert (pipeline.desired_state, pipeline.freshness_number) == (DesiredState.PAUSED, 1)
        batch = stored_spec(pipeline, VAULT).spec.batch
    assert batch is not None and batch.max_ms == 7


def test_a_secret_that_has_changed_is_a_change(ledger: Ledger) -> None:
    apply(ledger, declared())
    sink = {**SINK, "config": {**SINK["config"], "uri": "redis://:other@cache:6379/0"}}  # type: ignore[dict-item]
    assert apply(ledger, declared(spec={"sinks": [sink]})) == Applied(changed=("orders-cdc",))


def test_a_pipeline_that_leaves_the_file_is_retired_and_one_of_the_api_is_left_alone(ledger: Ledger) -> None:
    body = {"metadata": {"name": "by-api", "tenant": "acme"}, "spec": declared()["spec"]}
    with ledger.begin() as session:
        create_cdc_pipeline(session, body, VAULT, at=utcnow())
    apply(ledger, declared())
    assert apply(ledger) == Applied(removed=("orders-cdc",))
    with ledger.begin() as session:
        assert [pipeline.name for pipeline in list_cdc_pipelines(session)] == ["by-api"]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"every": "5m"}, "it streams"),
        ({"spec": {"sinks": []}}, "at least one sink"),
        ({"spec": {"source": {"type": "oracle", "config": {}}}}, "unknown type `oracle`"),
        ({"spec": {"schema_sensing": {"sampling": {"sample_rate": 0}}}}, "schema_sensing.sampling.sample_rate"),
        ({"source": {}}, "source"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(keys: Any, problem: str) -> None:
    built, problems = build_configuration({"pipelines": [declared(**keys)]})
    assert built is None
    assert problem in "\n".join(str(one) for one in problems)
    assert "hunter2" not in str(problems)


def test_secrets_are_not_shown() -> None:
    shown = yaml.safe_dump(shown_configuration(configuration(declared())))
    assert "hunter2" not in shown
    assert "redis://:********@cache:6379/0" in shown


def test_without_a_key_for_its_secrets_nothing_is_written(ledger: Ledger) -> None:
    with pytest.raises(ConfigError, match="key of its secrets"):
        apply_configuration(ledger, configuration(declared()), utcnow())
    with ledger.begin() as session:
        assert list_cdc_pipelines(session) == []
