"""The OpenAPI document with the bodies that the document shows."""

from typing import Any

from supersync_dagster.api.channel_sync import examples

SHOWN: dict[tuple[str, str], tuple[dict[str, Any] | None, dict[str, Any]]] = {
    ("post", "/api/sync"): (examples.START, examples.STARTED),
    ("get", "/api/sync/status"): (None, examples.STATUS),
    ("get", "/api/sync/history"): (None, examples.HISTORY),
    ("post", "/api/sync/cancel"): (examples.CANCEL, examples.CANCELLED),
    ("get", "/api/sync/schedules"): (None, examples.SCHEDULES),
    ("put", "/api/sync/schedules"): (examples.SCHEDULE, examples.SCHEDULES["schedules"][0]),
}
"""By method and path: the body that is sent, and the one that is answered."""


def show(schema: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the examples in it. FastAPI would leave nulls out, and sort what is on a model."""
    for (method, path), (sent, answered) in SHOWN.items():
        operation = schema["paths"][path][method]
        if sent is not None:
            operation["requestBody"]["content"]["application/json"]["example"] = sent
        operation["responses"]["200"]["content"]["application/json"]["example"] = answered
    return schema
