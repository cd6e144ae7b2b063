import pytest

from supersync_core.connectors.mysql.connection import parse_url
from supersync_core.connectors.mysql_types import Declared, map_column
from supersync_core.errors import ConfigError, SchemaMismatch


@pytest.mark.parametrize(
    ("declared", "field", "written"),
    [
        pytest.param(Declared("c", "date"), b"0000-00-00", b"\\N", id="zero date"),
        pytest.param(Declared("c", "date"), b"0000-05-10", b"\\N", id="zero year"),
        pytest.param(Declared("c", "date"), b"2020-00-10", b"\\N", id="zero month"),
        pytest.param(Declared("c", "date"), b"2000-10-10", b"2000-10-10", id="date with zeros"),
        pytest.param(
            Declared("c", "datetime"), b"2000-10-10 00:00:00.000000", b"2000-10-10 00:00:00.000000", id="midnight"
        ),
        pytest.param(Declared("c", "datetime"), b"2020-01-00 10:00:00", b"\\N", id="zero day"),
        pytest.param(Declared("c", "timestamp"), b"0000-00-00 00:00:00", b"\\N", id="zero instant"),
        pytest.param(
            Declared("c", "timestamp"), b"2020-01-02 03:04:05", b"2020-01-02 03:04:05+00", id="instants in UTC"
        ),
        pytest.param(Declared("c", "bit", size=4), b"\x05", b"0101", id="bits with leading zeros"),
        pytest.param(Declared("c", "bit", size=9), b"\x01\x00", b"100000000", id="bits of two bytes"),
        pytest.param(Declared("c", "varbinary"), b"\x00\\", b"\\\\x005c", id="bytes"),
        pytest.param(Declared("c", "text"), b"a\tb", b"a\\tb", id="text"),
    ],
)
def test_a_field_is_written_by_the_rule_of_its_type(declared: Declared, field: bytes, written: bytes) -> None:
    assert map_column(declared).encode([field, None]) == [written, b"\\N"]


def test_a_zero_date_does_not_take_the_others_of_its_batch_with_it() -> None:
    column = [b"2020-01-02", b"0000-00-00", None, b"2020-01-03"]
    assert map_column(Declared("c", "date")).encode(column) == [b"2020-01-02", b"\\N", b"\\N", b"2020-01-03"]


@pytest.mark.parametrize("kind", ["date", "datetime", "timestamp"])
def test_a_column_that_may_hold_zero_dates_takes_nulls(kind: str) -> None:
    assert map_column(Declared("c", kind, nullable=False)).column.nullable


def test_another_required_column_stays_required() -> None:
    assert not map_column(Declared("c", "int", nullable=False)).column.nullable


def test_a_type_without_counterpart_is_refused_by_name() -> None:
    with pytest.raises(SchemaMismatch, match="column 'embedding' is vector"):
        map_column(Declared("embedding", "vector"))


def test_a_url_gives_the_parameters_of_the_driver() -> None:
    assert parse_url("mysql+pymysql://me:p%40ss@db:3307/shop?ssl_ca=/ca.pem") == {
        "host": "db",
        "port": 3307,
        "user": "me",
        "password": "p@ss",
        "database": "shop",
        "ssl_ca": "/ca.pem",
    }


def test_a_url_without_a_database_has_none() -> None:
    assert parse_url("mariadb://me@db")["database"] is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://db/shop", "mysql://user:password@host"),
        ("mysql://db/shop?ssl_mode=REQUIRED", "unknown option of a MySQL URL: ssl_mode"),
    ],
)
def test_a_url_that_says_something_else_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_url(url)
