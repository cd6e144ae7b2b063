"""What a file may say of call histories."""

from typing import Any

import pytest

from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.configuration.historical_sync import HistoricalSyncConfig

AGENCY = "7a0c0000-0000-0000-0000-000000000001"
LAKE = {"type": "postgres", "dsn": "postgresql://u@h/d"}
CALLRAIL = {"type": "callrail", "account": "ACC1", "api_key": "k"}


def declared(files: dict[str, Any], **more: Any) -> dict[str, Any]:
    pipeline = {"name": "calls", "kind": "historical_sync", "source": {"connection": "files"}}
    return {
        "connections": {"files": files, "lake": LAKE},
        "pipelines": [{**pipeline, "target": {"connection": "lake"}, "agency": AGENCY, **more}],
    }


def test_what_is_left_out_has_a_default() -> None:
    configuration, problems = build_configuration(declared({"type": "call_files", "path": "calls"}))
    assert configuration is not None, problems
    (pipeline,) = configuration.pipelines
    assert isinstance(pipeline, HistoricalSyncConfig)
    assert (pipeline.target.table, pipeline.workers, pipeline.days) == ("public.calls", 1, 30)
    assert pipeline.declaration().spec["agency"] == AGENCY


WRONG: list[tuple[dict[str, Any], str]] = [
    (declared({"type": "call_files", "path": "calls"}, agency="any"), "agency: any agency would get the calls"),
    (declared(CALLRAIL, agency="any"), "agency: any agency would get the calls"),
    (declared({"type": "call_files", "path": "calls"}, agency="mine"), "agency"),
    (declared({"type": "call_files", "path": "calls", "columns": {"id": "x"}}), "a call has no 'id'"),
    (declared({**CALLRAIL, "base_url": "https://host/path"}), "base_url"),
    (declared(LAKE), "which cannot read calls"),
    (declared({"type": "call_files", "path": "calls"}, target={"connection": "files"}), "which cannot hold calls"),
    (declared({"type": "call_files", "path": "calls"}) | {"supabase": {"users": {"connection": "no"}}}, "'no'"),
    (
        declared({"type": "call_files", "path": "calls"}) | {"supabase": {"users": {"connection": "files"}}},
        "know users",
    ),
    (declared({"type": "call_files", "path": "calls"}) | {"supabase": {"url": "x"}}, "url"),
]


@pytest.mark.parametrize(("data", "expected"), WRONG)
def test_what_makes_no_sense_is_refused(data: dict[str, Any], expected: str) -> None:
    configuration, problems = build_configuration(data)
    assert configuration is None
    assert any(expected in str(problem) for problem in problems), [str(problem) for problem in problems]


def test_a_path_with_the_agency_in_it_is_for_any() -> None:
    files = {"type": "call_files", "path": "calls/{agency}"}
    assert build_configuration(declared(files, agency="any"))[1] == []
