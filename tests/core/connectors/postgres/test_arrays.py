import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.connectors.postgres.arrays import parse_array
from supersync_core.errors import BadData

ELEMENTS = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def printed(value, delimiter=","):
    """As the server prints it: quotes where a character, an empty text or the word NULL would mislead."""
    if isinstance(value, list):
        return "{" + delimiter.join(printed(element, delimiter) for element in value) + "}"
    if value is None:
        return "NULL"
    special = set('{}"\\' + delimiter)
    if value and not set(value) & special and not any(c.isspace() for c in value) and value.upper() != "NULL":
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        pytest.param("{}", [], id="empty"),
        pytest.param("{1,NULL,3}", ["1", None, "3"], id="null"),
        pytest.param('{"NULL",null}', ["NULL", "null"], id="the word null"),
        pytest.param('{"",a}', ["", "a"], id="empty text"),
        pytest.param('{"a,b","{c}","d\\"e","f\\\\g"}', ["a,b", "{c}", 'd"e', "f\\g"], id="quoted"),
        pytest.param('{"a\nb"}', ["a\nb"], id="line break"),
        pytest.param("{{1,2},{3,NULL}}", [["1", "2"], ["3", None]], id="two dimensions"),
        pytest.param('{{{"x"}},{{y}}}', [[["x"]], [["y"]]], id="three dimensions"),
        pytest.param("[0:1]={a,b}", ["a", "b"], id="bounds"),
        pytest.param("[1:1][-2:-1]={{a,b}}", [["a", "b"]], id="bounds of two dimensions"),
    ],
)
def test_the_elements_of_an_array_are_read(text, elements):
    assert parse_array(text, str) == elements


def test_elements_are_converted_and_nulls_are_not():
    assert parse_array("{1,NULL,-3}", int) == [1, None, -3]


def test_boxes_have_a_delimiter_of_their_own():
    assert parse_array("{(1,1),(0,0);(2,2),(1,1)}", str, ";") == ["(1,1),(0,0)", "(2,2),(1,1)"]


@given(st.lists(ELEMENTS))
def test_any_array_is_read_as_it_was(elements):
    assert parse_array(printed(elements), str) == elements


@given(st.lists(st.lists(ELEMENTS, min_size=2, max_size=2), min_size=1))
def test_any_array_of_arrays_is_read_as_it_was(rows):
    assert parse_array(printed(rows), str) == rows


@pytest.mark.parametrize("text", ["", "1,2", "{1", "{{1}", "{1}}", '{"a"}}'])
def test_what_is_no_array_is_refused(text):
    with pytest.raises(BadData):
        parse_array(text, str)
