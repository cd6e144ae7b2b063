from typing import Any

from pydantic import SecretStr

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.services.configuration import Configuration
from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.configuration.mask import shown_configuration


class Foreign(ConnectorConfig):
    """A connector of somebody else, who has not thought of everything."""

    host: str
    api_token: str
    key: SecretStr
    url: str
    options: dict[str, Any] = {}


def test_what_may_be_a_secret_in_a_foreign_connection_is_masked() -> None:
    foreign = Foreign(
        type="foreign",
        host="db",
        api_token="hunter2",
        key=SecretStr("host=hunter2"),
        url="postgresql://me:hunter2@db/x",
        options={"password": "hunter2", "deep": [{"secret": "hunter2"}], "ssl": True},
    )
    shown = shown_configuration(Configuration(connections={"theirs": foreign}))
    assert "hunter2" not in str(shown)
    assert (shown["connections"]["theirs"]["host"], shown["connections"]["theirs"]["options"]["ssl"]) == ("db", True)


def test_what_is_shown_of_a_pipeline_declares_the_same_pipeline() -> None:
    pipeline = {
        "name": "a",
        "kind": "table_sync",
        "source": {"connection": "db", "table": "a", "cursor": "c", "window": "7d"},
        "target": {"connection": "db", "table": "b", "primary_key": "id"},
        "cron": "*/5 * * * *",
    }
    connections = {"db": {"type": "postgres", "dsn": "dbname=x"}}
    built, _ = build_configuration({"connections": connections, "pipelines": [pipeline]})
    assert built is not None
    again, _ = build_configuration({**shown_configuration(built), "connections": connections})
    assert again == built
