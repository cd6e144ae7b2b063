"""The answers that the document shows, to the letter: examples in the OpenAPI document."""

from typing import Any

STATUS: dict[str, Any] = {
    "status": "running",
    "scheduler_timezone": "US/Pacific",
    "jobs": [
        {
            "job_id": "table_stats_sync",
            "name": "Table Statistics Sync",
            "status": "active",
            "last_run": "2024-01-15T10:00:04.231Z",
            "next_run": "2024-01-15T10:05:00.000Z",
            "interval_seconds": 300,
            "last_result": {
                "rows_extracted": 1247,
                "rows_upserted": 1247,
                "duration_ms": 4231,
                "status": "success",
            },
        },
        {
            "job_id": "query_history_sync",
            "name": "Query History Sync (7d)",
            "status": "active",
            "last_run": "2024-01-15T10:00:12.891Z",
            "next_run": "2024-01-15T10:05:00.000Z",
            "interval_seconds": 300,
            "last_result": {
                "rows_extracted": 8432,
                "rows_upserted": 8432,
                "duration_ms": 12891,
                "status": "success",
            },
        },
    ],
}

TRIGGERED: dict[str, Any] = {
    "success": True,
    "triggered_jobs": ["table_stats_sync"],
    "message": "Sync triggered successfully",
}
