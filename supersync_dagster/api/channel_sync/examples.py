"""The answers that the document shows, to the letter: examples in the OpenAPI document."""

from typing import Any

STARTED: dict[str, Any] = {
    "status": "started",
    "job_id": "sync_123",
    "channel_id": "C12345",
    "estimated_messages": 150,
    "started_at": "2026-04-13T10:30:00Z",
}

STATUS: dict[str, Any] = {
    "job_id": "sync_123",
    "channel_id": "C12345",
    "status": "running",
    "progress": {
        "total_messages": 150,
        "processed_messages": 75,
        "failing_messages": 0,
        "percentage": 50,
    },
    "started_at": "2026-04-13T10:30:00Z",
    "estimated_completion": "2026-04-13T10:32:00Z",
    "current_stage": "fetching_messages",
}

HISTORY: dict[str, Any] = {
    "history": [
        {
            "job_id": "sync_123",
            "channel_id": "C12345",
            "status": "completed",
            "started_at": "2026-04-13T10:30:00Z",
            "completed_at": "2026-04-13T10:32:00Z",
            "duration_seconds": 120,
            "messages_synced": 150,
            "facts_extracted": 45,
            "entities_created": 8,
            "error": None,
        }
    ]
}

CANCELLED: dict[str, Any] = {
    "status": "cancelled",
    "job_id": "sync_123",
    "cancelled_at": "2026-04-13T10:31:00Z",
}

SCHEDULES: dict[str, Any] = {
    "schedules": [
        {
            "channel_id": "C12345",
            "schedule": "0 */4 * * *",
            "enabled": True,
            "next_sync": "2026-04-13T14:00:00Z",
            "last_sync": "2026-04-13T10:00:00Z",
        }
    ]
}

START: dict[str, Any] = {"channel_id": "C12345", "force": False}

CANCEL: dict[str, Any] = {"job_id": "sync_123"}

SCHEDULE: dict[str, Any] = {"channel_id": "C12345", "schedule": "0 */2 * * *", "enabled": True}
