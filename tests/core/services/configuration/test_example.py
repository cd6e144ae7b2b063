from pathlib import Path

from supersync_core.services.configuration import load_configuration

EXAMPLE = Path(__file__).parents[4] / "supersync.yaml"


def test_the_example_at_the_top_level_loads_once_its_variables_are_set() -> None:
    dsn = "postgresql://somebody@nowhere/nothing"
    loaded = load_configuration(EXAMPLE, {"WAREHOUSE_DSN": dsn, "ANALYTICS_DSN": dsn})
    assert len({pipeline.declaration().content_hash for pipeline in loaded.pipelines}) == 4
