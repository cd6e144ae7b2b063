"""Which sinks of changes there are, and what somebody reads who has not installed what one needs."""

import sys
from typing import Any

import pytest

from supersync_core.connectors.registry import CHANGE_SINKS, change_sink_types, load_change_sink
from supersync_core.errors import ConfigError
from tests.changes import CONTEXT

CONFIGS: list[tuple[str, str, dict[str, Any]]] = [
    ("redis", "redis", {"uri": "redis://h", "stream": "s"}),
    ("redis", "hiredis", {"uri": "redis://h", "stream": "s"}),
    ("nats", "nats", {"url": "nats://h", "subject": "s"}),
    ("kafka", "confluent_kafka", {"brokers": "h:1", "topic": "t"}),
    ("http", "httpx", {"url": "http://h"}),
    ("s3", "pyarrow", {"bucket": "b"}),
    ("clickhouse", "httpx", {"url": "http://h", "database": "d", "table": "t"}),
]


@pytest.mark.parametrize(("type_name", "driver", "config"), CONFIGS)
def test_without_its_driver_a_sink_names_the_extra_to_install(
    type_name: str, driver: str, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load_change_sink(type_name)
    settings = module.ChangeSinkConfig(id="s", **config)
    for name in [name for name in sys.modules if name.startswith(f"{module.__name__}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(ConfigError, match=rf"needs the package {driver}: pip install 'supersync\[{type_name}\]'"):
        module.build_change_sink(settings, CONTEXT)


def test_every_sink_can_be_loaded_by_its_type() -> None:
    assert set(CHANGE_SINKS) <= set(change_sink_types())
    for type_name in CHANGE_SINKS:
        assert load_change_sink(type_name).ChangeSinkConfig.model_fields["required"].default is True


def test_a_type_that_takes_no_changes_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="redis"):
        load_change_sink("carrier_pigeon")
