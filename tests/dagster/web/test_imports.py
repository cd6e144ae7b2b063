"""The page of a pipeline that imports calls."""

import pytest

from supersync_core.domain.pipeline import PipelineKind
from tests.dagster.web.imports import PAGE, fill_import
from tests.dagster.web.pages import Pages, parse


def shown(pages: Pages, path: str) -> str:
    answer = pages.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(" ".join(parse(answer.text).texts).split())


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/history"])
def test_it_lists_its_imports_with_what_became_of_the_calls(pages: Pages, path: str) -> None:
    fill_import(pages)
    assert "50 % 700 45 5" in shown(pages, path)


def test_the_page_of_another_kind_has_no_imports(pages: Pages) -> None:
    pages.declare("orders")
    assert "Imports" not in shown(pages, "/supersync/pipelines/orders")


def test_a_pipeline_for_any_agency_has_no_row_and_no_page_as_it_never_runs(pages: Pages) -> None:
    pages.declare("calls", kind=PipelineKind.HISTORICAL_SYNC, spec={"agency": "any"})
    assert "calls" not in shown(pages, "/supersync")
    assert pages.get("/supersync/pipelines/calls").status_code == 404
