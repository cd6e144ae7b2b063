"""The channels that alerts go to, as the file says them; their addresses are secrets."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from supersync_core.connectors.dsn import MASK
from supersync_core.domain.incident import IncidentKind, Level
from supersync_core.errors import ConfigError
from supersync_core.services.configuration import ChannelConfig, Configuration
from supersync_core.services.configuration.mask import shown_configuration
from tests.core.services.configuration.test_yaml_file import load, mistakes

HOOK = {"name": "hook", "webhook": "https://example.com/hooks/hunter2", "secret": "hunter3"}
MAIL = {"name": "mail", "url": "mailtos://me:hunter4@example.com"}
EXAMPLE = """\
alerts:
  - name: hook
    webhook: https://example.com/hooks/1
    secret: ${SCHEMA}
    kinds: [freshness, failure]
    pipelines: orders
    level: critical
  - {name: mail, url: "mailtos://me:pass@example.com"}
"""


def channel(**keys: Any) -> ChannelConfig:
    return ChannelConfig(**{**HOOK, **keys})


def test_the_channels_of_a_file_are_read(tmp_path: Path) -> None:
    hook, mail = load(tmp_path, EXAMPLE).alerts
    assert (hook.name, hook.kinds, hook.pipelines, hook.level) == (
        *("hook", (IncidentKind.FRESHNESS, IncidentKind.FAILURE)),
        *(("orders",), Level.CRITICAL),
    )
    assert hook.webhook is not None and hook.webhook.get_secret_value() == "https://example.com/hooks/1"
    assert hook.secret is not None and hook.secret.get_secret_value() == "sales"
    assert (mail.kinds, mail.pipelines, mail.level, mail.webhook) == ((), (), Level.INFO, None)


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        pytest.param("{name: a}", "1: alerts: a list of channels", id="no list"),
        pytest.param("[{name: a}]", "1: a channel has either a url or a webhook", id="neither"),
        pytest.param("[{name: a, url: 'a://b', webhook: 'http://b', secret: s}]", "either a url or a", id="both"),
        pytest.param("[{name: a, webhook: 'http://b'}]", "a webhook has a secret", id="no secret"),
        pytest.param("[{name: a, webhook: 'http://b', secret: ''}]", "secret: is empty", id="empty secret"),
        pytest.param("[{name: a, url: 'a://b', secret: s}]", "and a url has none", id="a secret for nothing"),
        pytest.param("[{webhook: 'http://b', secret: s}]", "1: the key 'name' is missing", id="no name"),
        pytest.param("[{name: a, webhok: 'http://b'}]", "did you mean 'webhook'", id="typo"),
        pytest.param("[{name: a, url: 'a://b', kinds: [anomly]}]", "must be 'freshness', 'timeliness'", id="kind"),
        pytest.param("[{name: a, url: 'a://b', level: bad}]", "level: must be 'info', 'warning' or", id="level"),
        pytest.param("[{name: a, url: 'a://b'},\n {name: A, url: 'a://b'}]", "2: name: 'A' is taken", id="taken"),
        pytest.param("[a]", "1: a channel is a mapping with the key 'name'", id="no mapping"),
    ],
)
def test_a_mistake_in_a_channel_is_told_with_its_line(tmp_path: Path, alerts: str, message: str) -> None:
    found = mistakes(tmp_path, f"alerts: {alerts}\n")
    assert any(message in line for line in found), found


@pytest.mark.parametrize(
    "url", ["hunter2", "example.com/hunter2", "ftp://hunter2", "http:///hunter2", "http://a:hunter2/"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValidationError, match="is no address of a receiver") as caught:
        channel(webhook=url)
    assert "hunter2" not in str(caught.value)


def test_an_address_without_a_scheme_is_none_for_apprise() -> None:
    with pytest.raises(ValidationError, match="is no address that apprise knows") as caught:
        ChannelConfig(name="mail", url=SecretStr("hunter2@example.com"))
    assert "hunter2" not in str(caught.value)


def test_addresses_and_secrets_are_masked_wherever_a_configuration_is_shown() -> None:
    configuration = Configuration.model_validate({"alerts": [HOOK | {"kinds": "failure"}, MAIL]})
    assert "hunter" not in f"{configuration!r} {configuration} {shown_configuration(configuration)}"
    assert shown_configuration(configuration)["alerts"] == [
        {"name": "hook", "webhook": MASK, "secret": MASK, "kinds": ["failure"]},
        {"name": "mail", "url": MASK},
    ]


def test_two_channels_of_one_name_are_refused_in_python_too() -> None:
    with pytest.raises(ConfigError, match="name: 'HOOK' is taken by entry 1"):
        Configuration.model_validate({"alerts": [HOOK, HOOK | {"name": "HOOK"}]})


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        pytest.param({}, True, id="everything"),
        pytest.param({"kinds": "failure"}, True, id="its kind"),
        pytest.param({"kinds": ["anomaly", "queue"]}, False, id="other kinds"),
        pytest.param({"level": "warning"}, True, id="as bad"),
        pytest.param({"level": "info"}, True, id="worse than"),
        pytest.param({"level": "critical"}, False, id="not so bad"),
        pytest.param({"pipelines": "ORDERS"}, True, id="its pipeline in another case"),
        pytest.param({"pipelines": ["customers"]}, False, id="other pipelines"),
        pytest.param({"kinds": "failure", "pipelines": ["customers"]}, False, id="all of them must fit"),
    ],
)
def test_a_channel_gets_what_it_wants(keys: dict[str, Any], wanted: bool) -> None:
    assert channel(**keys).wants(IncidentKind.FAILURE, Level.WARNING, "Orders") is wanted


def test_what_is_about_no_pipeline_goes_where_any_is_wanted() -> None:
    assert channel().wants(IncidentKind.QUEUE, Level.WARNING, None)
    assert not channel(pipelines="orders").wants(IncidentKind.QUEUE, Level.WARNING, None)
