"""Connections that tests use one after the other."""

import psycopg2
import pytest

from tests.kept import transaction


def ask(dsn: str, question: str = "select pg_backend_pid()") -> object:
    with transaction(dsn) as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def test_one_is_used_again(source_dsn: str) -> None:
    assert ask(source_dsn) == ask(source_dsn)


def test_two_at_once_have_one_each(source_dsn: str) -> None:
    with transaction(source_dsn) as cursor:
        cursor.execute("select pg_backend_pid()")
        assert cursor.fetchone() != (ask(source_dsn),)


def test_the_next_one_finds_a_session_as_good_as_new(source_dsn: str) -> None:
    usual = ask(source_dsn, "show timezone")
    ask(source_dsn, "set timezone = 'Asia/Tokyo'; select 1")
    assert ask(source_dsn, "show timezone") == usual


def test_what_fails_is_undone_and_keeps_nothing_open(source_dsn: str) -> None:
    with pytest.raises(psycopg2.errors.DivisionByZero):
        ask(source_dsn, "create table t (id int); select 1 / 0")
    assert ask(source_dsn, "select to_regclass('t') is null")


def test_one_that_the_server_has_ended_is_replaced(source_dsn: str) -> None:
    ended = ask(source_dsn)
    with psycopg2.connect(source_dsn) as other, other.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 5000)", [ended])
    other.close()
    assert ask(source_dsn) != ended
