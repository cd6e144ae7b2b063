"""The document's examples, and those of the functions beside it."""

from typing import Any

ID = "5b1f9a66-7f1c-4e0b-9a53-0c6a8d3f2e11"
_RANGE = {"date_from": "2025-01-01T00:00:00Z", "date_to": "2025-03-01T00:00:00Z"}

ACTIVE: dict[str, Any] = {
    "active": True,
    "job": {
        "id": ID,
        "status": "in_progress",
        **_RANGE,
        "total_calls": 1500,
        "processed_calls": 750,
        "imported_calls": 720,
        "skipped_calls": 25,
        "failed_calls": 5,
        "progress_percent": 50,
        "started_at": "2025-03-15T10:00:00Z",
        "last_activity_at": "2025-03-15T10:05:00Z",
    },
}
RECENT: dict[str, Any] = {
    "active": False,
    "recent_job": {
        "id": ID,
        "status": "completed",
        **_RANGE,
        "total_calls": 1500,
        "processed_calls": 1500,
        "imported_calls": 1450,
        "skipped_calls": 40,
        "failed_calls": 10,
        "created_at": "2025-03-14T10:00:00Z",
    },
}
STATUS = {
    "active": {"summary": "A sync is going on", "value": ACTIVE},
    "recent": {"summary": "None is", "value": RECENT},
    "never": {"summary": "There never was one", "value": {"active": False, "recent_job": None}},
}
STARTED: dict[str, Any] = {
    "job": {
        "id": ID,
        "status": "pending",
        **_RANGE,
        "total_calls": None,
        "processed_calls": 0,
        "imported_calls": 0,
        "skipped_calls": 0,
        "failed_calls": 0,
        "progress_percent": None,
        "started_at": None,
        "last_activity_at": None,
        "created_at": "2025-03-15T10:00:00Z",
    }
}
CANCELLED: dict[str, Any] = {"job": {**ACTIVE["job"], "status": "cancelled", "created_at": "2025-03-15T10:00:00Z"}}
FAILED: dict[str, Any] = {
    "job_id": ID,
    "failed_calls": [
        {
            "source": "2025-01.csv:17",
            "record": '{"call_id":"c17","started_at":"yesterday"}',
            "error": "started_at is no time: 'yesterday'",
            "created_at": "2025-03-15T10:02:00Z",
        }
    ],
}
