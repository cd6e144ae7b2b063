"""The demo's proof can fail: any difference between the two sides is seen."""

import uuid
from collections.abc import Callable

import pytest
from rich.console import Console
from sqlalchemy import make_url

from demo import changes, data, verify
from demo.__main__ import JOB
from demo.report import Outcome, report
from supersync_core.domain.execution import Counts
from supersync_core.domain.table_sync import DELETED_AT
from supersync_dagster.assets import ALL_JOB

ROWS = {"airlines": 16, "airports": 1_458, "planes": 3_322, "weather": 26_115, "flights": 336_776}


@pytest.fixture(scope="module")
def loaded(server_url: str) -> str:
    """A database with the demo's tables, for copies of it; its name."""
    name = f"demo_{uuid.uuid4().hex}"
    admin = make_url(server_url).set(drivername="postgresql")
    data.create_databases(admin.render_as_string(hide_password=False), (name,))
    assert data.load(admin.set(database=name).render_as_string(hide_password=False)) == ROWS
    return name


@pytest.fixture
def copy(loaded: str, new_database: Callable[[str], str]) -> Callable[[], str]:
    """Make a copy of the loaded database; its DSN."""
    return lambda: new_database(loaded).replace("+psycopg2", "")


def test_copies_have_the_same_fingerprints(copy: Callable[[], str]) -> None:
    assert verify.fingerprints(copy()) == verify.fingerprints(copy())


@pytest.mark.parametrize(
    ("table", "difference"),
    [
        pytest.param("airlines", "update airlines set name = name || ' ' where carrier = 'AA'", id="a value"),
        pytest.param("planes", "update planes set speed = 0 where tailnum = 'N10156'", id="null against zero"),
        pytest.param("weather", "delete from weather where ctid = (select min(ctid) from weather)", id="a row"),
        pytest.param("airports", "alter table airports alter tz type integer", id="a type"),
        pytest.param("flights", "alter table flights drop minute", id="a column"),
        pytest.param("flights", "drop table flights", id="a table"),
    ],
)
def test_a_difference_is_seen_in_its_table_alone(copy: Callable[[], str], table: str, difference: str) -> None:
    source, target = copy(), copy()
    with data.connected(target) as link, link.cursor() as cursor:
        cursor.execute(difference)
    here, there = verify.fingerprints(source), verify.fingerprints(target)
    assert [name for name in ROWS if not here[name].equals(there[name])] == [table]


def test_a_row_that_is_marked_as_deleted_counts_as_gone(copy: Callable[[], str]) -> None:
    source, target = copy(), copy()
    with data.connected(source) as link, link.cursor() as cursor:
        cursor.execute("delete from airlines where carrier = 'AA'")
    with data.connected(target) as link, link.cursor() as cursor:
        cursor.execute(f"alter table airlines add {DELETED_AT} timestamptz")
        cursor.execute(f"update airlines set {DELETED_AT} = now() where carrier = 'AA'")
    here, there = verify.fingerprints(source)["airlines"], verify.fingerprints(target)["airlines"]
    assert here.equals(there) and there.marked == 1


def test_the_changes_count_what_they_do(copy: Callable[[], str]) -> None:
    dsn = copy()
    before = verify.fingerprints(dsn)
    done = changes.change(dsn)
    after = verify.fingerprints(dsn)
    assert {name: after[name].rows - before[name].rows for name in ROWS} == {
        name: counts.inserted - counts.deleted for name, counts in done.items()
    }


def test_a_wrong_count_is_not_equal() -> None:
    same = verify.Fingerprint((("a", "integer"),), 1, "md5", 0)
    measured = {"rows_inserted": 1.0, "rows_updated": 0.0, "rows_deleted": 0.0}
    outcome = Outcome("t", measured, measured, Counts(inserted=2), same, same)
    assert not outcome.holds


def test_the_report_fits_into_eighty_columns() -> None:
    side = verify.Fingerprint((("a", "integer"),), 337_552, "md5", 0)
    first = {"rows_extracted": 336_776.0, "seconds": 10.5, "rows_inserted": 336_776.0}
    second = {"rows_inserted": 1_000.0, "rows_updated": 5_000.0, "rows_deleted": 0.0, "seconds": 10.5}
    outcome = Outcome("airlines", first, second, Counts(inserted=1_000, updated=5_000), side, side)
    with (console := Console(width=80)).capture() as written:
        console.print(report([outcome]))
    assert "…" not in written.get() and "equal" in written.get()


def test_the_job_that_the_demo_launches_is_the_one_for_all_pipelines() -> None:
    assert JOB == ALL_JOB
