import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.connectors.postgres.decoder import row_type
from supersync_core.connectors.postgres.values import BUILT_IN, TEXT, Kind, TypeRule
from tests.core.connectors.postgres.messages import UNCHANGED, row

CHARACTERS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
INTS = TypeRule(Kind.ARRAY, BUILT_IN[23])
# Of each kind: rule, texts as a server prints them with the values that they mean.
VALUES = [
    (BUILT_IN[16], st.booleans().map(lambda v: ("t" if v else "f", v))),
    (BUILT_IN[20], st.integers(-(2**63), 2**63 - 1).map(lambda v: (str(v), v))),
    (BUILT_IN[701], st.floats(allow_nan=False, allow_infinity=False).map(lambda v: (repr(v), v))),
    (BUILT_IN[701], st.sampled_from(["NaN", "Infinity", "-Infinity"]).map(lambda v: (v, v))),
    (BUILT_IN[1700], st.decimals(allow_nan=False, allow_infinity=False).map(lambda v: (f"{v:f}", f"{v:f}"))),
    (
        BUILT_IN[114],
        st.dictionaries(CHARACTERS, st.integers() | CHARACTERS).map(lambda v: (json.dumps(v, indent=1), v)),
    ),
    (BUILT_IN[3802], st.lists(st.booleans() | CHARACTERS | st.none()).map(lambda v: (json.dumps(v), v))),
    (BUILT_IN[17], st.binary().map(lambda v: (rf"\x{v.hex()}", None))),
    (TEXT, CHARACTERS.map(lambda v: (v, v))),
    (INTS, st.lists(st.integers(-9, 9)).map(lambda v: ("{" + ",".join(map(str, v)) + "}", v))),
]


@st.composite
def rows(draw):
    """Columns of any kinds, each with a text and its value, or NULL, or unchanged."""
    columns = []
    for number, kind in enumerate(draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=12))):
        name = f'{number} "{draw(CHARACTERS)}" %b {{x}}'
        text, value = draw(kind[1] | st.sampled_from([(None, None), (UNCHANGED, {"_unchanged": True})]))
        columns.append((name, kind[0], text, value))
    return columns


def decoded(columns):
    texts = [text.encode() if isinstance(text, str) else text for _, _, text, _ in columns]
    return row_type([(name, rule) for name, rule, _, _ in columns])(b"before" + row(texts), 8)


@given(rows())
def test_a_row_of_any_shape_has_its_values(columns):
    values = decoded(columns).values()
    assert list(values) == [name for name, *_ in columns]
    for name, rule, text, value in columns:
        if rule.kind is not Kind.BYTES or not isinstance(text, str):
            # Whole numbers beyond 64 bits are floats to any fast reader of JSON.
            assert orjson.dumps(values[name]) == orjson.dumps(orjson.loads(json.dumps(value)))


@given(rows())
def test_the_json_of_a_row_is_that_of_its_values_and_one_line(columns):
    image = decoded(columns)
    assert b"\n" not in image.json()
    assert orjson.loads(image.json()) == orjson.loads(orjson.dumps(image.values()))


@given(rows())
def test_the_texts_of_a_row_are_exact_and_leave_out_what_is_not_told(columns):
    assert decoded(columns).texts() == {
        name: text.encode() if text is not None else None for name, _, text, _ in columns if text is not UNCHANGED
    }


@pytest.mark.parametrize(
    ("rule", "text", "json_text"),
    [
        pytest.param(BUILT_IN[16], "t", "true", id="true"),
        pytest.param(BUILT_IN[16], "f", "false", id="false"),
        pytest.param(BUILT_IN[20], "-9223372036854775808", "-9223372036854775808", id="the smallest bigint"),
        pytest.param(BUILT_IN[700], "1e-05", "1e-05", id="small float"),
        pytest.param(BUILT_IN[701], "-0", "-0", id="negative zero"),
        pytest.param(BUILT_IN[701], "NaN", '"NaN"', id="not a number"),
        pytest.param(BUILT_IN[701], "-Infinity", '"-Infinity"', id="infinity"),
        pytest.param(BUILT_IN[1700], "0.10", '"0.10"', id="numeric keeps its digits"),
        pytest.param(BUILT_IN[1700], "NaN", '"NaN"', id="numeric not a number"),
        pytest.param(BUILT_IN[17], "\\x", '{"_base64":""}', id="no bytes"),
        pytest.param(BUILT_IN[17], "\\x00ff10", '{"_base64":"AP8Q"}', id="bytes"),
        pytest.param(BUILT_IN[1184], "infinity", '"infinity"', id="infinite time"),
        pytest.param(BUILT_IN[3802], "1e1000", "1e1000", id="a number that no float holds"),
        pytest.param(TEXT, 'a"b\\c\n', r'"a\"b\\c\n"', id="text to escape"),
        pytest.param(TEXT, "", '""', id="empty text"),
        pytest.param(TypeRule(Kind.ARRAY, BUILT_IN[701]), "{1.5,NaN,NULL}", '[1.5,"NaN",null]', id="floats"),
        pytest.param(TypeRule(Kind.ARRAY, BUILT_IN[17]), '{"\\\\x00"}', '[{"_base64":"AA=="}]', id="array of bytes"),
        pytest.param(TypeRule(Kind.ARRAY, BUILT_IN[3802]), '{"{\\"a\\": 1}"}', '[{"a":1}]', id="array of documents"),
    ],
)
def test_a_value_in_json(rule, text, json_text):
    assert decoded([("c", rule, text, None)]).json().decode() == f'{{"c":{json_text}}}'


@pytest.mark.parametrize("text", ["1e1000", '"\\ud800"'])
def test_a_document_that_no_library_holds_stays_a_text(text):
    assert decoded([("c", BUILT_IN[114], text, None)]).values() == {"c": text}


def test_an_old_row_that_is_but_its_key_has_the_key_alone():
    columns = [("a", BUILT_IN[23]), ("b", TEXT), ("c", BUILT_IN[23]), ("d", TEXT)]
    image = row_type(columns, [True, False, True, False])(row([b"1", None, b"3", None]), 2)
    assert image.values() == {"a": 1, "c": 3}
    assert image.json() == b'{"a":1,"c":3}'
    assert image.texts() == {"a": b"1", "c": b"3"}


def test_a_table_without_columns_has_empty_rows():
    image = row_type([])(row([]), 2)
    assert (image.values(), image.json(), image.texts()) == ({}, b"{}", {})


def test_a_table_may_have_as_many_columns_as_the_server_allows():
    columns = [(f"c{n}", BUILT_IN[23]) for n in range(1600)]
    image = row_type(columns)(row([b"%d" % n for n in range(1600)]), 2)
    assert list(image.values().values()) == list(range(1600))
    assert orjson.loads(image.json()) == image.values()
