"""How the client is configured, by us or by its own variables, and what is shown of that."""

from typing import Any

import pytest

from supersync_core.errors import ConfigError, Unavailable
from supersync_core.ledger.database import Ledger
from supersync_core.services.configuration import Configuration, OpenLineageConfig
from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.configuration.mask import shown_configuration
from supersync_core.services.openlineage.own_runs import untold_runs, where_it_flows
from supersync_dagster.openlineage.client import Sender, client_config, is_configured, job_namespace
from supersync_dagster.openlineage.events import start_event
from tests.core.services.reports import NOON
from tests.dagster.openlineage.receiver import Receiver, declared, ran

HTTP = {"type": "http", "url": "http://example.com"}
DEFAULTS = {"retry": {"total": 0, "status_forcelist": []}, "continue_on_failure": False}


def configured(namespace: str | None = None, **transport: Any) -> Configuration:
    return Configuration(openlineage=OpenLineageConfig(transport={**HTTP, **transport}, namespace=namespace))


@pytest.mark.parametrize(
    ("configuration", "environment", "expected"),
    [
        pytest.param(None, {}, False, id="nothing"),
        pytest.param(Configuration(), {}, False, id="a configuration without it"),
        pytest.param(configured(), {}, True, id="our configuration"),
        pytest.param(None, {"OPENLINEAGE_URL": "http://a"}, True, id="an address"),
        pytest.param(None, {"OPENLINEAGE_URL": ""}, False, id="no address"),
        pytest.param(None, {"OPENLINEAGE_CONFIG": "/a.yml"}, True, id="a file"),
        pytest.param(None, {"OPENLINEAGE__TRANSPORT__TYPE": "console"}, True, id="a transport"),
        pytest.param(None, {"OPENLINEAGE_NAMESPACE": "a"}, False, id="a namespace alone"),
        pytest.param(configured(), {"OPENLINEAGE_DISABLED": "True"}, False, id="switched off"),
    ],
)
def test_events_are_sent_where_somebody_says_where_to(
    configuration: Configuration | None, environment: dict[str, str], expected: bool
) -> None:
    assert is_configured(configuration, environment) is expected


@pytest.mark.parametrize(
    ("configuration", "environment", "transport"),
    [
        pytest.param(configured(timeout=1), {"OPENLINEAGE_URL": "http://b"}, {**HTTP, "timeout": 1}, id="ours first"),
        pytest.param(configured(retry={"total": 2}), {}, {**HTTP, "retry": {"total": 2}}, id="as it says"),
        pytest.param(
            None,
            {"OPENLINEAGE_URL": "http://b", "OPENLINEAGE_ENDPOINT": "events", "OPENLINEAGE_API_KEY": "k"},
            {"type": "http", "url": "http://b", "endpoint": "events", "auth": {"type": "api_key", "apiKey": "k"}},
            id="an address",
        ),
        pytest.param(
            None,
            {"OPENLINEAGE_URL": "http://b", "OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__URL": "http://b"},
            {"type": "http", "url": "http://b"},
            id="an address, once the client has seen it",
        ),
        pytest.param(None, {"OPENLINEAGE__TRANSPORT__TYPE": "console"}, {}, id="left to the client"),
    ],
)
def test_the_client_gets_what_was_configured(
    configuration: Configuration | None, environment: dict[str, str], transport: dict[str, Any]
) -> None:
    assert client_config(configuration, environment) == {"transport": {**DEFAULTS, **transport}}


@pytest.mark.parametrize(
    ("configuration", "environment", "namespace"),
    [
        (configured("prod"), {"OPENLINEAGE_NAMESPACE": "other"}, "prod"),
        (configured(), {"OPENLINEAGE_NAMESPACE": "other"}, "other"),
        (None, {}, "supersync"),
    ],
)
def test_the_namespace_of_our_jobs_can_be_chosen(
    configuration: Configuration | None, environment: dict[str, str], namespace: str
) -> None:
    assert job_namespace(configuration, environment) == namespace


SECRETS = {
    "type": "composite",
    "transports": [
        {"type": "http", "url": "https://me:hunter2@example.com", "auth": {"type": "api_key", "apiKey": "hunter2"}},
        {"type": "http", "url": "http://a", "custom_headers": {"X-Tenant": "hunter2"}},
        {"type": "kafka", "topic": "lineage", "config": {"sasl.password": "hunter2", "bootstrap.servers": "b:9092"}},
    ],
}


def test_no_secret_of_the_transport_is_shown() -> None:
    configuration, problems = build_configuration({"openlineage": {"transport": SECRETS, "namespace": "prod"}})
    assert configuration is not None, problems
    shown = shown_configuration(configuration)
    assert "hunter2" not in str(shown) + repr(configuration)
    assert shown["openlineage"]["namespace"] == "prod"
    assert shown["openlineage"]["transport"]["transports"][2]["topic"] == "lineage"


@pytest.mark.parametrize(
    ("openlineage", "problem"),
    [
        ({}, "the key 'transport' is missing"),
        ({"transport": {"url": "http://a"}}, "transport needs the key 'type'"),
        ({"transport": HTTP, "namspace": "a"}, "did you mean 'namespace'?"),
        ("http", "a mapping is expected"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(openlineage: Any, problem: str) -> None:
    _, (found,) = build_configuration({"openlineage": openlineage})
    assert problem in found.message
    assert found.path[0] == "openlineage"


@pytest.mark.parametrize(
    ("transport", "message"),
    [
        ({"type": "http"}, "`url` key not passed"),
        ({"type": "http", "url": "hunter2"}, "Need valid url"),
        ({"type": "hunter2.Transport"}, "hunter2.Transport"),
    ],
)
def test_a_client_that_cannot_be_made_says_why_and_no_secret(
    ledger: Ledger, transport: dict[str, Any], message: str
) -> None:
    configuration = Configuration(openlineage=OpenLineageConfig(transport=transport))
    with pytest.raises(ConfigError, match=message) as raised:
        Sender(client_config(configuration, {}))(event(ledger))
    assert "passed hunter2" not in str(raised.value)


def test_of_several_receivers_each_must_take_it(ledger: Ledger) -> None:
    receiver, away = Receiver(), Receiver()
    with away.listening():
        pass
    with receiver.listening():
        transports = [{"type": "http", "url": one.url} for one in (receiver, away)]
        config = client_config(configured(type="composite", transports=transports), {})
        with pytest.raises(Unavailable):
            Sender(config)(event(ledger))
    assert len(receiver.events) == 1


def event(ledger: Ledger) -> Any:
    """Some event."""
    connections = declared(ledger, "orders").connections
    ran(ledger, "orders")
    (run,) = untold_runs(ledger, since=NOON, limit=1)
    return start_event(run, where_it_flows(ledger, run.pipeline, connections), "ours")
