"""SQL as it may be shown: no value of it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import QuotedString

from supersync_core.domain.statement import without_values


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        pytest.param("SELECT 'hunter2'", "SELECT ?", id="text"),
        pytest.param("SELECT 'o''hara', 1", "SELECT ?, ?", id="a quote inside"),
        pytest.param(r"SELECT E'it\'s', 1", "SELECT ?, ?", id="escaped"),
        pytest.param("SELECT $$hunter2$$, $x$a$$b$x$", "SELECT ?, ?", id="dollars"),
        pytest.param("SELECT 'hunter", "SELECT ?", id="cut off"),
        pytest.param(r"SELECT E'hunter\\", "SELECT ?", id="cut off in an escape"),
        pytest.param("SELECT $$hunter", "SELECT ?", id="cut off dollars"),
        pytest.param("""SELECT "it's" FROM "t" WHERE a = 'x'""", """SELECT "it's" FROM "t" WHERE a = ?""", id="names"),
        pytest.param("SELECT t1.c2 FROM t1 LIMIT 10", "SELECT t1.c2 FROM t1 LIMIT ?", id="numbers in names stay"),
        pytest.param("SELECT -1.5e10, $1", "SELECT ?, $1", id="numbers and parameters"),
        pytest.param("SELECT\n  a\n\tFROM  b", "SELECT a FROM b", id="on one line"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_values_are_replaced(statement: str, shown: str) -> None:
    assert without_values(statement) == shown


def test_a_long_statement_is_cut_off() -> None:
    shown = without_values("SELECT " + ", ".join(f"column_{number}" for number in range(99)), length=50)
    assert len(shown) == 50
    assert shown.endswith("…")


@given(st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"), max_size=40), st.integers(0, 60))
def test_no_value_of_a_driver_is_shown_wherever_the_server_cuts_it_off(value: str, kept: int) -> None:
    quoted = QuotedString(f"canary{value}canary")
    quoted.encoding = "utf8"
    statement = f"SELECT a FROM b WHERE c = {quoted.getquoted().decode()}"
    assert "canary" not in without_values(statement[: len("SELECT a FROM b WHERE c = ") + kept])
