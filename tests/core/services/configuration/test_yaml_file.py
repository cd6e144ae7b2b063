from pathlib import Path

import pytest

from supersync_core.domain.table_sync import Mode
from supersync_core.errors import ConfigError
from supersync_core.services.configuration import Configuration, load_configuration

ENVIRONMENT = {"WAREHOUSE_DSN": "postgresql://me:hunter2@warehouse/db", "EMPTY": "", "SCHEMA": "sales"}

EXAMPLE = """\
connections:
  warehouse: {type: redshift, dsn: "${WAREHOUSE_DSN}"}
  analytics: {type: postgres, dsn: "${ANALYTICS_DSN:-dbname=analytics}"}
pipelines:
  - name: table_stats_sync
    title: Table Statistics Sync
    kind: table_sync
    source: {connection: warehouse, query: table_stats}
    target: {connection: analytics, table: redshift_table_stats, primary_key: [database, table_id]}
    every: 300
    freshness: {number: 1, datepart: hour}
    anomalies: [{metric_field: total_rows, z_threshold: 3.0}]
  - name: query_history_sync
    title: Query History Sync (7d)
    kind: table_sync
    source: {connection: warehouse, query: query_history, cursor: start_time, window: 7d}
    target: {connection: analytics, table: redshift_query_history, primary_key: [query_id]}
    every: 300
"""

BASE = """\
connections:
  db: {type: postgres, dsn: dbname=x}
pipelines:
  - name: orders
    kind: table_sync
    source: {connection: db, table: sales.orders}
    target: {connection: db, table: orders}
"""


def load(directory: Path, text: str | bytes) -> Configuration:
    path = directory / "supersync.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_configuration(path, ENVIRONMENT)


def mistakes(directory: Path, text: str | bytes) -> list[str]:
    """The lines of the error, each without the path of the file."""
    with pytest.raises(ConfigError) as caught:
        load(directory, text)
    prefix = f"{directory / 'supersync.yaml'}:"
    lines = str(caught.value).splitlines()
    assert all(line.startswith(prefix) for line in lines)
    return [line.removeprefix(prefix) for line in lines]


def test_the_documented_example_loads(tmp_path: Path) -> None:
    stats, history = load(tmp_path, EXAMPLE).pipelines
    assert stats.to_sync("s").reading.mode is Mode.FULL
    assert stats.to_sync("s").primary_key == ("database", "table_id")
    assert history.to_sync("h").reading.mode is Mode.WINDOW
    assert str(history.source.window) == "7 days, 0:00:00"


def test_the_spec_in_the_ledger_reads_back_as_the_same_configuration(tmp_path: Path) -> None:
    for pipeline in load(tmp_path, EXAMPLE).pipelines:
        assert type(pipeline).model_validate(dict(pipeline.declaration().spec)) == pipeline


@pytest.mark.parametrize(
    ("keys", "mode"),
    [
        ("", Mode.FULL),
        (", cursor: updated_at", Mode.INCREMENTAL),
        (", cursor: updated_at, lookback: 1h", Mode.INCREMENTAL),
        (", cursor: updated_at, window: 7d", Mode.WINDOW),
        (", cursor: updated_at, mode: full", Mode.FULL),
    ],
)
def test_the_mode_follows_from_the_other_keys(tmp_path: Path, keys: str, mode: Mode) -> None:
    loaded = load(tmp_path, BASE.replace("sales.orders", f"sales.orders{keys}"))
    assert loaded.pipelines[0].source.reading().mode is mode


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("table: sales", "tabel: sales", "6: unknown key 'tabel'; did you mean 'table'?", id="typo"),
        pytest.param(
            "kind:", "knd: x\n    kind:", "5: unknown key 'knd'; did you mean 'kind'?", id="typo in a pipeline"
        ),
        pytest.param(
            "pipelines:", "piplines:", "3: unknown key 'piplines'; did you mean 'pipelines'?", id="typo on top"
        ),
        pytest.param("dsn:", "dns:", "2: unknown key 'dns'; did you mean 'dsn'?", id="typo in a connection"),
        pytest.param(
            "table: orders", "xyz: 1", "7: unknown key 'xyz'; there are: connection, primary_key, table", id="far"
        ),
        pytest.param(
            "table_sync", "tablesync", "5: kind: a pipeline of kind 'tablesync' cannot be declared", id="kind"
        ),
        pytest.param("table_sync", "external", "known kinds: table_sync", id="kind of others"),
        pytest.param("    kind: table_sync\n", "", "4: a pipeline is a mapping with the key 'kind'", id="no kind"),
        pytest.param("type: postgres", "type: postgress", "2: no connector of type 'postgress'", id="connector"),
        pytest.param("type: postgres, ", "", "2: a connection is a mapping with the key 'type'", id="no connector"),
        pytest.param("connection: db, table: o", "connection: dbs, table: o", "did you mean 'db'?", id="connection"),
        pytest.param("name: orders", "name: 5", "4: name: text is expected here; put the value in quotes", id="number"),
        pytest.param("name: orders", "name: no", "4: name: text is expected here", id="boolean"),
        pytest.param("name: orders", "name: 2026-01-01", "4: name: text is expected here", id="date"),
        pytest.param("name: orders", "name: ' '", "4: name: must have at least 1", id="empty name"),
        pytest.param("name: orders", f"name: {'x' * 151}", "4: name: must have at most 150", id="long name"),
        pytest.param("name: orders", 'name: "a\\nb"', "4: name: holds characters that do not print", id="line break"),
        pytest.param("name: orders", 'name: "a\\0"', "4: holds a NUL character", id="NUL"),
        pytest.param("name: orders", 'name: "\\ud800"', "4: holds half a character", id="surrogate"),
        pytest.param("table: orders", "table: a.b.c", "7: table: not a table name: 'a.b.c'", id="table name"),
        pytest.param("table: orders", "table: [orders]", "7: table: text is expected here", id="list for text"),
        pytest.param("table: sales.orders", "table: a, sql: b", "6: source: a source names one of", id="two sources"),
        pytest.param("table: sales.orders", "cursor: a", "6: source: a source names one of", id="no source"),
        pytest.param("sales.orders", "a, mode: incremental", "6: source: mode incremental needs a cursor", id="cursor"),
        pytest.param("sales.orders", "a, window: 7d", "6: source: mode window needs a cursor", id="window"),
        pytest.param(
            "sales.orders", "a, lookback: 1h", "6: source: lookback has no meaning in mode full", id="lookback"
        ),
        pytest.param("sales.orders", "a, mode: some", "6: mode: must be 'full', 'incremental' or 'window'", id="mode"),
        pytest.param(
            "table: orders}", "table: o, primary_key: [a, a]}", "7: primary_key: says 'a' twice", id="key twice"
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert any(message in line for line in mistakes(tmp_path, BASE.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("every: 0", "8: every: a duration is longer than nothing", id="zero"),
        pytest.param("every: -5", "8: every: a duration is a whole number", id="negative"),
        pytest.param("every: 1.5", "8: every: a duration is a whole number", id="fraction"),
        pytest.param("every: 5 min", "8: every: a duration is a whole number", id="unit"),
        pytest.param("every: 99999999999999999999", "8: every: a duration is a whole number", id="huge"),
        pytest.param("every: 36526d", "8: every: a duration is longer than nothing and at most", id="two centuries"),
        pytest.param(f"every: {'9' * 5000}", "8: cannot read this value", id="number of 5000 digits"),
        pytest.param("every: 5\n    every: 6", "9: the key 'every' is here twice; first on line 8", id="twice"),
        pytest.param("every: 5\n    cron: '* * * * *'", "a schedule has either a cron expression or an", id="both"),
        pytest.param("cron: '61 * * * *'", "8: cron: not a cron expression", id="cron"),
        pytest.param("cron: */5 * * * *", "8: while scanning an alias", id="cron without quotes"),
        pytest.param("every: 5\n    timezone: Mars/X", "9: timezone: no such time zone", id="zone"),
        pytest.param("timezone: UTC", "timezone has no meaning without cron or every", id="zone alone"),
        pytest.param("freshness: {number: 0, datepart: hour}", "8: number: must be greater than 0", id="freshness"),
        pytest.param("freshness: {number: 1}", "8: the key 'datepart' is missing", id="half a freshness"),
        pytest.param("freshness: {number: 1, datepart: hours}", "8: datepart: must be 'minute', 'hour'", id="datepart"),
        pytest.param("timeliness: {number: 0, datepart: hour}", "8: number: must be greater than 0", id="timeliness"),
        pytest.param("anomalies: [{metric_field: rows}]", "8: metric_field: must be 'duration_seconds'", id="metric"),
        pytest.param(
            "anomalies:\n    - {metric_field: inserts}\n    - {metric_field: inserts}", "two rules for one", id="rules"
        ),
        pytest.param("anomalies: [{metric_field: inserts, z_threshold: 11}]", "8: z_threshold: must be less", id="z"),
        pytest.param("anomalies: [{metric_field: inserts, z_threshold: .nan}]", "8: z_threshold: must be", id="nan"),
        pytest.param("anomalies: [{metric_field: inserts, method: z}]", "8: method: must be 'zscore' or", id="method"),
        pytest.param("anomalies: [{metric_field: inserts, zero_deviation: no}]", "8: zero_deviation: must be", id="0"),
        pytest.param("owners: [me]", "8: 0: an owner is an e-mail address or team:name", id="owner"),
        pytest.param("tags: {'a b': c}", "a tag's name has up to 63", id="tag"),
        pytest.param("tags: {a: 5}", "8: a: text is expected here", id="tag of a number"),
        pytest.param("deletes: mark\n    every: soon", "9: every: a duration", id="line of the second key"),
        pytest.param("deletes: gone", "8: deletes: must be 'keep', 'delete' or 'mark'", id="deletes"),
        pytest.param("title: ${MISSING}", "8: the environment variable MISSING is not set", id="unset variable"),
        pytest.param("title: ${EMPTY", "8: cannot read a reference", id="reference without end"),
        pytest.param("title: ${a b}", "8: cannot read a reference", id="reference with a space"),
        pytest.param("title: !!python/object/apply:os.system [true]", "8: the tag", id="Python object"),
        pytest.param("? [a]\n    : b", "a key is text", id="list as key"),
        pytest.param("7: b", "8: a key is text", id="number as key"),
        pytest.param("\tevery: 5", "8: while scanning for the next token", id="tab"),
        pytest.param("title: {", "9: while parsing a flow", id="unfinished"),
    ],
)
def test_a_mistake_in_a_pipeline_is_told_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    found = mistakes(tmp_path, f"{BASE}    {line}\n")
    assert any(message in text for text in found), found


@pytest.mark.parametrize("name", ["Orders", "ORDERS ", '"orders"'])
def test_two_names_that_are_equal_but_for_case_are_refused(tmp_path: Path, name: str) -> None:
    pipeline = BASE.partition("pipelines:\n")[2].replace("name: orders", f"name: {name}")
    assert "8: name: " in mistakes(tmp_path, BASE + pipeline)[0]


@pytest.mark.parametrize("name", ["Größe & Maß", "注文-同期", "заказы", "a.b/c d", "x" * 150])
def test_names_may_hold_any_unicode(tmp_path: Path, name: str) -> None:
    assert load(tmp_path, BASE.replace("name: orders", f"name: '{name}'")).pipelines[0].name == name


def test_every_mistake_is_told_in_the_order_of_lines(tmp_path: Path) -> None:
    text = BASE.replace("kind: table_sync", "kind: table_sync\n    evry: 5\n    deletes: x").replace("dsn", "dns")
    assert [line.partition(":")[0] for line in mistakes(tmp_path, text)] == ["2", "2", "6", "7"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: &a [*a]", id="alias of itself"),
        pytest.param("a: &a {<<: *a}", id="merge of itself"),
        pytest.param("[" * 100_000, id="deep nesting"),
        pytest.param("a: [" + "1," * 60_000 + "]", id="many values"),
        pytest.param(
            "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)),
            id="a billion laughs",
        ),
        pytest.param(
            "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
            id="a billion merges",
        ),
    ],
)
@pytest.mark.timeout(20)
def test_a_file_that_would_exhaust_the_memory_is_refused(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"a: \xff\xfe", "1: not text in UTF-8", id="not UTF-8"),
        pytest.param(b"a:\n  b: \x07", "special characters are not allowed", id="control character"),
        pytest.param(b"[]", "1: a mapping with the keys", id="list"),
        pytest.param(b"hello", "1: a mapping with the keys", id="text"),
        pytest.param(b"a: 1\n---\nb: 2", "2: expected a single document", id="two documents"),
        pytest.param(b"pipelines: {a: b}", "1: pipelines: a list", id="pipelines as mapping"),
        pytest.param(b"connections: [a]", "1: connections: a mapping", id="connections as list"),
        pytest.param(b"connections: {'': {type: postgres, dsn: x}}", "a connection has a name", id="empty name"),
        pytest.param(b"connections: {a: 5}", "1: a connection is a mapping", id="connection as number"),
        pytest.param(b"pipelines: [5]", "1: a pipeline is a mapping", id="pipeline as number"),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in mistakes(tmp_path, content)[0]


@pytest.mark.parametrize("text", ["", "# nothing\n", "connections:\npipelines:\n", "{}"])
def test_an_empty_file_is_an_empty_configuration(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == Configuration()


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="longer than"):
        load(tmp_path, "#" * 1_048_577)


@pytest.mark.parametrize("path", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load_configuration(tmp_path / path)


def test_defaults_are_shared_by_merging_and_the_nearer_key_wins(tmp_path: Path) -> None:
    text = BASE + "    <<: &defaults {every: 60, group: sales}\n    group: own\n"
    second = BASE.partition("pipelines:\n")[2].replace("name: orders", "name: items")
    loaded = load(tmp_path, text + second + "    <<: *defaults\n")
    assert [(p.group, p.cadence().every_s if p.cadence() else 0) for p in loaded.pipelines] == [
        ("own", 60),
        ("sales", 60),
    ]


@pytest.mark.parametrize("wrong", ["dsn: '${SECRET}', port: 5", "dsn: ['${SECRET}']", "dsn: {a: '${SECRET}'}"])
def test_the_value_of_a_connection_is_never_in_an_error(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "supersync.yaml"
    path.write_text(f"connections:\n  db: {{type: postgres, {wrong}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_configuration(path, {"SECRET": "hunter2"})
    assert "hunter2" not in str(caught.value)
