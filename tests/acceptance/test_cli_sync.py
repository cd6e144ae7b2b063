import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.acceptance.console import (
    SECRET,
    SUPERSYNC,
    connections,
    copying,
    environment,
    execute,
    rows,
    slow_view,
    start,
    supersync,
    until,
    with_password,
)

SHOP = """
create schema sales;
create table sales.orders (id int primary key, note text, updated_at timestamptz not null default now());
insert into sales.orders select n, 'note ' || n from generate_series(1, 1000) n;
create table sales.items (order_id int, line int, what text, primary key (order_id, line));
insert into sales.items values (1, 1, E'tab\\tand\\nline'), (1, 2, null), (2, 1, '');
"""


@pytest.fixture
def shop(source_dsn: str) -> str:
    execute(source_dsn, SHOP)
    return source_dsn


def test_a_table_is_copied_with_its_own_key(shop: str, target_dsn: str) -> None:
    done = supersync("sync", shop, target_dsn, "--table", "sales.items", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["state"] == "succeeded"
    (table,) = done.json["tables"]
    assert (table["source"], table["target"], table["extracted"], table["inserted"]) == ("sales.items",) * 2 + (3, 3)
    query = "select * from sales.items order by 1, 2"
    assert rows(target_dsn, query) == rows(shop, query)


def test_patterns_take_tables_into_a_schema_of_the_target(shop: str, target_dsn: str) -> None:
    done = supersync("sync", shop, target_dsn, "--table", "sales.*", "--to", "raw.*", "--json")
    assert [(table["source"], table["target"]) for table in done.json["tables"]] == [
        ("sales.items", "raw.items"),
        ("sales.orders", "raw.orders"),
    ]
    assert rows(target_dsn, "select count(*) from raw.orders") == [(1000,)]


def test_a_table_goes_by_another_name_and_a_given_key(shop: str, target_dsn: str) -> None:
    execute(shop, "create table log (at int, what text); insert into log values (1, 'a'), (2, 'b')")
    done = supersync("sync", shop, target_dsn, "--table", "log", "--to", "raw.events", "--primary-key", "at, what")
    assert done.code == 0
    assert done.out.startswith("public.log -> raw.events: 2 rows, ")
    assert rows(target_dsn, "select * from raw.events order by 1") == [(1, "a"), (2, "b")]


def test_a_second_sync_leaves_equal_rows_alone(shop: str, target_dsn: str) -> None:
    command = ("sync", shop, target_dsn, "--table", "sales.orders", "--json")
    supersync(*command)
    execute(shop, "update sales.orders set note = 'new' where id <= 3; insert into sales.orders values (2000, 'x')")
    (table,) = supersync(*command).json["tables"]
    assert [table[name] for name in ("extracted", "inserted", "updated", "unchanged")] == [1001, 1, 3, 997]


def test_a_cursor_makes_the_second_sync_read_what_is_new(shop: str, target_dsn: str) -> None:
    # As long as an older transaction goes on, in any database of the server, a row may be read again.
    horizon = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    until(lambda: rows(shop, f"select from sales.orders where xmin::text::bigint >= {horizon}") == [])
    command = ("sync", shop, target_dsn, "--table", "sales.orders", "--cursor", "updated_at", "--json")
    assert supersync(*command).json["tables"][0]["extracted"] == 1000
    execute(shop, "insert into sales.orders values (2000, 'x')")
    (table,) = supersync(*command).json["tables"]
    assert (table["extracted"], table["inserted"], table["complete"]) == (1, 1, False)
    assert rows(target_dsn, "select count(*) from sales.orders") == [(1001,)]


def test_deletes_are_marked(shop: str, target_dsn: str) -> None:
    command = ("sync", shop, target_dsn, "--table", "sales.orders", "--deletes", "mark", "--json")
    supersync(*command)
    execute(shop, "delete from sales.orders where id > 990")
    assert supersync(*command).json["tables"][0]["deleted"] == 10
    assert rows(target_dsn, "select count(*) from sales.orders where _supersync_deleted_at is not null") == [(10,)]


def test_a_table_that_fails_is_named_and_the_others_go_on(shop: str, target_dsn: str) -> None:
    execute(shop, "create table sales.a_keyless (x int)")
    done = supersync("sync", shop, target_dsn, "--table", "sales.*")
    assert done.code == 1
    assert done.err.startswith("sales.a_keyless: failed: ")
    assert "no primary key" in done.err
    assert rows(target_dsn, "select count(*) from sales.orders") == [(1000,)]
    assert done.out.splitlines()[-1].startswith("2 of 3 tables: 1,003 rows")


def test_all_tables_are_read_in_one_snapshot(shop: str, target_dsn: str) -> None:
    execute(shop, "create view sales.a_slow as select id, pg_sleep(0.003)::text as nap from sales.orders")
    tables = ("--table", "sales.a_slow", "--table", "sales.orders")
    running = start("sync", shop, target_dsn, *tables, "--primary-key", "id", "--json")
    until(lambda: copying(target_dsn))
    execute(shop, "delete from sales.orders")
    assert running.communicate(timeout=60)[0].count('"extracted": 1000') == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("hunter2", "{target}", "--table", "a"), "SOURCE_URL is a URL that begins with", id="no URL"),
        pytest.param(("oracle://x", "{target}", "--table", "a"), "SOURCE_URL is a URL that begins", id="scheme"),
        pytest.param(("{source}", "mysql://x", "--table", "a"), "TARGET_URL is a URL that begins", id="no sink"),
        pytest.param(("{source}", "{target}"), "Missing option '--table'", id="no table"),
        pytest.param(("{source}",), "Missing argument 'TARGET_URL'", id="no target"),
        pytest.param(("{source}", "{target}", "--table", "a", "--mode", "incremental"), "needs --cursor", id="cursor"),
        pytest.param(
            ("{source}", "{target}", "--table", "a", "--cursor", "b", "--deletes", "mark"), "a full sync", id="deletes"
        ),
        pytest.param(("{source}", "{target}", "--tabel", "a"), "Did you mean", id="typo"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(
    source_dsn: str, target_dsn: str, arguments: tuple[str, ...], message: str
) -> None:
    filled = [argument.format(source=source_dsn, target=target_dsn) for argument in arguments]
    plain, as_json = supersync("sync", *filled), supersync("sync", *filled, "--json")
    assert (plain.code, as_json.code, plain.out, as_json.out) == (2, 2, "", "")
    assert message in plain.err.replace("\n", " ")
    assert (as_json.error["type"], message in as_json.error["message"]) == ("Usage", True)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        pytest.param(("--table", "nope.*"), "NotFound", "no table that matches 'nope.*'", id="pattern"),
        pytest.param(("--table", "sales.*", "--to", "raw.all"), "ConfigError", "several tables", id="two into one"),
        pytest.param(("--table", "a.b.c"), "ConfigError", "not a table name", id="name"),
    ],
)
def test_what_cannot_begin_ends_with_1_and_one_plain_line(
    shop: str, target_dsn: str, arguments: tuple[str, ...], kind: str, message: str
) -> None:
    plain = supersync("sync", shop, target_dsn, *arguments)
    as_json = supersync("sync", shop, target_dsn, *arguments, "--json")
    assert (plain.code, as_json.code) == (1, 1)
    assert plain.err.startswith("supersync: ")
    assert len(plain.err.splitlines()) == 1
    assert message in plain.err
    assert (as_json.error["type"], message in as_json.error["message"]) == (kind, True)


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGINT, 130, id="SIGINT"), pytest.param(signal.SIGTERM, 143, id="SIGTERM")]
)
def test_a_signal_cancels_within_two_seconds_and_leaves_nothing(
    source_dsn: str, target_dsn: str, number: int, code: int
) -> None:
    slow_view(source_dsn)
    running = start("sync", source_dsn, target_dsn, "--table", "slow", "--primary-key", "id", "--json")
    until(lambda: copying(target_dsn))
    running.send_signal(number)
    asked = time.monotonic()
    out, err = running.communicate(timeout=30)
    assert time.monotonic() - asked < 2.5  # two seconds, and the end of a Python process
    assert (running.returncode, err) == (code, "")
    assert '"state": "cancelled"' in out
    until(lambda: not list(connections(source_dsn, target_dsn)), 5)
    assert rows(target_dsn, "select relname from pg_class where relnamespace = 'public'::regnamespace") == []


def test_it_can_be_cancelled_when_a_script_has_started_it_in_the_background(source_dsn: str, target_dsn: str) -> None:
    slow_view(source_dsn)
    # A shell that is not interactive starts what it puts in the background with SIGINT ignored.
    script = '"$0" sync "$1" "$2" --table slow --primary-key id & echo $!; wait $!; echo ended with $?'
    shell = subprocess.Popen(
        ["sh", "-c", script, str(SUPERSYNC), source_dsn, target_dsn],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert shell.stdout is not None
    pid = int(shell.stdout.readline())
    until(lambda: copying(target_dsn))
    os.kill(pid, signal.SIGINT)
    assert shell.communicate(timeout=10)[0].splitlines()[-1] == "ended with 130"


def test_a_terminal_sees_progress_and_a_pipe_does_not(source_dsn: str, target_dsn: str) -> None:
    execute(source_dsn, "create view s as select g as id, pg_sleep(0.002)::text as nap from generate_series(1, 600) g")
    command = ("sync", source_dsn, target_dsn, "--table", "s", "--primary-key", "id")
    assert supersync(*command).err == ""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(SUPERSYNC, [str(SUPERSYNC), *command], {**environment(), "TERM": "xterm", "COLUMNS": "120"})
    seen = b""
    while chunk := _read(terminal):
        seen += chunk
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"rows/s" in seen
    assert b"public.s (copy)" in seen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux: the other end is closed
        return b""


@pytest.mark.parametrize("extra", [(), ("--json",), ("--debug",)])
def test_a_password_is_never_printed(shop: str, target_dsn: str, extra: tuple[str, ...]) -> None:
    source, target = with_password(shop), with_password(target_dsn)
    commands = [
        (source, target, "--table", "sales.*"),
        (source, target, "--table", "nope.*"),
        (source.replace("://", "x://"), target, "--table", "sales.*"),
        (source, target.replace("/test_", "/gone_"), "--table", "sales.*"),
        (source.replace(SECRET, f"{SECRET}/@#"), target, "--table", "sales.*"),
        (source + "&bogus=1", target, "--table", "sales.*"),
    ]
    for command in commands:
        done = supersync("sync", *command, *extra)
        assert SECRET not in done.out + done.err
        assert done.code in (0, 1, 2)
        assert ("Traceback" in done.err) <= ("--debug" in extra)


def test_a_server_that_is_not_there_ends_the_sync_at_its_first_table(shop: str, target_dsn: str) -> None:
    gone = target_dsn.replace("/test_", "/gone_")
    done = supersync("sync", shop, gone, "--table", "sales.orders", "--table", "sales.items", "--json")
    assert done.code == 1
    assert [table["state"] for table in done.json["tables"]] == ["failed", "skipped"]


def test_nothing_heavy_is_imported(shop: str, target_dsn: str) -> None:
    program = (
        "import sys\n"
        "from supersync_dagster.cli import main\n"
        "try: main()\n"
        "finally: print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program, "sync", shop, target_dsn, "--table", "sales.*"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()}
    assert "psycopg2" in loaded
    assert loaded.isdisjoint({"dagster", "sqlalchemy", "pydantic", "alembic", "rich", "yaml", "pandas"})
