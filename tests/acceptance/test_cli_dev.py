"""`supersync dev` as a user meets it: one process, many children, none left behind."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest

from tests.acceptance.console import SECRET, SUPERSYNC, environment, execute, start, supersync, until, with_password

READY = re.compile(r"^supersync is ready at (http://127\.0\.0\.1:\d+)$", re.MULTILINE)
START_S = 120
CONFIG = """
connections:
  shop: {type: postgres, dsn: "${SHOP}"}
  lake: {type: postgres, dsn: "${LAKE}"}
pipelines:
  - name: Orders é
    kind: table_sync
    source: {connection: shop, table: public.orders}
    target: {connection: lake, table: raw.orders}
    cron: "0 3 * * *"
"""


class Dev:
    """A directory in which `supersync dev` is started, and what it has started."""

    def __init__(self, directory: Path, shop: str, lake: str) -> None:
        self.directory = directory
        self.env = {"SHOP": with_password(shop), "LAKE": with_password(lake)}
        (directory / "supersync.yaml").write_text(CONFIG)
        self.arguments = ("dev", "--port", "0", "--data-dir", str(directory / "data"))

    def started(self) -> "subprocess.Popen[str]":
        """Start it; what it says is in the files out and err."""
        with (self.directory / "out").open("w") as out, (self.directory / "err").open("w") as err:
            return subprocess.Popen(
                [SUPERSYNC, *self.arguments], cwd=self.directory, env=environment(self.env), stdout=out, stderr=err
            )

    @property
    def out(self) -> str:
        return (self.directory / "out").read_text()

    @property
    def err(self) -> str:
        return (self.directory / "err").read_text()

    def url(self) -> str:
        """Wait until it is ready."""
        found = until(lambda: READY.search(self.out) or "\nsupersync: " in f"\n{self.err}", START_S)
        assert isinstance(found, re.Match), self.err
        return found[1]

    def processes(self, word: str = "") -> list[psutil.Process]:
        """Every living process that has to do with this directory, also those whose parent is gone."""
        return [process for process in psutil.process_iter() if self._is_ours(process) and word in _command(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                return False
            return any(str(self.directory) in text for text in (*process.cmdline(), *process.environ().values()))
        except psutil.Error:
            return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture
def dev(tmp_path: Path, source_dsn: str, target_dsn: str) -> Iterator[Dev]:
    execute(source_dsn, "create table orders (id int primary key, n int)")
    execute(source_dsn, "insert into orders select n, n from generate_series(1, 100) n")
    dev = Dev(tmp_path, source_dsn, target_dsn)
    yield dev
    for process in dev.processes():
        process.kill()


def graphql(url: str, query: str) -> Any:
    request = Request(f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as reply:
        return json.load(reply)["data"]


def ended(process: "subprocess.Popen[str]", number: int) -> int:
    """Send a signal; the exit code, which comes within ten seconds."""
    process.send_signal(number)
    return process.wait(10)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_it_serves_pipelines_next_to_other_commands_and_sigterm_ends_everything(dev: Dev) -> None:
    running = dev.started()
    url = dev.url()
    other = start(*dev.arguments, cwd=dev.directory, env=dev.env)
    with urlopen(url, timeout=30) as page:
        assert b"__NEXT_DATA__" in page.read()
    assets = graphql(url, "{ assetNodes { assetKey { path } isMaterializable } }")["assetNodes"]
    assert sum(asset["isMaterializable"] for asset in assets) == 1
    # Other commands join the same database.
    done = supersync("run", "orders é", "--json", *dev.arguments[3:], cwd=dev.directory, env=dev.env)
    assert (done.code, done.json["inserted"]) == (0, 100)
    # Two daemons on one Dagster instance would start everything twice.
    waiting, refused = other.communicate(timeout=60)[1].splitlines()
    assert "waiting 15 s for the end of another one" in waiting
    assert "another supersync dev runs in" in refused
    assert other.returncode == 1

    assert ended(running, signal.SIGTERM) == 0
    assert dev.processes() == []
    assert SECRET not in dev.out + dev.err
    assert dev.out == f"supersync is ready at {url}\n"
    assert dev.err.splitlines()[-1] == "supersync has stopped"
    assert re.findall("Traceback|DEBUG|BetaWarning", dev.err) == []


@pytest.mark.long
@pytest.mark.timeout(300)
def test_ctrl_c_ends_it_and_cancels_runs_when_a_script_has_started_it_in_the_background(
    dev: Dev, source_dsn: str
) -> None:
    execute(source_dsn, "alter table orders rename to orders_before")
    execute(source_dsn, "create view orders as select g as id, pg_sleep(0.01)::text from generate_series(1, 60000) g")
    (dev.directory / "supersync.yaml").write_text(CONFIG.replace("raw.orders", "raw.orders, primary_key: id"))
    # A shell that is not interactive starts what it puts in the background with SIGINT ignored.
    script = ': >out; : >err; "$@" >out 2>err & echo $!; wait $!; echo ended with $?'
    shell = subprocess.Popen(
        ["sh", "-c", script, "sh", str(SUPERSYNC), *dev.arguments],
        cwd=dev.directory,
        env=environment(dev.env),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shell.stdout is not None
    pid = int(shell.stdout.readline())
    launch(dev.url(), "orders")
    until(lambda: last_state(dev) == "running", 90)
    os.kill(pid, signal.SIGINT)
    assert shell.communicate(timeout=10)[0] == "ended with 0\n"
    assert dev.processes() == []
    assert last_state(dev) == "cancelled"


def launch(url: str, word: str) -> None:
    """Start a Dagster run of the job with that word in its name."""
    place = 'repositoryLocationName: "supersync", repositoryName: "__repository__"'
    repository = (
        f"{{ repositoryOrError(repositorySelector: {{{place}}}) {{ ... on Repository {{ jobs {{ name }} }} }} }}"
    )
    jobs = [job["name"] for job in graphql(url, repository)["repositoryOrError"]["jobs"]]
    name = next(job for job in jobs if word in job)
    selector = f'{{{place}, jobName: "{name}"}}'
    mutation = f'mutation {{ launchRun(executionParams: {{selector: {selector}, mode: "default"}}) {{ __typename }} }}'
    assert graphql(url, mutation)["launchRun"]["__typename"] == "LaunchRunSuccess"


def last_state(dev: Dev) -> str | None:
    """How the last run of the pipeline stands."""
    status = supersync("status", "--json", *dev.arguments[3:], cwd=dev.directory, env=dev.env)
    last = status.json["pipelines"][0]["last_run"]
    return str(last["state"]) if last else None


@pytest.mark.long
def test_a_kill_leaves_nothing_behind_for_long_and_the_next_start_works(dev: Dev) -> None:
    running = dev.started()
    until(lambda: dev.processes("grpc"), START_S)
    running.kill()
    running.wait()
    until(lambda: not dev.processes(), 12)
    again = dev.started()
    until(lambda: dev.processes("code-server"), START_S)
    assert ended(again, signal.SIGTERM) == 0


def test_a_child_that_dies_ends_everything(dev: Dev) -> None:
    running = dev.started()
    until(lambda: dev.processes("commands.after"), START_S)[0].kill()
    assert running.wait(30) == 1
    assert "has ended with signal SIGKILL" in dev.err
    assert dev.processes() == []


def test_a_signal_while_it_prepares_leaves_nothing_behind(dev: Dev) -> None:
    running = dev.started()
    until(lambda: dev.processes("postgres"))
    assert ended(running, signal.SIGTERM) == 0
    assert dev.processes() == []


def test_a_port_that_is_taken_is_refused_before_anything_starts(dev: Dev, server_socket: int) -> None:
    done = supersync("dev", "--port", str(server_socket), cwd=dev.directory, env=dev.env)
    assert done.code == 1
    assert f"cannot listen on 127.0.0.1 port {server_socket}: Address already in use; choose another" in done.err
    assert not (dev.directory / ".supersync").exists()


@pytest.fixture
def server_socket() -> Iterator[int]:
    """A port on which somebody listens."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
