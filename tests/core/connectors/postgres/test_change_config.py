import pytest
from pydantic import ValidationError

from supersync_core.connectors.postgres import ChangeSourceConfig

LEAST = {"id": "pg", "dsn": "postgresql://me:hunter2@db/shop", "publication": "p", "slot": "s", "tables": ["public.a"]}


def config(**values):
    return ChangeSourceConfig.model_validate(LEAST | values)


def test_what_is_left_out_has_the_defaults_of_the_document():
    read = config()
    assert (read.start_position, read.on_schema_drift) == ("earliest", "adapt")
    assert (read.outbox, read.snapshot) == (None, None)


def test_a_snapshot_block_without_a_mode_is_initial():
    snapshot = config(snapshot={}).snapshot
    assert snapshot.model_dump() == {
        "mode": "initial",
        "max_parallel_tables": 8,
        "chunk_size": 10_000,
        "intra_table_parallel": False,
        "max_parallel_chunks": 4,
    }


def test_unknown_keys_are_ignored():
    assert config(nonsense=1, outbox={"prefixes": ["x"], "more": 2}).outbox.prefixes == ("x",)


@pytest.mark.parametrize(
    "values",
    [
        {"slot": "Has Capitals"},
        {"slot": ""},
        {"slot": "x" * 64},
        {"publication": ""},
        {"publication": "ž" * 32},
        {"start_position": "yesterday"},
        {"start_position": {"lsn": "x"}},
        {"snapshot": {"mode": "sometimes"}},
        {"snapshot": {"chunk_size": 0}},
        {"on_schema_drift": "panic"},
        {"tables": [""]},
        {"tables": ["public."]},
        {"tables": None},
        {"id": ""},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_refused(values):
    with pytest.raises(ValidationError):
        config(**values)


@pytest.mark.parametrize("name", LEAST)
def test_what_is_required_must_be_there(name):
    with pytest.raises(ValidationError, match=name):
        ChangeSourceConfig.model_validate({key: value for key, value in LEAST.items() if key != name})


def test_the_password_is_masked():
    assert "hunter2" not in repr(config())
    with pytest.raises(ValidationError) as refused:
        config(slot="NO", dsn="postgresql://me:hunter2@db/shop")
    assert "hunter2" not in str(refused.value)
