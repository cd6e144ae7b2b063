from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from supersync_core.clock import utcnow
from supersync_core.domain.check import CheckKind
from supersync_core.domain.pipeline import DesiredState, PipelineDeclaration, PipelineKind
from supersync_core.errors import ConfigError, NotFound
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.configuration import Applied, Configuration, TableSyncConfig, apply_configuration
from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.pipelines import get_pipeline, list_pipelines, register_pipeline, set_desired_state

NOW = utcnow()


def configuration(*pipelines: dict[str, Any]) -> Configuration:
    connections = {"db": {"type": "postgres", "dsn": "dbname=x"}}
    built, problems = build_configuration({"connections": connections, "pipelines": list(pipelines)})
    assert built is not None, problems
    return built


def pipeline(name: str, **keys: Any) -> dict[str, Any]:
    source, target = {"connection": "db", "table": "a"}, {"connection": "db", "table": "b"}
    return {"name": name, "kind": "table_sync", "source": source, "target": target, **keys}


def find(ledger: Ledger, name: str) -> Pipeline:
    with ledger.begin() as session:
        return get_pipeline(session, name)


def test_everything_that_a_file_says_is_in_the_ledger(ledger: Ledger) -> None:
    declared = pipeline(
        "Orders é",
        title="All orders",
        every="5m",
        timezone="Europe/Berlin",
        freshness={"number": 2, "datepart": "hour"},
        timeliness={"number": 10, "datepart": "minute"},
        anomalies=[{"metric_field": "inserts", "z_threshold": 2.5}],
        owners=["team:data"],
        group="sales",
        tags={"tier": "gold"},
    )
    assert apply_configuration(ledger, configuration(declared), NOW) == Applied(added=("Orders é",))
    with ledger.begin() as session:
        found = get_pipeline(session, "ORDERS É")
        assert (found.name, found.title, found.kind) == ("Orders é", "All orders", PipelineKind.TABLE_SYNC)
        assert (found.freshness_number, found.freshness_datepart) == (2, "hour")
        assert (found.timeliness_number, found.timeliness_datepart) == (10, "minute")
        assert (found.owners, found.group_name, found.tags) == (["team:data"], "sales", {"tier": "gold"})
        assert (found.schedule.every_s, found.schedule.timezone) == (300, "Europe/Berlin")
        assert [(rule.kind, rule.metric) for rule in found.rules] == [(CheckKind.ANOMALY, "inserts")]
        assert TableSyncConfig.model_validate(found.spec).to_sync(found.name).key == "orders é"


def test_an_unchanged_file_leaves_an_operators_change_alone(ledger: Ledger) -> None:
    same = configuration(pipeline("a", freshness={"number": 1, "datepart": "hour"}))
    apply_configuration(ledger, same, NOW)
    with ledger.begin() as session:
        get_pipeline(session, "a").freshness_number = 9
        set_desired_state(session, "a", DesiredState.PAUSED, at=NOW)
    assert apply_configuration(ledger, same, NOW) == Applied(unchanged=("a",))
    assert (find(ledger, "a").freshness_number, find(ledger, "a").desired_state) == (9, DesiredState.PAUSED)


def test_an_unchanged_file_of_any_size_costs_two_statements(ledger: Ledger) -> None:
    same = configuration(*(pipeline(f"p{number}") for number in range(20)))
    apply_configuration(ledger, same, NOW)
    statements: list[str] = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    apply_configuration(ledger, same, NOW)
    assert len(statements) == 2


def test_a_changed_file_is_written_and_the_desired_state_stays(ledger: Ledger) -> None:
    apply_configuration(ledger, configuration(pipeline("a")), NOW)
    with ledger.begin() as session:
        set_desired_state(session, "a", DesiredState.PAUSED, at=NOW)
    changed = configuration(pipeline("a", deletes="mark"))
    assert apply_configuration(ledger, changed, NOW + timedelta(minutes=1)) == Applied(changed=("a",))
    assert (find(ledger, "a").spec["deletes"], find(ledger, "a").desired_state) == ("mark", DesiredState.PAUSED)


def test_a_pipeline_that_left_the_file_is_retired_and_comes_back(ledger: Ledger) -> None:
    both = configuration(pipeline("a"), pipeline("b"))
    apply_configuration(ledger, both, NOW)
    assert apply_configuration(ledger, configuration(pipeline("a")), NOW).removed == ("b",)
    with ledger.begin() as session:
        assert [known.name for known in list_pipelines(session)] == ["a"]
    assert apply_configuration(ledger, both, NOW) == Applied(added=("b",), unchanged=("a",))


@pytest.mark.parametrize("kind", [PipelineKind.EXTERNAL])
def test_a_pipeline_of_a_kind_that_files_do_not_declare_is_left_alone(ledger: Ledger, kind: PipelineKind) -> None:
    with ledger.begin() as session:
        register_pipeline(session, PipelineDeclaration("theirs", kind), at=NOW)
    assert apply_configuration(ledger, configuration(), NOW) == Applied()
    assert find(ledger, "theirs").retired_at is None


def test_processes_that_start_together_take_turns(ledger: Ledger) -> None:
    many = configuration(*(pipeline(f"p{number}") for number in range(20)))
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: apply_configuration(ledger, many, NOW), range(4)))
    assert sorted(len(one.added) for one in applied) == [0, 0, 0, 20]


def test_one_pipeline_that_cannot_be_written_leaves_the_ledger_as_it_was(ledger: Ledger) -> None:
    broken = TableSyncConfig.model_construct(**{**dict(configuration(pipeline("b")).pipelines[0]), "name": "b\0"})
    both = Configuration.model_construct(connections={}, pipelines=(configuration(pipeline("a")).pipelines[0], broken))
    with pytest.raises(ConfigError, match="printable"):
        apply_configuration(ledger, both, NOW)
    with ledger.begin() as session, pytest.raises(NotFound):
        get_pipeline(session, "a")
