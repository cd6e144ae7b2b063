import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from supersync_dagster.cli import COMMANDS
from tests.acceptance.console import (
    SECRET,
    SUPERSYNC,
    Result,
    copying,
    environment,
    rows,
    slow_view,
    start,
    supersync,
    until,
)
from tests.acceptance.project import Project


def test_a_run_syncs_and_leaves_an_execution_that_status_shows(project: Project) -> None:
    done = project("run", "ORDERS", "--json")
    assert (done.code, done.err) == (0, "")
    assert (done.json["pipeline"], done.json["state"], done.json["inserted"]) == ("Orders", "succeeded", 1500)
    assert rows(project.lake, "select count(*) from raw.orders") == [(1500,)]
    orders, slow = project("status", "--json").json["pipelines"]
    assert (orders["name"], orders["state"], orders["last_run"]["state"]) == ("Orders", "running", "succeeded")
    assert (orders["last_run"]["execution"], orders["last_run"]["rows"]) == (done.json["execution"], 1500)
    assert orders["next_run"] > orders["last_run"]["ended_at"]
    assert (slow["last_run"], slow["next_run"]) == (None, None)


def test_status_is_a_table_for_people_that_a_pipe_gets_plain(project: Project) -> None:
    project("run", "Orders")
    lines = project("status").out.splitlines()
    assert lines[0].split() == ["PIPELINE", "WANTED", "LAST", "RUN", "WHEN", "ROWS", "SECONDS", "NEXT", "RUN"]
    assert lines[1].startswith("Orders    running  succeeded")
    assert "1,500" in lines[1]
    assert "\x1b" not in "".join(lines)


def test_status_without_pipelines_says_what_to_do(project: Project) -> None:
    assert "declare one in supersync.yaml" in project("status").out


def test_a_second_run_of_a_pipeline_that_runs_is_refused(project: Project) -> None:
    slow_view(project.shop)
    running = start("run", "slow", cwd=project.directory, env=project.env)
    until(lambda: copying(project.lake))
    done = project("run", "slow", "--json")
    assert (done.code, done.error["type"]) == (1, "Conflict")
    assert "slow is running already" in done.error["message"]
    running.terminate()
    running.wait(10)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_a_run_and_the_ledger_says_so(project: Project, number: int, code: int) -> None:
    slow_view(project.shop)
    running = start("run", "slow", cwd=project.directory, env=project.env)
    until(lambda: copying(project.lake))
    running.send_signal(number)
    asked = time.monotonic()
    _, err = running.communicate(timeout=30)
    assert time.monotonic() - asked < 8  # two seconds, and closing the execution, on a busy machine
    assert (running.returncode, err) == (code, "supersync: slow was cancelled\n")
    assert rows(project.lake, "select 1 from pg_class where relname = 'slow'") == []
    state, error = rows(project.ledger.replace("+psycopg2", ""), "select state, error from supersync.executions")[0]
    assert (state, error["type"]) == ("cancelled", "Cancelled")


def test_a_run_that_fails_ends_with_1_and_status_tells_why(project: Project) -> None:
    done = project("run", "slow")
    assert done.code == 1
    assert done.err.startswith("supersync: ")
    assert "public.slow" in done.err
    assert project("status", "--json").json["pipelines"][1]["last_run"]["error"] in done.err


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        pytest.param(("run", "ordrs"), "NotFound", "did you mean 'Orders'?", id="pipeline"),
        pytest.param(("run", "Orders", "--config", "no.yaml"), "ConfigError", "no.yaml: No such file", id="no file"),
        pytest.param(("config", "show", "--config", "bad.yaml"), "ConfigError", "bad.yaml:1: unknown key", id="typo"),
        pytest.param(("dev", "--config", "bad.yaml"), "ConfigError", "bad.yaml:1: unknown key", id="typo in dev"),
    ],
)
def test_an_error_is_one_plain_line_or_json(
    project: Project, arguments: tuple[str, ...], kind: str, message: str
) -> None:
    (project.directory / "bad.yaml").write_text("piplines: []\n")
    plain, as_json = project(*arguments), project(*arguments, "--json")
    assert (plain.code, plain.out, as_json.code, as_json.out) == (1, "", 1, "")
    assert message in plain.err
    assert len(plain.err.splitlines()) == 1
    assert (as_json.error["type"], message in as_json.error["message"]) == (kind, True)


def test_debug_shows_the_traceback(project: Project) -> None:
    done = project("run", "ordrs", "--debug")
    assert done.code == 1
    assert done.err.startswith("Traceback")
    assert done.err.splitlines()[-1].startswith("supersync_core.errors.NotFound: ")


@pytest.mark.parametrize("arguments", [("run", "Orders"), ("status",)])
def test_a_ledger_without_schema_asks_for_migrate(
    project: Project, empty_database_url: str, arguments: tuple[str, ...]
) -> None:
    done = project(*arguments, SUPERSYNC_DATABASE_URL=empty_database_url)
    assert (done.code, "run supersync migrate" in done.err) == (1, True)


def test_migrations_that_start_together_take_turns(project: Project, empty_database_url: str) -> None:
    def migrate(_: int) -> Result:
        return project("migrate", "--json", SUPERSYNC_DATABASE_URL=empty_database_url)

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(migrate, range(3)))
    assert [result.code for result in done] == [0, 0, 0]
    assert {result.json["after"] for result in done} == {"current"}
    assert project("status", SUPERSYNC_DATABASE_URL=empty_database_url).code == 0


def test_config_show_prints_what_is_in_effect(project: Project) -> None:
    shown = project("config", "show", "--json").json
    assert shown["settings"]["config"] == str(project.directory / "supersync.yaml")
    assert shown["connections"]["shop"]["dsn"].startswith("postgresql://postgres:********@")
    assert [pipeline["name"] for pipeline in shown["pipelines"]] == ["Orders", "slow"]
    assert project("config", "show").out.startswith("settings:\n")


@pytest.mark.long
def test_no_command_prints_a_secret(project: Project, tmp_path: Path) -> None:
    secrets = tmp_path / "secret"
    secrets.write_text(project.env["SUPERSYNC_DATABASE_URL"])
    project.env |= {"SUPERSYNC_DATABASE_URL": "", "SUPERSYNC_DATABASE_URL_FILE": str(secrets)}
    unreachable, ambiguous = f"postgresql://me:{SECRET}@127.0.0.1:1/x", f"postgresql://me:a/{SECRET}@127.0.0.1:1/x"
    commands: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("migrate",), {}),
        (("run", "Orders"), {}),
        (("run", "slow", "--debug"), {}),
        (("run", "Orders", "--debug"), {"SHOP": ambiguous}),
        (("status", "--json"), {}),
        (("doctor", "--json"), {"SHOP": unreachable, "LAKE": ambiguous}),
        (("doctor",), {"SHOP": f"host=127.0.0.1 port=1 password={SECRET}", "LAKE": SECRET}),
        (("config", "show"), {"SHOP": f"host=127.0.0.1 port=1 password={SECRET}", "LAKE": SECRET}),
        (("config", "show", "--json"), {"SHOP": ambiguous, "LAKE": f"{SECRET}://"}),
        (("status", "--debug"), {"SUPERSYNC_DATABASE_URL": unreachable}),
        (("status", "--debug"), {"SUPERSYNC_DATABASE_URL": ambiguous}),
        (("status",), {"SUPERSYNC_DATABASE_URL": SECRET}),
        (("doctor",), {"SUPERSYNC_DATABASE_URL": ambiguous}),
    ]
    for arguments, env in commands:
        done = project(*arguments, **env)
        assert SECRET not in done.out + done.err, (arguments, env)
        assert ("Traceback" in done.err) <= ("--debug" in arguments), (arguments, env)


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS), ("config", "show")])
def test_help_teaches(command: tuple[str, ...]) -> None:
    done = supersync(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: supersync {' '.join(command)}".rstrip())
    if command:
        assert COMMANDS[command[0]].split()[0] in done.out


def test_the_list_of_commands_is_the_commands() -> None:
    out = supersync("--help").out
    assert [name for name in COMMANDS if f"\n  {name} " not in out] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rnu",), "Did you mean"),
        (("run",), "Missing argument 'NAME'"),
        (("dev", "--port", "99999"), "0<=x<=65535"),
        (("status", "--what"), "No such option"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], message: str) -> None:
    done = supersync(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_version_is_that_of_the_package() -> None:
    assert supersync("--version").out == "supersync 0.1.0\n"


def test_a_reader_that_goes_away_is_no_error(project: Project) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [SUPERSYNC, "status", "--json"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project.directory,
        env=environment(project.env),
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
