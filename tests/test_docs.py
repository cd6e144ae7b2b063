"""The documents keep their word: marked examples run, and what can be set or called is named.

A fenced block whose info string ends in `tested` is run: yaml is loaded as a configuration, sh and python run as they
stand, in a directory with the configuration of the README.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
from pydantic import BaseModel

from supersync_core.connectors.registry import (
    BUILT_IN,
    CHANGE_SINKS,
    load_change_sink,
    load_change_source,
    load_connector,
)
from supersync_core.ledger.database import migrate
from supersync_core.services.configuration import ChannelConfig, OpenLineageConfig, load_configuration
from supersync_core.services.configuration.model import PIPELINE_MODELS
from supersync_core.services.settings import Settings
from supersync_dagster.cli import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+) tested\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")

SHOP = """
create schema sales;
create table sales.orders (id bigint primary key, total numeric(18, 4), updated_at timestamptz not null default now());
create table sales.customers (id bigint primary key, name text);
insert into sales.orders select n, n * 1.5 from generate_series(1, 100) n;
insert into sales.customers select n, 'customer ' || n from generate_series(1, 10) n;
"""


@dataclass(frozen=True)
class Example:
    """A fenced block that is marked as tested."""

    page: Path
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}-{self.number}"


def _examples(*languages: str) -> list[Example]:
    return [
        example
        for page in PAGES
        for number, (language, text) in enumerate(FENCE.findall(page.read_text()), 1)
        if (example := Example(page, number, language, text)).language in languages
    ]


@pytest.fixture
def environment(
    tmp_path: Path, empty_database: Callable[[], str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A directory with the README's configuration, a shop to read, a lake to write, and a ledger."""
    plain = [empty_database().replace("+psycopg2", "") for _ in range(2)]
    for name, url in zip(("SOURCE_URL", "TARGET_URL"), plain, strict=True):
        monkeypatch.setenv(name, url)
    for name in ("WAREHOUSE_DSN", "ANALYTICS_DSN"):
        monkeypatch.setenv(name, "postgresql://nobody@nowhere/nothing")
    monkeypatch.setenv("ALERTS_SECRET", "hunter2")
    monkeypatch.setenv("ALERTS_MAIL", "mailtos://me:hunter2@example.com")
    monkeypatch.setenv("SUPERSYNC_DATABASE_URL", database_url)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    migrate(database_url)
    with psycopg2.connect(plain[0]) as link, link.cursor() as cursor:
        cursor.execute(SHOP)
    link.close()
    (tmp_path / "supersync.yaml").write_text(_examples("yaml")[0].text)
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.parametrize("example", _examples("yaml"), ids=str)
def test_a_configuration_of_the_documents_is_accepted(example: Example, environment: Path) -> None:
    file = environment / "example.yaml"
    file.write_text(example.text)
    assert load_configuration(file).pipelines


@pytest.mark.parametrize("example", _examples("sh"), ids=str)
def test_a_shell_example_of_the_documents_runs(example: Example, environment: Path) -> None:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", example.text], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("example", _examples("python"), ids=str)
def test_the_definitions_of_a_python_example_load_in_dagster(example: Example, environment: Path) -> None:
    program = f"{example.text}\ndg.Definitions.validate_loadable(defs)\nassert list(defs.resolve_all_asset_specs())\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_has_an_example_of_each_language() -> None:
    readme = {example.language for example in _examples("yaml", "sh", "python") if example.page.name == "README.md"}
    assert readme == {"yaml", "sh", "python"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    targets = [target for target, _ in LINK.findall(page.read_text()) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_documented(command: str) -> None:
    assert f"`supersync {command}" in (ROOT / "docs/commands.md").read_text()


def _fields(model: type[BaseModel]) -> Iterator[str]:
    """The keys of a model and of the models inside it."""
    for name, field in model.model_fields.items():
        yield name
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _fields(inner)


@pytest.mark.parametrize("kind", PIPELINE_MODELS)
def test_a_key_of_a_pipeline_is_documented(kind: str) -> None:
    assert _undocumented(_fields(PIPELINE_MODELS[kind])) == []


def test_a_key_of_a_channel_is_documented() -> None:
    assert _undocumented(_fields(ChannelConfig)) == []


@pytest.mark.parametrize("type_name", BUILT_IN)
def test_a_key_of_a_connection_is_documented(type_name: str) -> None:
    assert _undocumented(_fields(load_connector(type_name).Config)) == []


def test_a_setting_of_the_process_is_documented() -> None:
    assert _undocumented(f"SUPERSYNC_{name.upper()}" for name in Settings.model_fields) == []


def test_a_key_of_openlineage_is_documented() -> None:
    assert _undocumented(_fields(OpenLineageConfig)) == []


def _undocumented(names: Iterable[str]) -> list[str]:
    page = (ROOT / "docs/configuration.md").read_text()
    return [name for name in names if f"`{name}`" not in page]


def test_a_guarantee_names_tests_that_exist() -> None:
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs/guarantees.md").read_text())
    there = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", file.read_text(), re.MULTILINE)
    }
    assert named
    assert set(named) - there == set()


@pytest.mark.parametrize("type_name", [name for name in CHANGE_SINKS if name != "memory"])
def test_every_key_of_a_change_sink_is_in_the_docs(type_name: str) -> None:
    page = (ROOT / "docs" / "change-sinks.md").read_text()
    fields = load_change_sink(type_name).ChangeSinkConfig.model_fields
    assert [name for name in fields if f"`{name}`" not in page] == []


@pytest.mark.parametrize("type_name", ["postgres"])
def test_every_key_of_a_change_source_is_in_the_docs(type_name: str) -> None:
    page = (ROOT / "docs" / "change-sources.md").read_text()
    fields = load_change_source(type_name).ChangeSourceConfig.model_fields
    assert [name for name in fields if f"`{name}`" not in page] == []
