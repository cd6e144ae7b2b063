import pytest

from supersync_core.domain.evolution import AddColumn, AddEnumLabel, DropNotNull, WidenColumn, changes, wider
from supersync_core.domain.table import Column, TableSchema
from supersync_core.errors import SchemaMismatch

ID = Column("id", "integer", nullable=False)


def table(*columns: Column) -> TableSchema:
    return TableSchema((ID, *columns), ("id",))


@pytest.mark.parametrize(
    ("target", "source", "needed"),
    [
        ("integer", "integer", "integer"),
        ("smallint", "bigint", "bigint"),
        ("bigint", "smallint", "bigint"),
        ("bigint", "numeric", "numeric"),
        ("integer", "numeric(10,2)", "numeric(12,2)"),
        ("numeric(12,2)", "integer", "numeric(12,2)"),
        ("bigint", "numeric(20,0)", "numeric(20,0)"),
        ("numeric(10,2)", "numeric(12,2)", "numeric(12,2)"),
        ("numeric(10,2)", "numeric(10,4)", "numeric(12,4)"),
        ("numeric(10,2)", "numeric(12,4)", "numeric(12,4)"),
        ("numeric(10,2)", "numeric", "numeric"),
        ("numeric", "numeric(10,2)", "numeric"),
        ("numeric(5,-2)", "numeric(5,0)", "numeric(7,0)"),
        ("numeric(1000,0)", "numeric(1000,10)", "numeric"),
        ("real", "double precision", "double precision"),
        ("double precision", "real", "double precision"),
        ("character varying(5)", "character varying(9)", "character varying(9)"),
        ("character varying(9)", "character varying(5)", "character varying(9)"),
        ("character varying(9)", "character varying", "character varying"),
        ("character varying", "text", "text"),
        ("text", "character varying(5)", "text"),
        ("character(3)", "character(5)", "character(5)"),
        ("character(5)", "character varying(3)", "character varying(5)"),
        ("character(5)", "text", "text"),
        ("timestamp(3) with time zone", "timestamp(6) with time zone", "timestamp(6) with time zone"),
        ("timestamp(3) without time zone", "timestamp without time zone", "timestamp(6) without time zone"),
        ("timestamp without time zone", "timestamp(6) without time zone", "timestamp without time zone"),
        ("time(0) without time zone", "time(3) without time zone", "time(3) without time zone"),
        ("interval", "interval(2)", "interval"),
        ("bit(8)", "bit(16)", "bit varying(16)"),
        ("bit varying(16)", "bit(8)", "bit varying(16)"),
        ("bit varying", "bit(8)", "bit varying"),
        ("integer[]", "bigint[]", "bigint[]"),
        ('"My(1)"', '"My(1)"', '"My(1)"'),
        ("integer", "text", None),
        ("text", "integer", None),
        ("integer", "double precision", None),
        ("timestamp without time zone", "timestamp with time zone", None),
        ("date", "timestamp without time zone", None),
        ("json", "jsonb", None),
        ("integer", "integer[]", None),
        ('"My(1)"', '"My(2)"', None),
    ],
)
def test_the_narrowest_type_that_holds_both(target: str, source: str, needed: str | None) -> None:
    assert wider(target, source) == needed


def test_equal_tables_need_nothing() -> None:
    assert changes(table(Column("a", "text")), table(Column("a", "text"))) == []


def test_the_order_of_columns_does_not_matter() -> None:
    a, b = Column("a", "text"), Column("b", "date")
    assert changes(table(a, b), table(b, a)) == []


def test_a_new_column_is_added_and_takes_nulls_whatever_the_source_says() -> None:
    new = Column("new", "jsonb", nullable=False)
    assert changes(table(new), table()) == [AddColumn(Column("new", "jsonb", nullable=True))]


def test_a_wider_column_widens_the_target() -> None:
    assert changes(table(Column("a", "bigint")), table(Column("a", "integer"))) == [WidenColumn("a", "bigint")]


def test_a_target_that_is_wider_already_is_left_alone() -> None:
    assert changes(table(Column("a", "integer")), table(Column("a", "numeric"))) == []


def test_a_required_column_that_is_gone_takes_nulls() -> None:
    assert changes(table(), table(Column("a", "text", nullable=False))) == [DropNotNull("a")]


def test_a_column_that_is_gone_and_takes_nulls_already_is_left_alone() -> None:
    assert changes(table(), table(Column("a", "text"))) == []


def test_a_column_that_has_nulls_now_takes_them() -> None:
    assert changes(table(Column("a", "text")), table(Column("a", "text", nullable=False))) == [DropNotNull("a")]


def test_a_key_column_keeps_its_not_null() -> None:
    source = TableSchema((Column("id", "integer", nullable=True),))
    assert changes(source, table()) == []


def test_a_key_column_that_is_gone_is_refused() -> None:
    with pytest.raises(SchemaMismatch, match="key column 'id' is gone"):
        changes(TableSchema((Column("a", "text"),)), table(Column("a", "text")))


def test_every_column_that_does_not_fit_is_named() -> None:
    source = table(Column("a", "text"), Column("b", "date"))
    target = table(Column("a", "integer"), Column("b", "uuid"))
    with pytest.raises(
        SchemaMismatch, match="'a' is text at the source and integer .*'b' is date at the source and uu"
    ):
        changes(source, target)


def test_new_labels_are_placed_as_the_source_has_them() -> None:
    source = table(Column("m", "mood", enum=("low", "sad", "mid", "happy", "high")))
    target = table(Column("m", "mood", enum=("sad", "happy")))
    assert changes(source, target) == [
        AddEnumLabel("m", "high", None),
        AddEnumLabel("m", "mid", "happy"),
        AddEnumLabel("m", "low", "sad"),
    ]


def test_labels_that_the_source_lost_stay() -> None:
    source = table(Column("m", "mood", enum=("sad",)))
    assert changes(source, table(Column("m", "mood", enum=("sad", "happy")))) == []


def test_text_holds_an_enum() -> None:
    assert changes(table(Column("m", "mood", enum=("sad",))), table(Column("m", "text"))) == []


def test_an_enum_becomes_text_when_the_source_has_text() -> None:
    source, target = table(Column("m", "text")), table(Column("m", "mood", enum=("sad",)))
    assert changes(source, target) == [WidenColumn("m", "text")]


def test_an_array_of_text_holds_an_array_of_an_enum() -> None:
    assert changes(table(Column("m", "mood[]", enum=("sad",))), table(Column("m", "text[]"))) == []


def test_an_enum_and_an_array_of_it_have_nothing_in_common() -> None:
    with pytest.raises(SchemaMismatch, match="'m' is mood at the source and mood"):
        changes(table(Column("m", "mood", enum=("sad",))), table(Column("m", "mood[]", enum=("sad",))))


def test_an_enum_and_a_number_have_nothing_in_common() -> None:
    with pytest.raises(SchemaMismatch, match="'m' is mood at the source and integer at the target"):
        changes(table(Column("m", "mood", enum=("sad",))), table(Column("m", "integer")))
