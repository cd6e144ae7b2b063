"""The bodies that the document shows, to the letter: examples in the OpenAPI document."""

from typing import Any

Example = dict[str, Any]

PIPELINE_REPORT: Example = {
    "name": "my data pipeline",
    "pipeline_type_name": "extraction",
    "next_watermark": "2024-01-02T00:00:00Z",
    "pipeline_metadata": {"description": "Daily data extraction pipeline"},
    "freshness_number": 24,
    "freshness_datepart": "hour",
    "timeliness_number": 2,
    "timeliness_datepart": "hour",
}
PIPELINE_FOUND: Example = {"id": 1, "active": True, "load_lineage": True, "watermark": "2024-01-01T00:00:00Z"}
PIPELINE: Example = {
    "id": 1,
    "name": "my data pipeline",
    "pipeline_type_id": 1,
    "watermark": "2024-01-01T00:00:00Z",
    "next_watermark": "2024-01-01T23:59:59Z",
    "pipeline_metadata": {"environment": "production"},
    "last_target_insert": "2024-01-01T10:00:00Z",
    "last_target_update": "2024-01-01T10:00:00Z",
    "last_target_soft_delete": None,
    "freshness_number": 24,
    "freshness_datepart": "hour",
    "mute_freshness_check": False,
    "timeliness_number": 2,
    "timeliness_datepart": "hour",
    "mute_timeliness_check": False,
    "load_lineage": True,
    "active": True,
    "created_at": "2024-01-01T00:00:00Z",
    "updated_at": "2024-01-01T12:00:00Z",
}
PIPELINES: list[Example] = [
    PIPELINE,
    {
        "id": 2,
        "name": "another pipeline",
        "pipeline_type_id": 2,
        "watermark": None,
        "next_watermark": None,
        "pipeline_metadata": None,
        "last_target_insert": None,
        "last_target_update": None,
        "last_target_soft_delete": None,
        "freshness_number": 48,
        "freshness_datepart": "hour",
        "mute_freshness_check": True,
        "timeliness_number": 4,
        "timeliness_datepart": "hour",
        "mute_timeliness_check": False,
        "load_lineage": False,
        "active": True,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": None,
    },
]
PIPELINE_PATCH: Example = {
    "id": 1,
    "name": "updated pipeline name",
    "pipeline_type_id": 2,
    "watermark": "2024-01-01T00:00:00Z",
    "next_watermark": "2024-01-02T00:00:00Z",
    "pipeline_metadata": {"environment": "production"},
    "freshness_number": 24,
    "freshness_datepart": "hour",
    "mute_freshness_check": False,
    "timeliness_number": 2,
    "timeliness_datepart": "hour",
    "mute_timeliness_check": False,
    "load_lineage": True,
}
PIPELINE_PATCHED: Example = PIPELINE | PIPELINE_PATCH

START: Example = {
    "pipeline_id": 1,
    "start_date": "2024-01-01T10:00:00Z",
    "watermark": "2024-01-01T00:00:00Z",
    "next_watermark": "2024-01-01T23:59:59Z",
    "parent_id": None,
}
START_NOW: Example = {"pipeline_id": 1}
END: Example = {
    "id": 1,
    "end_date": "2024-01-01T10:05:00Z",
    "completed_successfully": True,
    "total_rows": 1000,
    "inserts": 800,
    "updates": 200,
    "soft_deletes": 0,
    "execution_metadata": {"partition": "2025-01-05"},
}
CHILD_EXECUTION: Example = {
    "id": 2,
    "parent_id": 1,
    "pipeline_id": 1,
    "start_date": "2024-01-01T10:01:00Z",
    "end_date": "2024-01-01T10:03:00Z",
    "duration_seconds": 120,
    "completed_successfully": True,
    "inserts": 400,
    "updates": 100,
    "soft_deletes": 0,
    "total_rows": 500,
    "watermark": "2024-01-01T00:00:00Z",
    "next_watermark": "2024-01-01T23:59:59Z",
    "execution_metadata": None,
    "anomaly_flags": None,
    "throughput": 4.17,
    "child_executions": [],
}
EXECUTION: Example = {
    "id": 1,
    "parent_id": None,
    "pipeline_id": 1,
    "start_date": "2024-01-01T10:00:00Z",
    "end_date": "2024-01-01T10:05:00Z",
    "duration_seconds": 300,
    "completed_successfully": True,
    "inserts": 800,
    "updates": 200,
    "soft_deletes": 0,
    "total_rows": 1000,
    "watermark": "2024-01-01T00:00:00Z",
    "next_watermark": "2024-01-01T23:59:59Z",
    "execution_metadata": {"partition": "2025-01-05"},
    "anomaly_flags": {"total_rows": True, "duration_seconds": False},
    "throughput": 3.33,
    "child_executions": [CHILD_EXECUTION],
}

TYPE_REPORT: Example = {
    "name": "extraction",
    "freshness_number": 24,
    "freshness_datepart": "hour",
    "mute_freshness_check": False,
    "timeliness_number": 2,
    "timeliness_datepart": "hour",
    "mute_timeliness_check": False,
}
TYPE: Example = {"id": 1, **TYPE_REPORT, "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T12:00:00Z"}
TYPES: list[Example] = [
    TYPE,
    {
        "id": 2,
        "name": "transformation",
        "freshness_number": 48,
        "freshness_datepart": "hour",
        "mute_freshness_check": True,
        "timeliness_number": 4,
        "timeliness_datepart": "hour",
        "mute_timeliness_check": False,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": None,
    },
]

_SOURCE = "source_db.source_schema.source_table"
_TARGET = "target_db.target_schema.target_table"
_POSTGRES = {"address_type_name": "postgres", "address_type_group_name": "database"}
_DEPENDENCIES = {"external_dependencies": [{"type": "looker_dashboard", "name": "Sales Dashboard"}]}
ADDRESS_REPORT: Example = {
    "name": _SOURCE,
    **_POSTGRES,
    "database_name": "source_db",
    "schema_name": "source_schema",
    "table_name": "source_table",
    "primary_key": "id",
    "address_metadata": _DEPENDENCIES,
}
# A field is cut out of the document's samples of addresses: this one, which it has elsewhere.
ADDRESS: Example = {
    "id": 1,
    "name": _SOURCE,
    "address_type_id": 1,
    "database_name": "source_db",
    "schema_name": "source_schema",
    "table_name": "source_table",
    "primary_key": "id",
    "address_metadata": _DEPENDENCIES,
    "created_at": "2024-01-01T00:00:00Z",
    "updated_at": "2024-01-01T12:00:00Z",
}
ADDRESSES: list[Example] = [
    ADDRESS,
    ADDRESS
    | {
        "id": 2,
        "name": _TARGET,
        "database_name": "target_db",
        "schema_name": "target_schema",
        "table_name": "target_table",
        "address_metadata": None,
        "updated_at": None,
    },
]
ADDRESS_PATCH: Example = {
    "id": 1,
    "name": "updated_table_name",
    "database_name": "updated_db",
    "schema_name": "updated_schema",
    "table_name": "updated_table",
    "primary_key": "id",
    "address_type_id": 2,
}
ADDRESS_PATCHED: Example = ADDRESS | ADDRESS_PATCH

ADDRESS_TYPE_REPORT: Example = {"name": "postgres", "group_name": "database"}
ADDRESS_TYPE: Example = {
    "id": 1,
    "name": "postgres",
    "group_name": "database",
    "created_at": "2024-01-01T00:00:00Z",
    "updated_at": "2024-01-01T00:00:00Z",
}
ADDRESS_TYPES: list[Example] = [ADDRESS_TYPE, ADDRESS_TYPE | {"id": 2, "name": "mysql", "updated_at": None}]

LINEAGE: Example = {
    "pipeline_id": 1,
    "source_addresses": [{"name": _SOURCE, **_POSTGRES}],
    "target_addresses": [{"name": _TARGET, **_POSTGRES}],
}
LINEAGE_CREATED: Example = {
    "pipeline_id": 1,
    "lineage_relationships_created": 1,
    "message": "Lineage relationships created for pipeline 1",
}

RULE_REPORT: Example = {
    "pipeline_id": 1,
    "metric_field": "total_rows",
    "z_threshold": 2.0,
    "lookback_days": 30,
    "minimum_executions": 30,
    "active": True,
}
RULE: Example = {
    "id": 1,
    **RULE_REPORT,
    "created_at": "2024-01-01T10:00:00Z",
    "updated_at": "2024-01-01T10:05:00Z",
}
RULES: list[Example] = [
    RULE,
    RULE | {"id": 2, "metric_field": "duration_seconds", "z_threshold": 3.0, "updated_at": None},
]
RULE_PATCH: Example = {
    "id": 1,
    "pipeline_id": 1,
    "metric_field": "updates",
    "z_threshold": 2.5,
    "lookback_days": 30,
    "minimum_executions": 20,
    "active": True,
}
RULE_PATCHED: Example = RULE | RULE_PATCH

UNFLAG: Example = {
    "pipeline_id": 1,
    "pipeline_execution_id": 1,
    "metric_field": ["total_rows", "duration_seconds"],
}
TIMELINESS: Example = {"lookback_minutes": 60}
QUEUED: Example = {"status": "queued"}
CREATED: Example = {"id": 1}
CLEAN_UP: Example = {"retention_days": 90, "batch_size": 10000}
CLEANED_UP: Example = {
    "total_pipeline_executions_deleted": 1000,
    "total_timeliness_pipeline_execution_logs_deleted": 500,
    "total_anomaly_detection_results_deleted": 50,
    "total_pipeline_execution_closure_parent_deleted": 200,
    "total_pipeline_execution_closure_child_deleted": 200,
    "total_freshness_pipeline_logs_deleted": 300,
}
QUEUE_CHECKED: Example = {"status": "success"}
