import pytest

from supersync_core.domain.table_patterns import TablePatterns


@pytest.mark.parametrize(
    ("patterns", "meant"),
    [
        pytest.param([], {"public.orders", "public.order_items", "archive.orders"}, id="none mean all"),
        pytest.param(["*"], {"public.orders", "public.order_items", "archive.orders"}, id="all"),
        pytest.param(["public.orders"], {"public.orders"}, id="exact"),
        pytest.param(["orders"], {"public.orders", "archive.orders"}, id="a bare name, in any schema"),
        pytest.param(["public.*"], {"public.orders", "public.order_items"}, id="a schema"),
        pytest.param(["public.order_%"], {"public.order_items"}, id="a prefix, whose underscore is one"),
        pytest.param(["public.order*"], {"public.orders", "public.order_items"}, id="a prefix"),
        pytest.param(["%.orders"], {"public.orders", "archive.orders"}, id="any schema"),
        pytest.param(["arch%.ord%", "public.order_items"], {"archive.orders", "public.order_items"}, id="several"),
        pytest.param(["public"], set(), id="a schema's name alone is a table's"),
    ],
)
def test_a_pattern_means_tables(patterns, meant):
    tables = ["public.orders", "public.order_items", "archive.orders"]
    assert {table for table in tables if TablePatterns(patterns).match(*table.split("."))} == meant


@pytest.mark.parametrize(("patterns", "mean_all"), [([], True), (["*"], True), (["a", "*.*"], True), (["a.*"], False)])
def test_patterns_may_mean_every_table(patterns, mean_all):
    assert TablePatterns(patterns).mean_all is mean_all


def test_tables_that_are_named_in_full_are_known():
    assert TablePatterns(["a.b", "c", "d.*", "e.f.g"]).exact() == (("a", "b"), ("e", "f.g"))
